#!/usr/bin/env bash
# Fuzzes what STC reads: tools/fuzz.sh [SECONDS | --runs N] [--build-folder DIR] [TARGET...]
#
# SECONDS for each target, 60 if nothing is said: random mutations, which go on from what earlier runs
# kept in build-fuzz/corpus. --runs N: the same N mutations of the seeds and regressions each time,
# as the tests do. A target ends at its first finding, which stays in build-fuzz/findings.
# Without --build-folder, the targets are built first, in build-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'fuzz: error: %s\n' "$*" >&2
  exit 2
}

seconds=60 runs="" build="" targets=()
while (($# > 0)); do
  case $1 in
  --runs) runs=${2:?--runs N} && shift ;;
  --build-folder) build=${2:?--build-folder DIR} && shift ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit ;;
  *[!0-9]*) targets+=("$1") ;;
  *) seconds=$1 ;;
  esac
  shift
done

if [[ -z $build ]]; then
  build="build-fuzz"
  [[ -f $build/build.ninja ]] || cmake --preset fuzz
  cmake --build $build --target fuzz
fi
binaries=$build/tests/fuzz
if ((${#targets[@]} == 0)); then
  for folder in "$binaries"/seeds/*/; do
    targets+=("$(basename "$folder")")
  done
fi

# Prints a target's row of the table; 1 if there was a finding.
fuzz() {
  local target=$1 seeds=$binaries/seeds/$1 known=tests/fuzz/regressions/$1
  local findings=$build/findings/$1 log status=0 corpus options
  [[ -x $binaries/fuzz-$target && -d $seeds ]] || fail "no target '$target' in $binaries"
  mkdir -p "$findings"
  log=$findings/log
  # An input that takes 10 s is a finding. A test does not say so: its machine may be slow, or busy.
  local limit=10
  [[ -z $runs ]] || limit=0
  options=("-timeout=$limit" -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1
    "-artifact_prefix=$findings/")
  [[ -f $seeds.dict ]] && options+=("-dict=$seeds.dict")
  if [[ -n $runs ]]; then
    corpus=$(mktemp -d)
    options+=(-seed=1 "-runs=$runs")
  else
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    options+=("-max_total_time=$seconds")
  fi
  local folders=("$corpus" "$seeds")
  [[ -d $known ]] && folders+=("$known")
  "$binaries/fuzz-$target" "${options[@]}" "${folders[@]}" 2>"$log" || status=$?
  [[ -z $runs ]] || rm -rf "$corpus"

  awk -v target="$target" -v findings=$((status != 0)) '
    /^stat::number_of_executed_units:/ { runs = $2 }
    /^stat::average_exec_per_sec:/ { rate = $2 }
    / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") edges = $(i + 1) }
    END { printf "%-16s %12d %12d %10d %10d\n", target, runs, rate, edges, findings }' "$log"
  ((status != 0)) || return 0
  grep -m 3 -E 'ERROR|SUMMARY|runtime error|\.cpp:[0-9]+: ' "$log" >&2 || tail -n 5 "$log" >&2
  local input
  input=$(sed -n "s/.*Test unit written to //p" "$log" | tail -n 1)
  echo "  all of it: $log; to replay: $binaries/fuzz-$target ${input:-the input}" >&2
  return 1
}

printf '%-16s %12s %12s %10s %10s\n' target runs runs/s edges findings
found=0
for target in "${targets[@]}"; do
  fuzz "$target" || found=1
done
exit $found

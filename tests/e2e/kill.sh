#!/usr/bin/env bash
# Trains a small compiled model, and again with SIGKILL at random moments and --resume after each,
# until a number of kills is reached. Every run must end with the same bits as the first: weights,
# optimizer, and metrics but for times.
#   tests/e2e/kill.sh BIN [KILLS [SEED [DEVICES [TARGET]]]]
# BIN has stc-compile and stc-run. With several devices, the process of one of them is killed each time, chosen
# at random, and the others end by themselves.
set -euo pipefail

fail() {
  echo "kill: error: $*" >&2
  exit 1
}

(($# >= 1)) || fail "expected the folder of stc-compile and stc-run"
bin=$(cd "$1" && pwd)
kills=${2:-20}
seed=${3:-$RANDOM}
devices=${4:-1}
target=${5:-host}
RANDOM=$seed
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed 's/^steps = .*/steps = 200/' "$root/tests/lit/Tools/Inputs/tiny.toml" >"$work/model.toml"
# Deterministic: on a GPU sums may come in any order otherwise.
"$bin/stc-compile" "$work/model.toml" --deterministic --devices "$devices" --target "$target" -o "$work/model.stcp"

# Every third step writes a checkpoint, so that kills hit writes as well as steps.
train=("$bin/stc-run" train "$work/model.stcp" --data "$root/LICENSE" --steps 200 --save-every 3
  --eval-every 25 --eval-windows 4 --keep 2 --threads 1 --resume)

# What of a run must not depend on kills.
results() {
  cat "$1"/checkpoints/step-00000200/{weights,optimizer}*.safetensors* "$1/weights.safetensors" |
    sha256sum
  sed -E 's/"(seconds|bytes_per_second)":[^,}]*,?//g' "$1/metrics.jsonl" | sha256sum
  readlink "$1/best"
}

now() { date +%s%N; }

# The process of one of the devices, if there is one yet: not the one that starts them, nor mpirun.
anyOf() {
  local starter=$1 found=() process
  for process in $(pgrep -f "^$bin/stc-run train $work/model.stcp"); do
    [[ $process != "$starter" ]] && found+=("$process")
  done
  ((${#found[@]})) && echo "${found[RANDOM % ${#found[@]}]}"
}

start=$(now)
"${train[@]}" --out "$work/reference" >/dev/null
duration=$(($(now) - start))
results "$work/reference" >"$work/expected"

killed=0 runs=0 partial=0
while ((killed < kills)); do
  rm -rf "$work/run"
  hit=1
  while ((hit)); do
    "${train[@]}" --out "$work/run" >/dev/null 2>"$work/said" &
    process=$!
    hit=0
    if ((killed < kills)); then
      # 30 random bits of the undisturbed run's time.
      delay=$(((RANDOM << 15 | RANDOM) * (duration / 1000) / (1 << 30)))
      sleep "$((delay / 1000000)).$(printf %06d $((delay % 1000000)))"
      victim=$process
      ((devices == 1)) || victim=$(anyOf "$process") || victim=
      [[ -n $victim ]] && kill -KILL "$victim" 2>/dev/null && hit=1
    fi
    code=0
    wait "$process" 2>/dev/null || code=$?
    ((hit && code == 0)) && hit=0 # all was done
    killed=$((killed + hit))
    # That others fail with a process that was killed, they say; of GPUs, which they are.
    ((hit && devices > 1)) || grep -v '^stc-run: on ' "$work/said" >>"$work/errors" || true
    for leftover in "$work"/run/checkpoints/*.tmp; do
      [[ -e $leftover ]] && partial=$((partial + 1))
    done
  done
  ((code == 0)) || fail "expected a run that ends, found exit code $code: $(cat "$work/errors")"
  results "$work/run" >"$work/found"
  cmp -s "$work/expected" "$work/found" ||
    fail "expected the results of the undisturbed run, found others (seed $seed, $killed kills)"
  [[ ! -s $work/errors ]] || fail "expected no warning, found: $(cat "$work/errors")"
  runs=$((runs + 1))
done
echo "kill: $killed kills, $partial of them in a write, in $runs runs: the same bits (seed $seed)"

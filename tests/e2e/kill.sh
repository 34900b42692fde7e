#!/usr/bin/env bash
# Trains a small compiled model, and again with SIGKILL at random moments and --resume after each,
# until a number of kills is reached. Every run must end with the same bits as the first: weights,
# optimizer, and metrics but for times.
#   tests/e2e/kill.sh BIN [KILLS [SEED]]
# BIN has stc-compile and stc-run.
set -euo pipefail

fail() {
  echo "kill: error: $*" >&2
  exit 1
}

(($# >= 1)) || fail "expected the folder of stc-compile and stc-run"
bin=$(cd "$1" && pwd)
kills=${2:-20}
seed=${3:-$RANDOM}
RANDOM=$seed
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed 's/^steps = .*/steps = 200/' "$root/tests/lit/Tools/Inputs/tiny.toml" >"$work/model.toml"
"$bin/stc-compile" "$work/model.toml" -o "$work/model.stcp"

# Every third step writes a checkpoint, so that kills hit writes as well as steps.
train=("$bin/stc-run" train "$work/model.stcp" --data "$root/LICENSE" --steps 200 --save-every 3
  --eval-every 25 --eval-windows 4 --keep 2 --threads 1 --resume)

# What of a run must not depend on kills.
results() {
  cat "$1"/checkpoints/step-00000200/{weights,optimizer}.safetensors "$1/weights.safetensors" |
    sha256sum
  sed -E 's/"(seconds|bytes_per_second)":[^,}]*,?//g' "$1/metrics.jsonl" | sha256sum
  readlink "$1/best"
}

now() { date +%s%N; }

start=$(now)
"${train[@]}" --out "$work/reference" >/dev/null
duration=$(($(now) - start))
results "$work/reference" >"$work/expected"

killed=0 runs=0 partial=0
while ((killed < kills)); do
  rm -rf "$work/run"
  code=137
  while ((code == 137)); do
    "${train[@]}" --out "$work/run" >/dev/null 2>>"$work/errors" &
    process=$!
    if ((killed < kills)); then
      # 30 random bits of the undisturbed run's time.
      delay=$(((RANDOM << 15 | RANDOM) * (duration / 1000) / (1 << 30)))
      sleep "$((delay / 1000000)).$(printf %06d $((delay % 1000000)))"
      kill -KILL "$process" 2>/dev/null || true
    fi
    code=0
    wait "$process" 2>/dev/null || code=$?
    ((code == 137)) && killed=$((killed + 1))
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

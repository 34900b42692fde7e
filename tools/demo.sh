#!/usr/bin/env bash
# From nothing to samples: installs what is missing, builds the two commands that it needs, fetches a
# dictionary's text, compiles models/text-small.toml, trains it for a few minutes, evaluates it beside
# gzip and xz, and samples. The run is in out/text-small; a second call goes on with it, or keeps it
# where it is complete, tools/demo.sh --fresh trains anew.
set -euo pipefail
cd "$(dirname "$0")/.."

model=text-small
program=out/$model.stcp
weights=out/$model/weights.safetensors
data=data/gcide.txt
export PATH=$PWD/build/bin:$PATH

# What comes next, and how long ago the demo began. The times that it names are those of two cores.
number=0
step() {
  number=$((number + 1))
  printf '\n== %d:%02d  step %d of 7: %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$number" "$*"
}
run() {
  printf '$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

case ${1-} in
'') ;;
--fresh) rm -rf "out/$model" ;;
*)
  echo "demo: error: expected --fresh or nothing, found '$1'" >&2
  exit 1
  ;;
esac

echo "All steps together take about 11 minutes on two cores, and the time to download packages."

step "Install what is missing and build stc-compile and stc-run, about 5 minutes the first time"
tools/build.sh stc-compile stc-run

step "Fetch a text to learn from, 15 MB"
tools/get-data.sh text

step "Compile the model into one program file, a few seconds"
mkdir -p out
run stc-compile "models/$model.toml" -o "$program.new"
# An unchanged program keeps its date, and with it the weights.
if cmp -s "$program.new" "$program"; then
  rm "$program.new"
else
  mv "$program.new" "$program"
fi

step "Train, 4 to 5 minutes; Ctrl-C stops it, and the same command goes on from there"
# A run of an older program is not this one's.
again=--resume
[[ -e $weights && $program -nt $weights ]] && again=--fresh
run stc-run train "$program" --data "$data" --out "out/$model" "$again" \
  --sample-every 2000 --sample-prompt "Sparse "

step "Evaluate on bytes that it has never seen, beside two compressors, half a minute"
run stc-run eval "$program" --weights "$weights" --data "$data"
# The specification's split: the last twentieth is the test set.
bytes=$(($(stat -c %s "$data") / 20))
for compressor in gzip xz; do
  size=$(tail -c "$bytes" "$data" | "$compressor" -9 -c | wc -c)
  awk -v name="$compressor -9" -v size="$size" -v bytes="$bytes" \
    'BEGIN { printf "%-8s %.3f bits per byte on the same bytes\n", name, 8 * size / bytes }'
done

step "Sample, a second"
run stc-run sample "$program" --weights "$weights" --prompt "Sparse " --length 400

step "Make a page of the run, with its curves and the samples it drew while it trained"
run stc-run report "out/$model" --program "$program"

#!/usr/bin/env bash
# Trains the text and the photographs of docs/gpu-models.md, eight minutes each on an H100.
#
#   tools/gpu-models.sh prepare [FOLDER]   where the compiler is: programs and data
#   tools/gpu-models.sh text [FOLDER]      where the GPU is: trains, evaluates and samples
#   tools/gpu-models.sh photos [FOLDER]    the same; on a machine with two GPUs both run side by side
#
# FOLDER, out/eight-minutes by default, and this script are all that a machine needs besides stc-run, which STC_RUN
# names if it is not build/bin/stc-run. Training ends after SECONDS_TO_TRAIN (480) at the latest. All results are in
# FOLDER/text and FOLDER/photos as they come.
set -euo pipefail

out=$(realpath -m "${2-out/eight-minutes}")
stc=$(realpath -m "${STC_RUN-build/bin/stc-run}") limit=${SECONDS_TO_TRAIN-480}

# Joins .npy files of records of one shape.
joined() {
  python3 - "$@" <<'END'
import ast, sys
parts = []
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    begin = 10 + int.from_bytes(data[8:10], "little")
    parts.append((ast.literal_eval(data[10:begin].decode()), data[begin:]))
header = parts[0][0]
header["shape"] = (sum(part["shape"][0] for part, _ in parts), *header["shape"][1:])
text = repr(header).encode()
text += b" " * (-(len(text) + 11) % 64) + b"\n"
sys.stdout.buffer.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
for _, records in parts:
    sys.stdout.buffer.write(records)
END
}

prepare() {
  tools/build.sh stc-compile stc-run
  tools/get-data.sh text
  tools/get-data.sh images
  mkdir -p "$out"
  local model
  for model in text photos; do
    build/bin/stc-compile models/$model-8min.toml --target=sm_90a -o "$out/$model.stcp"
  done
  cp -T data/gcide.txt "$out/text-data"
  cp -rT data/pictures "$out/pictures"
}

# To learn from, pieces of two sizes; the same photographs are in the same part with both.
cut_photos() {
  local reduce
  for reduce in 3 4; do
    rm -rf "$out/photos-$reduce"
    "$stc" prepare "$out/photos.stcp" --out "$out/photos-$reduce" "$out/pictures" --fit cut --reduce $reduce
  done
  joined "$out"/photos-[34]/train.npy >"$out/train.npy"
  mv "$out/train.npy" "$out/photos-4/"
  mv "$out/photos-4" "$out/photos-data"
  rm -r "$out/photos-3"
}

# Trains and evaluates; the weights are those with the least loss on the validation part.
model() {
  program=$out/$1.stcp data=$out/$1-data run=$out/$1
  timeout --signal=TERM "$limit" "$stc" train "$program" --data "$data" --out "$run" --fresh --keep 1 \
    --eval-every "$2" --eval-windows "$3" || [[ $? == 124 ]]
  weights=$run/best/weights.safetensors
  [[ -e $weights ]] || weights=$run/weights.safetensors # stopped before the first evaluation
  "$stc" eval "$program" --data "$data" --split test --weights "$weights"
}

text() {
  model text 1000 120
  "$stc" eval "$program" --data "$data" --split test --weights "$weights" --windows 300 \
    --contexts 0,128,256,512,1024,2048,3072,3584
  "$stc" sample "$program" --weights "$weights" --prompt 'Candle (n.) ' --length 1500 --temperature 0.8 --seed 1
}

photos() {
  [[ -d $out/photos-data ]] || cut_photos
  model photos 1000 576
  "$stc" sample "$program" --weights "$weights" --count 64 --seed 1 --out "$run/samples.png"
  "$stc" sample "$program" --weights "$weights" --complete "$data" --split test --count 8 --completions 3 \
    --keep 0.5 --seed 1 --out "$run/completions.png"
}

case ${1-} in
prepare) prepare ;;
text | photos)
  mkdir -p "$out"
  $1 2>&1 | tee "$out/$1.log"
  "$stc" report "$out/$1" --program "$out/$1.stcp"
  ;;
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" ;;
*)
  echo "gpu-models: error: expected 'prepare', 'text' or 'photos', found '${1-}'" >&2
  exit 1
  ;;
esac

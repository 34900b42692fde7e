#!/usr/bin/env bash
# Trains the three models of docs/three-models.md, one after the other, 20 minutes each on two cores:
# text, photographs and music. What comes out is in out/twenty-minutes; a second call goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/twenty-minutes
export PATH=$PWD/build/bin:$PATH

tools/build.sh
tools/get-data.sh text
tools/get-data.sh images
tools/get-data.sh audio
mkdir -p $out
for model in text photos music; do
  stc-compile models/$model-20min.toml -o $out/$model.stcp
done
[[ -d $out/photos-data ]] ||
  stc-run prepare $out/photos.stcp --out $out/photos-data data/pictures --fit cut --reduce 4
[[ -d $out/music-data ]] || stc-run prepare $out/music.stcp --out $out/music-data data/music

# Trains, evaluates on the test part, and makes the page of the run.
model() {
  local name=$1 data=$2 every=$3 windows=$4
  local program=$out/$name.stcp run=$out/$name
  stc-run train "$program" --data "$data" --out "$run" --resume --eval-every "$every" \
    --eval-windows "$windows"
  stc-run eval "$program" --data "$data" --split test --weights "$run/weights.safetensors"
  stc-run report "$run" --program "$program"
}
model text data/gcide.txt 800 128
model photos $out/photos-data 175 64
model music $out/music-data 80 12

weights() { echo "$out/$1/weights.safetensors"; }
stc-run eval $out/text.stcp --data data/gcide.txt --split test --weights "$(weights text)" \
  --contexts 0,16,32,64,128,256,512,768 --windows 300
stc-run sample $out/text.stcp --weights "$(weights text)" --prompt 'Candle (n.) ' --length 700 \
  --temperature 0.8 --seed 1
stc-run sample $out/photos.stcp --weights "$(weights photos)" --count 24 --seed 1 \
  --out $out/photos.png
stc-run sample $out/photos.stcp --weights "$(weights photos)" --complete $out/photos-data \
  --split test --count 8 --completions 3 --keep 0.5 --seed 1 --out $out/completions.png
stc-run sample $out/music.stcp --weights "$(weights music)" --count 2 --seed 1 --out $out/music.wav

#!/usr/bin/env bash
# Trains the three models of docs/three-models.md, one after the other, 20 minutes each on two cores:
# text, photographs and music, and compresses the same test parts with gzip and xz, and with flac and
# optipng where they are installed. What comes out is in out/twenty-minutes; a second call goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/twenty-minutes
export PATH=$PWD/build/bin:$PATH

tools/build.sh stc-compile stc-run
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
  --contexts 0,128,256,512,768 --windows 1200
stc-run sample $out/text.stcp --weights "$(weights text)" --prompt 'Candle (n.) ' --length 700 \
  --temperature 0.8 --seed 1
stc-run sample $out/photos.stcp --weights "$(weights photos)" --count 24 --seed 1 \
  --out $out/photos.png
stc-run sample $out/photos.stcp --weights "$(weights photos)" --complete $out/photos-data \
  --split test --count 8 --completions 3 --keep 0.5 --seed 1 --out $out/completions.png
stc-run sample $out/music.stcp --weights "$(weights music)" --count 2 --seed 1 --out $out/music.wav

# The test parts as bytes: the last twentieth of the text, and .npy files behind their headers, whose
# length stands at byte 8.
tail -c $(($(stat -c %s data/gcide.txt) / 20)) data/gcide.txt >$out/text.test
for model in photos music; do
  header=$(od -An -tu2 -j8 -N2 $out/$model-data/test.npy)
  tail -c +$((header + 11)) $out/$model-data/test.npy >$out/$model.test
done
compressed() {
  awk -v name="$1" -v size="$(stat -c %s "$2")" -v bytes="$(stat -c %s "$3")" \
    'BEGIN { printf "%-28s %.3f bits a byte\n", name, 8 * size / bytes }'
}
for model in text photos music; do
  gzip -9 -c $out/$model.test >$out/$model.gz
  xz -9e -c $out/$model.test >$out/$model.xz
  compressed "$model: gzip -9" $out/$model.gz $out/$model.test
  compressed "$model: xz -9e" $out/$model.xz $out/$model.test
done
if command -v optipng >/dev/null; then
  {
    printf 'P6 32 %d 255\n' $(($(stat -c %s $out/photos.test) / 96))
    cat $out/photos.test
  } >$out/photos.ppm
  optipng -quiet -clobber -o2 -out $out/photos-strip.png $out/photos.ppm
  compressed 'photos: PNG, one strip' $out/photos-strip.png $out/photos.test
fi
if command -v flac >/dev/null; then
  flac -s -f -8 --force-raw-format --endian=little --channels=1 --bps=8 --sample-rate=12000 \
    --sign=unsigned -o $out/music.flac $out/music.test
  compressed 'music: FLAC' $out/music.flac $out/music.test
fi

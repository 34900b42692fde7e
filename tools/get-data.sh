#!/usr/bin/env bash
# Fetches data to train on from Debian's packages.
#
#   tools/get-data.sh text      data/gcide.txt: the GNU Collaborative International Dictionary of
#                               English, 40 MB of prose, from the package dict-gcide
#   tools/get-data.sh images    data/pictures: 31 photographs, from lomiri-wallpapers-16.04,
#                               lomiri-wallpapers-20.04 and mate-backgrounds (75 MB to download)
#   tools/get-data.sh more-images
#                               data/more-pictures: 272 photographs of landscapes, cities and machines,
#                               all of 720 x 360, from endless-sky-data (70 MB to download, 20 MB kept)
#   tools/get-data.sh source    data/linux-6.1.txt: 49 MB of Linux's source text, the C files of fs, kernel
#                               and mm, from linux-source-6.1 (139 MB to download)
#   tools/get-data.sh audio     data/music: two hours of orchestral music in Ogg Vorbis, from
#                               wesnoth-1.16-music (153 MB to download)
#
# Does nothing where the data is there. Needs no root.
#
# Not from Debian, to be brought by hand: enwik8 (a single file, used as it is), CIFAR-10 (the binary
# version) and Downsampled ImageNet 64x64 (the npz files). docs/data.md says what to do with them.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'get-data: %s\n' "$*"; }
fail() {
  printf 'get-data: error: %s\n' "$*" >&2
  exit 1
}

# Unpacks a Debian package, without installing it, into a folder.
unpack() {
  local package=$1 folder=$2
  (cd "$folder" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$package") ||
    fail "cannot download $package; run 'apt-get update' as root, or check the network"
  dpkg-deb -x "$folder/$package"_*.deb "$folder"
}

# A folder to work in, removed at the end.
make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}

get_text() {
  local target=data/gcide.txt dictionary=/usr/share/dictd/gcide.dict.dz
  if [[ -f $target ]]; then
    say "$target is there"
    return
  fi
  if [[ ! -f $dictionary ]]; then
    say "downloading the package dict-gcide, 15 MB"
    make_work
    unpack dict-gcide "$work"
    dictionary=$work$dictionary
  fi
  mkdir -p data
  gzip -dc <"$dictionary" >"$target.part" || fail "cannot unpack $dictionary into $target"
  mv "$target.part" "$target"
  say "wrote $target, $(stat -c %s "$target") bytes"
}

# Of the C files of three folders one text. Their order is shuffled, but always the same, so that the end of the text, which
# is held out, is of all three. Left out are files with the contents of another, and tables of characters, which are much alike.
get_source() {
  local target=data/linux-6.1.txt top=linux-source-6.1
  if [[ -f $target ]]; then
    say "$target is there"
    return
  fi
  make_work
  say "downloading the package $top, 139 MB"
  unpack "$top" "$work"
  tar -xJf "$work/usr/src/$top.tar.xz" -C "$work" --exclude "$top/fs/nls" --exclude "$top/fs/unicode" \
    --wildcards "$top/fs/*.c" "$top/kernel/*.c" "$top/mm/*.c" ||
    fail "cannot unpack the source text in $top"
  mkdir -p data
  (
    cd "$work/$top"
    find fs kernel mm -type f -name '*.c' -print0 | LC_ALL=C sort -z | xargs -0 md5sum | LC_ALL=C sort |
      awk '$1 != last { last = $1; print $2 }' | xargs cat
  ) >"$target.part" || fail "cannot write $target"
  mv "$target.part" "$target"
  say "wrote $target, $(stat -c %s "$target") bytes"
}

# Copies the files of packages that match a regular expression into a folder of their own.
get_files() { # target, pattern, packages
  local target=$1 pattern=$2 package
  shift 2
  if [[ -d $target ]]; then
    say "$target is there"
    return
  fi
  make_work
  for package in "$@"; do
    say "downloading the package $package"
    unpack "$package" "$work"
  done
  mkdir -p data
  rm -rf "$target.part"
  mkdir "$target.part"
  find "$work" -type f -regex "$pattern" -exec cp {} "$target.part" \;
  [[ -n $(ls "$target.part") ]] || fail "expected $pattern in $*, found none"
  mv "$target.part" "$target"
  say "wrote $target, $(find "$target" -type f | wc -l) files"
}

case ${1-} in
text) get_text ;;
images)
  # Of mate-backgrounds, the folder of photographs; its other pictures are drawings.
  get_files data/pictures '.*/backgrounds/\(.*_by_.*\|mate/nature/.*\)\.jpg' \
    lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds
  ;;
more-images)
  # Without bwerner2.jpg, which has the same rocks from the same place as badlands3.jpg, in other light.
  get_files data/more-pictures '.*/images/land/\([^b]\|b[^w]\|bwerner[^2]\).*\.jpg' endless-sky-data
  ;;
source) get_source ;;
audio) get_files data/music '.*\.ogg' wesnoth-1.16-music ;;
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" ;;
*) fail "expected 'text', 'images', 'more-images', 'source' or 'audio', found '${1-}'" ;;
esac

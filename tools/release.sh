#!/usr/bin/env bash
# Packs STC into one archive that runs on any x86-64 Linux with glibc 2.36 or later: the commands, the
# library for other programs, models, documentation and the licences of all that is linked in.
#
#   tools/release.sh               builds what is needed, writes out/stc-VERSION-x86_64-linux.tar.xz
#   tools/release.sh BUILD OUT     packs what is built in the folder BUILD into the folder OUT
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "release: error: $*" >&2
  exit 1
}

case ${1-} in
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
esac
case $# in
0)
  tools/build.sh release
  build=build out=out
  ;;
2) build=$1 out=$2 ;;
*) fail "expected a folder to pack and one to write to, or neither, found $# arguments" ;;
esac

[[ -f $build/CMakeCache.txt ]] || fail "expected a folder of a build, found no $build/CMakeCache.txt"

version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
name=stc-$version-x86_64-linux
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --component release --strip --prefix "$work/$name" >"$work/log"

mkdir -p "$out"
# One build of one commit gives the same bytes each time.
tar --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
  --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" "$name" | xz --threads=2 >"$work/archive"
mv "$work/archive" "$out/$name.tar.xz"
echo "release: $out/$name.tar.xz, $(($(stat -c %s "$out/$name.tar.xz") / 1000000)) MB"

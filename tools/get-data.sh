#!/usr/bin/env bash
# Fetches data to train on from Debian's packages.
#
#   tools/get-data.sh text    data/gcide.txt: the GNU Collaborative International Dictionary of
#                             English, 40 MB of prose, from the package dict-gcide
#
# Does nothing where the file is there. Needs no root.
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

get_text() {
  local target=data/gcide.txt dictionary=/usr/share/dictd/gcide.dict.dz
  if [[ -f $target ]]; then
    say "$target is there"
    return
  fi
  if [[ ! -f $dictionary ]]; then
    say "downloading the package dict-gcide, 15 MB"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    unpack dict-gcide "$work"
    dictionary=$work$dictionary
  fi
  mkdir -p data
  gzip -dc <"$dictionary" >"$target.part" || fail "cannot unpack $dictionary into $target"
  mv "$target.part" "$target"
  say "wrote $target, $(stat -c %s "$target") bytes"
}

case ${1-} in
text) get_text ;;
*) fail "expected 'text', found '${1-}'" ;;
esac

#!/usr/bin/env bash
# Installs a build (the argument) into an empty folder and works with what is there alone: an empty
# environment, another current folder, and for stc-run nothing but a C library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "installation: error: $*" >&2
  exit 1
}

prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >"$prefix/log"
work=$prefix/work
mkdir "$work"
cd "$work"

needed=$(readelf -d "$prefix/bin/stc-run" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
  case $library in
  libc.so.6 | libm.so.6 | ld-linux-x86-64.so.2) ;;
  *) fail "expected stc-run to need a C library alone, found $library" ;;
  esac
done

stc() { env -i "$prefix/bin/$1" "${@:2}"; }
stc stc-compile "$prefix/share/stc/models/text-small.toml" -o model.stcp
head -c 100000 "$prefix/bin/stc-run" >data
stc stc-run train model.stcp --data data --out run --steps 2
stc stc-run eval model.stcp --weights run/weights.safetensors --data data --split train
stc stc-run sample model.stcp --weights run/weights.safetensors --prompt a --length 8 >text
[[ $(head -c 1 text) == a ]] || fail "expected a sample that goes on from its prompt"
stc stc-opt --version >version
grep -q LLVM version || fail "expected stc-opt to say its version"
[[ -f $prefix/share/doc/stc/docs/tutorial.md ]] || fail "expected the documentation"
"$here/check_links.py" "$prefix/share/doc/stc"

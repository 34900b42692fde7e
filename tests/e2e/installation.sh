#!/usr/bin/env bash
# Packs a build (the argument) as a release, unpacks that in an empty folder and works with what is there
# alone: an empty environment, another current folder, and for the commands nothing but a C library.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1

fail() {
  echo "installation: error: $*" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
XZ_OPT=-0 "$here/../../tools/release.sh" "$build" "$folder" # packed in a second
tar --extract --file "$folder"/stc-*.tar.xz --directory "$folder"
prefix=$(echo "$folder"/stc-*-linux)
work=$folder/work
mkdir "$work"
cd "$work"

# expect_needed FILE LIBRARY...: it needs these of a C++ library and a C library, and nothing else.
expect_needed() {
  local library
  while read -r library; do
    [[ " ${*:2} libc.so.6 libm.so.6 ld-linux-x86-64.so.2 " == *" $library "* ]] ||
      fail "expected $1 to need a C library${2+, }${*:2}, found $library"
  done < <(readelf -d "$prefix/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  while read -r library; do
    [[ $(printf '%s\n' "$library" GLIBC_2.36 | sort -V | tail -n 1) == GLIBC_2.36 ]] ||
      fail "expected $1 to need glibc 2.36 or older, found $library"
  done < <(readelf -V "$prefix/$1" | grep -o 'GLIBC_[0-9.]*' | sort -u)
}
expect_needed bin/stc-compile
expect_needed bin/stc-run
expect_needed lib/libstc-runtime.so libstdc++.so.6 libgcc_s.so.1

# The version has one place, and what is new in it is said.
version=$(sed -n '/^## /{s///p;q}' "$prefix/share/doc/stc/CHANGELOG.md")
stc() { env -i "$prefix/bin/$1" "${@:2}"; }
for command in stc-compile stc-run; do
  [[ $(stc "$command" --version) == "$command $version" ]] ||
    fail "expected $command of version $version, the first of CHANGELOG.md, found $(stc "$command" --version)"
done

# A model of the release, trained.
stc stc-compile "$prefix/share/stc/models/text-small.toml" -o model.stcp
head -c 100000 "$prefix/bin/stc-run" >data
stc stc-run train model.stcp --data data --out run --steps 2
stc stc-run eval model.stcp --weights run/weights.safetensors --data data --split train
stc stc-run sample model.stcp --weights run/weights.safetensors --prompt a --length 8 >text
[[ $(head -c 1 text) == a ]] || fail "expected a sample that goes on from its prompt"

# A kernel for a GPU, and one for the CPU, which a program runs that is built with the package.
attend=$here/../lit/Tools/Inputs/attend.mlir
stc stc-compile "$attend" --target sm_90a -o gpu.stcp
stc stc-compile "$attend" -o attend.stcp
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$build/CMakeCache.txt")
cmake -S "$prefix/share/stc/examples/embedding" -B embedding -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" >log
cmake --build embedding >>log || fail "$(cat log)"
[[ $(embedding/embedding attend.stcp) == "640 ones" ]] || fail "expected ones of the embedding program"

# Documentation, with links that lead somewhere.
[[ -f $prefix/share/doc/stc/docs/tutorial.md ]] || fail "expected the documentation"
[[ -s $prefix/share/doc/stc/licences/libopenblas-pthread-dev ]] || fail "expected licences"
"$here/check_links.py" "$prefix/share/doc/stc"

# What developers get beside it.
cmake --install "$build" --component development --prefix "$folder/development" >log
env -i "$folder/development/bin/stc-opt" --version >version
grep -q LLVM version || fail "expected stc-opt to say its version"

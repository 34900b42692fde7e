#!/usr/bin/env bash
# Installs the Debian 12 packages that STC is built and tested with. Does nothing where they are all
# there. Needs root, or sudo.
set -euo pipefail

packages=(
  # build
  cmake ninja-build clang-22 lld-22 libstdc++-12-dev
  # compiler: LLVM, MLIR and lld, integer sets, specifications
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools liblld-22-dev libzstd-dev
  libisl-dev libgmp-dev libtomlplusplus-dev
  # runtime: program file, checksums, dense products, pictures
  flatbuffers-compiler libflatbuffers-dev libxxhash-dev nlohmann-json3-dev libopenblas-pthread-dev
  # pictures and sound
  libpng-dev libjpeg62-turbo-dev zlib1g-dev libflac-dev libvorbis-dev libogg-dev
  # several processes
  libopenmpi-dev openmpi-bin
  # commands
  libcli11-dev libfmt-dev libexpected-dev
  # tests, with sanitizers; the demo compares with gzip and xz
  libgtest-dev libgmock-dev libbenchmark-dev libclang-rt-22-dev shellcheck binutils gzip xz-utils
  python3 python3-numpy python3-venv
)

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

# The packages of the list that are not installed, one a line.
missing() {
  local package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      echo "$package"
  done
}

# Those of its arguments that apt knows no version of.
unavailable() {
  local package
  for package in "$@"; do
    [[ $(apt-cache policy "$package") == *"Candidate: "[^\(]* ]] || echo "$package"
  done
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  fail "expected Debian 12, found no apt-get. Elsewhere, install what tools/setup.sh lists by hand."
fi

mapfile -t wanted < <(missing)
if ((${#wanted[@]} == 0)); then
  say "all ${#packages[@]} packages are installed"
  exit 0
fi

say "to install: ${wanted[*]}"
as_root=(env DEBIAN_FRONTEND=noninteractive)
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    fail "expected root or sudo. As root, run: apt-get install ${wanted[*]}"
  as_root=(sudo "${as_root[@]}")
  say "sudo may ask for your password"
fi

say "reading the lists of packages"
"${as_root[@]}" apt-get update -qq || fail "apt-get update failed; is there a network?"

mapfile -t unknown < <(unavailable "${wanted[@]}")
if ((${#unknown[@]} > 0)); then
  if [[ " ${unknown[*]} " == *-22* ]]; then
    say "Debian 12 carries LLVM 22 in its security suite, bookworm-security." >&2
    say "Enable that suite in apt's list of sources (a fresh Debian has it), or add the" >&2
    say "LLVM project's own packages for Debian 12, and run this again." >&2
  fi
  fail "apt knows no package ${unknown[*]}"
fi

"${as_root[@]}" apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
  "${wanted[@]}" || fail "apt-get install failed; see above"
say "installed ${#wanted[@]} packages"

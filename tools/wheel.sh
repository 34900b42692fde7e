#!/usr/bin/env bash
# Makes the Python package as a wheel, out/stc-VERSION-py3-none-manylinux_2_36_x86_64.whl, and tries it where there is
# nothing else. Installs what is needed and builds in build-wheel/; run again, it builds what changed.
#
#   tools/wheel.sh
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
esac

fail() {
  echo "wheel: error: $*" >&2
  exit 1
}
(($# == 0)) || fail "expected no arguments, found $#"

tools/setup.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet wheel
echo "wheel: building, in build-wheel/"
"$work/tools/bin/pip" wheel --quiet --no-deps --wheel-dir "$work/built" .
# What is in it needs no more than glibc 2.36 and its C++ library.
name=$("$work/tools/bin/wheel" tags --remove --platform-tag manylinux_2_36_x86_64 "$work"/built/stc-*.whl)
wheel=$work/built/$name

# Elsewhere: an environment with NumPy alone, and no other folder on the path of programs.
python3 -m venv "$work/clean"
"$work/clean/bin/pip" install --quiet "$wheel"
cd "$work"
env -i "$work/clean/bin/python" - <<'PYTHON'
import stc

pattern = stc.Pattern(lambda b, h, i, j: (j <= i) & ((i - j) % 128 == 0))
assert pattern.equals(stc.stride(128), 1_000_000)
assert (stc.local(256) | stc.sinks(4)).reaches(4096, layers=16)
PYTHON
for command in stc-compile stc-run; do
  env -i "$work/clean/bin/$command" --version
done
cd "$OLDPWD"

mkdir -p out
mv "$wheel" out/
echo "wheel: out/$name, $(($(stat -c %s "out/$name") / 1000000)) MB"

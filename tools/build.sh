#!/usr/bin/env bash
# Installs what is missing, configures and builds STC in build/. Run again, it builds what changed.
#
#   tools/build.sh              everything: commands, tests, benchmarks
#   tools/build.sh TARGET...    these alone, with what they need, such as: stc-compile stc-run
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
esac

tools/setup.sh
if [[ ! -f build/build.ninja ]]; then
  echo "build: configuring, in build/"
  cmake --preset default
fi
echo "build: compiling ${*:-everything}"
cmake --build build ${1+--target "$@"}

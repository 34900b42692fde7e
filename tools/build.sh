#!/usr/bin/env bash
# Installs what is missing, configures and builds STC in build/. Run again, it builds what changed.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
if [[ ! -f build/build.ninja ]]; then
  echo "build: configuring, in build/"
  cmake --preset default
fi
echo "build: compiling"
cmake --build build

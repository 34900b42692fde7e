#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Ends with the tests' summary. With a CPU's name in the
# environment (STC_CPU=x86-64-v3) programs are compiled for that one; this machine has to have what it has.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh all fuzz
echo "test: running all tests"
ctest --test-dir build --output-on-failure --parallel "$(nproc)"

#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Ends with the tests' summary.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh all fuzz
echo "test: running all tests"
ctest --test-dir build --output-on-failure --parallel "$(nproc)"

#!/usr/bin/env bash
# Runs the tests of the Python package with those that need PyTorch. The first time, it installs PyTorch from PyPI in
# build/torch, which takes a few minutes and 6 GB of disk, as CUDA comes with it. From then on tools/test.sh runs them too.
#
#   tools/test-torch.sh [PIP-OPTION...]    # such as --index-url, for a smaller PyTorch without CUDA
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
esac

tools/build.sh wheel
python=$PWD/build/torch/bin/python
if ! "$python" -c "import numpy, torch" 2>/dev/null; then
  echo "test-torch: installing PyTorch in build/torch"
  python3 -m venv build/torch
  "$python" -m pip install --quiet "$@" torch numpy
fi
cmake --preset default -DSTC_PYTHON="$python" >/dev/null
ctest --test-dir build --output-on-failure -R python_

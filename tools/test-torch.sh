#!/usr/bin/env bash
# Runs the tests of the Python package with those that need PyTorch. The first time, it installs PyTorch and
# Transformers from PyPI in build/torch, which takes a few minutes and 6 GB of disk, as CUDA comes with PyTorch. From
# then on tools/test.sh runs them too.
#
#   tools/test-torch.sh [PIP-OPTION...]    # of PyTorch, such as --index-url for one without CUDA
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
esac

tools/build.sh wheel
python=$PWD/build/torch/bin/python
if ! "$python" -c "import numpy, torch, transformers" 2>/dev/null; then
  echo "test-torch: installing PyTorch and Transformers in build/torch"
  python3 -m venv build/torch
  "$python" -m pip install --quiet "$@" torch numpy
  "$python" -m pip install --quiet transformers # which an index of PyTorch's alone does not have
fi
cmake --preset default -DSTC_PYTHON="$python" >/dev/null
ctest --test-dir build --output-on-failure -R python_

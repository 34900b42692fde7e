#!/usr/bin/env bash
# Repeats Tables 1 to 4 of arXiv 1904.10509; tools/paper-tables.sh --help says how.
set -euo pipefail
exec python3 "$(dirname "$0")/paper-tables/main.py" "$@"

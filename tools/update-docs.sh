#!/usr/bin/env bash
# Writes the reference pages of dialects and passes, docs/dialects and docs/passes, from the
# definitions. With --check it writes nothing and fails where a page is not what it would write.
set -euo pipefail
cd "$(dirname "$0")/.."

llvm_config=${LLVM_CONFIG:-llvm-config-22}
tblgen=$("$llvm_config" --bindir)/mlir-tblgen
include=$("$llvm_config" --includedir)
out=docs
if [[ ${1-} == --check ]]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
elif [[ $# -gt 0 ]]; then
  echo "update-docs: error: expected --check or nothing, found '$1'" >&2
  exit 1
fi

generate() { # page, definition, flags
  local page=$1 definition=$2
  shift 2
  "$tblgen" "$@" -I . -I "$include" "$definition" >"$out/$page"
}

mkdir -p "$out/dialects" "$out/passes"
generate dialects/stc.md dialects/Stc/StcOps.td -gen-dialect-doc -dialect=stc
generate dialects/tile.md dialects/Tile/TileOps.td -gen-dialect-doc -dialect=tile
generate dialects/plan.md dialects/Plan/PlanOps.td -gen-dialect-doc -dialect=plan
generate passes/transforms.md compiler/Transforms/Passes.td -gen-pass-doc
generate passes/stc-to-tile.md compiler/Conversion/StcToTile/Passes.td -gen-pass-doc
generate passes/conversion.md compiler/Conversion/Passes.td -gen-pass-doc

if [[ $out != docs ]]; then
  for folder in dialects passes; do
    diff -r "docs/$folder" "$out/$folder" || {
      echo "update-docs: error: docs/$folder is not what the definitions say; run tools/update-docs.sh" >&2
      exit 1
    }
  done
fi

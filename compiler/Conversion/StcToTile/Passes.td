//===- Passes.td - from stc to tile -------------------------*- tablegen -*-===//
#ifndef STC_CONVERSION_STC_TO_TILE_PASSES_TD
#define STC_CONVERSION_STC_TO_TILE_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertStcToTile : Pass<"convert-stc-to-tile", "::mlir::ModuleOp"> {
  let summary = "Make ops on tensors launches of kernels, each kernel once";
  let description = [{
    `stc.fused`, attention, and the ops on tables and parts of tensors become `tile.launch` of outlined
    `tile.kernel`. Products, reshapes, reads and writes stay as they are.
  }];
  let dependentDialects = ["::stc::tile::TileDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"host\"", "for whom tiles are chosen: host, sm_80 or sm_90a">,
    Option<"lanes", "lanes", "int64_t", "16", "float32 lanes of a vector, for the tiles of attention">,
    Option<"accumulators", "accumulators", "int64_t", "16", "accumulators of a register tile">,
    Option<"querySums", "query-sums", "std::string", "\"auto\"",
           "whether gradients of queries are summed in memory, in any order, where gradients go by tiles of keys and queries: auto, always or never">
  ];
}

#endif

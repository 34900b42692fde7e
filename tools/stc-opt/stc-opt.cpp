//===- stc-opt.cpp - runs any pass on IR ----------------------------------===//

#include "compiler/Conversion/Passes.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"
#include "compiler/Conversion/TileToHost/HostPipeline.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Plan/Plan.h"
#include "dialects/Stc/Stc.h"
#include "dialects/Tile/Tile.h"

#include <llvm/Support/CommandLine.h>
#include <mlir/InitAllDialects.h>
#include <mlir/InitAllPasses.h>
#include <mlir/Tools/mlir-opt/MlirOptMain.h>

int main(int argc, char **argv) {
  llvm::cl::AddExtraVersionPrinter(
      [](llvm::raw_ostream &os) { os << "stc-opt " STC_VERSION "\n"; });
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<stc::StcDialect, stc::tile::TileDialect, stc::plan::PlanDialect>();
  stc::registerArithGradients(registry);
  mlir::registerAllPasses();
  stc::registerStcTransformsPasses();
  stc::registerStcToTilePasses();
  stc::registerStcConversionPasses();
  stc::registerHostPipeline();
  stc::registerCudaPipeline();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "STC's passes\n", registry));
}

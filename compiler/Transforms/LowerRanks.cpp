//===- LowerRanks.cpp - a device's number as a variable -------------------===//

#include "compiler/Transforms/Passes.h"

#include <mlir/IR/SymbolTable.h>

namespace stc {
#define GEN_PASS_DEF_LOWERRANKS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;

namespace {
struct LowerRanksPass : stc::impl::LowerRanksBase<LowerRanksPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    module.walk([&](RankOp rank) {
      const std::string name = ("rank." + rank.getAxis()).str();
      if (!symbols.lookup(name)) {
        auto builder = OpBuilder::atBlockBegin(module.getBody());
        symbols.insert(VariableOp::create(builder, rank.getLoc(), name, Role::Rank, rank.getType()),
                       module.getBody()->begin());
      }
      OpBuilder builder(rank);
      rank.replaceAllUsesWith(
          ReadOp::create(builder, rank.getLoc(), rank.getType(), name).getValue());
      rank.erase();
    });
  }
};
} // namespace

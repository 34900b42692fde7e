//===- Exchanges.h - the collectives of a planned entry ---------*- C++ -*-===//
#pragma once

#include "dialects/Plan/Plan.h"
#include "dialects/Tile/Tile.h"

#include <string>

namespace stc {

/// The collectives that an exchange starts, each with the bytes that a device gets of others.
void eachCollective(plan::ExchangeOp exchange,
                    llvm::function_ref<void(tile::CollectiveAttr, uint64_t received)> body);

/// What attention by rows gathers in a module that is dealt over devices, and how its pairs are
/// shared out; nothing where there is none.
std::string explainRows(mlir::ModuleOp dealt);

/// What each device gets of others in each entry of a planned module; nothing where there is one.
std::string explainExchanges(mlir::ModuleOp planned);

} // namespace stc

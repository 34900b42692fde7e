//===- Products.cpp - launches of products of few rows --------------------===//
//
// An item is 16 rows and some columns. Buffers are what the left operand is computed from, or the
// left operand, then the weights, what is read after the product, and the results.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/Invariant.h"
#include "compiler/Conversion/StcToTile/RowKernel.h"
#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Schedule/ProductSchedule.h"

using namespace mlir;
using namespace stc;

LogicalResult stc::convertFusedProduct(FusedProductOp op, KernelOutliner &outliner,
                                       const RowWork &work) {
  MatmulOp product = op.getProduct();
  FusedOp before = op.getBefore(), after = op.getAfter();
  auto lhs = cast<RankedTensorType>(product.getLhs().getType());
  auto weights = cast<RankedTensorType>(op.getWeights().getType());
  const int64_t n = weights.getDimSize(0), k = weights.getDimSize(1), m = lhs.getNumElements() / k;
  FailureOr<RowProgram> rowsBefore, elementsAfter = analyze(after, /*ownColumns=*/true);
  if (before)
    rowsBefore = analyze(before, /*ownColumns=*/true);
  if (failed(elementsAfter) || (before && failed(rowsBefore)))
    return failure();
  const ProductSchedule plan = chooseProductSchedule(m, n);
  const RowSchedule sweeps = before ? schedule(*rowsBefore, work) : RowSchedule();

  // A buffer for each operand, and the numbers of those that the parts read.
  SmallVector<Value> operands;
  SmallVector<Type> types;
  auto add = [&](Value argument, Type type) {
    operands.push_back(op.getInputs()[cast<BlockArgument>(argument).getArgNumber()]);
    types.push_back(type);
    return unsigned(types.size() - 1);
  };
  SmallVector<unsigned> readBefore, readAfter;
  if (before)
    for (auto [input, type] : llvm::zip(rowsBefore->inputs, rowBuffers(*rowsBefore)))
      readBefore.push_back(add(before.getInputs()[input], type));
  else
    readBefore.push_back(
        add(product.getLhs(), bufferType({ShapedType::kDynamic, k}, lhs.getElementType())));
  const unsigned ofWeights = add(op.getWeights(), bufferType({n, k}, weights.getElementType()));
  unsigned given = 0; // which input of what comes after is the product
  SmallVector<Type> typesAfter = rowBuffers(*elementsAfter);
  for (auto [number, input] : llvm::enumerate(elementsAfter->inputs)) {
    bool isProduct = after.getInputs()[input] == product.getResult();
    if (isProduct)
      given = number;
    readAfter.push_back(isProduct ? ofWeights : add(after.getInputs()[input], typesAfter[number]));
  }
  for (size_t number = 0; number < elementsAfter->outputs.size(); ++number) {
    readAfter.push_back(types.size());
    types.push_back(typesAfter[elementsAfter->inputs.size() + number]);
  }

  const bool invariant = isInvariant(operands[ofWeights], op);

  std::string name = "product";
  if (before)
    name += tellingOps(*rowsBefore);
  name += "_then" + tellingOps(*elementsAfter);
  auto kernel =
      outliner.get(name, "product", op.getLoc(), types, /*sizes=*/0, [&](KernelBuilder &b) {
        auto buffersOf = [&](ArrayRef<unsigned> numbers) {
          return llvm::map_to_vector(numbers, [&](unsigned number) { return b.buffer(number); });
        };
        Value slices = b.index(plan.slices);
        Value row = b.mul(b.div(b.item(), slices), b.index(kProductRows));
        Value column = b.mul(b.rem(b.item(), slices), b.index(plan.columns));
        auto tile =
            tile::RowProductOp::create(b, row, m, column, plan.columns, b.buffer(ofWeights),
                                       before ? Value() : b.buffer(readBefore[0]), invariant);
        OpBuilder::InsertionGuard guard(b);
        auto open = [&](Region &region, TypeRange arguments) {
          Block &block = region.emplaceBlock();
          for (Type type : arguments)
            block.addArgument(type, op.getLoc());
          b.setInsertionPointToStart(&block);
          return block.getArguments();
        };
        if (before) {
          auto arguments =
              open(tile.getBefore(), {b.getIndexType(), bufferType(k, lhs.getElementType())});
          SmallVector<Value> buffers = buffersOf(readBefore);
          buffers.push_back(arguments[1]);
          buildOneRow(*rowsBefore, sweeps, b, buffers, arguments[0]);
          tile::ReturnOp::create(b);
        }
        auto arguments =
            open(tile.getAfter(), {b.getIndexType(), b.getIndexType(), b.getF32Type()});
        buildRowElement(*elementsAfter, b, buffersOf(readAfter), arguments[0], arguments[1], given,
                        arguments[2]);
        tile::ReturnOp::create(b);
      });

  OpBuilder builder(op);
  auto launch =
      createLaunch(builder, op.getLoc(), kernel, op.getResultTypes(), operands, plan.items, {});
  launch.setWorkAttr(
      tile::WorkAttr::get(op.getContext(), 2 * m * n * k, launch.getWorkAttr().getBytes()));
  op.replaceAllUsesWith(launch.getResults());
  op.erase();
  return success();
}

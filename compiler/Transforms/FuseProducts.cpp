//===- FuseProducts.cpp - products of few rows with what is around them ---===//
//
// Goes from product to product in their order. What comes after one is taken op by op until the
// first that needs more of the product than its own element; what comes before it is the slice of
// its left operand (RowFusion.h), from values in memory, among which are the results of the
// products before. So a sum of a residual stream is stored by the product that it is of, and its
// norm is computed by each product that reads it.
//
//===----------------------------------------------------------------------===//

#include "compiler/Schedule/ProductSchedule.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/RowFusion.h"

#include <mlir/IR/IRMapping.h>
#include <mlir/Interfaces/SideEffectInterfaces.h>

namespace stc {
#define GEN_PASS_DEF_FUSEPRODUCTS
#include "compiler/Transforms/Passes.h.inc"
} // namespace stc

using namespace mlir;
using namespace stc;
using namespace stc::rows;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isOfFewRows(MatmulOp product) {
  auto lhs = typeOf(product.getLhs()), rhs = typeOf(product.getRhs());
  if (product.getTransposeLhs() || !product.getTransposeRhs() || rhs.getRank() != 2 ||
      !(lhs.getElementType().isBF16() || lhs.getElementType().isF16()))
    return false;
  const int64_t n = rhs.getDimSize(0), k = rhs.getDimSize(1);
  return lhs.getNumElements() > 0 && n > 0 && isProductOfFewRows(lhs.getNumElements() / k, n, k);
}

/// A narrow copy of another shape becomes one in this shape, which the product can make itself.
void sinkNarrowing(MatmulOp product) {
  auto reshape = product.getLhs().getDefiningOp<ReshapeOp>();
  auto narrow = reshape ? reshape.getInput().getDefiningOp<arith::TruncFOp>() : arith::TruncFOp();
  if (!narrow || !reshape->hasOneUse() || !narrow->hasOneUse())
    return;
  OpBuilder builder(reshape);
  auto type = typeOf(reshape);
  auto wide =
      ReshapeOp::create(builder, reshape.getLoc(),
                        type.clone(typeOf(narrow.getIn()).getElementType()), narrow.getIn());
  auto sunk = arith::TruncFOp::create(builder, narrow.getLoc(), type, wide);
  reshape.replaceAllUsesWith(sunk.getResult());
  reshape.erase();
  narrow.erase();
}

class ProductFuser {
public:
  explicit ProductFuser(mlir::Block &ops) {
    for (auto product : ops.getOps<MatmulOp>())
      if (isOfFewRows(product))
        products.push_back(product);
    llvm::for_each(products, sinkNarrowing);
    isProduct.insert_range(products);
    block.emplace(ops);
    if (!products.empty())
      chooseRoots(*block);
  }

  void run() {
    for (MatmulOp product : products)
      fuse(product);
    if (products.empty())
      return;
    for (int position = block->size() - 1; position >= 0; --position) {
      Operation *op = block->op(position);
      if (isOpTriviallyDead(op) && (block->fusible(position) || isa<MatmulOp>(op)))
        op->erase();
    }
  }

private:
  /// The ops behind a product that its kernel does, and the values that others need.
  struct After {
    std::set<int> ops;
    SmallVector<Value> results;
    int position; // where all of them have been computed
  };

  void fuse(MatmulOp product) {
    After after = takeAfter(product);
    if (after.results.empty())
      return;
    std::optional<Slice> before = sliceBefore(product);
    Value weights = product.getRhs();
    if (auto narrow = weights.getDefiningOp<arith::TruncFOp>())
      if (typeOf(narrow.getIn()).getElementType().isF32() &&
          isForProducts(weights, &MatmulOp::getRhs))
        weights = narrow.getIn();

    OpBuilder builder(product.getContext());
    builder.setInsertionPointAfter(block->op(after.position));
    Location loc = product.getLoc();
    auto fused =
        FusedProductOp::create(builder, loc, ValueRange(after.results).getTypes(), ValueRange());
    mlir::Block &body = fused.getBody().emplaceBlock();
    IRMapping map;
    auto argument = [&](Value value) -> Value {
      if (!map.contains(value)) {
        fused->insertOperands(fused->getNumOperands(), value);
        map.map(value, body.addArgument(value.getType(), value.getLoc()));
      }
      return map.lookup(value);
    };
    builder.setInsertionPointToEnd(&body);
    Value lhs = product.getLhs();
    lhs = before ? fuseOps(builder, *block, {before->ops.begin(), before->ops.end()}, lhs,
                           before->space, argument)
                       .getResult(0)
                 : argument(lhs);
    Value rhs = argument(weights);
    if (weights != product.getRhs())
      rhs = arith::TruncFOp::create(builder, loc, product.getRhs().getType(), rhs);
    map.map(product.getResult(),
            MatmulOp::create(builder, loc, product.getType(), lhs, rhs, /*transpose_lhs=*/false,
                             /*transpose_rhs=*/true)
                .getResult());
    auto results =
        fuseOps(builder, *block, after.ops, after.results, typeOf(product).getShape(), argument);
    YieldOp::create(builder, loc, results.getResults());

    placeOf[fused] = after.position;
    replaced.insert(product);
    for (int position : after.ops)
      replaced.insert(block->op(position));
    for (auto [value, result] : llvm::zip_equal(after.results, fused.getResults()))
      value.replaceUsesWithIf(result,
                              [&](OpOperand &use) { return !replaced.contains(use.getOwner()); });
  }

  /// Whether products of few rows are all that reads a value, as that operand.
  template <typename Operand> bool isForProducts(Value value, Operand operand) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      auto product = dyn_cast<MatmulOp>(user);
      return product && isProduct.contains(product) && (product.*operand)() == value;
    });
  }

  //===--- before ---------------------------------------------------------===//

  std::optional<Slice> sliceBefore(MatmulOp product) {
    Value lhs = product.getLhs();
    const int root = block->computed(lhs);
    if (root < 0 || !isForProducts(lhs, &MatmulOp::getLhs) ||
        typeOf(lhs).getShape().back() > kMostComputedColumns)
      return std::nullopt;
    SmallVector<int> others; // reductions that are not of this kernel: they stand in memory
    Slice slice = sliceOf(*block, root, others);
    bool isRandom = llvm::any_of(slice.ops, [&](int op) { return isa<RandomOp>(block->op(op)); });
    if (isRandom || !slice.reduced.empty() ||
        ArrayRef<int64_t>(slice.space) != typeOf(lhs).getShape())
      return std::nullopt;
    return slice;
  }

  //===--- after ----------------------------------------------------------===//

  After takeAfter(MatmulOp product) {
    After after;
    after.position = block->positionOf(product);
    SetVector<Value> values; // elements of which depend on the product's own
    values.insert(product.getResult());
    for (int next = after.position + 1; next < endOf(values); ++next) {
      Operation *op = block->op(next);
      auto isOwn = [&](Value operand) { return values.contains(operand); };
      if (replaced.contains(op) || (!isa<WriteOp>(op) && llvm::none_of(op->getOperands(), isOwn)))
        continue;
      std::set<int> needed{next};
      if (isa<WriteOp>(op) || !isElementwise(op, typeOf(product).getShape()) ||
          !llvm::all_of(op->getOperands(),
                        [&](Value operand) { return isOwn(operand) || gather(operand, needed); }))
        break;
      after.ops.merge(needed);
      values.insert(op->getResult(0));
      after.position = next;
    }
    for (Value value : values)
      if (llvm::any_of(value.getUsers(), [&](Operation *user) {
            return !replaced.contains(user) && !isTaken(user, after.ops);
          }))
        after.results.push_back(value);
    return after;
  }

  bool isTaken(Operation *user, const std::set<int> &ops) const {
    return block->contains(user) && ops.contains(block->positionOf(user));
  }

  /// The place of the first product that has been fused already and needs one of the values.
  int endOf(const SetVector<Value> &values) const {
    int end = block->size();
    for (Value value : values)
      for (Operation *user : value.getUsers())
        if (auto place = placeOf.find(user); place != placeOf.end())
          end = std::min(end, place->second);
    return end;
  }

  bool isElementwise(Operation *op, ArrayRef<int64_t> shape) const {
    return block->fusible(block->positionOf(op)) && OpTrait::hasElementwiseMappableTraits(op) &&
           typeOf(op->getResult(0)).getShape() == shape;
  }

  /// The ops that compute a value from memory, of each element by itself.
  bool gather(Value value, std::set<int> &ops) const {
    const int position = block->inlined(value);
    if (position < 0)
      return true;
    if (isa<ReduceOp, RandomOp>(block->op(position)))
      return false;
    return !ops.insert(position).second ||
           llvm::all_of(block->op(position)->getOperands(),
                        [&](Value operand) { return gather(operand, ops); });
  }

  SmallVector<MatmulOp> products;
  DenseSet<Operation *> isProduct, replaced;
  DenseMap<Operation *, int> placeOf; // of ops that have been made
  std::optional<rows::Block> block;
};

struct FuseProductsPass : stc::impl::FuseProductsBase<FuseProductsPass> {
  void runOnOperation() override {
    for (mlir::Block &block : getOperation().getBody())
      ProductFuser(block).run();
  }
};
} // namespace

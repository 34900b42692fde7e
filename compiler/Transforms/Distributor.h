//===- Distributor.h - a function over the devices of an axis ---*- C++ -*-===//
//
// Each value of the whole function gets a placement: all devices have it, each has a part of it, or
// each has a summand of it. Placements go forward, op by op; where an op cannot take what its
// operands have, a collective or a slice stands in between. What the parts are of is a matter of
// elements in row-major order, so that a placement stays what it is where dimensions are merged.
//
// How a value comes to the placement that is asked for is in DistributorValues.cpp, what each op
// does with placements in DistributorOps.cpp, attention in DistributorAttention.cpp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Transforms/AttentionExchange.h"
#include "dialects/Stc/Stc.h"

#include <map>
#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>
#include <optional>

namespace stc::distribution {

/// Where a tensor is. `Dealt`: of each `block` consecutive indices of dimension `dim`, device r has
/// the r-th of equal parts. `Partial`: the tensor is the sum of what the devices have.
struct Placement {
  enum Kind { Whole, Dealt, Partial };
  Kind kind = Whole;
  int64_t dim = 0, block = 0;

  static Placement whole() { return {}; }
  static Placement partial() { return {Partial}; }
  static Placement dealt(int64_t dim, int64_t block) { return {Dealt, dim, block}; }
  bool isWhole() const { return kind == Whole; }
  bool isDealt() const { return kind == Dealt; }
  bool isPartial() const { return kind == Partial; }
  auto operator<=>(const Placement &) const = default;
};

inline bool isElementwise(mlir::Operation *op) {
  return op->getNumOperands() > 0 && op->getNumResults() == 1 &&
         (mlir::OpTrait::hasElementwiseMappableTraits(op) || llvm::isa<PinOp, StopGradientOp>(op));
}

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
inline int64_t stepOf(llvm::ArrayRef<int64_t> shape, int64_t dim) {
  return mlir::ShapedType::getNumElements(shape.drop_front(dim + 1));
}

/// The dimension along which equal parts are runs of memory, if they can be equal.
inline std::optional<int64_t> dimOfRuns(mlir::RankedTensorType type, int64_t count) {
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    if (size != 1)
      return size % count == 0 ? std::optional<int64_t>(dim) : std::nullopt;
  return std::nullopt;
}

/// The dimension along which an attribute says that something is dealt over an axis.
std::optional<int64_t> dealtDim(mlir::DictionaryAttr dealt, mlir::StringAttr axis);

/// Belongs to the same block of the model, and is of the backward pass if the other is.
void markAs(mlir::Operation *like, mlir::Operation *made);

/// Arithmetic with integer tensors of one type; what is divided is not negative.
class Numbers {
public:
  Numbers(mlir::ImplicitLocOpBuilder &b, mlir::RankedTensorType type) : b(b), type(type) {}

  mlir::Value constant(int64_t number) const {
    return mlir::arith::ConstantOp::create(
        b, mlir::DenseElementsAttr::get(
               type, b.getIntegerAttr(type.getElementType(), number).getValue()));
  }
  mlir::Value places(int64_t dim) const { return IotaOp::create(b, type, dim); }
  mlir::Value sum(mlir::Value x, mlir::Value y) const {
    return mlir::arith::AddIOp::create(b, x, y);
  }
  mlir::Value times(mlir::Value x, int64_t y) const {
    return mlir::arith::MulIOp::create(b, x, constant(y));
  }
  mlir::Value divided(mlir::Value x, int64_t y) const {
    return mlir::arith::DivSIOp::create(b, x, constant(y));
  }
  mlir::Value rest(mlir::Value x, int64_t y) const {
    return mlir::arith::RemSIOp::create(b, x, constant(y));
  }

private:
  mlir::ImplicitLocOpBuilder &b;
  mlir::RankedTensorType type;
};

class Distributor {
public:
  Distributor(mlir::func::FuncOp function, mlir::StringAttr axis, int64_t count, bool sharesState,
              mlir::Type scatteredType, ExchangeChoice choice, int64_t block)
      : function(function), axis(axis), count(count), sharesState(sharesState),
        scatteredType(scatteredType), choice(choice), block(block),
        b(function.getLoc(), function.getContext()) {}

  mlir::LogicalResult run();

private:
  /// What stands for a value of the whole function, by the placements that were asked for.
  struct Known {
    Placement own;
    std::map<Placement, mlir::Value> values;
    /// Of what variables keep in parts and every other op is to take whole: these parts, which are
    /// all that there is until one does.
    std::optional<Placement> kept;
  };

  //===--- values ---===//

  Placement placementOf(mlir::Value value) { return known[value].own; }
  void define(mlir::Value value, Placement placement, mlir::Value local) {
    known[value] = {placement, {{placement, local}}, {}};
  }
  void defineKept(mlir::Value value, Placement placement, mlir::Value local) {
    known[value] = {Placement::whole(), {{placement, local}}, placement};
  }
  /// The value as it is asked for: a slice, a collective, or the op that makes it done for less.
  mlir::Value in(mlir::Value value, Placement wanted);
  mlir::Value whole(mlir::Value value) { return in(value, Placement::whole()); }
  mlir::Value rank();
  /// The index in the whole tensor of a part's first element along a dimension, for all of the
  /// part.
  mlir::Value firstOfPart(mlir::RankedTensorType part, int64_t dim);
  /// Part of a value that all have.
  mlir::Value sliced(mlir::Value value, Placement wanted);
  mlir::Value slicedIota(IotaOp iota, mlir::RankedTensorType local, Placement wanted);
  mlir::Value slicedRandom(RandomOp random, mlir::RankedTensorType local, Placement wanted);
  mlir::Value slicedOrCut(mlir::Value value, Placement wanted);
  mlir::Value cut(mlir::Value all, mlir::RankedTensorType type, Placement wanted);
  mlir::Value slicedOp(mlir::Operation *op, mlir::RankedTensorType type, Placement wanted);
  /// Exchanges stand where they are needed, so that nothing that they have to do with keeps ops
  /// apart that become one kernel; `group-exchanges` lets them start early all the same.
  mlir::Value gathered(mlir::Value local, mlir::RankedTensorType type, Placement placement);
  mlir::Value scattered(mlir::Value local, mlir::RankedTensorType type, Placement wanted);
  mlir::Value summed(mlir::Value local, Reduction how);
  /// From parts along one dimension to parts along another: sent to who gets them, and set in.
  mlir::Value sent(mlir::Value local, mlir::RankedTensorType type, Placement from, Placement to);
  mlir::Value received(mlir::Value parts, mlir::RankedTensorType type, Placement from,
                       Placement to);
  bool canSend(mlir::RankedTensorType type, Placement from, Placement to) const;
  /// The placement of positions, of which devices take blocks in turn.
  Placement inBlocks(int64_t dim, int64_t positions, int64_t ofBlock) const {
    return Placement::dealt(dim, std::min(positions, ofBlock * count));
  }
  /// The first two dimensions change places.
  mlir::Value swapped(mlir::Value value);
  /// Of a tensor's rows of `row` elements those with these numbers.
  mlir::Value pickedRows(mlir::Value value, int64_t row, mlir::RankedTensorType to,
                         mlir::Value indices);
  /// A number for each of some rows, which `key` tells from others.
  mlir::Value indices(int64_t rows, llvm::ArrayRef<int64_t> key,
                      llvm::function_ref<mlir::Value(const Numbers &, mlir::Value)> ofRow);
  /// Runs `change` on a tensor of this type in which the dealt blocks of `placement` are a
  /// dimension of their own, which is then dealt as a whole.
  mlir::Value
  byBlocks(mlir::Value local, mlir::RankedTensorType whole, Placement placement, bool isWhole,
           llvm::function_ref<mlir::Value(mlir::Value, mlir::RankedTensorType, int64_t)> change);

  mlir::RankedTensorType partType(mlir::RankedTensorType type, int64_t dim) const {
    llvm::SmallVector<int64_t> shape(type.getShape());
    shape[dim] /= count;
    return type.clone(shape);
  }
  mlir::RankedTensorType localType(mlir::RankedTensorType type, Placement placement) const {
    return placement.isDealt() ? partType(type, placement.dim) : type;
  }
  bool divides(llvm::ArrayRef<int64_t> shape, int64_t dim, int64_t block) const {
    return block > 0 && shape[dim] % block == 0 && block % count == 0;
  }
  /// The same elements under another shape.
  std::optional<Placement> reshaped(Placement placement, llvm::ArrayRef<int64_t> from,
                                    llvm::ArrayRef<int64_t> to) const;
  /// In parts that are runs of memory; whole where these are not equal.
  Placement anyPart(mlir::RankedTensorType type) const;

  //===--- ops ---===//

  mlir::LogicalResult distribute(mlir::Operation *op);
  /// The op on local operands, with results of these placements.
  void rebuild(mlir::Operation *op, mlir::ValueRange operands,
               llvm::ArrayRef<Placement> placements);
  void onWholes(mlir::Operation *op);
  /// Casts of what is kept in parts, and the like: what they give is kept so, too.
  bool onKept(mlir::Operation *op);
  void elementwise(mlir::Operation *op);
  void broadcast(BroadcastOp op);
  void reduce(ReduceOp op);
  void reshape(ReshapeOp op);
  void columns(mlir::Operation *op);
  void matmul(MatmulOp op);
  void gather(GatherOp op);
  void scatterAdd(ScatterAddOp op);
  void collective(mlir::Operation *op, int64_t dim);
  mlir::LogicalResult attention(mlir::Operation *op);
  /// The parts of an argument, dealt block by block if it is one of positions.
  void dealInBlocks(mlir::Value argument);
  void chooseBlocks();
  template <typename Op> AttentionOverDevices overDevices(Op op) const;
  /// Of positions that are dealt: the cheaper way, or the one that there is.
  template <typename Op> mlir::LogicalResult attentionByPositions(Op op);
  mlir::LogicalResult attentionByHeads(mlir::Operation *op, Layout layout, PatternAttr pattern);
  /// Each device has the queries of its positions, and gathers the keys of others that they meet.
  void attentionByRows(AttentionOp op, const NeededRows &rows);
  void attentionByRows(AttentionGradOp op, const NeededRows &rows);
  mlir::Value someRows(mlir::Value rows, int64_t positions, PositionsAttr which);
  /// Rows of keys or values that devices send, as they come, and in order.
  mlir::Value sentRows(mlir::Value keys, int64_t positions, const NeededRows &needed);
  mlir::Value orderedRows(mlir::Value sent, mlir::RankedTensorType whole, int64_t positions,
                          const NeededRows &needed);
  /// What a device's own rows get of all devices, and as rows of its part.
  mlir::Value scatteredRows(mlir::Value gradient, int64_t positions, const NeededRows &needed);
  mlir::Value paddedRows(mlir::Value rows, mlir::RankedTensorType part, int64_t positions,
                         const NeededRows &needed);
  mlir::LogicalResult write(WriteOp op);
  mlir::LogicalResult finish(mlir::func::ReturnOp op);

  /// That this op alone reads a summand, so that the sum can be taken later.
  bool isPartialForOne(mlir::Value value) {
    return placementOf(value).isPartial() && value.hasOneUse() && known[value].values.size() == 1;
  }

  mlir::func::FuncOp function;
  mlir::StringAttr axis;
  const int64_t count;
  const bool sharesState;
  const mlir::Type scatteredType; // for f32
  const ExchangeChoice choice;
  int64_t block; ///< of positions; 0: to be chosen
  mlir::ImplicitLocOpBuilder b;
  llvm::DenseMap<mlir::Value, Known> known;
  std::map<std::vector<int64_t>, mlir::Value> knownIndices;
  /// Rows of values that were gathered.
  llvm::DenseMap<std::pair<mlir::Value, mlir::Attribute>, mlir::Value> knownRows;
};

} // namespace stc::distribution

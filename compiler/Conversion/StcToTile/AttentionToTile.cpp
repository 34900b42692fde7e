//===- AttentionToTile.cpp - attention ops become kernels -----------------===//
//
// Each head's pattern is split into walks, each walk is a kernel. The first writes its results, the
// others go on from them: output and log-sum-exp are the whole state of a softmax, gradients add up.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/AttentionToTile.h"

#include <mlir/IR/BuiltinOps.h>

using namespace mlir;
using namespace stc;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The buffers of a launch: distinct values, and where each tensor lies in them.
struct Buffers {
  SmallVector<Value> values;

  unsigned add(Value value) {
    auto found = llvm::find(values, value);
    if (found == values.end())
      values.push_back(value), found = values.end() - 1;
    return found - values.begin();
  }

  /// A tensor [batch, positions, heads, size]: a reshaped range of columns of a wider tensor is read
  /// where it lies.
  BufferView view(Value tensor) {
    auto type = typeOf(tensor);
    int64_t width = type.getDimSize(2) * type.getDimSize(3);
    auto reshape = tensor.getDefiningOp<ReshapeOp>();
    if (!reshape || typeOf(reshape.getInput()).getShape() != ArrayRef<int64_t>({type.getDimSize(0), type.getDimSize(1), width}))
      return {add(tensor), 0, width};
    auto split = reshape.getInput().getDefiningOp<SplitOp>();
    if (!split)
      return {add(reshape.getInput()), 0, width};
    int64_t offset = 0;
    for (Value part : split.getResults()) {
      if (part == reshape.getInput())
        break;
      offset += typeOf(part).getShape().back();
    }
    return {add(split.getInput()), offset, typeOf(split.getInput()).getShape().back()};
  }
};

/// If all gradients are reshaped to rows and stand side by side in one tensor, that tensor.
ConcatOp commonConcat(AttentionGradOp op) {
  ConcatOp concat;
  for (Value result : op.getResults()) {
    auto reshape = result.hasOneUse() ? dyn_cast<ReshapeOp>(*result.user_begin()) : ReshapeOp();
    auto type = typeOf(result);
    if (!reshape || !reshape->hasOneUse() ||
        typeOf(reshape).getShape() !=
            ArrayRef<int64_t>({type.getDimSize(0), type.getDimSize(1), type.getDimSize(2) * type.getDimSize(3)}))
      return {};
    auto user = dyn_cast<ConcatOp>(*reshape->user_begin());
    if (!user || (concat && concat != user))
      return {};
    concat = user;
  }
  return concat.getInputs().size() == 3 ? concat : ConcatOp();
}

/// The column of the concatenation at which a result stands.
int64_t columnOf(ConcatOp concat, Value result) {
  int64_t offset = 0;
  for (Value part : concat.getInputs()) {
    if (part.getDefiningOp<ReshapeOp>().getInput() == result)
      break;
    offset += typeOf(part).getShape().back();
  }
  return offset;
}

/// A tensor [batch, positions, heads, size] in a buffer of its own.
BufferView plainView(unsigned buffer, Value tensor) {
  return {buffer, 0, typeOf(tensor).getDimSize(2) * typeOf(tensor).getDimSize(3)};
}

SmallVector<Type> bufferTypes(ValueRange operands, TypeRange results) {
  SmallVector<Type> types;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    types.push_back(MemRefType::get(tensor.getShape(), tensor.getElementType()));
  };
  llvm::for_each(operands.getTypes(), add);
  llvm::for_each(results, add);
  return types;
}

/// A launch whose results are new, or stand in the memory of the last operands.
tile::LaunchOp launch(OpBuilder &b, Location loc, FlatSymbolRefAttr kernel, ValueRange operands, TypeRange results,
                      int64_t items, bool tied) {
  SmallVector<int64_t> ties(results.size(), -1), none(results.size(), -1);
  if (tied)
    for (auto [k, tie] : llvm::enumerate(ties))
      tie = operands.size() - results.size() + k;
  return tile::LaunchOp::create(b, loc, results, kernel.getValue(), operands, items, ArrayRef<int64_t>(), ties, none);
}

AttentionProblem problemOf(Value key, Value value, float scale) {
  AttentionProblem problem;
  auto keyType = typeOf(key);
  problem.batch = keyType.getDimSize(0);
  problem.positions = keyType.getDimSize(1);
  problem.heads = keyType.getDimSize(2);
  problem.querySize = keyType.getDimSize(3);
  problem.valueSize = typeOf(value).getDimSize(3);
  problem.scale = scale;
  return problem;
}

/// Tiles of 128 queries share each packed chunk of keys; shorter views take what they have.
AttentionSchedule scheduleFor(const pattern::View &query, int64_t n, int64_t strip) {
  int64_t rows = llvm::alignTo(std::max<int64_t>(query.maxRows(n), 1), strip);
  return {std::min<int64_t>(rows, llvm::alignTo(128, strip)), strip};
}
} // namespace

FailureOr<ArrayRef<AttentionConverter::WalkForm>>
AttentionConverter::walksOf(Operation *op, StringRef text, int64_t n, int64_t strip) {
  auto [entry, added] = forms.try_emplace({text.str(), n, strip});
  if (!added)
    return ArrayRef<WalkForm>(entry->second);
  auto pattern = pattern::Pattern::parse(text, n);
  if (!pattern)
    return op->emitOpError("in pattern \"") << text << "\" at byte " << pattern.error().offset << ": "
                                            << pattern.error().message;
  std::string empty = pattern->emptyRows();
  if (!empty.empty())
    op->emitWarning("pattern \"") << text << "\" has no key for some queries, whose output is zero: " << empty;
  auto coversAll = [&](const pattern::View &view) { return view.width * view.residues == view.period; };
  std::vector<WalkForm> &walks = entry->second;
  for (const pattern::Walk &walk : pattern->walks()) {
    WalkForm form{walk.query, {}};
    for (const pattern::Segment &segment : walk.segments)
      form.segments.push_back({segment.key, segment.keysOf(strip), segment.predicate});
    walks.push_back(std::move(form));
  }
  // The first kernel writes all rows: a walk over every position, if need be one without a key.
  auto covering = llvm::find_if(walks, [&](const WalkForm &walk) { return coversAll(walk.query); });
  if (covering == walks.end())
    walks.insert(walks.begin(), WalkForm());
  else
    std::rotate(walks.begin(), covering, covering + 1);
  return ArrayRef<WalkForm>(walks);
}

template <typename Op>
FailureOr<SmallVector<Value>>
AttentionConverter::launchWalks(Op op, ValueRange inputs, TypeRange resultTypes, function_ref<KernelBuilder> build,
                                function_ref<int64_t(const AttentionProblem &, const pattern::View &)> items) {
  OpBuilder b(op);
  SmallVector<Value> results;
  AttentionProblem problem = problemOf(op.getKey(), op.getValue(), op.getScale().convertToFloat());
  auto heads = op.getPattern().getHeads();
  // Heads take the patterns in turn: pattern k serves the heads k, k + count, ...
  for (int64_t k = 0, count = heads.size(); k < std::min(count, problem.heads); ++k) {
    problem.firstHead = k;
    problem.headStep = count;
    problem.headCount = llvm::divideCeil(problem.heads - k, count);
    problem.resume = false;
    auto walks = walksOf(op, heads[k], problem.positions, strip);
    if (failed(walks))
      return failure();
    for (const WalkForm &walk : *walks) {
      problem.schedule = scheduleFor(walk.query, problem.positions, strip);
      SmallVector<Value> operands(inputs);
      llvm::append_range(operands, results);
      auto types = bufferTypes(operands, results.empty() ? resultTypes : TypeRange());
      auto kernel = addKernel(build(problem, walk, types));
      auto call = launch(b, op.getLoc(), kernel, operands, resultTypes, items(problem, walk.query), !results.empty());
      results.assign(call.getResults().begin(), call.getResults().end());
      problem.resume = true;
    }
  }
  return results;
}

LogicalResult AttentionConverter::convert(AttentionOp op) {
  OpBuilder b(op);
  Buffers inputs;
  SmallVector<BufferView> views = {inputs.view(op.getQuery()), inputs.view(op.getKey()), inputs.view(op.getValue())};
  unsigned output = inputs.values.size(), logsumexp = output + 1;
  views.push_back(plainView(output, op.getOutput()));
  auto build = [&](const AttentionProblem &problem, const WalkForm &walk, TypeRange types) {
    return buildAttention(b, op.getLoc(), "attention", problem, walk.query, walk.segments, types, views, logsumexp);
  };
  auto results = launchWalks(op, inputs.values, op->getResultTypes(), build, attentionItems);
  if (failed(results))
    return failure();
  op->replaceAllUsesWith(*results);
  op.erase();
  return success();
}

LogicalResult AttentionConverter::convert(AttentionGradOp op) {
  OpBuilder b(op);
  Buffers inputs;
  SmallVector<BufferView> views;
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue(), op.getOutput(), op.getOutputGrad()})
    views.push_back(inputs.view(tensor));
  unsigned logsumexp = inputs.add(op.getLogsumexp()), firstResult = inputs.values.size();
  ConcatOp concat = commonConcat(op);
  SmallVector<Type> resultTypes(op->getResultTypes());
  if (concat)
    resultTypes = {concat.getType()};
  for (auto [k, result] : llvm::enumerate(op.getResults()))
    views.push_back(concat ? BufferView{firstResult, columnOf(concat, result), concat.getType().getShape().back()}
                           : plainView(firstResult + k, result));
  auto build = [&](const AttentionProblem &problem, const WalkForm &walk, TypeRange types) {
    return buildAttentionGrad(b, op.getLoc(), "attention_grad", problem, walk.query, walk.segments, types, views,
                              logsumexp);
  };
  auto results = launchWalks(op, inputs.values, resultTypes, build, attentionGradItems);
  if (failed(results))
    return failure();
  if (!concat) {
    op->replaceAllUsesWith(*results);
    op.erase();
    return success();
  }
  SmallVector<Operation *> reshapes =
      llvm::map_to_vector(concat.getInputs(), [](Value part) { return part.getDefiningOp(); });
  concat.replaceAllUsesWith((*results)[0]);
  concat.erase();
  for (Operation *reshape : reshapes)
    reshape->erase();
  op.erase();
  return success();
}

LogicalResult AttentionConverter::convert(AttentionRowOp op) {
  OpBuilder b(op);
  Buffers inputs;
  SmallVector<BufferView> views = {inputs.view(op.getQuery()), inputs.view(op.getKey()), inputs.view(op.getValue())};
  unsigned position = inputs.add(op.getPosition()), output = inputs.values.size();
  views.push_back(plainView(output, op.getOutput()));
  SmallVector<Value> results;
  AttentionProblem problem = problemOf(op.getKey(), op.getValue(), op.getScale().convertToFloat());
  auto heads = op.getPattern().getHeads();
  for (int64_t k = 0, count = heads.size(); k < std::min(count, problem.heads); ++k) {
    problem.firstHead = k;
    problem.headStep = count;
    problem.headCount = llvm::divideCeil(problem.heads - k, count);
    auto walks = walksOf(op, heads[k], problem.positions, /*strip=*/1);
    if (failed(walks))
      return failure();
    SmallVector<pattern::View> queries;
    SmallVector<SegmentForm> segments;
    for (const WalkForm &walk : *walks)
      for (const SegmentForm &segment : walk.segments) {
        queries.push_back(walk.query);
        segments.push_back(segment);
      }
    SmallVector<Value> operands(inputs.values);
    llvm::append_range(operands, results);
    auto types = bufferTypes(operands, results.empty() ? TypeRange(op->getResultTypes()) : TypeRange());
    auto kernel = addKernel(
        buildAttentionRow(b, op.getLoc(), "attention_row", problem, queries, segments, types, views, position));
    auto call = launch(b, op.getLoc(), kernel, operands, op->getResultTypes(), attentionRowItems(problem), !results.empty());
    results.assign(call.getResults().begin(), call.getResults().end());
  }
  op->replaceAllUsesWith(results);
  op.erase();
  return success();
}

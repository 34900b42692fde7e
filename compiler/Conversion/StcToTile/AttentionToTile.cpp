//===- AttentionToTile.cpp - attention ops become kernels -----------------===//
//
// Each head's pattern is split into walks, each walk is a kernel. The first writes its results, the
// others go on from them: output and log-sum-exp are the whole state of a softmax, gradients add
// up.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/StcToTile/AttentionToTile.h"
#include "compiler/Conversion/StcToTile/Chunks.h"
#include "compiler/Conversion/StcToTile/HeadClasses.h"
#include "compiler/Conversion/StcToTile/Invariant.h"
#include "compiler/Conversion/StcToTile/WalkForms.h"

#include <mlir/IR/BuiltinOps.h>
#include <numeric>

using namespace mlir;
using namespace stc;

namespace {
RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

SmallVector<AffineExpr, 4> constants(MLIRContext *context, ArrayRef<int64_t> values) {
  return llvm::map_to_vector<4>(
      values, [&](int64_t value) { return getAffineConstantExpr(value, context); });
}

/// A tensor of attention in a buffer of its own.
BufferView plainView(unsigned buffer, Value tensor, Layout layout,
                     const DynamicSizes *dynamic = nullptr) {
  if (dynamic)
    return {buffer, 0, dynamic->shape(tensor), dynamic->strides(tensor)};
  AttentionShape shape(tensor, layout);
  const bool headMajor = layout == Layout::HeadMajor;
  MLIRContext *context = tensor.getContext();
  return {buffer, 0, constants(context, {shape.batch, shape.positions, shape.heads, shape.size}),
          constants(context, {shape.positions * shape.heads * shape.size,
                              headMajor ? shape.size : shape.heads * shape.size,
                              headMajor ? shape.positions * shape.size : shape.size, 1})};
}

/// One that is the columns from `column` on of rows [batch, positions, width].
BufferView columnsView(unsigned buffer, Value tensor, int64_t column, int64_t width) {
  BufferView view = plainView(buffer, tensor, Layout::TokenMajor);
  view.offset = column;
  view.strides[0] = view.shape[1] * width;
  view.strides[1] = getAffineConstantExpr(width, tensor.getContext());
  return view;
}

/// Rows [batch, positions, heads, columns] for the sums of queries, one behind the other.
BufferView sumsView(Value query, Layout layout, int64_t columns, const DynamicSizes *dynamic) {
  BufferView view = plainView(0, query, layout, dynamic);
  view.shape[3] = getAffineConstantExpr(columns, query.getContext());
  for (int64_t k = 2; k >= 0; --k)
    view.strides[k] = view.strides[k + 1] * view.shape[k + 1];
  return view;
}

/// Whether rows [batch, positions, heads * size] are those of a token-major tensor.
bool areRowsOf(Value rows, Value tensor) {
  AttentionShape shape(tensor, Layout::TokenMajor);
  return typeOf(rows).getShape() ==
         ArrayRef<int64_t>({shape.batch, shape.positions, shape.heads * shape.size});
}

/// The buffers of a launch: distinct values, and where each tensor lies in them.
struct Buffers {
  explicit Buffers(Layout layout, const DynamicSizes *dynamic = nullptr)
      : layout(layout), dynamic(dynamic) {}

  Layout layout;
  const DynamicSizes *dynamic;
  SmallVector<Value> values;

  unsigned add(Value value) {
    auto found = llvm::find(values, value);
    if (found == values.end())
      values.push_back(value), found = values.end() - 1;
    return found - values.begin();
  }

  /// A tensor that is a reshaped range of columns of a wider one is read where it lies.
  BufferView view(Value tensor) {
    auto reshape = tensor.getDefiningOp<ReshapeOp>();
    if (layout != Layout::TokenMajor || !reshape || !areRowsOf(reshape.getInput(), tensor))
      return plainView(add(tensor), tensor, layout, dynamic);
    Columns columns = columnsOfWhole(reshape.getInput());
    if (columns.whole == reshape.getInput())
      return plainView(add(columns.whole), tensor, layout);
    return columnsView(add(columns.whole), tensor, columns.first,
                       typeOf(columns.whole).getShape().back());
  }
};

/// If all gradients are reshaped to rows and stand side by side in one tensor, that tensor.
ConcatOp commonConcat(Operation *op, Layout layout) {
  if (layout != Layout::TokenMajor)
    return {};
  ConcatOp concat;
  for (Value result : op->getResults()) {
    auto reshape = result.hasOneUse() ? dyn_cast<ReshapeOp>(*result.user_begin()) : ReshapeOp();
    if (!reshape || !reshape->hasOneUse() || !areRowsOf(reshape, result))
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

SmallVector<Type> bufferTypes(ValueRange operands, TypeRange results) {
  SmallVector<Type> types;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    types.push_back(bufferType(tensor.getShape(), tensor.getElementType()));
  };
  llvm::for_each(operands.getTypes(), add);
  llvm::for_each(results, add);
  return types;
}
} // namespace

template <typename Op>
static constexpr bool isOfChunk =
    std::is_same_v<Op, AttentionChunkOp> || std::is_same_v<Op, AttentionChunkGradOp>;

/// The buffer that says which chunk the queries are, of those of one.
template <typename Op> static unsigned addChunkNumber(Op op, Buffers &inputs) {
  if constexpr (isOfChunk<Op>)
    return inputs.add(op.getNumber());
  return 0;
}

template <typename Op> AttentionProblem AttentionConverter::problemOf(Op op) {
  AttentionShape query(op.getQuery(), op.getLayout()), key(op.getKey(), op.getLayout());
  AttentionProblem problem;
  problem.batch = key.batch;
  problem.positions = key.positions;
  problem.queries = query.positions;
  problem.keys = key.positions;
  if constexpr (isOfChunk<Op>) {
    problem.chunk = {int64_t(op.getCount()),
                     int64_t(op.getBlock()),
                     {op.getKeys().getPeriod(), op.getKeys().getFirst(), op.getKeys().getWidth()}};
    if (op.getKeys().areAll())
      problem.chunk.keys = {};
    problem.positions = query.positions * problem.chunk.count;
  }
  problem.dynamic = sizes();
  problem.heads = query.heads;
  problem.keyHeads = key.heads;
  problem.scale = op.getScale().convertToFloat();
  if (tiles.mostRows)
    problem.mostRows =
        tiles.mostRows(query.size, AttentionShape(op.getValue(), op.getLayout()).size,
                       typeOf(op.getQuery()).getElementType());
  return problem;
}

FailureOr<pattern::Pattern> AttentionConverter::patternOf(Operation *op, StringRef text,
                                                          int64_t n) {
  auto known = patterns.find({text.str(), n});
  if (known != patterns.end())
    return known->second;
  auto pattern = pattern::Pattern::parse(text, n);
  if (!pattern)
    return op->emitOpError("in pattern \"")
           << text << "\" at byte " << pattern.error().offset << ": " << pattern.error().message;
  // A chunk's are some of the pairs of its queries, and so are those from which it goes on.
  auto isChunk = [](Operation *op) { return isa<AttentionChunkOp, AttentionChunkGradOp>(op); };
  const bool areSome = isChunk(op) || llvm::any_of(op->getUsers(), isChunk);
  if (std::string empty = areSome ? "" : pattern->emptyRows(); !empty.empty())
    op->emitWarning("pattern \"") << text
                                  << "\" has no key for some queries, whose output is zero: "
                                  << empty;
  patterns.emplace(std::pair(text.str(), n), *pattern);
  return *pattern;
}

FailureOr<ArrayRef<WalkForm>> AttentionConverter::walksOf(Operation *op, StringRef text,
                                                          const AttentionProblem &problem,
                                                          Axis axis, int64_t tallRows) {
  const int64_t n = problem.positions;
  const int64_t mostRows = axis == Axis::Keys ? problem.mostRows.keys : problem.mostRows.queries;
  const AttentionChunk &chunk = problem.chunk;
  const std::vector<int64_t> numbers = {
      n,           mostRows,          int64_t(axis),    tallRows,         chunk.count,
      chunk.block, chunk.keys.period, chunk.keys.first, chunk.keys.width, bool(dynamic)};
  auto [entry, added] = forms.try_emplace({text.str(), numbers});
  if (!added)
    return ArrayRef<WalkForm>(entry->second);
  auto pattern = patternOf(op, text, n);
  if (failed(pattern))
    return failure();
  std::vector<WalkForm> &walks = entry->second;
  walks = axis == Axis::Keys
              ? walksByKeys(*pattern, n, mostRows, tiles, tallRows)
              : walksByQueries(*pattern, n, mostRows, tiles, axis == Axis::SingleQueries,
                               axis == Axis::QueriesApart, chunk);
  if (!chunk.isWhole())
    for (WalkForm &walk : walks)
      if (const char *expected = takeChunk(walk, chunk, n, axis == Axis::Keys))
        return op->emitOpError("expected a pattern that is seen in ")
               << expected << ", found \"" << text << "\"";
  // How many residues stand side by side hangs on the length.
  if (axis != Axis::SingleQueries && tiles.packedRows > 0 && !dynamic)
    for (WalkForm &walk : walks)
      packResidues(walk, n, mostRows, tiles);
  // The first kernel writes all rows: a walk over every position, if need be one without a pair.
  auto covering = llvm::find_if(walks, [](const WalkForm &walk) {
    return walk.view.width * walk.view.residues * walk.view.together == walk.view.period;
  });
  if (covering == walks.end())
    walks.insert(walks.begin(), noPairs(axis == Axis::Keys ? tiles.ofKeys({}, n, mostRows)
                                                           : tiles.ofQueries({}, n, mostRows),
                                        axis == Axis::Keys ? problem.keys : problem.queries));
  else
    std::rotate(walks.begin(), covering, covering + 1);
  if (tiles.residueByResidue && chunk.isWhole())
    for (WalkForm &walk : walks)
      walk.isApart = isApart(walk, n);
  if (axis == Axis::Keys && chunk.isWhole())
    walks.front().meetsAllOnce = meetsAllOnce(walks.front(), n);
  // All walks are one kernel's, whose query is the last one at worst.
  if (axis == Axis::SingleQueries) {
    walks.front().own = 1;
    walks.front().pairs = walks.front().others = pattern->countKeys(n - 1);
  }
  return ArrayRef<WalkForm>(walks);
}

/// What the kernel of a walk has to do; null where pairs could not be counted, or are so many that
/// 63 bits do not hold the operations.
template <typename Op>
static tile::WorkAttr workOf(Op op, AttentionPart part, const AttentionProblem &problem,
                             const WalkForm &walk, bool sumsQueries) {
  if (!walk.pairs)
    return {};
  AttentionShape key(op.getKey(), op.getLayout());
  const bool byKeys = part == AttentionPart::KeyGradient;
  AttentionCounts counts;
  counts.attentions = problem.batch * problem.headCount / walk.classes;
  counts.group = llvm::divideCeil(problem.group(), problem.stepOf(walk));
  counts.querySize = key.size;
  counts.valueSize = AttentionShape(op.getValue(), op.getLayout()).size;
  counts.elementBytes = typeOf(op.getKey()).getElementTypeBitWidth() / 8;
  counts.sumBytes = std::max<int64_t>(counts.elementBytes, 4);
  counts.pairs = *walk.pairs;
  constexpr int64_t mostProducts = 10; // of a pair, a multiplication and an addition being two
  int64_t all;
  if (__builtin_mul_overflow(counts.attentions, counts.pairs, &all) ||
      __builtin_mul_overflow(all, mostProducts * std::max(counts.querySize, counts.valueSize),
                             &all))
    return {};
  counts.queries = byKeys ? walk.others : walk.own;
  counts.keys = byKeys ? walk.own : walk.others;
  counts.resumes = problem.resume;
  counts.resumesKeys = problem.resumeKeys;
  counts.sumsQueries = sumsQueries;
  AttentionWork work = attentionWork(part, counts);
  return tile::WorkAttr::get(op->getContext(), work.flops, work.bytes);
}

/// Whether each query has a key, of a pattern that is known.
bool AttentionConverter::isNonempty(StringRef text, int64_t n) const {
  return patterns.at({text.str(), n}).noEmptyRow().answer == pattern::Proof::Answer::True;
}

/// How many queries of all heads there are.
template <typename Op> AffineExpr AttentionConverter::rowsOf(Op op) const {
  if (dynamic)
    return dynamic->batch() * dynamic->positions() * dynamic->heads();
  AttentionShape query(op.getQuery(), op.getLayout());
  return getAffineConstantExpr(query.batch * query.positions * query.heads, op.getContext());
}

void AttentionConverter::setExamples(KernelBuilder &builder) const {
  if (dynamic)
    builder.getKernel()->setAttr(tile::kExamples,
                                 builder.getDenseI64ArrayAttr(dynamic->examples()));
}

void AttentionConverter::takePeriods(const WalkForm &walk) {
  if (!dynamic)
    return;
  dynamic->addPeriod(walk.view.period);
  for (const SegmentForm &segment : walk.segments)
    dynamic->addPeriod(segment.view.period);
}

// What a pattern has of fewer positions are the same pairs, none of a query that is there with a
// key that is not.
template <typename Op> LogicalResult AttentionConverter::fixSizes(Op op) {
  AttentionShape query(op.getQuery(), op.getLayout());
  const std::vector<std::string> texts = op.getPattern().inTurn(query.heads);
  if (texts.size() > 1)
    dynamic->fixHeads();
  for (const std::string &text : texts) {
    auto pattern = patternOf(op, text, query.positions);
    if (failed(pattern))
      return failure();
    if (pattern->namesLength() || pattern->causal().answer != pattern::Proof::Answer::True)
      dynamic->fixPositions();
  }
  return success();
}

tile::LaunchOp AttentionConverter::launch(OpBuilder &b, Location loc, tile::KernelOp kernel,
                                          TypeRange results, ValueRange operands, size_t tied,
                                          AffineExpr items) {
  auto sizes = dynamic ? dynamic->examples() : ArrayRef<int64_t>();
  auto map = AffineMap::get(0, sizes.size(), items, b.getContext());
  auto call = createLaunch(b, loc, kernel, results, operands, tile::evaluate(map, sizes)[0], sizes);
  SmallVector<int64_t> ties(call.getTied());
  std::iota(ties.begin(), ties.begin() + tied, int64_t(operands.size() - tied));
  call.setTied(ties);
  if (dynamic) {
    SmallVector<AffineExpr> numbers = {items};
    for (Type result : results.drop_front(tied))
      numbers.push_back(dynamic->bytes(cast<RankedTensorType>(result)));
    call.setDynamicAttr(dynamic->map(numbers));
  }
  return call;
}

template <typename Op>
LogicalResult AttentionConverter::convertSized(Op op, function_ref<LogicalResult()> body) {
  auto function = op->template getParentOfType<func::FuncOp>();
  if (function && function->hasAttr(kDynamic) && !tiles.ofKeys)
    return op.emitOpError("expected static sizes, as this target takes no others");
  auto found = DynamicSizes::of(op);
  if (failed(found))
    return failure();
  dynamic = std::move(*found);
  if (dynamic && failed(fixSizes(op)))
    return failure();
  LogicalResult converted = body();
  if (succeeded(converted) && dynamic)
    converted = dynamic->finish(function);
  dynamic.reset();
  return converted;
}

template <typename Op>
FailureOr<std::vector<AttentionConverter::HeadGroup>>
AttentionConverter::headGroups(Op op, const AttentionProblem &problem, const Recipe &recipe) {
  const std::vector<std::string> patterns = op.getPattern().inTurn(problem.heads);
  const int64_t count = patterns.size();
  std::vector<HeadGroup> groups;
  SmallVector<ArrayRef<WalkForm>> walks;
  // Pattern k serves the heads k, k + count, ...
  for (int64_t k = 0; k < count; ++k) {
    auto own = walksOf(op, patterns[k], problem, recipe.axis, recipe.tallRows);
    if (failed(own))
      return failure();
    walks.push_back(*own);
    groups.push_back({k, count, {patterns[k]}, *own});
  }
  if (count == 1 || problem.heads % count)
    return groups;
  auto merged = mergedByHead(walks);
  if (!merged)
    return groups;
  auto isPossible = [&](const WalkForm &walk) {
    if (walk.classes == 1)
      return true;
    if (walk.chunks > 1) // which says what the residue is
      return false;
    // The residue of a single query follows from its position.
    if (!problem.byKeyHeads)
      return recipe.axis != Axis::SingleQueries || walk.view.residues == 1;
    // The keys of an item are no other's, and each head of keys has heads of all patterns.
    return recipe.axis == Axis::Keys && walk.view.residues > 1 && problem.group() % count == 0;
  };
  if (llvm::all_of(*merged, isPossible))
    groups = {{0, 1, patterns, std::move(*merged)}};
  return groups;
}

template <typename Op>
FailureOr<SmallVector<Value>>
AttentionConverter::launchWalks(Op op, ValueRange inputs, ValueRange begun, TypeRange resultTypes,
                                const Recipe &recipe) {
  OpBuilder b(op);
  SmallVector<Value> results(begun);
  const bool oneKernel = recipe.axis == Axis::SingleQueries;
  AttentionProblem problem = problemOf(op);
  // No two items may add to the same key.
  problem.byKeyHeads = recipe.sumsOfKeys && problem.group() > 1;
  problem.tiled = recipe.axis == Axis::Keys ? problem.keys : problem.queries;
  problem.chunk.number = recipe.chunkNumber;
  problem.residueByResidue = tiles.residueByResidue;
  problem.isInvariant = recipe.isInvariant;
  // Weights whose sum is zero are not the last word before those of other chunks.
  const bool isLast =
      !llvm::any_of(op->getUsers(), [](Operation *user) { return isa<AttentionChunkOp>(user); });
  auto groups = headGroups(op, problem, recipe);
  if (failed(groups))
    return failure();
  for (const HeadGroup &group : *groups) {
    problem.firstHead = group.first;
    problem.headStep = group.step;
    problem.headCount = llvm::divideCeil(problem.heads - group.first, group.step);
    problem.resume = recipe.resumes;
    problem.resumeKeys = problem.byKeyHeads && group.first > 0;
    const size_t kernels = oneKernel ? 1 : group.walks.size();
    for (size_t w = 0; w < kernels; ++w) {
      ArrayRef<WalkForm> walks = group.walks;
      if (!oneKernel)
        walks = walks.slice(w, 1);
      problem.schedule = walks[0].schedule;
      problem.isNonempty =
          isLast && w + 1 == kernels && llvm::all_of(group.patterns, [&](const std::string &text) {
            return isNonempty(text, problem.positions);
          });
      SmallVector<Value> operands(inputs);
      llvm::append_range(operands, results);
      auto types = bufferTypes(operands, resultTypes.drop_front(results.size()));
      auto kernel = outliner.get(
          recipe.name, "attention", op.getLoc(), types, sizeCount(), [&](KernelBuilder &builder) {
            recipe.fill(builder, problem, walks);
            setExamples(builder);
            SmallVector<StringRef> patterns(group.patterns.begin(), group.patterns.end());
            if (problem.chunk.isWhole())
              builder.getKernel()->setAttr(kPatternsOfKernel, b.getStrArrayAttr(patterns));
          });
      takePeriods(walks[0]);
      auto call = launch(b, op.getLoc(), kernel, resultTypes, operands, results.size(),
                         recipe.items(b.getContext(), problem, walks[0]));
      call.setWorkAttr(workOf(op, recipe.part, problem, walks[0], recipe.sumsQueries));
      results.assign(call.getResults().begin(), call.getResults().end());
      problem.resume = true;
    }
  }
  return results;
}

template <typename Op> LogicalResult AttentionConverter::convertForward(Op op) {
  Buffers inputs(op.getLayout(), sizes());
  SmallVector<BufferView> views = {inputs.view(op.getQuery()), inputs.view(op.getKey()),
                                   inputs.view(op.getValue())};
  auto fill = [&](KernelBuilder &b, const AttentionProblem &problem, ArrayRef<WalkForm> walks) {
    fillAttention(b, problem, walks[0], views, views.back().buffer + 1);
  };
  Recipe recipe{"attention",         Axis::Queries, AttentionPart::Forward, fill, attentionItems,
                /*sumsOfKeys=*/false};
  recipe.chunkNumber = addChunkNumber(op, inputs);
  SmallVector<Value> begun;
  if constexpr (isOfChunk<Op>) {
    recipe.resumes = bool(op.getFromOutput());
    if (recipe.resumes)
      begun = {op.getFromOutput(), op.getFromLogsumexp()};
  }
  views.push_back(plainView(inputs.values.size(), op.getOutput(), op.getLayout(), sizes()));
  auto results = launchWalks(op, inputs.values, begun, op->getResultTypes(), recipe);
  if (failed(results))
    return failure();
  op->replaceAllUsesWith(*results);
  op.erase();
  return success();
}
LogicalResult AttentionConverter::convert(AttentionOp op) {
  return convertSized(op, [&] { return convertForward(op); });
}
LogicalResult AttentionConverter::convert(AttentionChunkOp op) { return convertForward(op); }

/// Where the gradients go: tensors of their own, or columns of one that they are concatenated to.
namespace {
struct Gradients {
  Gradients(Operation *op, Layout layout, const DynamicSizes *dynamic)
      : op(op), layout(layout), dynamic(dynamic), concat(commonConcat(op, layout)) {}

  SmallVector<Type> types() {
    return concat ? SmallVector<Type>{concat.getType()} : SmallVector<Type>(op->getResultTypes());
  }
  /// Of query, key or value, where the first of these tensors is the buffer of that number.
  BufferView view(unsigned gradient, unsigned firstBuffer) {
    Value result = op->getResult(gradient);
    if (!concat)
      return plainView(firstBuffer + gradient, result, layout, dynamic);
    return columnsView(firstBuffer, result, columnOf(concat, result),
                       concat.getType().getShape().back());
  }
  void replace(ValueRange results) {
    if (!concat) {
      op->replaceAllUsesWith(results);
      return op->erase();
    }
    SmallVector<Operation *> reshapes =
        llvm::map_to_vector(concat.getInputs(), [](Value part) { return part.getDefiningOp(); });
    concat.replaceAllUsesWith(results[0]);
    concat.erase();
    for (Operation *reshape : reshapes)
      reshape->erase();
    op->erase();
  }

  Operation *op;
  Layout layout;
  const DynamicSizes *dynamic;
  ConcatOp concat;
};
} // namespace

template <typename Op> LogicalResult AttentionConverter::convertGradient(Op op) {
  if (tiles.ofKeys)
    return convertByTiles(op);
  Buffers inputs(op.getLayout(), sizes());
  SmallVector<BufferView> views;
  for (Value tensor :
       {op.getQuery(), op.getKey(), op.getValue(), op.getOutput(), op.getOutputGrad()})
    views.push_back(inputs.view(tensor));
  unsigned logsumexp = inputs.add(op.getLogsumexp());
  const unsigned chunkNumber = addChunkNumber(op, inputs), firstResult = inputs.values.size();
  Gradients gradients(op, op.getLayout(), sizes());
  for (unsigned k = 0; k < 3; ++k)
    views.push_back(gradients.view(k, firstResult));
  auto fill = [&](KernelBuilder &b, const AttentionProblem &problem, ArrayRef<WalkForm> walks) {
    fillAttentionGrad(b, problem, walks[0], views, logsumexp);
  };
  Recipe recipe{"attention_grad",   Axis::QueriesApart, AttentionPart::Gradient, fill,
                attentionGradItems,
                /*sumsOfKeys=*/true};
  recipe.chunkNumber = chunkNumber;
  auto results = launchWalks(op, inputs.values, {}, gradients.types(), recipe);
  if (failed(results))
    return failure();
  gradients.replace(*results);
  return success();
}
LogicalResult AttentionConverter::convert(AttentionGradOp op) {
  return convertSized(op, [&] { return convertGradient(op); });
}
LogicalResult AttentionConverter::convert(AttentionChunkGradOp op) { return convertGradient(op); }

template <typename Op>
FailureOr<AttentionConverter::QuerySums>
AttentionConverter::querySumsOf(Op op, const AttentionProblem &problem) {
  QuerySums sums{true, true};
  for (const std::string &text : op.getPattern().inTurn(problem.heads)) {
    auto walks = walksOf(op, text, problem, Axis::Keys);
    if (failed(walks))
      return failure();
    QuerySumWork work{typeOf(op.getKey()).getDimSize(3), typeOf(op.getValue()).getDimSize(3)};
    for (const WalkForm &walk : *walks) {
      double pairs = computedPairs(walk, problem.keys);
      work.keysPerQuery += pairs / double(problem.queries);
      work.additions += pairs > 0 && !walk.meetsAllOnce;
    }
    sums.used &= tiles.sumsQueries(work);
    sums.begun &= walks->front().meetsAllOnce;
  }
  return sums;
}

// What each query needs once; the tiles of keys; and for the gradient of queries either their
// tiles, where scores are computed again and each sum is made in one place and order, or sums that
// the tiles of keys add to.
template <typename Op> LogicalResult AttentionConverter::convertByTiles(Op op) {
  OpBuilder b(op);
  AttentionProblem problem = problemOf(op);
  auto sums = querySumsOf(op, problem);
  if (failed(sums))
    return failure();
  constexpr int64_t rows = 256; // queries an item, where each is for itself
  const int64_t queries = problem.batch * problem.queries * problem.heads;
  auto launch = [&](StringRef name, ValueRange inputs, ValueRange tied, TypeRange types,
                    int64_t bytes, function_ref<void(KernelBuilder &)> fill) {
    SmallVector<Value> operands(inputs);
    llvm::append_range(operands, tied);
    auto buffers = bufferTypes(operands, types.drop_front(tied.size()));
    auto kernel =
        outliner.get(name, "attention", op.getLoc(), buffers, sizeCount(), [&](KernelBuilder &k) {
          fill(k);
          setExamples(k);
        });
    auto call = this->launch(b, op.getLoc(), kernel, types, operands, tied.size(),
                             rowsOf(op).ceilDiv(rows));
    call.setWorkAttr(tile::WorkAttr::get(op.getContext(), /*flops=*/0, bytes));
    return SmallVector<Value>(call.getResults());
  };

  AttentionShape query(op.getQuery(), op.getLayout());
  const int64_t columns = sumSize(query.size);
  const BufferView sumView = sumsView(op.getQuery(), op.getLayout(), columns, sizes());
  Type deltaType = typeOf(op.getLogsumexp()),
       sumType = RankedTensorType::get({query.batch, query.positions, query.heads, columns},
                                       b.getF32Type());
  auto sumIn = [&](unsigned buffer) {
    BufferView view = sumView;
    view.buffer = buffer;
    return view;
  };
  Buffers inputs(op.getLayout(), sizes());
  SmallVector<BufferView> views = {inputs.view(op.getOutput()), inputs.view(op.getOutputGrad())};
  unsigned deltaBuffer = inputs.values.size();
  SmallVector<Type> types = {deltaType};
  const bool zeros = sums->used && !sums->begun;
  if (zeros)
    views.push_back(sumIn(deltaBuffer + 1)), types.push_back(sumType);
  const int64_t elementBytes = typeOf(op.getKey()).getElementTypeBitWidth() / 8;
  const int64_t bytes =
      deltaBytes(queries, typeOf(op.getValue()).getDimSize(3), zeros ? columns : 0, elementBytes);
  auto begun = launch("attention_delta", inputs.values, {}, types, bytes, [&](KernelBuilder &k) {
    fillAttentionDelta(k, problem, rows, views, deltaBuffer);
  });

  inputs.values.clear();
  views.clear();
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue(), op.getOutputGrad()})
    views.push_back(inputs.view(tensor));
  unsigned logsumexp = inputs.add(op.getLogsumexp());
  deltaBuffer = inputs.add(begun[0]);
  const unsigned chunkNumber = addChunkNumber(op, inputs);
  Gradients gradients(op, op.getLayout(), sizes());
  types = gradients.types();

  // The results of tiles of keys: the sums, if any, and the gradients of keys and values, or the
  // tensor that holds all three, which the gradient of queries joins.
  unsigned result = inputs.values.size();
  SmallVector<BufferView> keyViews(views), queryViews(views);
  SmallVector<Type> keyTypes(gradients.concat ? types : ArrayRef(types).drop_front());
  for (unsigned k : {1, 2})
    keyViews.push_back(
        gradients.view(k, gradients.concat ? result + sums->used : result + sums->used - 1));
  if (sums->used) {
    keyViews.push_back(sumIn(result));
    keyTypes.insert(keyTypes.begin(), sumType);
  }
  auto fillKeys = [&](KernelBuilder &k, const AttentionProblem &p, ArrayRef<WalkForm> walks) {
    fillAttentionKeyGrad(k, p, walks[0], keyViews, logsumexp, deltaBuffer);
  };
  const bool isNarrow = typeOf(op.getKey()).getElementTypeBitWidth() == 16;
  const int64_t tallRows = isNarrow && tiles.tallKeyRows
                               ? tiles.tallKeyRows(query.size, typeOf(op.getValue()).getDimSize(3))
                               : 0;
  Recipe recipe{"attention_key_grad", Axis::Keys,         AttentionPart::KeyGradient, fillKeys,
                attentionItems,       /*sumsOfKeys=*/true};
  recipe.sumsQueries = sums->used;
  recipe.tallRows = sums->used ? 0 : tallRows;
  recipe.chunkNumber = chunkNumber;
  auto byKeys =
      launchWalks(op, inputs.values, zeros ? ValueRange(begun[1]) : ValueRange(), keyTypes, recipe);
  if (failed(byKeys))
    return failure();
  ValueRange keyGrads = ValueRange(*byKeys).drop_front(sums->used ? 1 : 0);
  ValueRange joined = gradients.concat ? keyGrads : ValueRange();

  SmallVector<Value> byQueries;
  if (sums->used) {
    views = {sumIn(0), gradients.view(0, 1)};
    byQueries = launch("attention_query_sum", byKeys->front(), joined, types[0],
                       querySumBytes(queries, query.size, elementBytes),
                       [&](KernelBuilder &k) { fillAttentionQuerySum(k, problem, rows, views); });
  } else {
    queryViews.push_back(gradients.view(0, result));
    auto fillQueries = [&](KernelBuilder &k, const AttentionProblem &p, ArrayRef<WalkForm> walks) {
      fillAttentionQueryGrad(k, p, walks[0], queryViews, logsumexp, deltaBuffer);
    };
    Recipe ofQueries{
        "attention_query_grad", Axis::Queries,       AttentionPart::QueryGradient, fillQueries,
        attentionItems,         /*sumsOfKeys=*/false};
    ofQueries.chunkNumber = chunkNumber;
    auto launched = launchWalks(op, inputs.values, joined, types[0], ofQueries);
    if (failed(launched))
      return failure();
    byQueries = std::move(*launched);
  }
  if (gradients.concat)
    gradients.replace(byQueries);
  else
    gradients.replace({byQueries[0], keyGrads[0], keyGrads[1]});
  return success();
}

/// What puts the key and the value of the query's own position into the sequences that it reads, if
/// nobody needs them before: the kernel can do that.
static SmallVector<InsertRowOp> insertionsOf(AttentionRowOp op) {
  SmallVector<InsertRowOp> insertions;
  for (Value sequence : {op.getKey(), op.getValue()}) {
    auto insertion = sequence.getDefiningOp<InsertRowOp>();
    if (!insertion || insertion.getPosition() != op.getPosition() ||
        insertion->getBlock() != op->getBlock() ||
        llvm::any_of(insertion->getUsers(), [&](Operation *user) {
          return user->getBlock() != op->getBlock() || user->isBeforeInBlock(op);
        }))
      return {};
    insertions.push_back(insertion);
  }
  const bool areTwo = insertions[0].getSequence() != insertions[1].getSequence();
  return op.getLayout() == Layout::TokenMajor && areTwo ? insertions : SmallVector<InsertRowOp>();
}

LogicalResult AttentionConverter::convert(AttentionRowOp op) {
  Buffers inputs(op.getLayout());
  SmallVector<InsertRowOp> insertions = insertionsOf(op);
  SmallVector<BufferView> views = {inputs.view(op.getQuery())}, inserted;
  // Sequences that are written stand behind the inputs.
  SmallVector<Value> sequences;
  for (InsertRowOp insertion : insertions) {
    inserted.push_back(inputs.view(insertion.getRow()));
    sequences.push_back(insertion.getSequence());
  }
  if (insertions.empty())
    views.append({inputs.view(op.getKey()), inputs.view(op.getValue())});
  unsigned position = inputs.add(op.getPosition()), next = inputs.values.size();
  for (Value sequence : sequences)
    views.push_back(plainView(next++, sequence, op.getLayout()));
  views.push_back(plainView(next, op.getOutput(), op.getLayout()));
  views.append(inserted);
  auto fill = [&](KernelBuilder &b, const AttentionProblem &problem, ArrayRef<WalkForm> walks) {
    fillAttentionRow(b, problem, walks, views, position);
  };
  auto items = [](MLIRContext *context, const AttentionProblem &problem, const WalkForm &) {
    return attentionRowItems(context, problem);
  };
  Recipe recipe{"attention_row",     Axis::SingleQueries, AttentionPart::OneQuery, fill, items,
                /*sumsOfKeys=*/false};
  recipe.isInvariant = !sequences.empty() && llvm::all_of(sequences, [&](Value sequence) {
    return isInvariant(sequence, op);
  });
  SmallVector<Type> types(ValueRange(sequences).getTypes());
  types.push_back(op.getType());
  auto results = launchWalks(op, inputs.values, sequences, types, recipe);
  if (failed(results))
    return failure();
  op.replaceAllUsesWith(results->back());
  op.erase();
  for (auto [insertion, result] : llvm::zip(insertions, *results)) {
    insertion.replaceAllUsesWith(result);
    insertion.erase();
  }
  return success();
}

//===- DecodeAttention.cpp - attention of one query against cached keys ----------===//
//
// For sampling: a block takes one query of one head. A few lanes take a key, up to 16 elements
// each; the keys of all walks are one sequence that is dealt out to them, and each few lanes have
// an online softmax of their own, so that nothing but a key's place and a score go across lanes
// while keys come. The softmaxes are merged in an order that is always the same: lanes of a warp,
// then warps through shared memory, then blocks, where several share a head. All is f32 by FMAs.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToCuda/CudaKernel.h"
#include "compiler/Conversion/TileToCuda/TileToCuda.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
using Values = CudaEmitter::Values;
constexpr int64_t kWarps = 8, kThreads = 32 * kWarps;
/// Keys of a lane whose loads are under way together.
constexpr int64_t kAtOnce = 4;
/// Registers of some keys' loads that leave a thread room for all else in 128.
constexpr int64_t kFewRegisters = 64;
/// Bytes of a copy to shared memory, and of all threads' copies.
constexpr int64_t kPiece = 16, kPieces = kPiece * kThreads;
/// A maximum before the first key, which no difference makes infinite.
constexpr float kNoMaximum = -1e30f;

int64_t chunkOf(const CudaTensor &tensor) { return tensor.alignment() / tensor.elementBytes(); }

/// The elements of rows that a lane has: chunks of them, `lanes` chunks apart.
class LaneRow {
public:
  LaneRow(CudaKernel &kernel, const CudaTensor &tensor, const CudaItem &item, int64_t chunk,
          int64_t lanes, Value lane)
      : kernel(kernel), e(kernel.emitter()), tensor(tensor), chunk(chunk),
        distance(lanes * chunk * tensor.elementBytes()) {
    const int64_t size = tensor.size();
    for (int64_t first = 0; first < size; first += lanes * chunk) {
      Value column = e.add(e.mul(lane, chunk), first);
      const bool all = first + lanes * chunk <= size;
      exists.push_back(all ? Value() : e.less(column, e.i(size)));
      // What does not exist is read from another place, and never used.
      columns.push_back(all ? column : e.min(column, e.i(size - chunk)));
      starts.push_back(kernel.elementAddress(tensor, e.i(0), item, columns.back()));
    }
  }

  /// The row of one position lies in another tensor.
  void replace(Value position, const CudaTensor &other, const CudaItem &item) {
    replaced = position;
    for (Value column : columns)
      others.push_back(kernel.elementAddress(other, e.i(0), item, column));
  }

  int64_t chunkSize() const { return chunk; }
  int64_t count() const { return chunk * int64_t(columns.size()); }
  /// As vectors, which nothing is done with. Most chunks are at constant distances from the first.
  Values load(Value position) const {
    Value first = address(0, position);
    Values all;
    for (size_t k = 0; k < columns.size(); ++k) {
      Value from = first;
      if (k > 0)
        from = exists[k] ? address(k, position) : e.behind(first, k * distance);
      all.append(kernel.loadVectors(tensor.type.getElementType(), from, chunk));
    }
    return all;
  }
  /// Pieces of 16 bytes, of which all chunks are made.
  int64_t pieces() const { return count() * tensor.elementBytes() / kPiece; }
  /// Starts copies of a row to shared memory, from `place` on and kPieces apart.
  void copy(Value position, Value exists, Value place) const {
    const int64_t ofChunk = chunk * tensor.elementBytes() / kPiece;
    for (int64_t k = 0; k < pieces(); ++k) {
      Value from = e.behind(address(k / ofChunk, position), k % ofChunk * kPiece);
      e.copyBytes(e.add(place, k * kPieces), from, kPiece, exists);
    }
  }
  /// What they have brought, as vectors.
  Values loadCopied(Value place) const {
    Values all;
    auto type = VectorType::get({kPiece / tensor.elementBytes()}, tensor.type.getElementType());
    for (int64_t k = 0; k < pieces(); ++k)
      all.push_back(LLVM::LoadOp::create(e.b, type, e.shared(e.add(place, k * kPieces)), kPiece));
    return all;
  }
  /// The row that lies in another tensor.
  Values loadReplaced() const {
    Values all;
    for (Value other : others)
      all.append(kernel.loadVectors(tensor.type.getElementType(), other, chunk));
    return all;
  }
  /// Runs the body for each of the lane's elements that exist, with its column.
  void each(ArrayRef<Value> values, function_ref<void(Value value, Value column)> body) const {
    for (size_t k = 0; k < columns.size(); ++k) {
      auto run = [&] {
        for (int64_t j = 0; j < chunk; ++j)
          body(values[k * chunk + j], e.add(columns[k], j));
      };
      exists[k] ? e.ifThen(exists[k], run) : run();
    }
  }
  /// Zeros in place of what does not exist.
  void clear(Values &values) const {
    for (auto [k, value] : llvm::enumerate(values))
      if (Value is = exists[k / chunk])
        value = e.select(is, value, e.f(0));
  }

private:
  Value address(size_t k, Value position) const {
    Value usual = kernel.advance(starts[k], tensor, position);
    if (!replaced)
      return usual;
    Value is = e.compare(arith::CmpIPredicate::eq, position, replaced);
    return e.select(is, others[k], usual);
  }

  CudaKernel &kernel;
  CudaEmitter &e;
  CudaTensor tensor;
  int64_t chunk, distance;
  Values columns, starts, exists, others;
  Value replaced;
};

/// The most blocks for each head with which all run on an H100 at once, where that pays.
int64_t blocksFor(tile::AttentionRowOp op) {
  constexpr int64_t multiprocessors = 132, most = 8;
  auto query = op.getQuery().getType();
  int64_t items = query.getDimSize(0) * llvm::divideCeil(query.getDimSize(2), op.getHeadStep());
  int64_t blocks = 1;
  while (!op.getShortKv() && 2 * blocks <= most && 2 * blocks * items <= multiprocessors)
    blocks *= 2;
  return blocks;
}

class DecodeAttention {
public:
  DecodeAttention(tile::KernelOp source, tile::AttentionRowOp op, bool isHopper)
      : source(source), op(op), kernel(source, op.getKey().getType().getElementType()),
        e(this->kernel.emitter()), query(op.getQuery()), key(op.getKey()), value(op.getValue()),
        output(op.getOutput()),
        lanes(std::min<int64_t>(32, llvm::PowerOf2Ceil(llvm::divideCeil(
                                        std::max(op.getQuerySize(), op.getValueSize()), 16)))),
        slots(kThreads / lanes), blocks(isHopper ? blocksFor(op) : 1), isHopper(isHopper) {
    this->kernel.setCluster(blocks);
  }

  void run();

private:
  /// An online softmax over keys so far, and the sum of the values that it weights.
  struct State {
    Value maximum, sum;
    Values output;

    Values pack() const {
      Values all = {maximum, sum};
      all.append(output);
      return all;
    }
    static State unpack(ValueRange all) { return {all[0], all[1], Values(all.drop_front(2))}; }
    void rescale(CudaEmitter &e, Value most) {
      Value factor = e.exp2(e.subf(maximum, most));
      maximum = most;
      sum = e.mulf(sum, factor);
      for (Value &one : output)
        one = e.mulf(one, factor);
    }
  };
  /// Rows as lanes have them, and the query itself, times the scale.
  struct Rows {
    LaneRow key, value;
    Values query;
  };

  CudaItem itemOf(IRMapping &mapping);
  void computeItem(const CudaItem &item, Value position, Value number);
  /// The rows of keys or values, in chunks of as many elements as their alignment has. Without a
  /// position they are those of the cache as it was.
  LaneRow rowsOf(unsigned number, const CudaItem &item, Value position);
  /// Writes the inserted rows, if the head is the first of the kernel's that share them.
  void insertRows(const CudaItem &item, Value position);
  /// Residue and row of the position in a view, and whether the view has it.
  std::tuple<Value, Value, Value> locate(tile::ViewAttr view, const CudaItem &item, Value position);
  /// The keys of a walk among those of all walks, which are one sequence: number k is its row
  /// `shift` + k, up to `end`, of the residue `met`. Of several ranges, each has `longest` numbers
  /// from `first` on, and the ranges' own begin at `begin`.
  struct Keys {
    tile::WalkOp walk;
    Value residue, met, row, shift, end;
    Value first, longest, begin;
  };
  SmallVector<Keys> keysOf(const CudaItem &item, Value position);
  /// A key's position, and whether the pattern has it.
  struct Key {
    Value position, in;
  };
  Key keyOf(const Keys &keys, Value other, Value range);
  Key keyOfRange(const Keys &keys, Value number);
  Key keyAt(ArrayRef<Keys> all, Value number);
  /// The places of those of some keys that this lane computes; -1 where there is none.
  Values placesFrom(ArrayRef<Keys> all, Value first, Value count);
  /// The keys that the lane's few lanes take together, of which each lane computes the place of
  /// one.
  SmallVector<Key> keysFrom(ArrayRef<Keys> all, Value first, Value count);
  /// Some keys, with their rows and those of their values as vectors.
  struct Loaded {
    SmallVector<Key> keys;
    SmallVector<Values> rows, values;
  };
  Loaded load(SmallVector<Key> keys, const Rows &rows);
  /// What a block copies of the caches before the launches ahead have ended. It holds for this item
  /// and position, but for the row at the position.
  struct Early {
    Value number, position;
    SmallVector<Key> keys;
  };
  bool canStartEarly();
  void startEarly(IRMapping &mapping);
  /// Where the thread has them of a key, from one of its pieces on: behind the states.
  Value earlyPlace(int64_t key, int64_t piece) {
    return e.add(kernel.shared(stateBytes() + (key * earlyPieces + piece) * kPieces),
                 e.mul(thread, kPiece));
  }
  /// Goes on by those keys.
  State nextEarly(const Rows &rows, Value position, State state);
  /// Goes on by some keys.
  State next(const Loaded &some, const Rows &rows, State state);
  void mergeLanes(State &state);
  void storeWarp(const LaneRow &row, const State &state);
  void finishItem(const CudaItem &item, Value position);

  /// Shared memory: the outputs of warps and then, where several share an item, of blocks; behind
  /// them their maxima and sums.
  int64_t stateCount() const { return kWarps + (blocks > 1 ? blocks : 0); }
  int64_t stateBytes() const {
    return llvm::alignTo(stateCount() * (output.size() + 2) * 4, kPiece);
  }
  Value outputOf(Value number, Value column) {
    return e.add(kernel.shared(0), e.mul(e.add(e.mul(number, output.size()), column), 4));
  }
  Value stateOf(Value number) {
    return e.add(kernel.shared(stateCount() * output.size() * 4), e.mul(number, 8));
  }
  /// Some of these softmaxes as one: their weights, its maximum and sum, and a column of its
  /// output.
  struct Merged {
    int64_t first;
    Values weights;
    Value maximum, sum;
  };
  Merged merge(int64_t first, int64_t count);
  Value columnOf(const Merged &merged, Value column);
  /// Runs the body for the thread's columns of the output.
  void eachColumn(function_ref<void(Value column)> body);

  tile::KernelOp source;
  tile::AttentionRowOp op;
  CudaKernel kernel;
  CudaEmitter &e;
  CudaTensor query, key, value, output;
  const int64_t lanes, slots; // of a key, and keys at once
  const int64_t blocks;       // that share an item
  const bool isHopper;
  Value thread, warp, lane, slot, block;
  std::optional<Early> early;
  int64_t earlyPieces = 0; // of a key and its value, for each lane
};
} // namespace

void DecodeAttention::run() {
  thread = e.threadId(kThreads);
  warp = e.uniform(e.div(thread, 32));
  lane = e.band(thread, lanes - 1);
  slot = e.div(thread, lanes);
  block = kernel.blockOfCluster();
  if (canStartEarly())
    kernel.beforeWait([&](IRMapping &mapping) { startEarly(mapping); });
  kernel.eachItem({}, [&](IRMapping &mapping, ValueRange) {
    computeItem(itemOf(mapping), mapping.lookup(op.getPosition()),
                mapping.lookup(source.getItem()));
    return Values();
  });
  // Blocks of the launch ahead leave room for those of two.
  kernel.finish(kThreads, stateBytes() + kAtOnce * earlyPieces * kPieces,
                earlyPieces > 0 && earlyPieces * kAtOnce * 4 <= kFewRegisters ? 2 : 1);
}

CudaItem DecodeAttention::itemOf(IRMapping &mapping) {
  CudaItem item;
  item.batch = mapping.lookup(op.getBatch());
  item.head = mapping.lookup(op.getHead());
  item.keyHead = mapping.lookup(op.getKeyHead());
  item.residue = mapping.lookup(op.getResidue());
  return item;
}

bool DecodeAttention::canStartEarly() {
  if (!isHopper || !op.getInvariant() || op.getInserted().empty() || op.getWalkOps().empty())
    return false;
  SmallVector<CudaTensor> all = {query, key, value};
  for (Value row : op.getInserted())
    all.emplace_back(row);
  return llvm::all_of(all, [](const CudaTensor &rows) { return rows.alignment() % kPiece == 0; });
}

void DecodeAttention::startEarly(IRMapping &mapping) {
  const CudaItem item = itemOf(mapping);
  Value position = mapping.lookup(op.getPosition());
  SmallVector<Keys> all = keysOf(item, position);
  SmallVector<Key> keys = keysFrom(all, e.mul(block, slots * kAtOnce), all.back().end);
  const LaneRow keyRow = rowsOf(0, item, {}), valueRow = rowsOf(1, item, {});
  earlyPieces = keyRow.pieces() + valueRow.pieces();
  for (auto [k, one] : llvm::enumerate(keys)) {
    keyRow.copy(one.position, one.in, earlyPlace(k, 0));
    valueRow.copy(one.position, one.in, earlyPlace(k, keyRow.pieces()));
  }
  e.commitCopies();
  early.emplace(Early{mapping.lookup(source.getItem()), position, keys});
}

void DecodeAttention::computeItem(const CudaItem &item, Value position, Value number) {
  if (blocks > 1)
    e.arriveCluster();
  LaneRow keyRow = rowsOf(0, item, position);
  const LaneRow queryRow(kernel, query, item, keyRow.chunkSize(), lanes, lane);
  Rows rows{keyRow, rowsOf(1, item, position), kernel.elementsOf(queryRow.load(e.i(0)))};
  Value factor = e.f(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
  for (Value &one : rows.query)
    one = e.mulf(one, factor);
  queryRow.clear(rows.query);
  State state{e.f(kNoMaximum), e.f(0), Values(rows.value.count(), e.f(0))};
  SmallVector<Keys> keys = keysOf(item, position);
  if (!keys.empty()) {
    Value count = keys.back().end;
    Value first = e.mul(block, slots * kAtOnce);
    const int64_t step = slots * kAtOnce * blocks;
    if (early) {
      Value holds = e.both(e.compare(arith::CmpIPredicate::eq, number, early->number),
                           e.compare(arith::CmpIPredicate::eq, position, early->position));
      Values before = state.pack();
      state = State::unpack(e.choose(
          holds, ValueRange(before).getTypes(),
          [&] { return nextEarly(rows, position, state).pack(); }, [&] { return before; }));
      first = e.select(holds, e.add(first, step), first);
    }
    state = State::unpack(
        e.loop(first, count, e.i(step), state.pack(), [&](Value first, ValueRange all) {
          return next(load(keysFrom(keys, first, count), rows), rows, State::unpack(all)).pack();
        }));
  }
  mergeLanes(state);
  storeWarp(rows.value, state);
  finishItem(item, position);
}

LaneRow DecodeAttention::rowsOf(unsigned number, const CudaItem &item, Value position) {
  const CudaTensor &rows = number ? value : key;
  int64_t chunk = chunkOf(rows);
  if (number == 0 && query.alignment() < kPiece) // the query has the same chunks
    chunk = std::min(chunk, chunkOf(query));
  std::optional<CudaTensor> inserted;
  if (!op.getInserted().empty()) {
    inserted = CudaTensor(op.getInserted()[number]);
    chunk = std::min(chunk, chunkOf(*inserted));
  }
  LaneRow row(kernel, rows, item.ofKeys(), chunk, lanes, lane);
  if (inserted && position)
    row.replace(position, *inserted, item.ofKeys());
  return row;
}

// By the last threads of the last block, as the first ones have the output.
void DecodeAttention::insertRows(const CudaItem &item, Value position) {
  if (op.getInserted().empty())
    return;
  Value ownHeads = e.mul(item.keyHead, op.getGroup());
  Value isFirst = e.less(item.head, e.add(ownHeads, int64_t(op.getHeadStep())));
  e.ifThen(e.both(isFirst, e.equal(block, blocks - 1)), [&] {
    for (auto [row, rows] : llvm::zip(op.getInserted(), SmallVector<CudaTensor>{key, value})) {
      CudaTensor inserted(row);
      Type element = rows.type.getElementType();
      for (int64_t first = kThreads - 1; first - kThreads + 1 < rows.size(); first += kThreads) {
        Value column = e.sub(e.i(first), thread);
        e.ifThen(e.less(column, e.i(rows.size())), [&] {
          Value from = kernel.elementAddress(inserted, e.i(0), item.ofKeys(), column);
          kernel.storeElements(kernel.loadElements(element, from, 1), element,
                               kernel.elementAddress(rows, position, item.ofKeys(), column));
        });
      }
    }
  });
}

std::tuple<Value, Value, Value> DecodeAttention::locate(tile::ViewAttr view, const CudaItem &item,
                                                        Value position) {
  Value yes = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
  if (view.getPeriod() == 1)
    return {item.residue, position, yes};
  Value behind = e.sub(position, view.getFirst());
  Value inside = e.less(e.i(-1), behind);
  behind = e.max(behind, e.i(0));
  Value block = e.div(behind, view.getPeriod()), rest = e.rem(behind, view.getPeriod());
  const int64_t width = view.getWidth();
  if (view.getResidues() > 1)
    return {e.div(rest, width), e.add(e.mul(block, width), e.rem(rest, width)), inside};
  inside = e.both(inside, e.less(rest, e.i(width)));
  return {item.residue, e.add(e.mul(block, width), rest), inside};
}

SmallVector<DecodeAttention::Keys> DecodeAttention::keysOf(const CudaItem &item, Value position) {
  SmallVector<Keys> all;
  Value end = e.i(0);
  for (auto [walk, view] : llvm::zip(op.getWalkOps(), op.getViews().getAsRange<tile::ViewAttr>())) {
    auto [residue, row, inside] = locate(view, item, position);
    Value begin = end;
    if (walk.hasRanges()) {
      Values numbers = e.inlineNarrow(walk.getRanges(), {residue, row});
      Value longest = e.max(numbers[2], e.i(1));
      Value count =
          arith::MulIOp::create(e.b, e.max(e.sub(numbers[1], numbers[0]), e.i(0)), longest);
      end = e.add(begin, e.select(inside, count, e.i(0)));
      all.push_back(
          {walk, residue, walkResidue(e, walk, residue), row, {}, end, begin, longest, numbers[0]});
      continue;
    }
    Values bounds = e.inlineNarrow(walk.getBounds(), {residue, row});
    Value count = e.select(inside, e.max(e.sub(bounds[3], bounds[0]), e.i(0)), e.i(0));
    end = e.add(begin, count);
    all.push_back({walk,
                   residue,
                   walkResidue(e, walk, residue),
                   row,
                   e.sub(bounds[0], begin),
                   end,
                   {},
                   {},
                   {}});
  }
  return all;
}

DecodeAttention::Key DecodeAttention::keyOf(const Keys &keys, Value other, Value range) {
  SmallVector<Value> pair = {keys.residue, keys.row, other};
  if (range)
    pair.push_back(range);
  tile::WalkOp walk = keys.walk;
  return {rowPosition(e, walk.getView(), keys.met, other), e.inlineNarrow(walk.getMask(), pair)[0]};
}

DecodeAttention::Key DecodeAttention::keyOfRange(const Keys &keys, Value number) {
  tile::WalkOp walk = keys.walk;
  Value behind = e.max(e.sub(number, keys.first), e.i(0));
  Value range = arith::DivUIOp::create(e.b, behind, keys.longest);
  Value before = arith::MulIOp::create(e.b, range, keys.longest);
  range = e.add(range, keys.begin);
  Values bounds = e.inlineNarrow(walk.getBounds(), {keys.residue, keys.row, range});
  Value other = e.add(bounds[0], e.sub(behind, before));
  Key key = keyOf(keys, e.max(other, e.i(0)), range);
  key.in = e.both(key.in, e.less(other, bounds[3]));
  return key;
}

DecodeAttention::Key DecodeAttention::keyAt(ArrayRef<Keys> all, Value number) {
  Key key;
  for (Keys keys : llvm::reverse(all)) {
    Key one = keys.longest ? keyOfRange(keys, number) : keyOf(keys, e.add(keys.shift, number), {});
    Value is = e.less(number, keys.end);
    key = !key.position
              ? one
              : Key{e.select(is, one.position, key.position), e.select(is, one.in, key.in)};
  }
  return key;
}

Values DecodeAttention::placesFrom(ArrayRef<Keys> all, Value first, Value count) {
  Values places;
  for (int64_t k = 0; k < kAtOnce; k += lanes) {
    Value number = e.add(e.add(first, slot), e.mul(e.add(lane, k), slots));
    Key one = keyAt(all, number);
    places.push_back(e.select(e.both(one.in, e.less(number, count)), one.position, e.i(-1)));
  }
  return places;
}

SmallVector<DecodeAttention::Key> DecodeAttention::keysFrom(ArrayRef<Keys> all, Value first,
                                                            Value count) {
  const Values places = placesFrom(all, first, count);
  SmallVector<Key> keys;
  for (int64_t k = 0; k < kAtOnce; ++k) {
    Value place = places[k / lanes];
    if (lanes > 1)
      place = e.broadcast(place, k % lanes, lanes);
    // Where there is none the first one is read, and counts for nothing.
    keys.push_back({e.max(place, e.i(0)), e.less(e.i(-1), place)});
  }
  return keys;
}

// All loads are under way before the first is waited for.
DecodeAttention::Loaded DecodeAttention::load(SmallVector<Key> keys, const Rows &rows) {
  Loaded loaded{std::move(keys), {}, {}};
  for (Key one : loaded.keys) {
    loaded.rows.push_back(rows.key.load(one.position));
    loaded.values.push_back(rows.value.load(one.position));
  }
  return loaded;
}

DecodeAttention::State DecodeAttention::nextEarly(const Rows &rows, Value position, State state) {
  e.waitCopies(0);
  Loaded loaded{early->keys, {}, {}};
  for (auto [k, one] : llvm::enumerate(loaded.keys)) {
    Value isOwn = e.compare(arith::CmpIPredicate::eq, one.position, position);
    auto take = [&](const LaneRow &row, Value place) {
      Values copied = row.loadCopied(place);
      return e.choose(
          isOwn, ValueRange(copied).getTypes(), [&] { return row.loadReplaced(); },
          [&] { return copied; });
    };
    loaded.rows.push_back(take(rows.key, earlyPlace(k, 0)));
    loaded.values.push_back(take(rows.value, earlyPlace(k, rows.key.pieces())));
  }
  return next(loaded, rows, state);
}

DecodeAttention::State DecodeAttention::next(const Loaded &some, const Rows &rows, State state) {
  Values scores;
  Value most = state.maximum;
  for (auto [vectors, one] : llvm::zip_equal(some.rows, some.keys)) {
    Value score = e.f(0);
    for (auto [l, r] : llvm::zip_equal(rows.query, kernel.elementsOf(vectors)))
      score = e.fma(l, r, score);
    for (int64_t mask = 1; mask < lanes; mask *= 2)
      score = e.addf(score, e.shuffle(score, mask));
    scores.push_back(e.select(one.in, score, e.f(-std::numeric_limits<float>::infinity())));
    most = e.maxf(most, scores.back());
  }
  state.rescale(e, most);
  for (auto [score, vectors, one] : llvm::zip_equal(scores, some.values, some.keys)) {
    Value weight = e.exp2(e.subf(score, most));
    state.sum = e.addf(state.sum, weight);
    // What is read where there is no key may be NaN, and 0 times NaN is NaN.
    Values existing;
    for (Value vector : vectors) {
      Value zeros = LLVM::ZeroOp::create(e.b, vector.getType());
      existing.push_back(e.select(one.in, vector, zeros));
    }
    for (auto [sum, element] : llvm::zip_equal(state.output, kernel.elementsOf(existing)))
      sum = e.fma(weight, element, sum);
  }
  return state;
}

void DecodeAttention::mergeLanes(State &state) {
  Value most = state.maximum;
  for (int64_t mask = lanes; mask < 32; mask *= 2)
    most = e.maxf(most, e.shuffle(most, mask));
  state.rescale(e, most);
  auto addUp = [&](Value &value) {
    for (int64_t mask = lanes; mask < 32; mask *= 2)
      value = e.addf(value, e.shuffle(value, mask));
  };
  addUp(state.sum);
  llvm::for_each(state.output, addUp);
}

void DecodeAttention::storeWarp(const LaneRow &row, const State &state) {
  Value laneOfWarp = e.band(thread, 31);
  e.ifThen(e.less(laneOfWarp, e.i(lanes)), [&] {
    row.each(state.output,
             [&](Value value, Value column) { e.storeShared(value, outputOf(warp, column)); });
  });
  e.ifThen(e.equal(laneOfWarp, 0), [&] {
    e.storeShared(state.maximum, stateOf(warp));
    e.storeShared(state.sum, e.add(stateOf(warp), 4));
  });
  e.syncAll();
}

DecodeAttention::Merged DecodeAttention::merge(int64_t first, int64_t count) {
  Merged merged{first, {}, {}, e.f(0)};
  Values sums;
  for (int64_t k = 0; k < count; ++k) {
    auto [maximum, sum] = e.loadPair(stateOf(e.i(first + k)));
    merged.maximum = merged.maximum ? e.maxf(merged.maximum, maximum) : maximum;
    merged.weights.push_back(maximum);
    sums.push_back(sum);
  }
  for (auto [weight, sum] : llvm::zip_equal(merged.weights, sums)) {
    weight = e.exp2(e.subf(weight, merged.maximum));
    merged.sum = e.fma(weight, sum, merged.sum);
  }
  return merged;
}

Value DecodeAttention::columnOf(const Merged &merged, Value column) {
  Value result = e.f(0);
  for (auto [k, weight] : llvm::enumerate(merged.weights)) {
    Value number = e.i(merged.first + int64_t(k));
    result = e.fma(weight, e.loadShared(outputOf(number, column), e.f32), result);
  }
  return result;
}

void DecodeAttention::eachColumn(function_ref<void(Value)> body) {
  for (int64_t first = 0; first < output.size(); first += kThreads) {
    Value column = e.add(thread, first);
    e.ifThen(e.less(column, e.i(output.size())), [&] { body(column); });
  }
}

void DecodeAttention::finishItem(const CudaItem &item, Value position) {
  auto write = [&](const Merged &merged) {
    // Without a key the output is zero.
    Value inverse = e.reciprocal(merged.sum);
    if (!op.getNonempty())
      inverse = e.select(e.notEqual(merged.sum, 0), inverse, e.f(0));
    eachColumn([&](Value column) {
      kernel.storeElements({e.mulf(columnOf(merged, column), inverse)},
                           output.type.getElementType(),
                           kernel.elementAddress(output, e.i(0), item, column));
    });
  };
  Merged merged = merge(0, kWarps);
  if (blocks == 1) {
    write(merged);
    insertRows(item, position);
    return e.syncAll(); // nobody reads what the next item writes
  }
  // The first block gets what each of them has, when all have begun and it has read the last
  // item's.
  Value own = e.add(block, kWarps), first = e.i(0);
  e.waitCluster();
  eachColumn(
      [&](Value column) { e.storeShared(columnOf(merged, column), outputOf(own, column), first); });
  e.ifThen(e.equal(thread, 0), [&] {
    e.storeShared(merged.maximum, stateOf(own), first);
    e.storeShared(merged.sum, e.add(stateOf(own), 4), first);
  });
  e.arriveCluster();
  insertRows(item, position);
  e.waitCluster();
  e.ifThen(e.equal(block, 0), [&] { write(merge(kWarps, blocks)); });
}

LogicalResult stc::lowerAttentionRow(tile::KernelOp kernel, tile::AttentionRowOp op,
                                     bool isHopper) {
  DecodeAttention(kernel, op, isHopper).run();
  return success();
}

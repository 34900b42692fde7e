//===- LowerAttentionGrad.cpp - the gradient of attention as vector code --===//
//
// One head of keys (and residue) at a time with all heads of queries that read it, so that no two
// items add to the same key. For each tile of queries and chunk of keys, with queries in the lanes
// as in the forward pass:
//   P = exp2(S - lse),  dP = V dO^T,  dS = P (dP - delta),  delta = rowsum(dO O),
//   dV += P dO,  dK += dS Q,  dQ^T += K^T dS.
// Keys, values and their gradients stay in scratch while all strips of the tile pass.
//
// P and dS of a pair that is not in the pattern are zero. That is not enough where an operand is
// not finite: 0 * inf is not a number. Such a tile meets such a chunk pair by pair under the
// pattern.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToHost/Emitter.h"
#include "compiler/Conversion/TileToHost/StripBounds.h"
#include "compiler/Conversion/TileToHost/VectorMath.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
/// From here on the exponent of a weight, which is the difference of a score and a log-sum-exp, has
/// lost all its bits.
constexpr float kMostExponent = 0x1p23f;

struct Backward {
  tile::AttentionGradOp op;
  Emitter e;
  int64_t lanes, vectors, micro, strip, strips, querySize, valueSize;
  // Of the tile: rows as they lie and transposed; log-sum-exp (base 2) and delta of each query;
  // dQ^T.
  Value queryRows, gradRows, queries, grads, lse, delta, queryGrads;
  // Of the chunk: keys, values and their gradients; P and dS of a strip.
  Value keys, values, keyGrads, valueGrads, weights, scoreGrads;
  /// Positions before this one have key gradients to add to.
  Value cleared;
  /// Of the queries that are at hand.
  Value head;
  /// Whether all of the tile at hand is finite.
  Value tileIsFinite;

  Backward(tile::AttentionGradOp op, RegisterTile tile)
      : op(op), e(op, tile), lanes(tile.lanes), vectors(tile.vectors), micro(tile.rows),
        strip(tile.strip()), strips(op.getRows() / strip),
        querySize(padded(op.getQuerySize(), lanes)), valueSize(padded(op.getValueSize(), lanes)) {
    int64_t rows = op.getRows();
    queryRows = e.scratch({rows, querySize});
    gradRows = e.scratch({rows, valueSize});
    queries = e.scratch({strips, querySize, strip});
    grads = e.scratch({strips, valueSize, strip});
    queryGrads = e.scratch({strips, querySize, strip});
    lse = e.scratch({rows});
    delta = e.scratch({rows});
    keys = e.scratch({kChunk, querySize});
    values = e.scratch({kChunk, valueSize});
    keyGrads = e.scratch({kChunk, querySize});
    valueGrads = e.scratch({kChunk, valueSize});
    weights = e.scratch({kChunk, strip});
    scoreGrads = e.scratch({kChunk, strip});
    cleared = e.scratch({1}, e.b.getIndexType());
  }

  Value lane(int64_t v) { return e.index(v * lanes); }

  void eachStrip(function_ref<void(Value strip, Value row)> body) {
    e.loop(e.index(0), e.index(strips), 1, [&](Value s) { body(s, e.mul(s, strip)); });
  }

  void run() {
    Value rowEnd = e.rowCount(op.getView(), op.getResidue(), op.getQueries());
    bool resumeKeys = op.getResume() || op.getResumeKeys();
    e.store(e.index(resumeKeys ? op.getKeys() : 0), cleared, {e.index(0)});
    eachHead([&] {
      e.loop(e.index(0), rowEnd, op.getRows(), [&](Value row) {
        Value count = e.min(e.sub(rowEnd, row), e.index(op.getRows()));
        begin(row, count);
        for (tile::WalkOp walk : op.getWalkOps())
          eachRangeOfTile(e, walk, op.getResidue(), row, rowEnd, strips,
                          [&](const HostRange &range) { walkChunks(range, row, rowEnd); });
        end(row, count);
      });
    });
    clearKeyGrads(e.index(op.getKeys()));
  }

  void eachHead(function_ref<void()> body) {
    const int64_t group = op.getGroup();
    head = op.getHead();
    if (group == 1)
      return body();
    Value groupEnd = e.mul(e.add(op.getKeyHead(), 1), group);
    e.loop(head, groupEnd, op.getHeadStep(), [&](Value iv) {
      head = iv;
      body();
    });
  }

  /// Clears what this item has of the key gradients before position `end`, unless that is done.
  /// Late: what is added to them next finds them in the cache.
  void clearKeyGrads(Value end) {
    bool split = op.getView().getResidues() > 1;
    Value zero = e.index(0), begin = e.load(cleared, {zero});
    Value residue = op.getResidue();
    if (auto walks = op.getWalkOps(); !walks.empty()) // which map it alike
      residue = e.walkResidue(*walks.begin(), residue);
    if (split)
      end = e.rowsBelow(op.getView(), residue, end);
    e.loop(begin, end, 1, [&](Value row) {
      Value at = split ? e.position(op.getView(), residue, row) : row;
      for (auto [target, size] :
           {std::pair(op.getKeyGrad(), op.getQuerySize()), {op.getValueGrad(), op.getValueSize()}})
        e.eachVector(size, [&](Value c, int64_t left) {
          e.storeVector(e.zeroVector, target, {op.getBatch(), at, op.getKeyHead(), c}, left);
        });
    });
    e.store(e.max(begin, end), cleared, {zero});
  }

  void begin(Value row, Value count) {
    Value all = e.index(op.getRows()), batch = op.getBatch(), residue = op.getResidue();
    tileIsFinite = e.conjunction(
        e.packRows(op.getQuery(), batch, head, op.getView(), residue, row, count, all, queryRows),
        e.packRows(op.getOutputGrad(), batch, head, op.getView(), residue, row, count, all,
                   gradRows));
    float scale = op.getScale().convertToFloat() * std::numbers::log2e_v<float>;
    eachStrip([&](Value s, Value r) {
      e.transposeStrip(queryRows, r, queries, s, scale);
      e.transposeStrip(gradRows, r, grads, s, 1.0f);
      e.loop(e.index(0), e.index(querySize), 1, [&](Value d) {
        for (int64_t v = 0; v < vectors; ++v)
          e.store(e.zeroVector, queryGrads, {s, d, lane(v)});
      });
    });
    auto scalar = [&](float value) -> Value {
      return arith::ConstantOp::create(e.b, e.b.getF32FloatAttr(value));
    };
    // Rows past the end have weights 2^(S - 1e30), which are zero.
    Value never = scalar(1e30f), zero = scalar(0);
    e.loop(e.index(0), count, 1, [&](Value i) {
      Value at = e.position(op.getView(), residue, e.add(row, i));
      Value natural = e.load(op.getLogsumexp(), {batch, head, at});
      Value base2 = e.mulf(natural, scalar(std::numbers::log2e_v<float>));
      Value isUseful = e.conjunction(e.compare(arith::CmpFPredicate::OLT, base2, kMostExponent),
                                     e.compare(arith::CmpFPredicate::OGT, base2, -kMostExponent));
      base2 = e.select(isUseful, base2, scalar(std::numeric_limits<float>::quiet_NaN()));
      Value empty = e.compare(arith::CmpFPredicate::OEQ, natural, kNoKey);
      e.store(e.select(empty, never, base2), lse, {i});
      auto sum = e.eachStep(
          op.getValueSize(), lanes, {e.zeroVector}, [&](Value c, int64_t left, ValueRange running) {
            Value grad = e.loadVector(gradRows, {i, c});
            Value output = e.loadVector(op.getOutput(), {batch, at, head, c}, left);
            return Emitter::Values{e.fma(grad, output, running[0])};
          });
      e.store(vector::ReductionOp::create(e.b, vector::CombiningKind::ADD, sum[0],
                                          arith::FastMathFlags::reassoc),
              delta, {i});
    });
    e.loop(count, all, 1, [&](Value i) {
      e.store(never, lse, {i});
      e.store(zero, delta, {i});
    });
    auto watched = e.loop(e.index(0), all, lanes, {e.zeroVector}, [&](Value i, ValueRange before) {
      Value next = e.watch(e.loadVector(lse, {i}), before[0]);
      return Emitter::Values{e.watch(e.loadVector(delta, {i}), next)};
    });
    tileIsFinite = e.conjunction(tileIsFinite, e.allFinite(watched));
  }

  void walkChunks(const HostRange &range, Value row, Value rowEnd) {
    tile::WalkOp walk = range.walk;
    StripBounds bounds(e, range, row, rowEnd, strips);
    Value batch = op.getBatch(), keyHead = op.getKeyHead(), none = e.index(0),
          residue = e.walkResidue(walk, op.getResidue());
    Value last = e.position(walk.getView(), residue, e.max(e.sub(bounds.hi, e.index(1)), none));
    clearKeyGrads(e.min(e.add(last, 1), e.index(op.getKeys())));
    e.loop(bounds.lo, bounds.hi, kChunk, [&](Value chunk) {
      Value length = e.min(e.sub(bounds.hi, chunk), e.index(kChunk)),
            total = e.roundUp(length, micro);
      Value isFinite =
          e.conjunction(tileIsFinite, e.packRows(op.getKey(), batch, keyHead, walk.getView(),
                                                 residue, chunk, length, total, keys));
      isFinite = e.conjunction(isFinite, e.packRows(op.getValue(), batch, keyHead, walk.getView(),
                                                    residue, chunk, length, total, values));
      e.loop(none, total, 1, [&](Value i) {
        for (auto [grads, size] : {std::pair(keyGrads, querySize), {valueGrads, valueSize}})
          e.eachVector(size, [&](Value c, int64_t) { e.store(e.zeroVector, grads, {i, c}); });
      });
      eachStrip([&](Value s, Value r) {
        auto clipped = bounds.clip(e, s, chunk, length);
        e.ifThen(e.less(clipped.begin, clipped.end),
                 [&] { step(range, bounds.hi, s, r, row, rowEnd, chunk, clipped, isFinite); });
      });
      float scale = op.getScale().convertToFloat();
      e.unpackRows(keyGrads, op.getKeyGrad(), batch, keyHead, walk.getView(), residue, chunk,
                   length, scale, true);
      e.unpackRows(valueGrads, op.getValueGrad(), batch, keyHead, walk.getView(), residue, chunk,
                   length, 1.0f, true);
    });
  }

  /// What the next tile of a band will read, a little in each step: a burst would stall.
  void prefetchNextTile(tile::WalkOp walk, Value keysEnd, Value nextRow, Value tileRow,
                        Value step) {
    constexpr int64_t steps = 8;
    int64_t rows = strip / steps;
    e.ifThen(e.less(step, e.index(steps)), [&] {
      Value offset = e.add(tileRow, e.mul(step, rows));
      for (int64_t r = 0; r < rows; ++r) {
        auto ofQuery = [&](Value memory, bool toWrite = false) {
          e.prefetchRow(memory, op.getBatch(), head, op.getView(), op.getResidue(),
                        e.add(e.add(nextRow, offset), r), toWrite);
        };
        auto ofKey = [&](Value memory, bool toWrite = false) {
          e.prefetchRow(memory, op.getBatch(), op.getKeyHead(), walk.getView(),
                        e.walkResidue(walk, op.getResidue()), e.add(e.add(keysEnd, offset), r),
                        toWrite);
        };
        for (Value memory : {op.getQuery(), op.getOutput(), op.getOutputGrad()})
          ofQuery(memory);
        ofQuery(op.getQueryGrad(), true);
        for (Value memory : {op.getKey(), op.getValue()})
          ofKey(memory);
        for (Value memory : {op.getKeyGrad(), op.getValueGrad()})
          ofKey(memory, true);
      }
    });
  }

  /// Strip s, whose first query is `tileRow` of the tile and `queryRow` of the view, against a
  /// chunk of keys; whether all operands are finite.
  void step(const HostRange &range, Value keysEnd, Value s, Value tileRow, Value row, Value rowEnd,
            Value chunk, const StripBounds::Clipped &keyRows, Value isFinite) {
    Value queryRow = e.add(row, tileRow);
    Value one = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true));
    Value keepAll = e.splat(arith::XOrIOp::create(e.b, isFinite, one).getResult());
    Emitter::Values lses, deltas, zero(micro * vectors, e.zeroVector);
    for (int64_t v = 0; v < vectors; ++v) {
      lses.push_back(e.loadVector(lse, {e.add(tileRow, v * lanes)}));
      deltas.push_back(e.loadVector(delta, {e.add(tileRow, v * lanes)}));
    }
    auto productWith = [&](Value rows, Value i, Value transposed, int64_t size) {
      return e.registerTile(
          micro, vectors, e.index(0), e.index(size), {rows, i},
          [&](Value k, int64_t v) {
            return e.loadVector(transposed, {s, k, lane(v)});
          },
          zero);
    };
    e.loop(keyRows.begin, keyRows.end, micro, [&](Value i) {
      prefetchNextTile(range.walk, keysEnd, e.add(row, op.getRows()), tileRow,
                       e.floorDiv(e.sub(i, keyRows.begin), micro));
      auto scores = productWith(keys, i, queries, op.getQuerySize());
      scores = e.maskScores(range, scores, queryRow, e.add(chunk, i), keyRows.hi, keyRows.fullLo,
                            keyRows.fullHi);
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          e.store(weightOf(scores[r * vectors + v], lses[v]), weights, {e.add(i, r), lane(v)});
      auto products = productWith(values, i, grads, op.getValueSize());
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Value weight = e.loadVector(weights, {e.add(i, r), lane(v)});
          Value grad = e.mulf(weight, e.subf(products[r * vectors + v], deltas[v]));
          // The difference of pairs that are not in the pattern may be infinite.
          Value keep = e.compare(arith::CmpFPredicate::UNE, weight, 0);
          keep = arith::OrIOp::create(e.b, keep, keepAll);
          e.store(e.select(keep, grad, e.zeroVector), scoreGrads, {e.add(i, r), lane(v)});
        }
      e.ifThen(isFinite, [&] {
        accumulate(weights, gradRows, valueGrads, valueSize, i, tileRow);
        accumulate(scoreGrads, queryRows, keyGrads, querySize, i, tileRow);
      });
    });
    e.ifElse(
        isFinite, [&] { addQueryGrads(s, keyRows); },
        [&] {
          e.loop(keyRows.begin, keyRows.end, 1, [&](Value i) {
            Value keyRow = e.add(chunk, i);
            addQueryGradsOfPairs(s, i, e.pairsOf(range, queryRow, keyRow, keyRows.hi));
            addKeyGradsOfPairs(range, i, keyRow, keyRows.hi, tileRow, row, rowEnd);
          });
        });
  }

  /// 2^(score - lse). The difference of numbers that were rounded is not always below 1.
  Value weightOf(Value score, Value lse) {
    Value exponent = e.subf(score, lse), most = e.splat(128.0f);
    Value above = e.compare(arith::CmpFPredicate::OGT, exponent, 128.0f);
    return emitExp2(e.b, e.select(above, most, exponent));
  }

  /// dQ^T of strip s += K^T dS.
  void addQueryGrads(Value s, const StripBounds::Clipped &keyRows) {
    e.loop(e.index(0), e.index(querySize), micro, [&](Value d) {
      Emitter::Values init;
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          init.push_back(e.loadVector(queryGrads, {s, e.add(d, r), lane(v)}));
      auto tile = e.registerTile(
          micro, vectors, keyRows.begin, keyRows.end, {keys, d, /*inColumns=*/true},
          [&](Value k, int64_t v) {
            return e.loadVector(scoreGrads, {k, lane(v)});
          },
          init);
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          e.store(tile[r * vectors + v], queryGrads, {s, e.add(d, r), lane(v)});
    });
  }

  /// The same for one key, and no other pairs than those of the pattern.
  void addQueryGradsOfPairs(Value s, Value i, const Emitter::Values &pairs) {
    e.loop(e.index(0), e.index(querySize), 1, [&](Value d) {
      Value key = e.loadSplat(keys, {i, d});
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = e.loadVector(queryGrads, {s, d, lane(v)});
        Value next = e.fma(key, e.loadVector(scoreGrads, {i, lane(v)}), sum);
        e.store(e.select(pairs[v], next, sum), queryGrads, {s, d, lane(v)});
      }
    });
  }

  /// dV and dK of one key from a strip's queries that meet it.
  void addKeyGradsOfPairs(const HostRange &range, Value i, Value keyRow, Value keyEnd,
                          Value tileRow, Value row, Value rowEnd) {
    auto add = [&](Value factor, Value from, Value at, Value target, int64_t columns) {
      e.loop(e.index(0), e.index(columns), lanes, [&](Value c) {
        Value sum = e.fma(factor, e.loadVector(from, {at, c}), e.loadVector(target, {i, c}));
        e.store(sum, target, {i, c});
      });
    };
    e.loop(e.index(0), e.index(strip), 1, [&](Value r) {
      Value at = e.add(tileRow, r), queryRow = e.add(row, at);
      Value exists = e.conjunction(e.less(queryRow, rowEnd), e.less(keyRow, keyEnd));
      exists = e.conjunction(exists, e.inMask(range, queryRow, keyRow));
      e.ifThen(exists, [&] {
        add(e.loadSplat(weights, {i, r}), gradRows, at, valueGrads, valueSize);
        add(e.loadSplat(scoreGrads, {i, r}), queryRows, at, keyGrads, querySize);
      });
    });
  }

  /// target[i .. i + micro, :] += left[i .. i + micro, 0 .. strip) * right[tileRow .. tileRow +
  /// strip, :].
  void accumulate(Value left, Value right, Value target, int64_t columns, Value i, Value tileRow) {
    auto block = [&](Value column, int64_t width) {
      Emitter::Values init;
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < width; ++v)
          init.push_back(e.loadVector(target, {e.add(i, r), e.add(column, v * lanes)}));
      auto tile = e.registerTile(
          micro, width, e.index(0), e.index(strip), {left, i},
          [&](Value k, int64_t v) {
            return e.loadVector(right, {e.add(tileRow, k), e.add(column, v * lanes)});
          },
          init);
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < width; ++v)
          e.store(tile[r * width + v], target, {e.add(i, r), e.add(column, v * lanes)});
    };
    int64_t wide = columns / (vectors * lanes) * (vectors * lanes);
    e.loop(e.index(0), e.index(wide), vectors * lanes,
           [&](Value column) { block(column, vectors); });
    for (int64_t column = wide; column < columns; column += lanes)
      block(e.index(column), 1);
  }

  void end(Value row, Value count) {
    eachStrip([&](Value s, Value r) { e.transposeBack(queryGrads, s, queryRows, r); });
    e.unpackRows(queryRows, op.getQueryGrad(), op.getBatch(), head, op.getView(), op.getResidue(),
                 row, count, op.getScale().convertToFloat(), op.getResume());
  }
};
} // namespace

LogicalResult stc::lowerAttentionGrad(tile::AttentionGradOp op, const HostVectors &options) {
  if (!options.allows(op.getStrip()))
    return op.emitOpError("expected strips of ") << options.lanes << " or " << options.wideStrip()
                                                 << " queries on this CPU, found " << op.getStrip();
  Backward(op, options.tile(op.getStrip())).run();
  op.erase();
  return success();
}

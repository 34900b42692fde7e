//===- LowerAttention.cpp - attention of a query tile as vector code ------===//
//
// Queries stand in the lanes: scores are computed transposed (keys x queries), so that maximum, sum
// and rescaling are elementwise and no step goes across lanes. A tile is a few strips of queries;
// for each chunk of keys, packed once for all strips, a strip does
//   S = K Q^T (register tiles over the size), running maximum, P = exp2(S - m), O^T = a O^T + V^T
//   P.
// log2(e) times the scale is folded into Q.
//
// A pair that is not in the pattern has the score -inf, and so the weight zero. That is not enough
// where a value is not finite: 0 * inf is not a number. Such chunks of values are multiplied key by
// key under the pattern.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToHost/Emitter.h"
#include "compiler/Conversion/TileToHost/StripBounds.h"
#include "compiler/Conversion/TileToHost/VectorMath.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
/// The sum of the weights of a row that has keys, all with the score -inf; about so, as it is
/// scaled by 2^0. The greatest weight of any other row with keys is 1.
constexpr float kNoWeight = 0x1p-64f;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

struct Forward {
  tile::AttentionOp op;
  Emitter e;
  int64_t lanes, vectors, micro, strips, querySize, valueSize;
  // Scratch: transposed queries and outputs, running maximum and sum, a chunk of keys and values,
  // scores.
  Value queries, outputs, maxima, sums, keys, values, scores, rows;

  Forward(tile::AttentionOp op, RegisterTile tile)
      : op(op), e(op, tile), lanes(tile.lanes), vectors(tile.vectors), micro(tile.rows),
        strips(op.getRows() / tile.strip()), querySize(padded(op.getQuerySize(), lanes)),
        valueSize(padded(op.getValueSize(), lanes)) {
    int64_t strip = tile.strip();
    queries = e.scratch({strips, querySize, strip});
    outputs = e.scratch({strips, valueSize, strip});
    maxima = e.scratch({strips, strip});
    sums = e.scratch({strips, strip});
    keys = e.scratch({kChunk, querySize});
    values = e.scratch({kChunk, valueSize});
    scores = e.scratch({kChunk, strip});
    rows = e.scratch({int64_t(op.getRows()), std::max(querySize, valueSize)});
  }

  Value lane(int64_t v) { return e.index(v * lanes); }
  Value subview(Value memory, int64_t columns) {
    auto type = cast<MemRefType>(memory.getType());
    if (type.getDimSize(1) == columns)
      return memory;
    return memref::ReinterpretCastOp::create(
        e.b, MemRefType::get({type.getDimSize(0), columns}, type.getElementType()), memory,
        /*offset=*/0, ArrayRef<int64_t>{type.getDimSize(0), columns},
        ArrayRef<int64_t>{columns, 1});
  }

  void run() {
    Value row = e.mul(op.getTile(), op.getRows());
    Value rowEnd = e.rowCount(op.getView(), op.getResidue(), op.getQueries());
    e.ifThen(e.less(row, rowEnd), [&] {
      Value count = e.min(e.sub(rowEnd, row), e.index(op.getRows()));
      begin(row, count);
      for (tile::WalkOp walk : op.getWalkOps())
        eachRangeOfTile(e, walk, op.getResidue(), row, rowEnd, strips,
                        [&](const HostRange &range) { walkChunks(range, row, rowEnd); });
      end(row, count);
    });
  }

  void begin(Value row, Value count) {
    Value all = e.index(op.getRows()), first = e.index(0);
    Value packed = subview(rows, querySize);
    e.packRows(op.getQuery(), op.getBatch(), op.getHead(), op.getView(), op.getResidue(), row,
               count, all, packed);
    float scale = op.getScale().convertToFloat() * std::numbers::log2e_v<float>;
    eachStrip([&](Value s, Value r) { e.transposeStrip(packed, r, queries, s, scale); });
    if (op.getResume())
      return resume(row, count);
    eachStrip([&](Value s, Value) {
      for (int64_t v = 0; v < vectors; ++v) {
        e.store(e.splat(kNoMaximum), maxima, {s, lane(v)});
        e.store(e.zeroVector, sums, {s, lane(v)});
      }
      e.loop(first, e.index(valueSize), 1, [&](Value d) {
        for (int64_t v = 0; v < vectors; ++v)
          e.store(e.zeroVector, outputs, {s, d, lane(v)});
      });
    });
  }

  /// The state after the other parts: maximum = log-sum-exp, sum = 1, and their output.
  void resume(Value row, Value count) {
    Value packed = subview(rows, valueSize), all = e.index(op.getRows());
    e.packRows(op.getOutput(), op.getBatch(), op.getHead(), op.getView(), op.getResidue(), row,
               count, all, packed);
    eachStrip([&](Value s, Value r) { e.transposeStrip(packed, r, outputs, s, 1.0f); });
    Value flat = flatStrips(maxima);
    e.loop(e.index(0), all, 1, [&](Value i) { // rows past the end: no key
      Value none = arith::ConstantOp::create(e.b, e.b.getF32FloatAttr(kNoKey));
      e.store(none, flat, {i});
    });
    e.loop(e.index(0), count, 1, [&](Value i) {
      Value at = e.position(op.getView(), op.getResidue(), e.add(row, i));
      e.store(e.load(op.getLogsumexp(), {op.getBatch(), op.getHead(), at}), flat, {i});
    });
    eachStrip([&](Value s, Value) {
      for (int64_t v = 0; v < vectors; ++v) {
        Value lse = e.loadVector(maxima, {s, lane(v)});
        Value weightless = e.compare(arith::CmpFPredicate::OEQ, lse, kMinusInfinity);
        Value empty = e.compare(arith::CmpFPredicate::OEQ, lse, kNoKey);
        Value none = arith::OrIOp::create(e.b, empty, weightless);
        Value maximum = e.mulf(lse, e.splat(std::numbers::log2e_v<float>));
        e.store(e.select(none, e.splat(kNoMaximum), maximum), maxima, {s, lane(v)});
        Value sum = e.select(weightless, e.splat(kNoWeight), e.splat(1.0f));
        e.store(e.select(empty, e.zeroVector, sum), sums, {s, lane(v)});
        e.ifThen(e.anyLane(weightless), [&] { // their output was not a number
          e.loop(e.index(0), e.index(valueSize), 1, [&](Value d) {
            Value output = e.loadVector(outputs, {s, d, lane(v)});
            e.store(e.select(weightless, e.zeroVector, output), outputs, {s, d, lane(v)});
          });
        });
      }
    });
  }

  /// A strips x strip buffer as one row.
  Value flatStrips(Value memory) {
    int64_t n = op.getRows();
    return memref::ReinterpretCastOp::create(e.b, MemRefType::get({n}, e.b.getF32Type()), memory,
                                             int64_t(0), ArrayRef<int64_t>{n},
                                             ArrayRef<int64_t>{1});
  }

  void eachStrip(function_ref<void(Value strip, Value row)> body) {
    e.loop(e.index(0), e.index(strips), 1, [&](Value s) { body(s, e.mul(s, e.tile.strip())); });
  }

  void walkChunks(const HostRange &range, Value row, Value rowEnd) {
    tile::WalkOp walk = range.walk;
    StripBounds bounds(e, range, row, rowEnd, strips);
    Value residue = e.walkResidue(walk, op.getResidue());
    e.loop(bounds.lo, bounds.hi, kChunk, [&](Value chunk) {
      Value length = e.min(e.sub(bounds.hi, chunk), e.index(kChunk)),
            total = e.roundUp(length, micro);
      e.packRows(op.getKey(), op.getBatch(), op.getKeyHead(), walk.getView(), residue, chunk,
                 length, total, keys);
      Value areFinite = e.packRows(op.getValue(), op.getBatch(), op.getKeyHead(), walk.getView(),
                                   residue, chunk, length, total, values);
      eachStrip([&](Value s, Value r) {
        auto clipped = bounds.clip(e, s, chunk, length);
        e.ifThen(e.less(clipped.begin, clipped.end),
                 [&] { step(range, s, e.add(row, r), chunk, clipped, areFinite); });
      });
    });
  }

  /// One strip against one chunk of keys, whose values are all finite or not.
  void step(const HostRange &range, Value s, Value queryRow, Value chunk,
            const StripBounds::Clipped &keyRows, Value areFinite) {
    Emitter::Values maximum, old;
    for (int64_t v = 0; v < vectors; ++v)
      old.push_back(e.loadVector(maxima, {s, lane(v)}));
    maximum = e.loop(keyRows.begin, keyRows.end, micro, old, [&](Value i, ValueRange running) {
      Emitter::Values zero(micro * vectors, e.zeroVector), best(running);
      auto tile = e.registerTile(
          micro, vectors, e.index(0), e.index(op.getQuerySize()), {keys, i},
          [&](Value k, int64_t v) {
            return e.loadVector(queries, {s, k, lane(v)});
          },
          zero);
      tile = e.maskScores(range, tile, queryRow, e.add(chunk, i), keyRows.hi, keyRows.fullLo,
                          keyRows.fullHi);
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Value score = tile[r * vectors + v];
          e.store(score, scores, {e.add(i, r), lane(v)});
          best[v] = e.maxf(score, best[v]);
        }
      return best;
    });
    Emitter::Values rescale, sum;
    for (int64_t v = 0; v < vectors; ++v) {
      rescale.push_back(emitExp2(e.b, e.subf(old[v], maximum[v])));
      sum.push_back(e.mulf(e.loadVector(sums, {s, lane(v)}), rescale[v]));
      e.store(maximum[v], maxima, {s, lane(v)});
    }
    constexpr int64_t unroll = 4;
    sum = e.loop(keyRows.begin, keyRows.end, unroll, sum, [&](Value i, ValueRange running) {
      Emitter::Values next(running);
      for (int64_t r = 0; r < unroll; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Value at = e.add(i, r);
          Value weight = emitExp2(e.b, e.subf(e.loadVector(scores, {at, lane(v)}), maximum[v]));
          e.store(weight, scores, {at, lane(v)});
          next[v] = e.addf(next[v], weight);
        }
      return next;
    });
    for (int64_t v = 0; v < vectors; ++v)
      e.store(sum[v], sums, {s, lane(v)});
    e.ifElse(
        areFinite, [&] { addValues(s, keyRows, rescale); },
        [&] { addValuesOfPairs(range, s, queryRow, chunk, keyRows, rescale); });
  }

  /// Adds the weighted values of a strip's keys to its rescaled outputs.
  void addValues(Value s, const StripBounds::Clipped &keyRows, const Emitter::Values &rescale) {
    e.loop(e.index(0), e.index(valueSize), micro, [&](Value d) {
      Emitter::Values init;
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          init.push_back(e.mulf(e.loadVector(outputs, {s, e.add(d, r), lane(v)}), rescale[v]));
      auto tile = e.registerTile(
          micro, vectors, keyRows.begin, keyRows.end, {values, d, /*inColumns=*/true},
          [&](Value k, int64_t v) {
            return e.loadVector(scores, {k, lane(v)});
          },
          init);
      for (int64_t r = 0; r < micro; ++r)
        for (int64_t v = 0; v < vectors; ++v)
          e.store(tile[r * vectors + v], outputs, {s, e.add(d, r), lane(v)});
    });
  }

  /// The same with no product of a pair that is not in the pattern.
  void addValuesOfPairs(const HostRange &range, Value s, Value queryRow, Value chunk,
                        const StripBounds::Clipped &keyRows, const Emitter::Values &rescale) {
    auto update = [&](Value d, function_ref<Value(Value sum, int64_t v)> next) {
      for (int64_t v = 0; v < vectors; ++v)
        e.store(next(e.loadVector(outputs, {s, d, lane(v)}), v), outputs, {s, d, lane(v)});
    };
    e.loop(e.index(0), e.index(valueSize), 1, [&](Value d) {
      update(d, [&](Value sum, int64_t v) { return e.mulf(sum, rescale[v]); });
    });
    e.loop(keyRows.begin, keyRows.end, 1, [&](Value i) {
      auto pairs = e.pairsOf(range, queryRow, e.add(chunk, i), keyRows.hi);
      e.loop(e.index(0), e.index(valueSize), 1, [&](Value d) {
        Value value = e.loadSplat(values, {i, d});
        update(d, [&](Value sum, int64_t v) {
          return e.select(pairs[v], e.fma(e.loadVector(scores, {i, lane(v)}), value, sum), sum);
        });
      });
    });
  }

  /// The sums of a strip's weights: zero for rows without a key.
  Emitter::Values finalSums(Value s, Value first, Value rowEnd) {
    Emitter::Values sum, none;
    Value any = arith::ConstantOp::create(e.b, e.b.getBoolAttr(false));
    for (int64_t v = 0; v < vectors; ++v) {
      sum.push_back(e.loadVector(sums, {s, lane(v)}));
      none.push_back(e.compare(arith::CmpFPredicate::OEQ, sum[v], 0));
      any = arith::OrIOp::create(e.b, any, e.anyLane(none[v]));
    }
    Value wanted = e.conjunction(any, e.less(first, rowEnd));
    auto branch = scf::IfOp::create(e.b, TypeRange(ValueRange(sum)), wanted, true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e.b, sum);
    e.b.setInsertionPointToStart(branch.thenBlock());
    Value noWeight = e.splat(kNoWeight);
    Emitter::Values found = sum;
    Value strip = e.floorDiv(first, e.tile.strip()), end = e.add(strip, 1);
    auto findPairs = [&](const HostRange &range, ValueRange found) {
      auto bounds = e.bounds(range, strip);
      return e.loop(bounds[0], bounds[3], 1, found, [&](Value key, ValueRange before) {
        Emitter::Values next;
        for (auto [v, in] : llvm::enumerate(e.pairsOf(range, first, key, bounds[3])))
          next.push_back(e.select(e.conjunction(in, none[v]), noWeight, before[v]));
        return next;
      });
    };
    for (tile::WalkOp walk : op.getWalkOps())
      found = e.eachRange(walk, op.getResidue(), strip, end, found, findPairs);
    scf::YieldOp::create(e.b, found);
    return Emitter::Values(branch.getResults());
  }

  void end(Value row, Value count) {
    Value packed = subview(rows, valueSize), rowEnd = e.add(row, count);
    eachStrip([&](Value s, Value r) {
      auto finals = finalSums(s, e.add(row, r), rowEnd);
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = finals[v], one = e.splat(1.0f);
        Value empty = e.compare(arith::CmpFPredicate::OEQ, sum, 0);
        // Zero weights divided by their sum.
        Value weightless = e.compare(arith::CmpFPredicate::OLT, sum, 0.5f);
        Value safe = e.select(empty, one, sum), inverse = arith::DivFOp::create(e.b, one, safe);
        inverse = e.select(weightless, e.splat(std::numeric_limits<float>::quiet_NaN()), inverse);
        inverse = e.select(empty, one, inverse);
        e.loop(e.index(0), e.index(valueSize), 1, [&](Value d) {
          e.store(e.mulf(e.loadVector(outputs, {s, d, lane(v)}), inverse), outputs,
                  {s, d, lane(v)});
        });
        Value lse = logSumExp(e.loadVector(maxima, {s, lane(v)}), safe);
        lse = e.select(weightless, e.splat(kMinusInfinity), lse);
        e.store(e.select(empty, e.splat(kNoKey), lse), maxima, {s, lane(v)});
      }
      e.transposeBack(outputs, s, packed, r);
    });
    e.unpackRows(packed, op.getOutput(), op.getBatch(), op.getHead(), op.getView(), op.getResidue(),
                 row, count, 1.0f,
                 /*accumulate=*/false);
    Value flat = flatStrips(maxima);
    e.loop(e.index(0), count, 1, [&](Value i) {
      Value at = e.position(op.getView(), op.getResidue(), e.add(row, i));
      e.store(e.load(flat, {i}), op.getLogsumexp(), {op.getBatch(), op.getHead(), at});
    });
  }

  Value logSumExp(Value maximum, Value sum) {
    Value lse = e.mulf(e.addf(maximum, math::Log2Op::create(e.b, sum).getResult()),
                       e.splat(std::numbers::ln2_v<float>));
    Value taken = e.compare(arith::CmpFPredicate::OEQ, lse, kNoKey);
    return e.select(taken, e.splat(std::nextafter(kNoKey, 0.0f)), lse);
  }
};
} // namespace

LogicalResult stc::lowerAttention(tile::AttentionOp op, const HostVectors &options) {
  if (!options.allows(op.getStrip()))
    return op.emitOpError("expected strips of ") << options.lanes << " or " << options.wideStrip()
                                                 << " queries on this CPU, found " << op.getStrip();
  Forward(op, options.tile(op.getStrip())).run();
  op.erase();
  return success();
}

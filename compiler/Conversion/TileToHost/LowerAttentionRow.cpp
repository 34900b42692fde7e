//===- LowerAttentionRow.cpp - attention of one query as vector code ------===//
//
// For sampling: one query of one head against the cached keys that the pattern holds for it. The
// size stands in the lanes for the products, the keys of a chunk for the exponentials. Keys that
// the pattern does not hold are left out, and neither they nor their values are read.
//
//===----------------------------------------------------------------------===//

#include "compiler/Conversion/TileToHost/Emitter.h"
#include "compiler/Conversion/TileToHost/VectorMath.h"

#include <numbers>

using namespace mlir;
using namespace stc;

namespace {
struct Row {
  tile::AttentionRowOp op;
  Emitter e;
  int64_t lanes, querySize, valueSize;
  Value scores, positions, zero; // of the keys in a chunk
  /// Query and output stand in vectors, or in memory if there are too many of these.
  bool isLong;
  Emitter::Values query;
  Value longQuery, longOutput;

  /// Running maximum (equal lanes), sum (to be added over the lanes), the number of keys, and
  /// output, in vectors; of a long one none.
  struct State {
    Value maximum, sum, count;
    Emitter::Values output;

    Emitter::Values pack() const {
      Emitter::Values all = {maximum, sum, count};
      all.append(output.begin(), output.end());
      return all;
    }
    static State unpack(ValueRange all) {
      return {all[0], all[1], all[2], Emitter::Values(all.drop_front(3))};
    }
  };

  Row(tile::AttentionRowOp op, const HostVectors &options)
      : op(op), e(op, options.tile(options.lanes)), lanes(options.lanes),
        querySize(op.getQuerySize()), valueSize(op.getValueSize()), scores(e.scratch({kChunk})),
        positions(e.scratch({kChunk}, e.b.getIndexType())), zero(e.index(0)),
        isLong(e.isLong(std::max(querySize, valueSize))) {
    if (isLong) {
      longQuery = e.scratch({padded(querySize, lanes)});
      longOutput = e.scratch({padded(valueSize, lanes)});
    }
    Value factor = e.splat(op.getScale().convertToFloat() * std::numbers::log2e_v<float>);
    e.eachVector(querySize, [&](Value c, int64_t left) {
      Value part = e.mulf(e.loadVector(op.getQuery(), at(zero, op.getHead(), c), left), factor);
      if (isLong)
        e.store(part, longQuery, {c});
      else
        query.push_back(part);
    });
  }

  SmallVector<Value, 4> at(Value position, Value head, Value column) {
    return {op.getBatch(), position, head, column};
  }

  /// Computes vectors of some types from the row of a key or value at a position: where rows are
  /// inserted, that of the query's own position is taken from where it lies.
  Emitter::Values withRow(Value rows, unsigned number, Value position, TypeRange types,
                          function_ref<Emitter::Values(Value from, Value row)> compute) {
    if (op.getInserted().empty())
      return compute(rows, position);
    Value isOwn = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, position, op.getPosition());
    auto branch = scf::IfOp::create(e.b, types, isOwn, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    auto fill = [&](Block *block, Value from, Value row) {
      e.b.setInsertionPointToStart(block);
      Emitter::Values results = compute(from, row);
      if (!types.empty())
        scf::YieldOp::create(e.b, results);
    };
    fill(branch.thenBlock(), op.getInserted()[number], zero);
    fill(branch.elseBlock(), rows, position);
    return branch.getResults();
  }

  /// A row in vectors.
  Emitter::Values loadRow(Value rows, unsigned number, Value position, int64_t size) {
    SmallVector<Type> types(padded(size, lanes) / lanes, e.vectorType);
    return withRow(rows, number, position, types, [&](Value from, Value row) {
      Emitter::Values parts;
      e.eachVector(size, [&](Value c, int64_t left) {
        parts.push_back(e.loadVector(from, at(row, op.getKeyHead(), c), left));
      });
      return parts;
    });
  }

  /// Writes the inserted rows, if the head is the first of the kernel's that share them.
  void insertRows() {
    if (op.getInserted().empty())
      return;
    Value first = e.mul(op.getKeyHead(), op.getGroup());
    e.ifThen(e.less(op.getHead(), e.add(first, op.getHeadStep())), [&] {
      for (auto [row, rows] :
           llvm::zip(op.getInserted(), SmallVector<Value>{op.getKey(), op.getValue()}))
        e.eachVector(cast<MemRefType>(row.getType()).getDimSize(3), [&](Value c, int64_t left) {
          e.storeVector(e.loadVector(row, at(zero, op.getKeyHead(), c), left), rows,
                        at(op.getPosition(), op.getKeyHead(), c), left);
        });
    });
  }

  void run() {
    State state{e.splat(kNoMaximum), e.zeroVector, zero,
                Emitter::Values(isLong ? 0 : padded(valueSize, lanes) / lanes, e.zeroVector)};
    if (isLong)
      e.eachVector(valueSize, [&](Value c, int64_t) { e.store(e.zeroVector, longOutput, {c}); });
    for (auto [walk, view] : llvm::zip(op.getWalkOps(), op.getViews().getAsRange<tile::ViewAttr>()))
      state = walkRanges(walk, view, state);
    Value sum = vector::ReductionOp::create(e.b, vector::CombiningKind::ADD, state.sum,
                                            arith::FastMathFlags::reassoc);
    // Without a key the output is zero; without a weight, 0 * 1/0.
    Value one = e.splat(1.0f), total = e.select(e.less(zero, state.count), e.splat(sum), one);
    Value inverse = arith::DivFOp::create(e.b, one, total);
    auto next = state.output.begin();
    e.eachVector(valueSize, [&](Value c, int64_t left) {
      Value output = isLong ? e.loadVector(longOutput, {c}) : *next++;
      e.storeVector(e.mulf(output, inverse), op.getOutput(), at(zero, op.getHead(), c), left);
    });
    insertRows();
  }

  /// Residue and row of the position in a view, and whether the view has it.
  std::tuple<Value, Value, Value> locate(tile::ViewAttr view) {
    Value yes = arith::ConstantOp::create(e.b, e.b.getBoolAttr(true)), p = op.getPosition();
    if (view.getPeriod() == 1)
      return {op.getResidue(), p, yes};
    Value shifted = e.add(p, -view.getFirst()), inside = e.lessEqual(zero, shifted);
    shifted = e.max(shifted, zero);
    Value block = e.floorDiv(shifted, view.getPeriod()),
          rest = e.remainder(shifted, view.getPeriod());
    const int64_t width = view.getWidth();
    if (view.getResidues() > 1)
      return {e.floorDiv(rest, width), e.add(e.mul(block, width), e.remainder(rest, width)),
              inside};
    inside = arith::AndIOp::create(e.b, inside, e.less(rest, e.index(width)));
    return {op.getResidue(), e.add(e.mul(block, width), rest), inside};
  }

  State walkRanges(tile::WalkOp walk, tile::ViewAttr view, State state) {
    auto [residue, row, inside] = locate(view);
    Value a = row, isInside = inside;
    auto walkRange = [&](const HostRange &range, ValueRange carried) {
      return walkChunks(range, a, isInside, State::unpack(carried)).pack();
    };
    return State::unpack(e.eachRange(walk, residue, row, e.add(row, 1), state.pack(), walkRange));
  }

  State walkChunks(const HostRange &range, Value row, Value inside, State state) {
    auto bounds = e.bounds(range, row);
    Value lo = arith::SelectOp::create(e.b, inside, bounds[0], zero);
    Value hi = arith::SelectOp::create(e.b, inside, bounds[3], zero);
    return State::unpack(e.loop(lo, hi, kChunk, state.pack(), [&](Value chunk, ValueRange carried) {
      Value length = e.min(e.sub(hi, chunk), e.index(kChunk));
      return step(range, row, chunk, length, State::unpack(carried)).pack();
    }));
  }

  /// Of the key at a position.
  Value scoreOf(Value position) {
    Value sum = isLong ? longProduct(position) : e.zeroVector;
    if (!isLong)
      for (auto [part, key] : llvm::zip_equal(query, loadRow(op.getKey(), 0, position, querySize)))
        sum = e.fma(part, key, sum);
    return vector::ReductionOp::create(e.b, vector::CombiningKind::ADD, sum,
                                       arith::FastMathFlags::reassoc);
  }

  /// The products of query and key, to be added over the lanes.
  Value longProduct(Value position) {
    Type sum = e.vectorType;
    return withRow(op.getKey(), 0, position, sum, [&](Value from, Value row) {
      return e.eachStep(querySize, lanes, {e.zeroVector},
                        [&](Value c, int64_t left, ValueRange sum) {
                          Value key = e.loadVector(from, at(row, op.getKeyHead(), c), left);
                          return Emitter::Values{e.fma(e.loadVector(longQuery, {c}), key, sum[0])};
                        });
    })[0];
  }

  /// Output *= factor.
  Emitter::Values rescaled(ValueRange output, Value factor) {
    if (isLong)
      e.eachVector(valueSize, [&](Value c, int64_t) {
        e.store(e.mulf(e.loadVector(longOutput, {c}), factor), longOutput, {c});
      });
    return Emitter::Values(
        llvm::map_range(output, [&](Value part) { return e.mulf(part, factor); }));
  }

  /// Output += weight * the value at a position.
  Emitter::Values added(ValueRange output, Value weight, Value position) {
    if (isLong)
      return withRow(op.getValue(), 1, position, TypeRange(), [&](Value from, Value row) {
        e.eachVector(valueSize, [&](Value c, int64_t left) {
          Value value = e.loadVector(from, at(row, op.getKeyHead(), c), left);
          e.store(e.fma(weight, value, e.loadVector(longOutput, {c})), longOutput, {c});
        });
        return Emitter::Values();
      });
    Emitter::Values sums;
    for (auto [sum, part] : llvm::zip_equal(output, loadRow(op.getValue(), 1, position, valueSize)))
      sums.push_back(e.fma(weight, part, sum));
    return sums;
  }

  State step(const HostRange &range, Value row, Value chunk, Value length, State state) {
    tile::WalkOp walk = range.walk;
    auto scalar = [&](float value) -> Value {
      return arith::ConstantOp::create(e.b, e.b.getF32FloatAttr(value));
    };
    Value met = e.walkResidue(walk, range.residue);
    auto found =
        e.loop(zero, length, 1, {zero, scalar(kNoMaximum)}, [&](Value i, ValueRange before) {
          Value keyRow = e.add(chunk, i);
          auto branch =
              scf::IfOp::create(e.b, before.getTypes(), e.inMask(range, row, keyRow), true);
          OpBuilder::InsertionGuard guard(e.b);
          e.b.setInsertionPointToStart(branch.elseBlock());
          scf::YieldOp::create(e.b, before);
          e.b.setInsertionPointToStart(branch.thenBlock());
          Value position = e.position(walk.getView(), met, keyRow), score = scoreOf(position);
          e.store(score, scores, {before[0]});
          e.store(position, positions, {before[0]});
          Value larger = arith::CmpFOp::create(e.b, arith::CmpFPredicate::OGT, score, before[1]);
          scf::YieldOp::create(e.b,
                               ValueRange{e.add(before[0], 1), e.select(larger, score, before[1])});
          return Emitter::Values(branch.getResults());
        });
    Value count = found[0], best = found[1], whole = e.roundUp(count, lanes);
    e.loop(count, whole, 1, [&](Value i) { e.store(scalar(kMaskedScore), scores, {i}); });

    State next;
    next.count = e.add(state.count, count);
    next.maximum = e.maxf(state.maximum, e.splat(best));
    Value rescale = emitExp2(e.b, e.subf(state.maximum, next.maximum));
    next.sum =
        e.loop(zero, whole, lanes, {e.mulf(state.sum, rescale)}, [&](Value i, ValueRange running) {
          Value weight = emitExp2(e.b, e.subf(e.loadVector(scores, {i}), next.maximum));
          e.store(weight, scores, {i});
          return Emitter::Values{e.addf(running[0], weight)};
        })[0];
    next.output = rescaled(state.output, rescale);
    next.output = e.loop(zero, count, 1, next.output, [&](Value i, ValueRange running) {
      Value position = e.load(positions, {i}), weight = e.loadSplat(scores, {i});
      return added(running, weight, position);
    });
    return next;
  }
};
} // namespace

LogicalResult stc::lowerAttentionRow(tile::AttentionRowOp op, const HostVectors &options) {
  Row(op, options).run();
  op.erase();
  return success();
}

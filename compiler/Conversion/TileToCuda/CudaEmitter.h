//===- CudaEmitter.h - what kernels for NVIDIA GPUs emit --------*- C++ -*-===//
//
// Scalars and control in arith and scf; memory, barriers, copies and products of warps in nvvm;
// those of warpgroups in inline assembly, for which nvvm has no op with an operand in registers.
// Integers are i32: all are positions, rows or bytes of shared memory.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Tile/Tile.h"

#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/LLVMIR/LLVMDialect.h>
#include <mlir/Dialect/LLVMIR/NVVMDialect.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/ImplicitLocOpBuilder.h>

namespace stc {

/// A log-sum-exp that is written for a row without a key, and the bound that tells such rows.
inline constexpr float kCudaNoKey = -1e30f, kCudaNoKeyBound = -1e28f;
/// The log-sum-exp of a row that does not exist: its probabilities are 0.
inline constexpr float kCudaMissingRow = 1e30f;

class CudaEmitter {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;

  /// `element` is the type of the operands of products: bf16, f16 or f32.
  CudaEmitter(mlir::ImplicitLocOpBuilder &b, mlir::Type element);

  mlir::ImplicitLocOpBuilder &b;
  mlir::Type element, i32, i64, f32;
  /// Two elements side by side: i32 where they fit a register, else a vector.
  mlir::Type pair;

  /// The sizes of the kernel: i64. As i32, one that is less than 2^31.
  Values sizes;
  Value narrowSize(unsigned number);

  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }

  //===--- integers ---===//
  Value i(int64_t value);
  Value add(Value l, Value r);
  Value add(Value l, int64_t r) { return r ? add(l, i(r)) : l; }
  Value sub(Value l, Value r);
  Value sub(Value l, int64_t r) { return add(l, -r); }
  Value mul(Value l, Value r);
  Value mul(Value l, int64_t r) { return r == 1 ? l : mul(l, i(r)); }
  Value div(Value l, int64_t r); // l >= 0
  Value rem(Value l, int64_t r); // l >= 0
  Value band(Value l, int64_t r);
  Value bxor(Value l, Value r);
  Value bxor(Value l, int64_t r) { return bxor(l, i(r)); }
  Value min(Value l, Value r);
  Value max(Value l, Value r);
  Value compare(mlir::arith::CmpIPredicate predicate, Value l, Value r);
  Value less(Value l, Value r) { return compare(mlir::arith::CmpIPredicate::slt, l, r); }
  Value equal(Value l, int64_t r) { return compare(mlir::arith::CmpIPredicate::eq, l, i(r)); }
  Value both(Value l, Value r);
  Value either(Value l, Value r);
  Value yes();
  Value no();
  Value select(Value condition, Value yes, Value no);

  //===--- floats ---===//
  Value f(float value);
  Value fma(Value l, Value r, Value sum);
  Value mulf(Value l, Value r);
  Value addf(Value l, Value r);
  Value subf(Value l, Value r);
  Value negf(Value value);
  Value maxf(Value l, Value r);
  Value exp2(Value value);
  Value log2(Value value);
  Value reciprocal(Value value);
  Value greater(Value l, float r);
  Value equalf(Value l, float r);
  /// These hold of NaN.
  Value notLess(Value l, float r);
  Value notEqual(Value l, float r);
  /// The value of the lane whose number differs in the bits of `mask`.
  Value shuffle(Value value, int64_t mask);
  /// That of lane `lane` of each `lanes` neighbours, a power of two.
  Value broadcast(Value value, int64_t lane, int64_t lanes);
  /// Two floats as a pair of elements; the low half is the first in memory.
  Value pack(Value low, Value high);
  /// The halves of a pair as floats.
  std::pair<Value, Value> unpack(Value pair);

  //===--- control ---===//
  Values loop(Value lo, Value hi, Value step, mlir::ValueRange carried,
              llvm::function_ref<Values(Value iv, mlir::ValueRange carried)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  void ifElse(Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no);
  Values choose(Value condition, mlir::TypeRange types, llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);

  /// Clones the ops of a block of index arithmetic as i32; arguments and outer values are mapped.
  void cloneNarrow(mlir::Block &block, mlir::IRMapping &mapping);
  /// An element of a table in global memory.
  Value elementOf(mlir::DenseI32ArrayAttr table, Value index);
  /// The same for a region, giving what it yields; constants that are mapped are not cloned.
  Values inlineNarrow(mlir::Region &region, mlir::ValueRange arguments,
                      mlir::IRMapping mapping = {});

  /// The address so many bytes behind one, in any memory.
  Value behind(Value pointer, int64_t bytes);

  //===--- shared memory: addresses are i32 ---===//
  Value shared(Value address);
  Value loadShared(Value address, mlir::Type type);
  void storeShared(Value value, Value address);
  /// If the condition holds, makes a number there the smaller one of it and a value.
  void minShared(Value condition, Value value, Value address);
  /// Writes to the same place of another block of the cluster.
  void storeShared(Value value, Value address, Value block);
  /// Makes what this thread wrote visible to asynchronous copies and products.
  void fenceShared();

  //===--- threads ---===//
  Value threadId(int64_t threads);
  /// The same value in all lanes, known to be the same.
  Value uniform(Value value);
  /// The same value, of which nothing is known: what is made of it stays where it is made.
  Value opaque(Value value);
  Value electOne();
  /// Whether the condition holds in any lane of the warp.
  Value anyLane(Value condition);
  /// Barrier `id` of some warps.
  void syncThreads(Value id, int64_t threads);
  /// The same, and whether the condition holds in any of their threads.
  Value syncAny(Value id, int64_t threads, Value condition);
  void arriveThreads(Value id, int64_t threads);
  void syncAll();
  /// The barrier of a cluster's blocks; behind it they see what they wrote to each other before.
  void arriveCluster();
  void waitCluster();
  void syncWarp();
  void setRegisters(int64_t count, bool increase);

  //===--- barriers of transactions (mbarrier) ---===//
  void initBarrier(Value address, int64_t arrivals);
  void fenceInit();
  void expectBytes(Value address, Value bytes);
  void arrive(Value address);
  void wait(Value address, Value parity);

  //===--- asynchronous copies ---===//
  void copyTile(Value sharedAddress, Value map, Value barrier, mlir::ValueRange coordinates);
  void storeTile(Value map, Value sharedAddress, mlir::ValueRange coordinates);
  /// Adds floats to those of memory, in any order.
  void addTile(Value map, Value sharedAddress, mlir::ValueRange coordinates);
  void addGlobal(Value address, Value value);
  void commitStores();
  /// Until at most `pending` of this thread's groups of stores still read shared memory, or have
  /// not `arrived`.
  void waitStores(int64_t pending, bool arrived = false);

  //===--- products of a warpgroup (wgmma) ---===//
  /// A 64 x 16k operand in registers: four registers of two elements for each k.
  using Fragments = llvm::SmallVector<llvm::SmallVector<mlir::Value, 4>>;
  /// An operand in shared memory: its descriptor and, for each step of 16 along the sum, by how
  /// many 16-byte units it moves; `transposed` if the sum's dimension is not the fastest in memory.
  struct SharedOperand {
    Value descriptor;
    llvm::SmallVector<int64_t> steps;
    bool transposed = false;
  };
  /// Starts D (64 x n) = A B, or D += A B, as one group. Results are undefined until waitProducts.
  Values product(int64_t n, const SharedOperand &a, const SharedOperand &bOperand,
                 Values sums = {});
  Values product(int64_t n, const Fragments &a, const SharedOperand &bOperand, Values sums = {});
  /// Waits until at most `pending` groups run; gives the values that may be used from here on.
  Values waitProducts(int64_t pending, Values values);
  /// Descriptor of a matrix at an address; byte offsets between its blocks, swizzle of 128 or 64.
  Value descriptor(Value address, int64_t leadingBytes, int64_t strideBytes, int64_t swizzle);
  Value advance(Value descriptor, Value units);
  /// Accumulators (64 x n) as the A operand of the next product.
  Fragments fragments(mlir::ArrayRef<Value> values);
  /// Four registers of each of 32 lanes as 8 x 8 matrices, rows of 16 bytes at the lanes'
  /// addresses.
  void storeMatrix(Value address, llvm::ArrayRef<Value> registers, bool transposed);

  //===--- products of a warp (mma.sync) ---===//
  /// Four registers of each of 32 lanes from 8 x 8 matrices whose rows of 16 bytes begin `offset`
  /// bytes behind the lanes' pointers to shared memory.
  Values loadMatrix(Value pointer, int64_t offset, bool transposed);
  /// D (16 x 8) = A (16 x 16) B (16 x 8) + sums: four registers, two, and four floats. For f32 the
  /// operands are in TF32, and A has 8 columns.
  Values multiply(llvm::ArrayRef<Value> a, llvm::ArrayRef<Value> bOperand,
                  llvm::ArrayRef<Value> sums);

  /// Keeps the compiler from moving accesses of memory from here to the other side.
  void fenceMoves() { assembly("", "~{memory}", {}, 0); }

  //===--- copies by single threads (cp.async) ---===//
  /// Starts a copy of 4, 8 or 16 bytes of global memory, or writes zeros where nothing `exists`.
  void copyBytes(Value sharedAddress, Value address, int64_t bytes, Value exists);
  /// Makes the copies since the last call a group.
  void commitCopies();
  /// Until at most `pending` of this thread's groups run.
  void waitCopies(int64_t pending);

  /// Two floats side by side.
  std::pair<Value, Value> loadPair(Value address);
  /// Four floats at a multiple of 16 bytes.
  void storeQuad(llvm::ArrayRef<Value> values, Value address);

private:
  Values assembly(const llvm::Twine &text, const llvm::Twine &constraints,
                  mlir::ValueRange operands, int64_t floats);
  Values productOf(int64_t n, mlir::ValueRange a, llvm::ArrayRef<int64_t> aSteps, bool transposeA,
                   const SharedOperand &bOperand, Values sums);
};

} // namespace stc

//===- CudaEmitter.cpp - what kernels for NVIDIA GPUs emit ----------------===//

#include "compiler/Conversion/TileToCuda/CudaEmitter.h"

#include <llvm/Support/FormatVariadic.h>
#include <mlir/IR/IRMapping.h>

using namespace mlir;
using namespace stc;

CudaEmitter::CudaEmitter(ImplicitLocOpBuilder &b, Type element)
    : b(b), element(element), i32(b.getI32Type()), i64(b.getI64Type()), f32(b.getF32Type()),
      pair(element == f32 ? Type(VectorType::get({2}, f32)) : i32) {}

//===--- integers ---------------------------------------------------------===//

Value CudaEmitter::i(int64_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
}
// What is made of it stays where it is needed: all of it would take too many registers.
Value CudaEmitter::narrowSize(unsigned number) {
  return opaque(arith::TruncIOp::create(b, i32, sizes[number]));
}
Value CudaEmitter::add(Value l, Value r) { return arith::AddIOp::create(b, l, r); }
Value CudaEmitter::sub(Value l, Value r) { return arith::SubIOp::create(b, l, r); }
Value CudaEmitter::mul(Value l, Value r) { return arith::MulIOp::create(b, l, r); }
Value CudaEmitter::div(Value l, int64_t r) {
  return r == 1 ? l : Value(arith::DivUIOp::create(b, l, i(r)));
}
Value CudaEmitter::rem(Value l, int64_t r) { return arith::RemUIOp::create(b, l, i(r)); }
Value CudaEmitter::band(Value l, int64_t r) { return arith::AndIOp::create(b, l, i(r)); }
Value CudaEmitter::bxor(Value l, Value r) { return arith::XOrIOp::create(b, l, r); }
Value CudaEmitter::min(Value l, Value r) { return arith::MinSIOp::create(b, l, r); }
Value CudaEmitter::max(Value l, Value r) { return arith::MaxSIOp::create(b, l, r); }
Value CudaEmitter::compare(arith::CmpIPredicate predicate, Value l, Value r) {
  return arith::CmpIOp::create(b, predicate, l, r);
}
Value CudaEmitter::both(Value l, Value r) { return arith::AndIOp::create(b, l, r); }
Value CudaEmitter::either(Value l, Value r) { return arith::OrIOp::create(b, l, r); }
Value CudaEmitter::yes() { return arith::ConstantOp::create(b, b.getBoolAttr(true)); }
Value CudaEmitter::no() { return arith::ConstantOp::create(b, b.getBoolAttr(false)); }
Value CudaEmitter::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(b, condition, yes, no);
}

//===--- floats -----------------------------------------------------------===//

static constexpr auto contract = arith::FastMathFlags::contract;

Value CudaEmitter::f(float value) { return arith::ConstantOp::create(b, b.getF32FloatAttr(value)); }
Value CudaEmitter::fma(Value l, Value r, Value sum) { return LLVM::FMAOp::create(b, l, r, sum); }
Value CudaEmitter::mulf(Value l, Value r) { return arith::MulFOp::create(b, l, r, contract); }
Value CudaEmitter::addf(Value l, Value r) { return arith::AddFOp::create(b, l, r, contract); }
Value CudaEmitter::subf(Value l, Value r) { return arith::SubFOp::create(b, l, r, contract); }
Value CudaEmitter::negf(Value value) { return arith::NegFOp::create(b, value); }
Value CudaEmitter::maxf(Value l, Value r) { return arith::MaxNumFOp::create(b, l, r); }
static Value intrinsic(ImplicitLocOpBuilder &b, StringRef name, Value value) {
  auto op = LLVM::CallIntrinsicOp::create(b, b.getF32Type(), b.getStringAttr(name), value);
  return op.getResult(0);
}
Value CudaEmitter::exp2(Value value) { return intrinsic(b, "llvm.nvvm.ex2.approx.ftz.f", value); }
Value CudaEmitter::log2(Value value) { return intrinsic(b, "llvm.nvvm.lg2.approx.ftz.f", value); }
Value CudaEmitter::reciprocal(Value value) {
  return NVVM::RcpApproxFtzF32Op::create(b, f32, value);
}
Value CudaEmitter::greater(Value l, float r) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, l, f(r));
}
Value CudaEmitter::equalf(Value l, float r) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, l, f(r));
}
Value CudaEmitter::notLess(Value l, float r) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::UGE, l, f(r));
}
Value CudaEmitter::notEqual(Value l, float r) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, l, f(r));
}
Value CudaEmitter::shuffle(Value value, int64_t mask) {
  if (value.getType().isF64()) { // as two words
    auto words = VectorType::get({2}, i32);
    Value both = LLVM::BitcastOp::create(b, words, value);
    Value result = LLVM::PoisonOp::create(b, words);
    for (int64_t k : {0, 1}) {
      Value word = shuffle(LLVM::ExtractElementOp::create(b, both, i(k)), mask);
      result = LLVM::InsertElementOp::create(b, result, word, i(k));
    }
    return LLVM::BitcastOp::create(b, value.getType(), result);
  }
  return NVVM::ShflOp::create(b, value.getType(), i(-1), value, i(mask), i(31),
                              NVVM::ShflKind::bfly, UnitAttr());
}
// The last operand has the lanes of a segment in its upper half.
Value CudaEmitter::broadcast(Value value, int64_t lane, int64_t lanes) {
  return NVVM::ShflOp::create(b, value.getType(), i(-1), value, i(lane), i((32 - lanes) << 8 | 31),
                              NVVM::ShflKind::idx, UnitAttr());
}
Value CudaEmitter::pack(Value low, Value high) {
  auto type = VectorType::get({2}, element);
  Value both;
  if (element == f32) {
    both = LLVM::InsertElementOp::create(b, LLVM::PoisonOp::create(b, type), low, i(0));
    return LLVM::InsertElementOp::create(b, both, high, i(1));
  }
  if (element.isBF16())
    both =
        NVVM::ConvertF32x2ToBF16x2Op::create(b, type, high, low, Value(), NVVM::FPRoundingMode::RN);
  else
    both =
        NVVM::ConvertF32x2ToF16x2Op::create(b, type, high, low, Value(), NVVM::FPRoundingMode::RN);
  return LLVM::BitcastOp::create(b, i32, both);
}
std::pair<Value, Value> CudaEmitter::unpack(Value pair) {
  Value both = LLVM::BitcastOp::create(b, VectorType::get({2}, element), pair);
  auto half = [&](int64_t k) -> Value {
    Value value = LLVM::ExtractElementOp::create(b, both, i(k));
    return element == f32 ? value : Value(arith::ExtFOp::create(b, f32, value));
  };
  return {half(0), half(1)};
}

//===--- control ----------------------------------------------------------===//

CudaEmitter::Values CudaEmitter::loop(Value lo, Value hi, Value step, ValueRange carried,
                                      function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, lo, hi, step, carried);
  OpBuilder::InsertionGuard guard(b);
  if (carried.empty())
    b.setInsertionPoint(loop.getBody()->getTerminator());
  else
    b.setInsertionPointToStart(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, results);
  return Values(loop.getResults());
}

void CudaEmitter::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void CudaEmitter::ifElse(Value condition, function_ref<void()> yes, function_ref<void()> no) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  yes();
  b.setInsertionPointToStart(branch.elseBlock());
  no();
}

CudaEmitter::Values CudaEmitter::choose(Value condition, TypeRange types,
                                        function_ref<Values()> yes, function_ref<Values()> no) {
  auto branch = scf::IfOp::create(b, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  for (auto [block, body] : {std::pair(branch.thenBlock(), yes), {branch.elseBlock(), no}}) {
    b.setInsertionPointToStart(block);
    Values results = body();
    if (!types.empty()) // else there is a terminator already
      scf::YieldOp::create(b, results);
  }
  return Values(branch.getResults());
}

void CudaEmitter::cloneNarrow(Block &block, IRMapping &mapping) {
  for (Operation &op : block.without_terminator()) {
    if (auto lookup = dyn_cast<tile::LookupOp>(op)) {
      Value index = mapping.lookup(lookup.getIndex());
      mapping.map(lookup.getElement(), elementOf(lookup.getTableAttr(), index));
      continue;
    }
    if (!isa<arith::ArithDialect>(op.getDialect()) || mapping.contains(op.getResult(0)))
      continue;
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<IntegerAttr>(constant.getValue());
      if (value && constant.getType().isIndex()) {
        mapping.map(constant.getResult(), i(value.getInt()));
        continue;
      }
    }
    // From a number in memory.
    if (auto cast = dyn_cast<arith::IndexCastOp>(op); cast && cast.getIn().getType() == i32) {
      mapping.map(cast.getResult(), mapping.lookup(cast.getIn()));
      continue;
    }
    Operation *clone = b.clone(op, mapping);
    for (OpResult result : clone->getResults())
      if (result.getType().isIndex())
        result.setType(i32);
  }
}

Value CudaEmitter::elementOf(DenseI32ArrayAttr table, Value index) {
  constexpr unsigned global = 1;
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto elements =
      DenseElementsAttr::get(RankedTensorType::get({table.size()}, i32), table.asArrayRef());
  auto memories = module.getOps<LLVM::GlobalOp>();
  auto memory = llvm::find_if(
      memories, [&](LLVM::GlobalOp memory) { return memory.getValueOrNull() == elements; });
  LLVM::GlobalOp found;
  if (memory != memories.end()) {
    found = *memory;
  } else {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    std::string name = "table" + std::to_string(std::distance(memories.begin(), memories.end()));
    found = LLVM::GlobalOp::create(b, LLVM::LLVMArrayType::get(i32, table.size()),
                                   /*isConstant=*/true, LLVM::Linkage::Internal, name, elements,
                                   /*alignment=*/4, global);
  }
  index = min(max(index, i(0)), i(table.size() - 1));
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), global);
  Value base = LLVM::AddressOfOp::create(b, pointer, found.getSymName());
  Value place = LLVM::GEPOp::create(b, pointer, i32, base, ArrayRef<LLVM::GEPArg>{index});
  return LLVM::LoadOp::create(b, i32, place);
}

CudaEmitter::Values CudaEmitter::inlineNarrow(Region &region, ValueRange arguments,
                                              IRMapping mapping) {
  mapping.map(region.getArguments(), arguments);
  cloneNarrow(region.front(), mapping);
  Values results;
  for (Value value : region.front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

//===--- shared memory ----------------------------------------------------===//

Value CudaEmitter::behind(Value pointer, int64_t bytes) {
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value CudaEmitter::shared(Value address) {
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 3), address);
}
Value CudaEmitter::loadShared(Value address, Type type) {
  return LLVM::LoadOp::create(b, type, shared(address));
}
void CudaEmitter::storeShared(Value value, Value address) {
  LLVM::StoreOp::create(b, value, shared(address));
}
void CudaEmitter::storeShared(Value value, Value address, Value block) {
  auto cluster = LLVM::LLVMPointerType::get(b.getContext(), 7);
  LLVM::StoreOp::create(b, value, NVVM::MapaOp::create(b, cluster, shared(address), block));
}
// One predicated instruction, where a branch would cost short kernels 5 %.
void CudaEmitter::minShared(Value condition, Value value, Value address) {
  assembly("{ .reg .pred is; setp.ne.u32 is, $0, 0; @is red.shared.min.s32 [$1], $2; }", "r,r,r",
           {arith::ExtUIOp::create(b, i32, condition), address, value}, 0);
}
void CudaEmitter::fenceShared() {
  NVVM::FenceProxyOp::create(
      b, NVVM::ProxyKind::async_shared,
      NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
}

//===--- threads ----------------------------------------------------------===//

Value CudaEmitter::threadId(int64_t threads) {
  return NVVM::ThreadIdXOp::create(b, i32,
                                   LLVM::ConstantRangeAttr::get(b.getContext(), 32, 0, threads));
}
Value CudaEmitter::uniform(Value value) {
  return NVVM::ShflOp::create(b, value.getType(), i(-1), value, i(0), i(31), NVVM::ShflKind::idx,
                              UnitAttr());
}
Value CudaEmitter::opaque(Value value) {
  auto dialect = LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT);
  return LLVM::InlineAsmOp::create(b, TypeRange(i32), value, "mov.b32 $0, $1;", "=r,r",
                                   /*has_side_effects=*/true, /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None, dialect, /*operand_attrs=*/ArrayAttr())
      ->getResult(0);
}
Value CudaEmitter::electOne() { return NVVM::ElectSyncOp::create(b, b.getI1Type(), Value()); }
Value CudaEmitter::anyLane(Value condition) {
  return NVVM::VoteSyncOp::create(b, b.getI1Type(), i(-1), condition, NVVM::VoteSyncKind::any);
}
// With the number in a register, which the op of nvvm does not lower.
void CudaEmitter::syncThreads(Value id, int64_t threads) {
  assembly("bar.sync $0, " + Twine(threads) + ";", "r", id, 0);
}
Value CudaEmitter::syncAny(Value id, int64_t threads, Value condition) {
  auto dialect = LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT);
  auto op = LLVM::InlineAsmOp::create(
      b, i32, ValueRange{id, arith::ExtUIOp::create(b, i32, condition)},
      ("{ .reg .pred any; setp.ne.u32 any, $2, 0; bar.red.or.pred any, $1, " + Twine(threads) +
       ", any; selp.u32 $0, 1, 0, any; }")
          .str(),
      "=r,r,r", /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
      dialect, /*operand_attrs=*/ArrayAttr());
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, op->getResult(0), i(0));
}
void CudaEmitter::arriveThreads(Value id, int64_t threads) {
  assembly("bar.arrive $0, " + Twine(threads) + ";", "r", id, 0);
}
void CudaEmitter::syncAll() { NVVM::BarrierOp::create(b); }
void CudaEmitter::arriveCluster() { NVVM::ClusterArriveOp::create(b, b.getUnitAttr()); }
void CudaEmitter::waitCluster() { NVVM::ClusterWaitOp::create(b, b.getUnitAttr()); }
void CudaEmitter::syncWarp() { NVVM::SyncWarpOp::create(b, i(-1)); }
void CudaEmitter::setRegisters(int64_t count, bool increase) {
  NVVM::SetMaxRegisterOp::create(b, static_cast<uint32_t>(count),
                                 increase ? NVVM::SetMaxRegisterAction::increase
                                          : NVVM::SetMaxRegisterAction::decrease);
}

//===--- barriers of transactions -----------------------------------------===//

void CudaEmitter::initBarrier(Value address, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(b, shared(address), i(arrivals), Value());
}
void CudaEmitter::fenceInit() { NVVM::FenceMbarrierInitOp::create(b); }
void CudaEmitter::expectBytes(Value address, Value bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(b, Type(), shared(address), bytes, NVVM::MemScopeKind::CTA,
                                         /*relaxed=*/false, Value());
}
void CudaEmitter::arrive(Value address) {
  NVVM::MBarrierArriveOp::create(b, i64, shared(address), Value());
}
void CudaEmitter::wait(Value address, Value parity) {
  Value barrier = shared(address);
  auto loop = scf::WhileOp::create(b, TypeRange(), ValueRange());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&loop.getBefore());
  Value done = NVVM::MBarrierTryWaitOp::create(b, b.getI1Type(), barrier, parity, Value());
  Value again = arith::XOrIOp::create(b, done, arith::ConstantOp::create(b, b.getBoolAttr(true)));
  scf::ConditionOp::create(b, again, ValueRange());
  b.createBlock(&loop.getAfter());
  scf::YieldOp::create(b);
}

//===--- asynchronous copies ----------------------------------------------===//

void CudaEmitter::copyTile(Value sharedAddress, Value map, Value barrier, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      b, shared(sharedAddress), map, coordinates, shared(barrier), ValueRange(), Value(), Value(),
      NVVM::TMALoadMode::TILE, /*isCTAOnly=*/true, NVVM::CTAGroupKindAttr(), Value());
}
void CudaEmitter::storeTile(Value map, Value sharedAddress, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp::create(b, map, shared(sharedAddress), coordinates,
                                                     Value(), NVVM::TMAStoreMode::TILE, Value());
}
void CudaEmitter::addTile(Value map, Value sharedAddress, ValueRange coordinates) {
  NVVM::CpAsyncBulkTensorReduceOp::create(b, map, shared(sharedAddress), NVVM::TMAReduxKind::ADD,
                                          NVVM::TMAStoreMode::TILE, coordinates, Value());
}
void CudaEmitter::addGlobal(Value address, Value value) {
  LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::fadd, address, value,
                            LLVM::AtomicOrdering::monotonic, "device");
}
void CudaEmitter::commitStores() { NVVM::CpAsyncBulkCommitGroupOp::create(b); }
void CudaEmitter::waitStores(int64_t pending, bool arrived) {
  NVVM::CpAsyncBulkWaitGroupOp::create(b, static_cast<uint32_t>(pending),
                                       arrived ? UnitAttr() : b.getUnitAttr());
}

//===--- products of a warpgroup ------------------------------------------===//

CudaEmitter::Values CudaEmitter::assembly(const Twine &text, const Twine &constraints,
                                          ValueRange operands, int64_t floats) {
  Type result;
  if (floats == 1)
    result = f32;
  else if (floats > 1)
    result = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(floats, f32));
  auto dialect = LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT);
  auto op = LLVM::InlineAsmOp::create(b, result ? TypeRange(result) : TypeRange(), operands,
                                      text.str(), constraints.str(), /*has_side_effects=*/true,
                                      /*is_align_stack=*/false, LLVM::TailCallKind::None, dialect,
                                      /*operand_attrs=*/ArrayAttr());
  if (floats <= 1)
    return Values(op->getResults());
  Values values;
  for (int64_t k = 0; k < floats; ++k)
    values.push_back(LLVM::ExtractValueOp::create(b, op->getResult(0), k));
  return values;
}

/// "=f,=f,...,0,1,...": so many results, and operands in the same registers.
static std::string tied(int64_t results, bool operands) {
  std::string text;
  for (int64_t k = 0; k < results; ++k)
    text += k ? ",=f" : "=f";
  for (int64_t k = 0; operands && k < results; ++k)
    text += "," + std::to_string(k);
  return text;
}

static std::string registers(int64_t first, int64_t count) {
  std::string text = "{";
  for (int64_t k = 0; k < count; ++k)
    text += (k ? ",$" : "$") + std::to_string(first + k);
  return text + "}";
}

// One block for all steps of a product: ptxas serializes products whose accumulators other
// instructions might touch between them.
CudaEmitter::Values CudaEmitter::productOf(int64_t n, ValueRange a, ArrayRef<int64_t> aSteps,
                                           bool transposeA, const SharedOperand &bOperand,
                                           Values sums) {
  const bool inRegisters = aSteps.empty(), accumulate = !sums.empty();
  const int64_t count = n / 2, firstA = accumulate ? 2 * count : count;
  const int64_t firstB = firstA + a.size();
  std::string type = element.isBF16() ? "bf16" : "f16";
  std::string text = "{\n.reg .b64 da, db;\nwgmma.fence.sync.aligned;\n";
  for (auto [k, step] : llvm::enumerate(bOperand.steps)) {
    std::string left = "da";
    text += llvm::formatv("add.s64 db, ${0}, {1};\n", firstB, step);
    if (inRegisters)
      left = registers(firstA + 4 * k, 4);
    else
      text += llvm::formatv("add.s64 da, ${0}, {1};\n", firstA, aSteps[k]);
    text +=
        llvm::formatv("wgmma.mma_async.sync.aligned.m64n{0}k16.f32.{1}.{1} {2}, {3}, db, {4}, 1, 1",
                      n, type, registers(0, count), left, accumulate || k ? 1 : 0);
    if (!inRegisters)
      text += transposeA ? ", 1" : ", 0";
    text += bOperand.transposed ? ", 1;\n" : ", 0;\n";
  }
  text += "wgmma.commit_group.sync.aligned;\n}";
  std::string constraints = tied(count, accumulate);
  for (size_t k = 0; k < a.size(); ++k)
    constraints += inRegisters ? ",r" : ",l";
  constraints += ",l";
  Values operands = sums;
  operands.append(a.begin(), a.end());
  operands.push_back(bOperand.descriptor);
  return assembly(text, constraints, operands, count);
}

CudaEmitter::Values CudaEmitter::product(int64_t n, const SharedOperand &a,
                                         const SharedOperand &bOperand, Values sums) {
  return productOf(n, a.descriptor, a.steps, a.transposed, bOperand, std::move(sums));
}

CudaEmitter::Values CudaEmitter::product(int64_t n, const Fragments &a,
                                         const SharedOperand &bOperand, Values sums) {
  Values flat;
  for (const auto &fragment : a)
    flat.append(fragment.begin(), fragment.end());
  return productOf(n, flat, {}, false, bOperand, std::move(sums));
}

CudaEmitter::Values CudaEmitter::waitProducts(int64_t pending, Values values) {
  int64_t count = values.size();
  return assembly("wgmma.wait_group.sync.aligned " + Twine(pending) + ";", tied(count, true),
                  values, count);
}

// PTX ISA, "Matrix descriptor format" of wgmma: address, leading and stride offsets in units of 16
// bytes, and the swizzle mode in the top bits.
Value CudaEmitter::descriptor(Value address, int64_t leadingBytes, int64_t strideBytes,
                              int64_t swizzle) {
  Value units = band(div(address, 16), 0x3FFF);
  Value low = arith::ExtUIOp::create(b, i64, units);
  uint64_t mode = swizzle == 128 ? 1 : 2;
  uint64_t high = mode << 62 | uint64_t(strideBytes >> 4) << 32 | uint64_t(leadingBytes >> 4) << 16;
  Value constant = arith::ConstantOp::create(b, b.getI64IntegerAttr(static_cast<int64_t>(high)));
  return arith::OrIOp::create(b, low, constant);
}

Value CudaEmitter::advance(Value descriptor, Value units) {
  return arith::AddIOp::create(b, descriptor, arith::ExtUIOp::create(b, i64, units));
}

CudaEmitter::Fragments CudaEmitter::fragments(ArrayRef<Value> values) {
  Fragments all;
  for (size_t k = 0; k + 8 <= values.size(); k += 8) {
    SmallVector<Value, 4> one;
    for (size_t j = 0; j < 8; j += 2)
      one.push_back(pack(values[k + j], values[k + j + 1]));
    all.push_back(one);
  }
  return all;
}

void CudaEmitter::storeMatrix(Value address, ArrayRef<Value> values, bool transposed) {
  NVVM::StMatrixOp::create(
      b, shared(address), values, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
}

//===--- products of a warp -----------------------------------------------===//

static CudaEmitter::Values unpackStruct(ImplicitLocOpBuilder &b, Value all) {
  CudaEmitter::Values values;
  auto type = cast<LLVM::LLVMStructType>(all.getType());
  for (size_t k = 0; k < type.getBody().size(); ++k)
    values.push_back(LLVM::ExtractValueOp::create(b, all, k));
  return values;
}

CudaEmitter::Values CudaEmitter::loadMatrix(Value pointer, int64_t offset, bool transposed) {
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, i32));
  Value all = NVVM::LdMatrixOp::create(
      b, type, behind(pointer, offset), 4, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  return unpackStruct(b, all);
}

CudaEmitter::Values CudaEmitter::multiply(ArrayRef<Value> a, ArrayRef<Value> bOperand,
                                          ArrayRef<Value> sums) {
  auto operand = [&](ArrayRef<Value> registers) {
    Values values(registers);
    if (element.isF16())
      for (Value &value : values)
        value = LLVM::BitcastOp::create(b, VectorType::get({2}, element), value);
    return values;
  };
  auto kind = element == f32     ? NVVM::MMATypes::tf32
              : element.isBF16() ? NVVM::MMATypes::bf16
                                 : NVVM::MMATypes::f16;
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, f32));
  Value all = NVVM::MmaOp::create(b, type, operand(a), operand(bOperand), sums,
                                  ArrayRef<int64_t>{16, 8, element == f32 ? 8 : 16}, std::nullopt,
                                  std::nullopt, std::array{kind, kind},
                                  std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  return unpackStruct(b, all);
}

//===--- copies by single threads -----------------------------------------===//

void CudaEmitter::copyBytes(Value sharedAddress, Value address, int64_t bytes, Value exists) {
  // Sixteen bytes need not go through the first cache.
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(b, shared(sharedAddress), address, static_cast<uint32_t>(bytes), cache,
                          select(exists, i(bytes), i(0)));
}
void CudaEmitter::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(b); }
void CudaEmitter::waitCopies(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(b, static_cast<uint32_t>(pending));
}

std::pair<Value, Value> CudaEmitter::loadPair(Value address) {
  Value both = loadShared(address, VectorType::get({2}, f32));
  return {LLVM::ExtractElementOp::create(b, both, i(0)),
          LLVM::ExtractElementOp::create(b, both, i(1))};
}

void CudaEmitter::storeQuad(ArrayRef<Value> values, Value address) {
  Value quad = LLVM::PoisonOp::create(b, VectorType::get({4}, f32));
  for (auto [k, value] : llvm::enumerate(values))
    quad = LLVM::InsertElementOp::create(b, quad, value, i(k));
  storeShared(quad, address);
}

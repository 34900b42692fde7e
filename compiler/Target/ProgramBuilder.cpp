//===- ProgramBuilder.cpp - the compiled program as bytes -------------------===//

#include "compiler/Target/ProgramBuilder.h"
#include "dialects/Plan/Plan.h"
#include "runtime/Program/NameCheck.h"
#include "runtime/Program/ProgramFile.h"

#include <llvm/ADT/TypeSwitch.h>

using namespace mlir;
using namespace stc;
using flatbuffers::Offset;

static std::optional<program::DType> dtypeOf(Type type) {
  if (type.isF32())
    return program::DType::F32;
  if (type.isF64())
    return program::DType::F64;
  if (type.isBF16())
    return program::DType::BF16;
  if (type.isF16())
    return program::DType::F16;
  if (type.isInteger(64))
    return program::DType::I64;
  if (type.isInteger(32))
    return program::DType::I32;
  if (type.isInteger(8))
    return program::DType::U8;
  if (type.isInteger(1))
    return program::DType::I1;
  return std::nullopt;
}

namespace {
class PlanWriter {
public:
  PlanWriter(ModuleOp module, const ProgramCode &code, const ProgramOrigin &origin)
      : module(module), code(code), origin(origin) {}

  FailureOr<std::vector<std::byte>> build();

private:
  template <typename T> using Table = std::vector<Offset<T>>;

  FailureOr<Offset<program::Tensor>> tensor(Operation *op, StringRef name, plan::BufferAttr buffer,
                                            DictionaryAttr dealt, int64_t below = 0);
  FailureOr<Table<program::Tensor>> tensors(plan::EntryOp op, ArrayAttr names, ArrayAttr buffers,
                                            std::optional<ArrayAttr> dealt,
                                            ArrayRef<int64_t> below = {});
  LogicalResult addVariable(plan::VariableOp op);
  LogicalResult addKernel(plan::KernelOp op);
  FailureOr<Offset<program::Grid>> grid(plan::KernelOp op);
  LogicalResult addEntry(plan::EntryOp op);
  FailureOr<Offset<program::Launch>> launch(plan::LaunchOp op);
  FailureOr<Offset<program::Exchange>> exchange(plan::ExchangeOp op);
  FailureOr<Offset<program::Step>> step(Operation &op);
  Offset<program::Expression> expression(AffineExpr expr);
  Table<program::Intermediate> intermediatesOf(plan::EntryOp op);

  ModuleOp module;
  const ProgramCode &code;
  const ProgramOrigin &origin;
  flatbuffers::FlatBufferBuilder builder;
  Table<program::Variable> variables;
  Table<program::Kernel> kernels;
  Table<program::Entry> entries;
  struct Kernel {
    plan::KernelOp op;
    uint32_t number;
  };
  llvm::DenseMap<StringAttr, Kernel> kernelOf; // by name
  Table<program::Axis> axes;
  llvm::DenseMap<StringAttr, uint32_t> axisOf; // its number by name
  int64_t arenaBytes = 0, entryBytes = 0;      // up to the end of what is used
};
} // namespace

static LogicalResult verifyName(Operation *op, StringRef name) {
  auto checked = runtime::checkName(name);
  return checked ? success() : op->emitError(checked.error().message);
}

FailureOr<Offset<program::Tensor>> PlanWriter::tensor(Operation *op, StringRef name,
                                                      plan::BufferAttr buffer, DictionaryAttr dealt,
                                                      int64_t below) {
  if (failed(verifyName(op, name)))
    return failure();
  std::optional<program::DType> dtype = dtypeOf(buffer.getType().getElementType());
  if (!dtype)
    return op->emitError("expected an element type that programs have, found ")
           << buffer.getType().getElementType();
  std::vector<int64_t> shape = buffer.getType().getShape().vec();
  std::vector<program::Dealt> parts;
  if (dealt)
    for (NamedAttribute entry : dealt) {
      auto axis = axisOf.find(entry.getName());
      if (axis == axisOf.end())
        return op->emitError("expected an axis of the module, found ") << entry.getName();
      parts.emplace_back(axis->second, cast<IntegerAttr>(entry.getValue()).getInt());
    }
  llvm::sort(parts, [](const auto &l, const auto &r) { return l.axis() < r.axis(); });
  return program::CreateTensorDirect(builder, name.str().c_str(), *dtype, &shape,
                                     buffer.getOffset(), below, parts.empty() ? nullptr : &parts);
}

FailureOr<PlanWriter::Table<program::Tensor>> PlanWriter::tensors(plan::EntryOp op, ArrayAttr names,
                                                                  ArrayAttr buffers,
                                                                  std::optional<ArrayAttr> dealt,
                                                                  ArrayRef<int64_t> below) {
  Table<program::Tensor> result;
  for (auto [name, buffer] :
       llvm::zip(names.getAsRange<StringAttr>(), buffers.getAsRange<plan::BufferAttr>())) {
    auto parts = dealt ? cast<DictionaryAttr>((*dealt)[result.size()]) : DictionaryAttr();
    auto one = tensor(op, name, buffer, parts, below.empty() ? 0 : below[result.size()]);
    if (failed(one))
      return failure();
    result.push_back(*one);
  }
  return result;
}

LogicalResult PlanWriter::addVariable(plan::VariableOp op) {
  auto one = tensor(op, op.getSymName(), op.getBuffer(), op.getDealt().value_or(DictionaryAttr()));
  if (failed(one))
    return failure();
  static_assert(static_cast<int>(Role::Parameter) == static_cast<int>(program::Role::Parameter) &&
                static_cast<int>(Role::Optimizer) == static_cast<int>(program::Role::Optimizer) &&
                static_cast<int>(Role::Counter) == static_cast<int>(program::Role::Counter) &&
                static_cast<int>(Role::Scratch) == static_cast<int>(program::Role::Scratch) &&
                static_cast<int>(Role::Rank) == static_cast<int>(program::Role::Rank));
  variables.push_back(
      program::CreateVariable(builder, *one, static_cast<program::Role>(op.getRole())));
  return success();
}

static void addCode(AffineExpr expr, std::vector<program::Instruction> &code) {
  using program::Operation;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return void(code.emplace_back(Operation::Constant, constant.getValue()));
  if (auto size = dyn_cast<AffineSymbolExpr>(expr))
    return void(code.emplace_back(Operation::Size, size.getPosition()));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  addCode(binary.getLHS(), code);
  addCode(binary.getRHS(), code);
  const Operation operation = expr.getKind() == AffineExprKind::Add        ? Operation::Add
                              : expr.getKind() == AffineExprKind::Mul      ? Operation::Multiply
                              : expr.getKind() == AffineExprKind::FloorDiv ? Operation::FloorDivide
                              : expr.getKind() == AffineExprKind::CeilDiv  ? Operation::CeilDivide
                                                                           : Operation::Modulo;
  code.emplace_back(operation, 0);
}

Offset<program::Expression> PlanWriter::expression(AffineExpr expr) {
  std::vector<program::Instruction> code;
  addCode(expr, code);
  return program::CreateExpressionDirect(builder, &code);
}

FailureOr<Offset<program::Grid>> PlanWriter::grid(plan::KernelOp op) {
  std::vector<Offset<program::TensorMap>> maps;
  for (auto map : op.getGrid()->getMaps().getAsRange<plan::TensorMapAttr>()) {
    std::optional<program::DType> dtype = dtypeOf(map.getElement());
    if (!dtype)
      return op.emitError("expected an element type that programs have, found ")
             << map.getElement();
    std::vector<int64_t> sizes = map.getSizes().vec(), strides = map.getStrides().vec(),
                         box = map.getBox().vec();
    Table<program::Expression> dynamic;
    if (map.getDynamic())
      for (AffineExpr number : map.getDynamic().getValue().getResults())
        dynamic.push_back(expression(number));
    maps.push_back(program::CreateTensorMapDirect(builder, map.getBuffer(), map.getOffset(), *dtype,
                                                  &sizes, &strides, &box, map.getSwizzle(),
                                                  map.getDynamic() ? &dynamic : nullptr));
  }
  const std::string &image = code.images[kernels.size()];
  std::vector<uint8_t> bytes(image.begin(), image.end());
  return program::CreateGridDirect(builder, op.getGrid()->getThreads(), op.getGrid()->getShared(),
                                   &maps, &bytes, op.getGrid()->getEarly());
}

LogicalResult PlanWriter::addKernel(plan::KernelOp op) {
  kernelOf[op.getSymNameAttr()] = {op, static_cast<uint32_t>(kernels.size())};
  FailureOr<Offset<program::Grid>> launched = Offset<program::Grid>();
  if (op.getGrid())
    launched = grid(op);
  if (failed(launched))
    return failure();
  kernels.push_back(program::CreateKernelDirect(builder, op.getSymName().str().c_str(),
                                                op.getScratch(), op.getKind().str().c_str(),
                                                *launched));
  return success();
}

/// The first byte behind all that a tensor map of a buffer at an offset spans.
static int64_t endOf(plan::TensorMapAttr map, int64_t offset) {
  int64_t last = map.getSizes()[0] * map.getElement().getIntOrFloatBitWidth() / 8;
  for (auto [size, stride] : llvm::zip_equal(map.getSizes().drop_front(), map.getStrides()))
    last += (size - 1) * stride;
  return offset + map.getOffset() + last;
}

FailureOr<Offset<program::Launch>> PlanWriter::launch(plan::LaunchOp op) {
  auto kernel = kernelOf.find(op.getKernelAttr().getAttr());
  if (kernel == kernelOf.end())
    return op.emitError("expected a kernel that is lowered, found ") << op.getKernelAttr();
  std::vector<uint64_t> buffers;
  for (plan::BufferAttr buffer : op.getBuffers().getAsRange<plan::BufferAttr>())
    buffers.push_back(buffer.getOffset());
  std::vector<int64_t> sizes = op.getSizes().vec();
  // The maps of views whose last block is cut off span more than their buffers.
  if (auto grid = kernel->second.op.getGrid())
    for (auto map : grid->getMaps().getAsRange<plan::TensorMapAttr>())
      entryBytes = std::max(entryBytes, endOf(map, buffers[map.getBuffer()]));
  Offset<program::Expression> items;
  if (auto dynamic = op.getDynamic())
    items = expression(dynamic->getResult(0));
  return program::CreateLaunchDirect(builder, kernel->second.number, op.getItems(), &buffers,
                                     &sizes, items);
}

FailureOr<Offset<program::Exchange>> PlanWriter::exchange(plan::ExchangeOp op) {
  using tile::CollectiveKind;
  static_assert(static_cast<int>(CollectiveKind::AllGather) ==
                    static_cast<int>(program::CollectiveKind::AllGather) &&
                static_cast<int>(CollectiveKind::AllSlice) ==
                    static_cast<int>(program::CollectiveKind::AllSlice) &&
                static_cast<int>(CollectiveKind::ReduceScatter) ==
                    static_cast<int>(program::CollectiveKind::ReduceScatter) &&
                static_cast<int>(CollectiveKind::AllReduce) ==
                    static_cast<int>(program::CollectiveKind::AllReduce) &&
                static_cast<int>(CollectiveKind::AllMax) ==
                    static_cast<int>(program::CollectiveKind::AllMax) &&
                static_cast<int>(CollectiveKind::AllToAll) ==
                    static_cast<int>(program::CollectiveKind::AllToAll));
  Table<program::Collective> collectives;
  for (auto [collective, input, output] :
       llvm::zip_equal(op.getCollectives().getAsRange<tile::CollectiveAttr>(),
                       op.getInputs().getAsRange<plan::BufferAttr>(),
                       op.getOutputs().getAsRange<plan::BufferAttr>())) {
    auto axis = axisOf.find(collective.getAxis());
    auto dtype = dtypeOf(input.getType().getElementType());
    if (axis == axisOf.end() || !dtype)
      return op.emitError("expected an axis of the module and elements that programs have, found ")
             << collective << " of " << input.getType();
    int64_t part = std::min(input.getType().getNumElements(), output.getType().getNumElements());
    if (collective.getKind() == CollectiveKind::AllToAll)
      part /= collective.getCount();
    collectives.push_back(program::CreateCollective(
        builder, static_cast<program::CollectiveKind>(collective.getKind()), axis->second, *dtype,
        collective.getRuns(), part / collective.getRuns(), input.getOffset(), output.getOffset()));
  }
  return program::CreateExchangeDirect(builder, op.getNumber(), &collectives);
}

/// What a step has to do, if that is known.
static std::optional<program::Work> workOf(Operation &op) {
  using Work = program::Work;
  if (auto launch = dyn_cast<plan::LaunchOp>(op)) {
    tile::WorkAttr work = launch.getWorkAttr();
    return work ? std::optional(Work(work.getFlops(), work.getBytes())) : std::nullopt;
  }
  if (auto batch = dyn_cast<plan::BatchOp>(op)) {
    Work sum(0, 0);
    for (Operation &launch : batch.getBody().front()) {
      std::optional<Work> one = workOf(launch);
      if (!one)
        return std::nullopt;
      sum = Work(sum.flops() + one->flops(), sum.bytes() + one->bytes());
    }
    return sum;
  }
  if (auto gemm = dyn_cast<plan::GemmOp>(op)) {
    const uint64_t m = gemm.getM(), n = gemm.getN(), k = gemm.getK(), batch = gemm.getBatch();
    const uint64_t bytes = gemm.getType().getIntOrFloatBitWidth() / 8;
    uint64_t flops = 2 * batch * m * n;
    if (__builtin_mul_overflow(flops, k, &flops))
      return std::nullopt;
    return Work(flops, bytes * batch * (m * k + k * n + m * n));
  }
  if (auto copy = dyn_cast<plan::CopyOp>(op))
    return Work(0, 2 * copy.getBytes());
  if (auto exchange = dyn_cast<plan::ExchangeOp>(op)) {
    uint64_t bytes = 0;
    for (ArrayAttr buffers : {exchange.getInputs(), exchange.getOutputs()})
      for (auto buffer : buffers.getAsRange<plan::BufferAttr>())
        bytes += buffer.getBytes();
    return Work(0, bytes);
  }
  if (isa<plan::WaitOp>(op))
    return Work(0, 0);
  return Work(0, cast<plan::ZeroOp>(op).getBytes());
}

FailureOr<Offset<program::Step>> PlanWriter::step(Operation &op) {
  std::optional<program::Work> work = workOf(op);
  auto make = [&](program::Action action, auto table) {
    return program::CreateStep(builder, action, table.Union(), work ? &*work : nullptr);
  };
  if (auto launchOp = dyn_cast<plan::LaunchOp>(op)) {
    auto one = launch(launchOp);
    if (failed(one))
      return failure();
    return make(program::Action::Launch, *one);
  }
  if (auto batch = dyn_cast<plan::BatchOp>(op)) {
    Table<program::Launch> launches;
    for (auto launchOp : batch.getBody().front().getOps<plan::LaunchOp>()) {
      auto one = launch(launchOp);
      if (failed(one))
        return failure();
      launches.push_back(*one);
    }
    return make(program::Action::Batch, program::CreateBatchDirect(builder, &launches));
  }
  if (auto gemm = dyn_cast<plan::GemmOp>(op)) {
    auto matrix = [](plan::MatrixAttr matrix) {
      return program::Matrix(matrix.getOffset(), matrix.getLeading(), matrix.getStep());
    };
    if (code.target == "host" && !gemm.getType().isF32() && !gemm.getType().isF64())
      return op.emitError("expected a product in f32 or f64 for the host, found ")
             << gemm.getType();
    program::Matrix a = matrix(gemm.getA()), b = matrix(gemm.getB()), c = matrix(gemm.getC());
    return make(program::Action::Gemm,
                program::CreateGemm(builder, *dtypeOf(gemm.getType()), gemm.getM(), gemm.getN(),
                                    gemm.getK(), gemm.getBatch(), gemm.getTransposeA(),
                                    gemm.getTransposeB(), /*accumulate=*/false, &a, &b, &c));
  }
  if (auto exchangeOp = dyn_cast<plan::ExchangeOp>(op)) {
    auto one = exchange(exchangeOp);
    if (failed(one))
      return failure();
    return make(program::Action::Exchange, *one);
  }
  if (auto wait = dyn_cast<plan::WaitOp>(op))
    return make(program::Action::Wait, program::CreateWait(builder, wait.getNumber()));
  if (auto copy = dyn_cast<plan::CopyOp>(op))
    return make(program::Action::Copy,
                program::CreateCopy(builder, copy.getSource(), copy.getTarget(), copy.getBytes()));
  auto zero = cast<plan::ZeroOp>(op);
  return make(program::Action::Copy,
              program::CreateCopy(builder, 0, zero.getTarget(), zero.getBytes(), /*zero=*/true));
}

LogicalResult PlanWriter::addEntry(plan::EntryOp op) {
  if (failed(verifyName(op, op.getSymName())))
    return failure();
  auto inputs = tensors(op, op.getInputNames(), op.getInputs(), op.getDealtInputs(),
                        op.getBelow().value_or(ArrayRef<int64_t>()));
  auto outputs = tensors(op, op.getOutputNames(), op.getOutputs(), op.getDealtOutputs());
  if (failed(inputs) || failed(outputs))
    return failure();
  Table<program::Step> steps;
  entryBytes = op.getPeak();
  for (Operation &child : op.getBody().front()) {
    auto one = step(child);
    if (failed(one))
      return failure();
    steps.push_back(*one);
  }
  arenaBytes = std::max(arenaBytes, entryBytes);
  Table<program::Parameter> parameters;
  Table<program::Intermediate> intermediates;
  if (op.getParameters()) {
    for (auto one : op.getParameters()->getAsRange<tile::ParameterAttr>())
      parameters.push_back(program::CreateParameterDirect(builder, one.getName().str().c_str(),
                                                          one.getExample(), one.getMultiple(),
                                                          one.getMost()));
    intermediates = intermediatesOf(op);
  }
  entries.push_back(program::CreateEntryDirect(
      builder, op.getSymName().str().c_str(), &*inputs, &*outputs, &steps, entryBytes,
      op.getModelFlops().value_or(0), op.getParameters() ? &parameters : nullptr,
      op.getParameters() ? &intermediates : nullptr));
  return success();
}

/// Results of launches that are no outputs.
PlanWriter::Table<program::Intermediate> PlanWriter::intermediatesOf(plan::EntryOp op) {
  llvm::DenseSet<int64_t> outputs;
  for (auto buffer : op.getOutputs().getAsRange<plan::BufferAttr>())
    outputs.insert(buffer.getOffset());
  Table<program::Intermediate> intermediates;
  for (auto launch : op.getBody().front().getOps<plan::LaunchOp>()) {
    ArrayRef<AffineExpr> bytes = launch.getDynamic()->getResults().drop_front();
    auto results = launch.getBuffers().getValue().take_back(bytes.size());
    for (auto [buffer, size] : llvm::zip_equal(results, bytes))
      if (int64_t offset = cast<plan::BufferAttr>(buffer).getOffset(); !outputs.contains(offset))
        intermediates.push_back(program::CreateIntermediate(builder, offset, expression(size)));
  }
  return intermediates;
}

FailureOr<std::vector<std::byte>> PlanWriter::build() {
  auto arenas = module.getOps<plan::ArenaOp>();
  if (arenas.empty())
    return module.emitError("expected a plan.arena in the module");
  for (auto axis : module.getOps<plan::AxisOp>()) {
    axisOf[axis.getSymNameAttr()] = axes.size();
    axes.push_back(
        program::CreateAxisDirect(builder, axis.getSymName().str().c_str(), axis.getCount()));
  }
  for (auto variable : module.getOps<plan::VariableOp>())
    if (failed(addVariable(variable)))
      return failure();
  arenaBytes = (*arenas.begin()).getBytes();
  for (auto kernel : module.getOps<plan::KernelOp>())
    if (failed(addKernel(kernel)))
      return failure();
  for (auto entry : module.getOps<plan::EntryOp>())
    if (failed(addEntry(entry)))
      return failure();

  Table<flatbuffers::String> features;
  for (const std::string &feature : code.features)
    features.push_back(builder.CreateString(feature));
  Table<program::Setting> settings;
  for (const auto &[key, value] : origin.settings)
    settings.push_back(program::CreateSettingDirect(builder, key.c_str(), value.c_str()));
  std::vector<uint8_t> object(code.object.begin(), code.object.end());
  builder.Finish(program::CreateProgramDirect(
      builder, origin.name.c_str(), code.target.c_str(), code.cpu.c_str(), &features, arenaBytes,
      &variables, &entries, &kernels, &object, &settings, origin.specification.c_str(),
      origin.picture.empty() ? nullptr : origin.picture.c_str(), code.deterministic,
      axes.empty() ? nullptr : &axes));

  // The runtime refuses what is unsound; a program that it would refuse is not written.
  const auto *root = flatbuffers::GetRoot<program::Program>(builder.GetBufferPointer());
  if (auto checked = runtime::checkProgram(*root); !checked)
    return module.emitError("internal error in the program: ") << checked.error().message;
  auto *bytes = reinterpret_cast<const std::byte *>(builder.GetBufferPointer());
  return std::vector<std::byte>(bytes, bytes + builder.GetSize());
}

FailureOr<std::vector<std::byte>> stc::buildProgram(ModuleOp module, const ProgramCode &code,
                                                    const ProgramOrigin &origin) {
  return PlanWriter(module, code, origin).build();
}

//===- PlanOps.cpp - the plan dialect: syntax and constraints -------------===//

#include "dialects/Plan/Plan.h"

#include <llvm/ADT/StringSet.h>

using namespace mlir;
using namespace stc;
using namespace stc::plan;

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

// offset : type
static void printBuffer(OpAsmPrinter &printer, BufferAttr buffer) {
  printer << buffer.getOffset() << " : " << buffer.getType();
}

static ParseResult parseBuffer(OpAsmParser &parser, SmallVectorImpl<Attribute> &buffers) {
  int64_t offset;
  RankedTensorType type;
  if (parser.parseInteger(offset) || parser.parseColonType(type))
    return failure();
  if (!type.hasStaticShape())
    return parser.emitError(parser.getNameLoc(), "expected a tensor of static shape, found ")
           << type;
  buffers.push_back(BufferAttr::get(parser.getContext(), offset, type));
  return success();
}

// (offset : type, ...)
static void printBuffers(OpAsmPrinter &printer, Operation *, ArrayAttr buffers) {
  printer << '(';
  llvm::interleaveComma(buffers.getAsRange<BufferAttr>(), printer,
                        [&](BufferAttr buffer) { printBuffer(printer, buffer); });
  printer << ')';
}

static ParseResult parseBuffers(OpAsmParser &parser, ArrayAttr &buffers) {
  SmallVector<Attribute> parsed;
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren,
                                     [&] { return parseBuffer(parser, parsed); }))
    return failure();
  buffers = parser.getBuilder().getArrayAttr(parsed);
  return success();
}

// ["name" = offset : type, ...]
static void printNamedBuffers(OpAsmPrinter &printer, Operation *, ArrayAttr names,
                              ArrayAttr buffers) {
  printer << '[';
  llvm::interleaveComma(llvm::zip(names, buffers), printer, [&](auto pair) {
    printer << std::get<0>(pair) << " = ";
    printBuffer(printer, cast<BufferAttr>(std::get<1>(pair)));
  });
  printer << ']';
}

static ParseResult parseNamedBuffers(OpAsmParser &parser, ArrayAttr &names, ArrayAttr &buffers) {
  SmallVector<Attribute> parsedNames, parsed;
  auto parseOne = [&]() -> ParseResult {
    StringAttr name;
    if (parser.parseAttribute(name) || parser.parseEqual() || parseBuffer(parser, parsed))
      return failure();
    parsedNames.push_back(name);
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseOne))
    return failure();
  names = parser.getBuilder().getArrayAttr(parsedNames);
  buffers = parser.getBuilder().getArrayAttr(parsed);
  return success();
}

#define GET_OP_CLASSES
#include "dialects/Plan/PlanOps.cpp.inc"

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

namespace {
struct Bytes {
  int64_t begin, size;

  bool liesIn(int64_t total) const {
    return begin >= 0 && size >= 0 && size <= total && begin <= total - size;
  }
  bool overlaps(Bytes other) const {
    using Wide = __int128; // for sums of any two sizes
    return size > 0 && other.size > 0 && begin < Wide(other.begin) + other.size &&
           other.begin < Wide(begin) + size;
  }
};
} // namespace

static Bytes bytesOf(BufferAttr buffer) { return {buffer.getOffset(), buffer.getBytes()}; }

static SmallVector<Bytes> allBytes(ArrayAttr buffers) {
  return llvm::map_to_vector(buffers.getAsRange<BufferAttr>(),
                             [](BufferAttr buffer) { return bytesOf(buffer); });
}

/// The places that a step reads or writes.
static SmallVector<Bytes> touchedBy(Operation &step) {
  if (auto batch = dyn_cast<BatchOp>(step)) {
    SmallVector<Bytes> all;
    for (Operation &launch : batch.getBody().front())
      llvm::append_range(all, touchedBy(launch));
    return all;
  }
  if (auto launch = dyn_cast<LaunchOp>(step))
    return allBytes(launch.getBuffers());
  if (auto gemm = dyn_cast<GemmOp>(step))
    return {{gemm.getA().getOffset(), gemm.getBytesA()},
            {gemm.getB().getOffset(), gemm.getBytesB()},
            {gemm.getC().getOffset(), gemm.getBytesC()}};
  if (auto copy = dyn_cast<CopyOp>(step)) {
    auto size = static_cast<int64_t>(copy.getBytes());
    return {{static_cast<int64_t>(copy.getSource()), size},
            {static_cast<int64_t>(copy.getTarget()), size}};
  }
  if (auto exchange = dyn_cast<ExchangeOp>(step)) {
    SmallVector<Bytes> all = allBytes(exchange.getInputs());
    llvm::append_range(all, allBytes(exchange.getOutputs()));
    return all;
  }
  if (isa<WaitOp>(step))
    return {};
  auto zero = cast<ZeroOp>(step);
  return {{static_cast<int64_t>(zero.getTarget()), static_cast<int64_t>(zero.getBytes())}};
}

static FailureOr<int64_t> arenaBytes(Operation *op) {
  auto arenas = op->getParentOfType<ModuleOp>().getOps<ArenaOp>();
  if (arenas.empty())
    return op->emitOpError("expected a plan.arena in the module");
  return static_cast<int64_t>((*arenas.begin()).getBytes());
}

/// All variables at once, so that a module of many takes no time that grows with their square.
LogicalResult ArenaOp::verify() {
  auto total = static_cast<int64_t>(getBytes());
  if (total < 0)
    return emitOpError("(C1) expected a size of at least 0, found ") << total;
  auto module = cast<ModuleOp>((*this)->getParentOp());
  if (*module.getOps<ArenaOp>().begin() != *this)
    return emitOpError("(C1) expected one arena in the module");

  SmallVector<VariableOp> variables(module.getOps<VariableOp>());
  llvm::sort(variables, [](VariableOp a, VariableOp b) {
    return static_cast<int64_t>(a.getOffset()) < static_cast<int64_t>(b.getOffset());
  });
  plan::VariableOp previous;
  for (VariableOp variable : variables) {
    Bytes bytes = ::bytesOf(variable.getBuffer());
    if (!bytes.liesIn(total))
      return variable.emitOpError("(C1) expected ")
             << bytes.size << " bytes inside the arena of " << total << " bytes, found offset "
             << bytes.begin;
    if (previous && bytes.overlaps(::bytesOf(previous.getBuffer())))
      return variable.emitOpError("(C1) expected memory of its own, found bytes of ")
             << previous.getSymNameAttr();
    previous = variable;
  }
  return success();
}

static LogicalResult verifyNames(EntryOp entry, ArrayAttr names, ArrayAttr buffers, int64_t peak) {
  llvm::StringSet<> seen;
  for (auto [name, buffer] :
       llvm::zip(names.getAsRange<StringAttr>(), buffers.getAsRange<BufferAttr>())) {
    if (!seen.insert(name.getValue()).second)
      return entry.emitOpError("(C3) expected different names, found ") << name << " twice";
    if (!bytesOf(buffer).liesIn(peak))
      return entry.emitOpError("(C2) expected ") << name << " before the peak of " << peak
                                                 << " bytes, found it at " << buffer.getOffset();
  }
  return success();
}

static LogicalResult verifyDealt(Operation *op, StringRef constraint, DictionaryAttr dealt,
                                 RankedTensorType type) {
  for (NamedAttribute entry : dealt) {
    auto dim = dyn_cast<IntegerAttr>(entry.getValue());
    if (!dim || dim.getInt() < 0 || dim.getInt() >= type.getRank())
      return op->emitOpError() << constraint << " expected dimensions of " << type << ", found "
                               << dealt;
  }
  return success();
}

static LogicalResult verifyDealt(EntryOp entry, StringRef what, std::optional<ArrayAttr> dealt,
                                 ArrayAttr buffers) {
  if (!dealt)
    return success();
  if (dealt->size() != buffers.size())
    return entry.emitOpError("(C7) expected a dictionary for each of ")
           << buffers.size() << " " << what << ", found " << dealt->size();
  for (auto [one, buffer] : llvm::zip_equal(*dealt, buffers.getAsRange<BufferAttr>())) {
    auto dictionary = dyn_cast<DictionaryAttr>(one);
    if (!dictionary)
      return entry.emitOpError("(C7) expected dictionaries, found ") << one;
    if (failed(verifyDealt(entry, "(C7)", dictionary, buffer.getType())))
      return failure();
  }
  return success();
}

/// Each exchange is waited for, once.
static LogicalResult verifyWaits(EntryOp entry) {
  DenseMap<int64_t, Operation *> pending;
  llvm::DenseSet<int64_t> numbers;
  for (Operation &step : entry.getBody().front()) {
    if (auto exchange = dyn_cast<ExchangeOp>(step)) {
      if (!numbers.insert(exchange.getNumber()).second)
        return step.emitOpError("(C6) expected a number of its own, found ")
               << exchange.getNumber();
      pending[exchange.getNumber()] = exchange;
    }
    if (auto wait = dyn_cast<WaitOp>(step); wait && !pending.erase(wait.getNumber()))
      return step.emitOpError("(C1) expected an exchange ahead that nobody waited for, found ")
             << wait.getNumber();
  }
  for (auto [number, exchange] : pending)
    return exchange->emitOpError("(C6) expected a wait for exchange ") << number;
  return success();
}

LogicalResult AxisOp::verify() {
  if (static_cast<int64_t>(getCount()) < 1)
    return emitOpError("(C1) expected at least one device, found ")
           << static_cast<int64_t>(getCount());
  return success();
}

LogicalResult plan::VariableOp::verify() {
  auto dealt = getDealt();
  return dealt ? verifyDealt(*this, "(C2)", *dealt, cast<RankedTensorType>(getType())) : success();
}

static LogicalResult verifyParameters(EntryOp entry) {
  auto parameters = entry.getParameters();
  if (!parameters)
    return success();
  auto examples =
      llvm::map_to_vector(parameters->getAsRange<tile::ParameterAttr>(),
                          [](tile::ParameterAttr parameter) { return parameter.getExample(); });
  for (Operation &step : entry.getBody().front()) {
    auto launch = dyn_cast<LaunchOp>(step);
    if (!launch || !launch.getDynamic() || launch.getSizes() != ArrayRef<int64_t>(examples))
      return step.emitOpError("(C8) expected a launch with dynamic, of the sizes ") << examples;
  }
  return success();
}

LogicalResult EntryOp::verify() {
  FailureOr<int64_t> arena = arenaBytes(*this);
  if (failed(arena))
    return failure();
  auto peak = static_cast<int64_t>(getPeak());
  if (peak < 0 || peak > *arena)
    return emitOpError("(C1) expected a peak of at most the arena's ")
           << *arena << " bytes, found " << peak;
  if (getInputNames().size() != getInputs().size() ||
      getOutputNames().size() != getOutputs().size())
    return emitOpError("expected a name for each input and output");
  if (failed(verifyNames(*this, getInputNames(), getInputs(), peak)) ||
      failed(verifyNames(*this, getOutputNames(), getOutputs(), peak)))
    return failure();
  if (auto below = getBelow()) {
    if (below->size() != getInputs().size())
      return emitOpError("(C5) expected a bound for each of ")
             << getInputs().size() << " inputs, found " << below->size();
    for (auto [bound, buffer] : llvm::zip_equal(*below, getInputs().getAsRange<BufferAttr>()))
      if (bound < 0 || (bound > 0 && !buffer.getType().getElementType().isInteger()))
        return emitOpError("(C5) expected a bound of integers that is not negative, found ")
               << bound << " of " << buffer.getType();
  }
  if (failed(verifyDealt(*this, "inputs", getDealtInputs(), getInputs())) ||
      failed(verifyDealt(*this, "outputs", getDealtOutputs(), getOutputs())) ||
      failed(verifyWaits(*this)))
    return failure();
  if (failed(verifyParameters(*this)))
    return failure();
  for (Operation &step : getBody().front()) {
    if (!isa<LaunchOp, BatchOp, GemmOp, CopyOp, ZeroOp, ExchangeOp, WaitOp>(step))
      return step.emitOpError("(C4) is not a step of an entry");
    for (Bytes bytes : touchedBy(step))
      if (!bytes.liesIn(peak))
        return step.emitOpError("(C2) expected bytes before the peak of ")
               << peak << ", found " << bytes.size << " bytes at " << bytes.begin;
  }
  return success();
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  if (!llvm::hasSingleElement(block) || !isa<ModuleOp>(block.front()))
    return emitOpError("(C1) expected a body of one module");
  return success();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

LogicalResult ExchangeOp::verify() {
  auto types = [](ArrayAttr buffers) {
    return llvm::map_to_vector(buffers.getAsRange<BufferAttr>(),
                               [](BufferAttr buffer) { return Type(buffer.getType()); });
  };
  if (failed(tile::verifyCollectives(*this, getCollectives(), types(getInputs()),
                                     types(getOutputs()))))
    return failure();
  SmallVector<Bytes> read = allBytes(getInputs()), written = allBytes(getOutputs());
  for (auto [number, bytes] : llvm::enumerate(written)) {
    auto overlaps = [&](Bytes other) { return bytes.overlaps(other); };
    if (llvm::any_of(read, overlaps) ||
        llvm::any_of(ArrayRef(written).drop_front(number + 1), overlaps))
      return emitOpError("(C2) expected memory of its own for output ") << number;
  }
  return success();
}

LogicalResult BatchOp::verify() {
  Block &launches = getBody().front();
  FlatSymbolRefAttr kernel;
  for (Operation &op : launches) {
    auto launch = dyn_cast<LaunchOp>(op);
    if (!launch || (kernel && launch.getKernelAttr() != kernel))
      return op.emitOpError("(C1) expected launches of one kernel in a batch");
    kernel = launch.getKernelAttr();
  }
  if (launches.empty() || llvm::hasSingleElement(launches))
    return emitOpError("(C1) expected at least two launches");
  return success();
}

LogicalResult LaunchOp::verify() {
  if (static_cast<int64_t>(getItems()) < 0)
    return emitOpError("(C2) expected at least 0 items, found ")
           << static_cast<int64_t>(getItems());
  if (!getDynamic())
    return success();
  const size_t results = getDynamic()->getNumResults() - 1;
  if (results > getBuffers().size())
    return emitOpError("(C3) expected a buffer for each of ")
           << results << " results, found " << getBuffers().size();
  auto bytes =
      llvm::map_to_vector(getBuffers().getValue().take_back(results),
                          [](Attribute buffer) { return cast<BufferAttr>(buffer).getBytes(); });
  return tile::verifyDynamic(*this, "(C3)", *getDynamic(), getSizes(), getItems(), bytes);
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *kernel = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (isa_and_present<KernelOp>(kernel))
    return success();
  auto tiles = dyn_cast_if_present<tile::KernelOp>(kernel);
  if (!tiles)
    return emitOpError("(C1) expected a kernel named ") << getKernelAttr();
  auto expected = tiles.getBuffers();
  if (expected.size() != getBuffers().size() || tiles.getSizes().size() != getSizes().size())
    return emitOpError("(C1) expected ")
           << expected.size() << " buffers and " << tiles.getSizes().size() << " sizes, found "
           << getBuffers().size() << " and " << getSizes().size();
  for (auto [buffer, argument] : llvm::zip(getBuffers().getAsRange<BufferAttr>(), expected))
    if (tile::memoryType(buffer.getType().getElementType()) !=
        cast<MemRefType>(argument.getType()).getElementType())
      return emitOpError("(C1) expected a buffer of ")
             << argument.getType() << ", found " << buffer.getType();
  return success();
}

static int64_t bytesOfMatrix(GemmOp gemm, MatrixAttr matrix, int64_t rows, int64_t columns,
                             bool transposed) {
  if (transposed)
    std::swap(rows, columns);
  auto batch = static_cast<int64_t>(gemm.getBatch());
  if (rows == 0 || columns == 0 || batch == 0)
    return 0;
  int64_t batches, all, bytes;
  if (__builtin_mul_overflow(batch - 1, matrix.getStep(), &batches) ||
      __builtin_mul_overflow(rows - 1, matrix.getLeading(), &all) ||
      __builtin_add_overflow(all, batches, &all) || __builtin_add_overflow(all, columns, &all) ||
      __builtin_mul_overflow(all, gemm.getType().getIntOrFloatBitWidth() / 8, &bytes))
    return std::numeric_limits<int64_t>::max(); // which fits nowhere
  return bytes;
}

int64_t GemmOp::getBytesA() {
  return bytesOfMatrix(*this, getA(), getM(), getK(), getTransposeA());
}
int64_t GemmOp::getBytesB() {
  return bytesOfMatrix(*this, getB(), getK(), getN(), getTransposeB());
}
int64_t GemmOp::getBytesC() { return bytesOfMatrix(*this, getC(), getM(), getN(), false); }

LogicalResult GemmOp::verify() {
  if (Type type = getType(); !type.isF64() && !type.isF32() && !type.isBF16() && !type.isF16())
    return emitOpError("(C1) expected element type f64, f32, bf16 or f16, found ") << type;
  for (uint64_t size : {getM(), getN(), getK(), getBatch()})
    if (static_cast<int64_t>(size) < 0)
      return emitOpError("(C1) expected a size of at least 0, found ")
             << static_cast<int64_t>(size);
  auto verifyRows = [&](StringRef name, MatrixAttr matrix, uint64_t columns) -> LogicalResult {
    if (matrix.getLeading() < static_cast<int64_t>(columns) || matrix.getStep() < 0)
      return emitOpError("(C2) expected rows of ")
             << name << " at least " << columns << " elements apart, found " << matrix;
    return success();
  };
  if (failed(verifyRows("a", getA(), getTransposeA() ? getM() : getK())) ||
      failed(verifyRows("b", getB(), getTransposeB() ? getK() : getN())) ||
      failed(verifyRows("c", getC(), getN())))
    return failure();
  Bytes result{getC().getOffset(), getBytesC()};
  if (result.overlaps({getA().getOffset(), getBytesA()}) ||
      result.overlaps({getB().getOffset(), getBytesB()}))
    return emitOpError("(C3) expected a result that shares no byte with the operands");
  return success();
}

LogicalResult CopyOp::verify() {
  auto size = static_cast<int64_t>(getBytes());
  if (Bytes{static_cast<int64_t>(getSource()), size}.overlaps(
          {static_cast<int64_t>(getTarget()), size}))
    return emitOpError("(C1) expected places that share no byte");
  return success();
}

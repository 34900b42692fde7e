//===- ProgramCheck.cpp - what the schema of a program cannot say ------------------===//
#include "runtime/Program/Dynamic.h"
#include "runtime/Program/NameCheck.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <set>
#include <string_view>

namespace stc::runtime {

using namespace program;

namespace {

using Strings = std::set<std::string_view>;

// What every GPU takes as the parameters of a launch, and how they count.
constexpr uint64_t maxParameterBytes = 32764, mapBytes = 128, wordBytes = 8, itemsBytes = 4;

std::string_view view(const flatbuffers::String *text) { return text->string_view(); }

// Eight-byte elements are read in place; the FlatBuffers verifier checks the alignment of a
// vector's length only.
template <class T> bool isAligned(const flatbuffers::Vector<T> *vector) {
  return vector->size() == 0 || reinterpret_cast<uintptr_t>(vector->Data()) % alignof(T) == 0;
}

class Checker {
public:
  explicit Checker(const Program &program) : program(program) {}

  Result<void> check();

private:
  Result<void> checkTensor(const Tensor &tensor, const std::string &where);
  Result<void> checkTensors(const flatbuffers::Vector<flatbuffers::Offset<Tensor>> &tensors,
                            const std::string &where);
  Result<void> checkEntry(const Entry &entry);
  Result<void> checkLaunch(const Launch &launch);
  Result<void> checkGridLaunch(const Launch &launch, const Grid &grid);
  Result<void> checkBatch(const Batch &batch);
  Result<void> checkGemm(const Gemm &gemm);
  Result<void> checkOperand(const char *name, const Matrix &matrix, int64_t rows, int64_t columns,
                            const Gemm &gemm);
  Result<void> checkCopy(const Copy &copy);
  Result<void> checkAxes();
  Result<void> checkDealt(const Tensor &tensor, const std::string &what);
  Result<void> checkCollective(const Collective &collective);
  Result<void> checkExchange(const Exchange &exchange);
  /// Each exchange is waited for once, behind it.
  Result<void> checkWaits(const Entry &entry);
  uint32_t axisCount() const { return program.axes() ? program.axes()->size() : 0; }

  bool inArena(uint64_t offset, uint64_t bytes) const {
    return offset <= end && bytes <= end - offset;
  }
  tl::unexpected<Error> outside(const std::string &what, uint64_t offset, uint64_t bytes) const {
    return fail(fmt::format("expected {} inside the arena's first {} bytes, found {} bytes at {}",
                            what, end, bytes, offset));
  }

  const Program &program;
  uint64_t end = 0; // of what may be used: the arena, or the entry's part of it
};

} // namespace

Result<void> Checker::checkTensor(const Tensor &tensor, const std::string &where) {
  std::string what = fmt::format("{} '{}'", where, printable(view(tensor.name())));
  if (auto checked = checkName(view(tensor.name())); !checked)
    return fail(fmt::format("{}: {}", where, checked.error().message));
  if (byteSize(tensor.dtype()) == 0)
    return fail(fmt::format("expected a known dtype of {}, found {}", what,
                            static_cast<int>(tensor.dtype())));
  if (!isAligned(tensor.shape()))
    return fail(fmt::format("the shape of {} is misaligned", what));
  if (tensor.shape()->size() > maxDimensions)
    return fail(fmt::format("expected at most {} dimensions of {}, found {}", maxDimensions, what,
                            tensor.shape()->size()));
  std::optional<int64_t> count = checkedElements(tensor);
  if (!count)
    return fail(fmt::format("expected a possible shape of {}, found {}", what, describe(tensor)));
  if (!inArena(tensor.offset(), bytes(tensor)))
    return outside(what, tensor.offset(), bytes(tensor));
  if (tensor.offset() % byteSize(tensor.dtype()) != 0)
    return fail(fmt::format("expected {} at a multiple of {} bytes, found it at {}", what,
                            byteSize(tensor.dtype()), tensor.offset()));
  bool isInteger =
      tensor.dtype() == DType::I32 || tensor.dtype() == DType::I64 || tensor.dtype() == DType::U8;
  if (tensor.below() < 0 || (tensor.below() > 0 && !isInteger))
    return fail(fmt::format("expected a bound of the integers of {} that is not negative, found {}",
                            what, tensor.below()));
  return checkDealt(tensor, what);
}

Result<void> Checker::checkDealt(const Tensor &tensor, const std::string &what) {
  if (!tensor.dealt())
    return {};
  uint32_t least = 0; // of the next axis
  int64_t parts = 1, all;
  for (const Dealt *dealt : *tensor.dealt()) {
    if (dealt->axis() >= axisCount() || dealt->axis() < least)
      return fail(fmt::format("expected axes of {} in their order, below {}, found {}", what,
                              axisCount(), dealt->axis()));
    least = dealt->axis() + 1;
    if (dealt->dim() >= tensor.shape()->size())
      return fail(fmt::format("expected a dimension of {} below {}, found {}", what,
                              tensor.shape()->size(), dealt->dim()));
    parts *= program.axes()->Get(dealt->axis())->count(); // of less than 2^40 devices
  }
  if (__builtin_mul_overflow(parts, bytes(tensor), &all))
    return fail(fmt::format("expected a possible shape of {}, found {} parts of {}", what, parts,
                            describe(tensor)));
  return {};
}

Result<void> Checker::checkTensors(const flatbuffers::Vector<flatbuffers::Offset<Tensor>> &tensors,
                                   const std::string &where) {
  Strings names;
  for (const Tensor *tensor : tensors) {
    if (auto checked = checkTensor(*tensor, where); !checked)
      return checked;
    if (!names.insert(view(tensor->name())).second)
      return fail(fmt::format("{} '{}' stands twice", where, printable(view(tensor->name()))));
  }
  return {};
}

Result<void> Checker::checkLaunch(const Launch &launch) {
  if (launch.kernel() >= program.kernels()->size())
    return fail(fmt::format("expected a kernel below {}, found {}", program.kernels()->size(),
                            launch.kernel()));
  if (launch.items() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fail(fmt::format("expected fewer items, found {}", launch.items()));
  if (!isAligned(launch.buffers()) || !isAligned(launch.sizes()))
    return fail("the arguments of a launch are misaligned");
  for (uint64_t offset : *launch.buffers())
    if (!inArena(offset, 0))
      return outside("a buffer", offset, 0);
  const Grid *grid = program.kernels()->Get(launch.kernel())->grid();
  return grid ? checkGridLaunch(launch, *grid) : Result<void>();
}

Result<void> Checker::checkGridLaunch(const Launch &launch, const Grid &grid) {
  const auto &buffers = *launch.buffers();
  if (launch.items() > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    return fail(fmt::format("expected at most 2^31 - 1 items on a GPU, found {}", launch.items()));
  uint64_t parameters = grid.maps()->size() * mapBytes +
                        (buffers.size() + launch.sizes()->size()) * wordBytes + itemsBytes;
  if (parameters > maxParameterBytes)
    return fail(fmt::format("expected at most {} bytes of parameters, found {}", maxParameterBytes,
                            parameters));
  for (uint32_t k = 0; k < grid.maps()->size(); ++k) {
    const TensorMap &map = *grid.maps()->Get(k);
    if (map.buffer() >= buffers.size())
      return fail(fmt::format("expected tensor map {} of a buffer below {}, found {}", k,
                              buffers.size(), map.buffer()));
    uint64_t start = buffers.Get(map.buffer());
    if (start % 16 != 0)
      return fail(fmt::format("expected the buffer of tensor map {} at a multiple of 16 bytes, "
                              "found it at {}",
                              k, start));
    if (!inArena(start, map.offset()) || !inArena(start + map.offset(), spanOf(map)))
      return outside(fmt::format("tensor map {}", k), start + map.offset(), spanOf(map));
  }
  return {};
}

Result<void> Checker::checkBatch(const Batch &batch) {
  constexpr uint32_t most = 1024; // a kernel's search for an item's launch has so many in view
  const auto &launches = *batch.launches();
  if (launches.size() == 0 || launches.size() > most)
    return fail(
        fmt::format("expected a batch of 1 to {} launches, found {}", most, launches.size()));
  const Launch &first = *launches.Get(0);
  uint64_t items = 0;
  for (const Launch *launch : launches) {
    if (auto checked = checkLaunch(*launch); !checked)
      return checked;
    const Grid *grid = program.kernels()->Get(launch->kernel())->grid();
    if (!grid || grid->maps()->size() > 0)
      return fail("expected a batch of a kernel on a GPU without tensor maps");
    if (launch->kernel() != first.kernel() ||
        launch->buffers()->size() != first.buffers()->size() ||
        launch->sizes()->size() != first.sizes()->size())
      return fail("expected launches of one kernel in a batch, with as many buffers and sizes");
    items += launch->items();
  }
  if (items > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    return fail(fmt::format("expected at most 2^31 - 1 items on a GPU, found {}", items));
  return {};
}

Result<void> Checker::checkOperand(const char *name, const Matrix &matrix, int64_t rows,
                                   int64_t columns, const Gemm &gemm) {
  // The BLAS interface counts in 32 bits.
  if (matrix.leading() < std::max<int64_t>(columns, 1) ||
      matrix.leading() > std::numeric_limits<int32_t>::max() || matrix.batch_step() < 0)
    return fail(fmt::format("expected gemm operand {} with rows of at least {} elements, found "
                            "leading dimension {}, batch step {}",
                            name, columns, matrix.leading(), matrix.batch_step()));
  int64_t size = byteSize(gemm.dtype());
  if (matrix.offset() % size != 0)
    return fail(fmt::format("expected gemm operand {} at a multiple of {} bytes, found it at {}",
                            name, size, matrix.offset()));
  if (rows == 0 || columns == 0 || gemm.batch() == 0)
    return inArena(matrix.offset(), 0) ? Result<void>() : outside(name, matrix.offset(), 0);
  int64_t batches, extent = (rows - 1) * matrix.leading() + columns, total;
  if (__builtin_mul_overflow(gemm.batch() - 1, matrix.batch_step(), &batches) ||
      __builtin_add_overflow(batches, extent, &total) ||
      __builtin_mul_overflow(total, size, &total))
    return fail(fmt::format("the extent of gemm operand {} overflows", name));
  if (!inArena(matrix.offset(), total))
    return outside(fmt::format("gemm operand {}", name), matrix.offset(), total);
  return {};
}

Result<void> Checker::checkGemm(const Gemm &gemm) {
  bool isForHost = view(program.target()) == hostTarget;
  bool isWide = gemm.dtype() == DType::F32 || gemm.dtype() == DType::F64;
  if (!isWide && (isForHost || !isNarrow(gemm.dtype())))
    return fail(fmt::format("expected a gemm in {}, found {}",
                            isForHost ? "f32 or f64" : "f64, f32, bf16 or f16",
                            dtypeName(gemm.dtype())));
  // The BLAS for the host takes empty matrices.
  int64_t least = isForHost ? 0 : 1;
  for (int64_t size : {gemm.m(), gemm.n(), gemm.k(), gemm.batch()})
    if (size < least || size > std::numeric_limits<int32_t>::max())
      return fail(fmt::format("expected gemm sizes of {} to 2^31 - 1, found {}", least, size));
  struct Operand {
    const char *name;
    const Matrix *matrix;
    int64_t rows, columns;
    bool transpose;
  };
  for (const Operand &o : {Operand{"a", gemm.a(), gemm.m(), gemm.k(), gemm.transpose_a()},
                           Operand{"b", gemm.b(), gemm.k(), gemm.n(), gemm.transpose_b()},
                           Operand{"c", gemm.c(), gemm.m(), gemm.n(), false}})
    if (auto checked = checkOperand(o.name, *o.matrix, o.transpose ? o.columns : o.rows,
                                    o.transpose ? o.rows : o.columns, gemm);
        !checked)
      return checked;
  return {};
}

Result<void> Checker::checkCopy(const Copy &copy) {
  if (!copy.zero() && !inArena(copy.source(), copy.bytes()))
    return outside("the source of a copy", copy.source(), copy.bytes());
  if (!inArena(copy.target(), copy.bytes()))
    return outside("the target of a copy", copy.target(), copy.bytes());
  uint64_t first = std::min(copy.source(), copy.target()),
           second = std::max(copy.source(), copy.target());
  if (!copy.zero() && second - first < copy.bytes())
    return fail(fmt::format("expected a copy between places that do not overlap, found {} bytes "
                            "from {} to {}",
                            copy.bytes(), copy.source(), copy.target()));
  return {};
}

Result<void> Checker::checkAxes() {
  constexpr int64_t most = int64_t(1) << 20; // devices
  Strings names;
  int64_t devices = 1;
  for (uint32_t k = 0; k < axisCount(); ++k) {
    const Axis &axis = *program.axes()->Get(k);
    if (auto checked = checkName(view(axis.name())); !checked)
      return fail(fmt::format("axis: {}", checked.error().message));
    if (!names.insert(view(axis.name())).second)
      return fail(fmt::format("axis '{}' stands twice", printable(view(axis.name()))));
    if (axis.count() < 1 || axis.count() > most || (devices *= axis.count()) > most)
      return fail(fmt::format("expected 1 to {} devices, found {} along axis '{}'", most,
                              axis.count(), printable(view(axis.name()))));
  }
  return {};
}

Result<void> Checker::checkCollective(const Collective &collective) {
  if (collective.kind() > CollectiveKind::MAX)
    return fail(fmt::format("expected a known kind of collective, found {}",
                            static_cast<int>(collective.kind())));
  if (collective.axis() >= axisCount())
    return fail(fmt::format("expected an axis below {}, found {}", axisCount(), collective.axis()));
  const int64_t size = byteSize(collective.dtype());
  if (size == 0)
    return fail(fmt::format("expected a known dtype of a collective, found {}",
                            static_cast<int>(collective.dtype())));
  const bool isSum = collective.kind() == CollectiveKind::ReduceScatter ||
                     collective.kind() == CollectiveKind::AllReduce ||
                     collective.kind() == CollectiveKind::AllMax;
  const bool isFloat = isNarrow(collective.dtype()) || collective.dtype() == DType::F32 ||
                       collective.dtype() == DType::F64;
  if (isSum && !isFloat)
    return fail(fmt::format("expected floats to combine, found {}", dtypeName(collective.dtype())));
  const bool isWhole =
      collective.kind() == CollectiveKind::AllReduce || collective.kind() == CollectiveKind::AllMax;
  if (collective.runs() < 1 || (isWhole && collective.runs() != 1) || collective.elements() < 0)
    return fail(fmt::format("expected runs of elements, found {} of {}", collective.runs(),
                            collective.elements()));
  int64_t part, all;
  if (__builtin_mul_overflow(collective.runs(), collective.elements(), &part) ||
      __builtin_mul_overflow(part, size, &part) ||
      __builtin_mul_overflow(part, isWhole ? 1 : program.axes()->Get(collective.axis())->count(),
                             &all))
    return fail("the extent of a collective overflows");
  const bool isGather = collective.kind() == CollectiveKind::AllGather;
  const bool fillsAll = isGather || isWhole || collective.kind() == CollectiveKind::AllToAll;
  const uint64_t read = isGather ? part : all, written = fillsAll ? all : part;
  for (auto [what, offset, extent] : {std::tuple("source", collective.source(), read),
                                      {"target", collective.target(), written}}) {
    if (!inArena(offset, extent))
      return outside(fmt::format("the {} of a collective", what), offset, extent);
    if (offset % size != 0)
      return fail(fmt::format("expected the {} of a collective at a multiple of {} bytes, found it "
                              "at {}",
                              what, size, offset));
  }
  if (collective.source() < collective.target() + written &&
      collective.target() < collective.source() + read)
    return fail("expected a collective between places that do not overlap");
  return {};
}

Result<void> Checker::checkExchange(const Exchange &exchange) {
  if (exchange.collectives()->size() == 0)
    return fail("expected an exchange of something");
  for (const Collective *collective : *exchange.collectives())
    if (auto checked = checkCollective(*collective); !checked)
      return checked;
  return {};
}

Result<void> Checker::checkWaits(const Entry &entry) {
  std::set<uint32_t> pending, all;
  for (const Step *step : *entry.steps()) {
    if (const Exchange *exchange = step->action_as_Exchange()) {
      if (!all.insert(exchange->number()).second)
        return fail(fmt::format("exchange {} stands twice", exchange->number()));
      pending.insert(exchange->number());
    }
    if (const Wait *wait = step->action_as_Wait(); wait && pending.erase(wait->exchange()) == 0)
      return fail(
          fmt::format("expected an exchange ahead that nobody waited for, found a wait for {}",
                      wait->exchange()));
  }
  if (!pending.empty())
    return fail(fmt::format("expected a wait for exchange {}", *pending.begin()));
  return {};
}

Result<void> Checker::checkEntry(const Entry &entry) {
  if (entry.peak_bytes() > program.arena_bytes())
    return fail(fmt::format("expected a peak of at most the arena's {} bytes, found {}",
                            program.arena_bytes(), entry.peak_bytes()));
  end = entry.peak_bytes();
  if (auto checked = checkTensors(*entry.inputs(), "input"); !checked)
    return checked;
  if (auto checked = checkTensors(*entry.outputs(), "output"); !checked)
    return checked;
  size_t index = 0;
  for (const Step *step : *entry.steps()) {
    Result<void> checked;
    if (const Launch *launch = step->action_as_Launch())
      checked = checkLaunch(*launch);
    else if (const Gemm *gemm = step->action_as_Gemm())
      checked = checkGemm(*gemm);
    else if (const Copy *copy = step->action_as_Copy())
      checked = checkCopy(*copy);
    else if (const Batch *batch = step->action_as_Batch())
      checked = checkBatch(*batch);
    else if (const Exchange *exchange = step->action_as_Exchange())
      checked = checkExchange(*exchange);
    else if (!step->action_as_Wait())
      checked = fail("expected a launch, a batch of them, a gemm, a copy, an exchange or a wait, "
                     "found something else");
    if (!checked)
      return fail(fmt::format("step {}: {}", index, checked.error().message));
    ++index;
  }
  if (auto checked = checkDynamic(program, entry); !checked)
    return checked;
  return checkWaits(entry);
}

Result<void> Checker::check() {
  if (program.arena_bytes() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fail(fmt::format("expected a smaller arena, found {} bytes", program.arena_bytes()));
  end = program.arena_bytes();
  if (auto checked = checkKernels(program); !checked)
    return checked;
  if (auto checked = checkAxes(); !checked)
    return checked;
  Strings names;
  // Of what is kept from one step to the next, which has its place to itself.
  uint64_t kept = 0;
  for (const Variable *variable : *program.variables()) {
    const Tensor &tensor = *variable->tensor();
    if (auto checked = checkTensor(tensor, "variable"); !checked)
      return checked;
    if (variable->role() > Role::MAX)
      return fail(fmt::format("expected a known role of variable '{}', found {}",
                              printable(view(tensor.name())), static_cast<int>(variable->role())));
    if (!names.insert(view(tensor.name())).second)
      return fail(fmt::format("variable '{}' stands twice", printable(view(tensor.name()))));
    if (variable->role() == Role::Rank && (tensor.dtype() != DType::I32 || tensor.shape()->size()))
      return fail(fmt::format("expected a rank that is an i32, found {}", describe(tensor)));
    if (variable->role() != Role::Scratch)
      kept += bytes(tensor);
    if (kept > program.arena_bytes())
      return fail(fmt::format("expected variables that fit the arena of {} bytes together, found "
                              "more",
                              program.arena_bytes()));
  }
  names.clear();
  for (const Setting *setting : *program.settings())
    if (!names.insert(view(setting->key())).second)
      return fail(fmt::format("setting '{}' stands twice", printable(view(setting->key()))));
  names.clear();
  for (const Entry *entry : *program.entries()) {
    if (!names.insert(view(entry->name())).second)
      return fail(fmt::format("entry '{}' stands twice", printable(view(entry->name()))));
    if (auto checked = checkName(view(entry->name())); !checked)
      return fail(fmt::format("entry: {}", checked.error().message));
    if (auto checked = checkEntry(*entry); !checked)
      return fail(
          fmt::format("entry '{}': {}", printable(view(entry->name())), checked.error().message));
  }
  return {};
}

Result<void> checkProgram(const Program &program) { return Checker(program).check(); }

} // namespace stc::runtime

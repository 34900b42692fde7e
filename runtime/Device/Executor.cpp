//===- Executor.cpp - a program bound to a device -----------------------------------===//
#include "runtime/Device/Executor.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <fmt/format.h>

namespace stc::runtime {

namespace {

/// A tensor that is cut along one dimension, as runs that follow each other.
struct Runs {
  int64_t count, bytes; ///< how many, and those of a part of one
};

Runs runsOf(std::span<const int64_t> shape, const program::Tensor &tensor, uint32_t dim) {
  Runs runs{1, byteSize(tensor.dtype())};
  for (uint32_t k = 0; k < shape.size(); ++k)
    (k < dim ? runs.count : runs.bytes) *= shape[k];
  return runs;
}

/// A text, or an error in its place, as one text.
std::string pack(const Result<std::string> &one) {
  return one ? "=" + *one
             : fmt::format("{}{}", static_cast<int>(one.error().kind), one.error().message);
}

Result<std::string> unpack(const std::string &packed) {
  std::string text = packed.substr(1);
  if (packed.front() == '=')
    return text;
  return tl::unexpected(
      Error{std::move(text), static_cast<ErrorKind>(packed.front() - '0'), /*isKnown=*/true});
}

} // namespace

Executor::Executor(const program::Program &program, const Devices &devices)
    : source(program), control(devices.control) {
  for (const auto &communicator : devices.along) {
    along.push_back(communicator.get());
    places.push_back(communicator->rank());
  }
}

uint64_t Executor::received() const {
  uint64_t bytes = 0;
  for (const Communicator *one : along)
    bytes += one->received();
  return bytes;
}

// The first time an entry may also load what it needs.
std::chrono::milliseconds Executor::patienceFor(uint32_t entry) const {
  const ControlLimits &waiting = control->waiting();
  auto before = longest.find(entry);
  return before == longest.end() ? waiting.unknown
                                 : std::max(waiting.progress, 10 * before->second);
}

// Between entries are files, whose time nobody knows.
Result<void> Executor::submit(uint32_t entry) {
  if (!control)
    return start(entry);
  started = entry;
  startedAt = std::chrono::steady_clock::now();
  control->progress(patienceFor(entry));
  Result<void> begun = start(entry);
  control->progress(control->waiting().unknown);
  return begun;
}

Result<void> Executor::wait() {
  if (!control || !started)
    return finish();
  control->progress(patienceFor(*started));
  Result<void> done = finish();
  auto took =
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - startedAt);
  std::chrono::milliseconds &most = longest[*started];
  most = std::max(most, took);
  started.reset();
  control->progress(control->waiting().unknown);
  return done;
}

size_t Executor::number() const {
  size_t number = 0;
  for (size_t axis = 0; axis < places.size(); ++axis)
    number = number * source.axes()->Get(axis)->count() + places[axis];
  return number;
}

Result<uint32_t> Executor::any(uint32_t bits) const {
  if (!control)
    return bits;
  control->progress();
  Result<std::vector<std::string>> all = control->gather(std::to_string(bits));
  if (!all)
    return forward(all);
  for (const std::string &one : *all) // on the first
    bits |= static_cast<uint32_t>(std::stoul(one));
  Result<std::string> agreed = control->broadcast(std::to_string(bits));
  return agreed ? Result<uint32_t>(static_cast<uint32_t>(std::stoul(*agreed))) : forward(agreed);
}

Result<std::vector<std::string>> Executor::collect(const Result<std::string> &own) const {
  if (!control)
    return own.map([](const std::string &text) { return std::vector{text}; });
  control->progress();
  Result<std::vector<std::string>> all = control->gather(pack(own));
  if (!all)
    return all;
  Result<std::string> verdict; // of the first
  for (size_t rank = 0; rank < all->size(); ++rank) {
    Result<std::string> one = unpack((*all)[rank]);
    if (one) {
      (*all)[rank] = std::move(*one);
    } else if (verdict) {
      if (rank > 0)
        one.error().message = fmt::format("rank {}: {}", rank, one.error().message);
      verdict = std::move(one);
    }
  }
  Result<std::string> agreed = control->broadcast(pack(verdict));
  if (agreed)
    agreed = unpack(*agreed);
  return agreed ? std::move(all) : forward(agreed);
}

Result<void> Executor::writeRanks() {
  for (const program::Variable *variable : *source.variables()) {
    if (variable->role() != program::Role::Rank)
      continue;
    for (size_t axis = 0; axis < places.size(); ++axis)
      if (variable->tensor()->name()->str() == "rank." + source.axes()->Get(axis)->name()->str()) {
        const int32_t place = places[axis];
        if (auto written =
                write(*variable->tensor(), std::as_bytes(std::span<const int32_t>(&place, 1)));
            !written)
          return written;
      }
  }
  return {};
}

Result<void> Executor::writeWhole(const program::Tensor &tensor, std::span<const std::byte> bytes) {
  std::vector<int64_t> shape = wholeShape(source, tensor);
  std::vector<std::byte> part;
  for (uint32_t dim = 0; dim < shape.size(); ++dim) {
    const DealtPart own = this->part(tensor, dim);
    if (own.count == 1)
      continue;
    shape[dim] /= own.count;
    const Runs runs = runsOf(shape, tensor, dim);
    if (runs.count == 1) { // where it lies
      bytes = bytes.subspan(own.number * runs.bytes, runs.bytes);
      continue;
    }
    std::vector<std::byte> cut(runs.count * runs.bytes);
    for (int64_t k = 0; k < runs.count; ++k)
      std::ranges::copy(bytes.subspan((k * own.count + own.number) * runs.bytes, runs.bytes),
                        cut.begin() + k * runs.bytes);
    part = std::move(cut);
    bytes = part;
  }
  return write(tensor, bytes);
}

Result<void> Executor::readWhole(const program::Tensor &tensor, std::span<std::byte> bytes) {
  if (!tensor.dealt())
    return read(tensor, bytes);
  Result<std::vector<std::byte>> part = read(tensor);
  if (!part)
    return forward(part);
  // The dimensions from the last on: what is put together is in order.
  std::vector<int64_t> shape(tensor.shape()->begin(), tensor.shape()->end());
  for (auto dim = static_cast<uint32_t>(shape.size()); dim-- > 0;)
    for (uint32_t k = tensor.dealt()->size(); k-- > 0;) { // the finest parts first
      const program::Dealt *dealt = tensor.dealt()->Get(k);
      if (dealt->dim() != dim)
        continue;
      const Runs runs = runsOf(shape, tensor, dim);
      const int64_t count = source.axes()->Get(dealt->axis())->count();
      std::vector<std::byte> all(part->size() * count), sorted(all.size());
      if (auto gathered = gather(dealt->axis(), *part, all); !gathered)
        return gathered;
      for (int64_t number = 0; number < count; ++number)
        for (int64_t k = 0; k < runs.count; ++k)
          std::copy_n(all.begin() + number * static_cast<int64_t>(part->size()) + k * runs.bytes,
                      runs.bytes, sorted.begin() + (k * count + number) * runs.bytes);
      *part = std::move(sorted);
      shape[dim] *= count;
    }
  std::ranges::copy(*part, bytes.begin());
  return {};
}

Result<void> checkDevices(const program::Program &program, const Devices &devices) {
  const size_t axes = program.axes() ? program.axes()->size() : 0;
  bool fits = devices.along.size() == axes;
  int64_t found = 1;
  for (size_t k = 0; k < devices.along.size(); ++k) {
    found *= devices.along[k]->size();
    fits = fits && devices.along[k]->size() == program.axes()->Get(k)->count();
  }
  if (fits)
    return {};
  return fail(fmt::format("expected {} devices, for which the program was compiled, found {}",
                          deviceCount(program), found));
}

} // namespace stc::runtime

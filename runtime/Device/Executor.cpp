//===- Executor.cpp - a program bound to a device -----------------------------------===//
#include "runtime/Device/Executor.h"

#include <fmt/format.h>

namespace stc::runtime {

Executor::Executor(const program::Program &program, const Devices &devices) : source(program) {
  for (const auto &communicator : devices.along)
    places.push_back(communicator->rank());
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

//===- Devices.h - the devices that run a program together --------------------------===//
#pragma once

#include "runtime/Device/Communicator.h"
#include "runtime/Processes/Control.h"

#include <memory>
#include <vector>

namespace stc::runtime {

/// What one of the devices of a program's grid knows of the others; nothing where it is the only
/// one.
struct Devices {
  /// Through which it exchanges along each axis of the program.
  std::vector<std::unique_ptr<Communicator>> along;
  /// By which processes agree. May be null where one process has all devices.
  std::shared_ptr<Control> control;
};

} // namespace stc::runtime

//===- Devices.h - what a model is compiled for several devices -*- C++ -*-===//
#pragma once

#include "compiler/Driver/Compilation.h"

namespace stc {

/// The grid that --devices names: "8", which is "data:8", or "data:4,context:2". Fails with a
/// message.
tl::expected<std::vector<DeviceAxis>, std::string> parseDevices(const std::string &text);

/// Sees whether a model can be dealt over a grid; sequences that are sampled at once are whole on
/// each device where devices do not divide them. Fails with a message.
tl::expected<void, std::string> fitToDevices(Input &input, llvm::ArrayRef<DeviceAxis> devices);

} // namespace stc

//===- Linker.h - objects to one shared object ------------------*- C++ -*-===//
#pragma once

#include <tl/expected.hpp>

#include <span>
#include <string>
#include <vector>

namespace stc {

/// What an ELF object needs of others, other than memcpy, memmove and memset.
tl::expected<std::vector<std::string>, std::string> undefinedSymbols(const std::string &object);

/// Links ELF objects into one shared object, by lld as a library: no linker has to be there. Files
/// are in memory.
tl::expected<std::string, std::string> linkShared(std::span<const std::string> objects);

} // namespace stc

//===- ProgramFile.h - the compiled program as a file ---------------------------===//
//
// The file, little-endian: 8 bytes of magic "STC-PROG", format version (u32), zero (u32), length of
// the payload (u64), XXH3-64 of the payload (u64), then the payload, a FlatBuffer of Program.fbs.
// The compiler writes with it, the runtime reads; it stands on no other part of either.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Program/Program_generated.h"
#include "runtime/Support/Error.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stc::runtime {

inline constexpr uint32_t programFormatVersion = 3;
inline constexpr size_t programHeaderBytes = 32;

/// Writes a finished FlatBuffer as a program file: it appears whole or not at all.
Result<void> writeProgram(const std::string &path, std::span<const std::byte> payload);

/// The program in the bytes of a program file, which must outlive it and start at a multiple of 8
/// bytes, as a mapped file does. It was found sound: framing, checksum, schema and meaning
/// (checkProgram).
Result<const program::Program *> readProgram(std::span<const std::byte> bytes);

/// The same from a file, which may change or go away afterwards.
class ProgramFile {
public:
  static Result<ProgramFile> open(const std::string &path);

  const program::Program &program() const { return *root; }
  /// Of the payload.
  uint64_t checksum() const { return contents[3]; }

private:
  std::vector<uint64_t> contents; // aligned as FlatBuffers wants it
  const program::Program *root = nullptr;
};

/// The bytes of all strings and vectors, each as often as it is reached. They are more than the
/// payload has where parts of it are shared, which the compiler never does and which would let a
/// small file ask for any amount of work.
uint64_t contentBytes(const program::Program &program);

/// What the schema cannot say: every offset with its extent lies inside the arena and is aligned to
/// its element, kernels exist and are for the program's target, shapes do not overflow, names are
/// unique. Returns what is wrong.
Result<void> checkProgram(const program::Program &program);

inline constexpr const char *hostTarget = "host", *ampereTarget = "sm_80", *hopperTarget = "sm_90a";

/// Bytes that a tensor map spans, from its first element to behind its last; the most that 64 bits
/// hold where they are more.
uint64_t spanOf(const program::TensorMap &map);

/// What is wrong with the kernels of a program for its target, by themselves: whether each has a
/// grid, and the limits of the grids and tensor maps.
Result<void> checkKernels(const program::Program &program);

} // namespace stc::runtime

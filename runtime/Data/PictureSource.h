//===- PictureSource.h - the files that pictures come in ------------------------------------===//
//
// One picture in a file (PNG, JPEG), or many of one size:
// - CIFAR-10's binary version: records of a label (0 to 9) and 32 x 32 pixels, all red ones, then
// all
//   green, then all blue. https://www.cs.toronto.edu/~kriz/cifar.html
// - Downsampled ImageNet as NumPy arrays (arXiv 1707.08819): a zip archive with data.npy, u8
//   [pictures, 3 * side * side], in the same order of planes. Other members, the labels, are
//   ignored.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Data/Picture.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace stc::runtime {

/// What a file is, by its content.
enum class PictureFormat { None, Single, Cifar, Npz };

/// Looks at all of a file's bytes; CIFAR-10's files have no other mark than that labels stand where
/// they should.
PictureFormat pictureFormat(std::span<const std::byte> file);

/// The pictures of one file in their order. Messages name no file.
class PictureSource {
public:
  /// `file` must outlive the source. Errors: it is none of the formats, or a broken one.
  static Result<std::unique_ptr<PictureSource>> open(std::span<const std::byte> file);
  virtual ~PictureSource() = default;

  virtual int64_t count() const = 0;
  /// The next picture, at most count() times.
  virtual Result<Picture> next() = 0;
};

} // namespace stc::runtime

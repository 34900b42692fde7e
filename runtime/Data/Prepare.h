//===- Prepare.h - data as people have it becomes data to train on ---------------------------===//
//
// Writes train.npy, valid.npy and test.npy from files of text, sound or pictures, with the memory
// of one picture or of some thousand samples. The files appear at the end, one after the other,
// each complete; an error before leaves none.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/Data/Picture.h"
#include "runtime/Program/Settings.h"
#include "runtime/Support/Error.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace stc::runtime {

struct PrepareOptions {
  /// Files, and folders whose files are taken with those of their folders, sorted by name. Names
  /// that begin with a dot are left out. A file is taken once, however often it is given, and so is
  /// what is equal to another one.
  std::vector<std::string> inputs;
  /// The same, for the test part alone. With them, data.split only tells training from validation.
  std::vector<std::string> testInputs;
  std::string out;
  bool fresh = false; ///< replaces the parts that `out` holds; otherwise it must be new or empty
  bool raw = false;   ///< takes files for text whatever they are
  uint64_t seed = 0;  ///< of the order in which files are dealt out to the parts
  PictureFit fit;
  /// Called after each piece of work: pieces done so far, of so many.
  std::function<void(int64_t done, int64_t total)> progress = [](int64_t, int64_t) {};
  /// Called with a line on what was left out.
  std::function<void(const std::string &line)> warn = [](const std::string &) {};
};

struct Prepared {
  std::array<int64_t, 3> bytes = {};           ///< of each part
  int64_t taken = 0, leftOut = 0;              ///< files or pictures
  int64_t foreign = 0;                         ///< files in folders that are of another kind
  std::map<std::string, int64_t> foreignKinds; ///< of these, those that are known by name
  bool interrupted = false;                    ///< by a signal: nothing was written
};

/// By the program's data.kind. Errors: no input fits, `out` holds something, a file of many
/// pictures is broken, less than a window is left for training. A single broken picture or sound is
/// left out with a warning.
Result<Prepared> prepare(const Settings &settings, const PrepareOptions &options);

/// data.kind = "image": data.split is of the number of pictures, and all that is cut from one is in
/// one part, if there are enough of them. Pictures in files of their own are shuffled, records of
/// one file after the other keep their order, test_batch.bin of CIFAR-10 and val*.npz of ImageNet
/// are the test part. What is equal to a record of the test part is in no other, of the validation
/// part not in that for training. Writes u8 [pictures, height, width, channels].
Result<Prepared> prepareImages(const Settings &settings, const PrepareOptions &options);

/// data.kind = "audio" or "text": files are shuffled. The parts have the bytes that data.split asks
/// for: a file is in one of them where that changes no part by more than a quarter, otherwise it is
/// cut. Writes u8 [bytes]: mu-law samples at data.rate, or the files' bytes.
Result<Prepared> prepareStreams(const Settings &settings, const PrepareOptions &options);

} // namespace stc::runtime

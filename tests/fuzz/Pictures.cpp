//===- Pictures.cpp - fuzzes PNG, JPEG, CIFAR-10's files and npz archives ----------===//
#include "runtime/Data/PictureSource.h"
#include "tests/fuzz/Fuzz.h"

#include <algorithm>

using namespace stc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto source = runtime::PictureSource::open(fuzz::asBytes(data, size));
  if (!source) {
    fuzz::requireOneLine(source.error().message);
    return 0;
  }
  // An archive may say that it has any number.
  constexpr int64_t most = 16;
  for (int64_t k = 0; k < std::min(most, (*source)->count()); ++k) {
    auto picture = (*source)->next();
    if (!picture) {
      fuzz::requireOneLine(picture.error().message);
      return 0;
    }
    FUZZ_REQUIRE(int64_t(picture->pixels.size()) == picture->height * picture->width * 3, "size");
    const runtime::PictureShape shape = {8, 6, k % 2 ? 1 : 3};
    for (runtime::PictureFit fit : {runtime::PictureFit{runtime::PictureFit::Scale, 1},
                                    runtime::PictureFit{runtime::PictureFit::Cut, 2}})
      if (auto records = fitPicture(*picture, shape, fit); !records)
        fuzz::requireOneLine(records.error().message);
      else
        FUZZ_REQUIRE(records->size() % shape.bytes() == 0, "records");
  }
  return 0;
}

//===- BitsMean.h - bits per byte and how sure they are -------------------------------===//
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace stc::runtime {

/// Bits per byte from blocks of neighbouring bytes, such as windows. Bytes of a block resemble each
/// other, so that the spread between blocks says how far the mean may be off. Blocks may differ in
/// size: the mean is sum(bits) / sum(bytes), a ratio estimate (Cochran, "Sampling Techniques", 3rd
/// edition, Sec. 6.4).
class BitsMean {
public:
  void add(double nats, int64_t bytes) {
    double bits = nats / std::numbers::ln2, size = static_cast<double>(bytes);
    ++count;
    sum += bits;
    total += size;
    squares += bits * bits;
    products += bits * size;
    sizes += size * size;
  }

  double mean() const { return total > 0 ? sum / total : 0; }

  /// Of the mean, from the spread between blocks; 0 for a single one.
  double standardError() const {
    if (count < 2 || total == 0)
      return 0;
    double r = mean(), spread = squares - 2 * r * products + r * r * sizes;
    double blocks = static_cast<double>(count);
    return std::sqrt(std::max(spread, 0.0) * blocks / (blocks - 1)) / total;
  }

  int64_t blocks() const { return count; }
  int64_t bytes() const { return static_cast<int64_t>(total); }

private:
  int64_t count = 0;
  double sum = 0, total = 0, squares = 0, products = 0, sizes = 0;
};

} // namespace stc::runtime

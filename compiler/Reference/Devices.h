//===- Devices.h - a grid of devices ----------------------------*- C++ -*-===//
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stc::reference {

/// An axis of a grid, and how many devices are along it.
struct Axis {
  std::string name;
  int64_t count;
};

/// Devices are numbered in row-major order of their places on the axes.
class Devices {
public:
  explicit Devices(std::vector<Axis> axes) : axes(std::move(axes)) {}

  int64_t count() const {
    int64_t product = 1;
    for (const Axis &axis : axes)
      product *= axis.count;
    return product;
  }

  /// A device's place on an axis; 0 on one that there is not.
  int64_t rank(int64_t device, std::string_view name) const {
    auto [step, count] = stepOf(name);
    return device / step % count;
  }

  /// The devices that differ from one in their place on an axis alone, itself among them, by that
  /// place.
  std::vector<int64_t> along(int64_t device, std::string_view name) const {
    auto [step, count] = stepOf(name);
    std::vector<int64_t> all;
    for (int64_t place = 0; place < count; ++place)
      all.push_back(device + (place - rank(device, name)) * step);
    return all;
  }

private:
  /// How far neighbours on an axis are apart in their numbers, and how many there are.
  std::pair<int64_t, int64_t> stepOf(std::string_view name) const {
    int64_t step = 1;
    for (size_t k = axes.size(); k-- > 0; step *= axes[k].count)
      if (axes[k].name == name)
        return {step, axes[k].count};
    return {1, 1};
  }

  std::vector<Axis> axes;
};

} // namespace stc::reference

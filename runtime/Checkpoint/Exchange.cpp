//===- Exchange.cpp - weights to and from other programs ----------------------------------===//
#include "runtime/Checkpoint/Exchange.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/NameCheck.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"
#include "runtime/Support/Nearest.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace stc::runtime {

using program::DType;

namespace {

// What stands for the '*' of a pattern; the empty text where there is none. No value: it does not
// fit.
std::optional<std::string_view> match(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == pattern.npos)
    return pattern == name ? std::optional<std::string_view>("") : std::nullopt;
  std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (name.size() < before.size() + after.size() || !name.starts_with(before) ||
      !name.ends_with(after))
    return std::nullopt;
  return name.substr(before.size(), name.size() - before.size() - after.size());
}

} // namespace

Result<NameMap> NameMap::open(const std::string &path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file)
    return forward(file);
  auto json = parseJson(file->text());
  if (!json.is_object())
    return fail(path + ": expected a JSON object of names to other names");
  NameMap names;
  names.path = path;
  for (const auto &[name, other] : json.items()) {
    if (!other.is_string())
      return fail(fmt::format("{}: expected a name for '{}', found {}", path, printable(name),
                              printable(other.dump())));
    names.pairs.emplace_back(name, other.get<std::string>());
    auto stars = std::ranges::count(name, '*');
    if (stars > 1 || stars != std::ranges::count(names.pairs.back().second, '*'))
      return fail(fmt::format("{}: expected one '*' or none on both sides, found '{}' to '{}'",
                              path, printable(name), printable(names.pairs.back().second)));
  }
  return names;
}

std::string NameMap::toOther(std::string_view name) const {
  for (const auto &[ours, other] : pairs)
    if (auto star = match(ours, name)) {
      std::string result = other;
      size_t place = result.find('*');
      return place == result.npos ? result : result.replace(place, 1, *star);
    }
  return std::string(name);
}

Result<void> NameMap::checkFor(std::span<const std::string> names) const {
  for (const auto &[ours, other] : pairs) {
    if (std::ranges::any_of(names,
                            [&](const std::string &name) { return match(ours, name).has_value(); }))
      continue;
    std::vector<std::string_view> candidates(names.begin(), names.end());
    auto meant = nearest(ours, candidates);
    return fail(fmt::format("{}: expected names of the weights, found '{}', which fits none{}",
                            path, printable(ours),
                            meant ? fmt::format("; did you mean '{}'?", printable(*meant)) : ""));
  }
  for (const std::string &name : names)
    if (auto checked = checkTensorName(toOther(name)); !checked)
      return fail(fmt::format("{}: '{}': {}", path, printable(name), checked.error().message));
  return {};
}

Result<void> exportWeights(const std::string &from, const std::string &to, const NameMap &names) {
  Result<SafetensorsFile> file = SafetensorsFile::open(from);
  if (!file)
    return forward(file);
  std::vector<NamedTensor> tensors = file->tensors();
  std::vector<std::string> ours;
  for (const NamedTensor &tensor : tensors)
    ours.push_back(tensor.name);
  if (auto checked = names.checkFor(ours); !checked)
    return checked;
  std::map<std::string, std::string> taken;
  for (NamedTensor &tensor : tensors) {
    std::string other = names.toOther(tensor.name);
    auto [it, isNew] = taken.try_emplace(other, tensor.name);
    if (!isNew)
      return fail(fmt::format("expected names that differ, found '{}' for both '{}' and '{}'",
                              printable(other), printable(it->second), printable(tensor.name)));
    tensor.name = other;
  }
  return writeSafetensors(to, tensors);
}

Result<void> importWeights(const program::Program &program, const std::string &from,
                           const std::string &to, const NameMap &names) {
  Result<SafetensorsFile> file = SafetensorsFile::open(from);
  if (!file)
    return forward(file);
  std::vector<const program::Tensor *> wanted = variablesOf(program, VariableSet::Weights);
  // What is found is named as in its file, in messages too.
  std::vector<std::string> ours, otherNames;
  for (const program::Tensor *tensor : wanted) {
    ours.push_back(tensor->name()->str());
    otherNames.push_back(names.toOther(ours.back()));
  }
  if (auto checked = names.checkFor(ours); !checked)
    return checked;
  auto accept = [](DType found, DType target) {
    return found == target ||
           (target == DType::F32 && (found == DType::F16 || found == DType::BF16));
  };
  auto matched = matchTensors(
      program, file->tensors(), wanted, otherNames, from,
      fmt::format("the weights of '{}'", printable(program.name()->string_view())), accept);
  if (!matched)
    return forward(matched);
  std::vector<std::vector<float>> converted; // keeps what the tensors below point to
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < wanted.size(); ++i) {
    NamedTensor tensor = *(*matched)[i];
    if (tensor.dtype != wanted[i]->dtype()) {
      converted.push_back(widen(tensor.dtype, tensor.data));
      tensor.data = std::as_bytes(std::span(converted.back()));
      tensor.dtype = DType::F32;
    }
    if (!isFinite(tensor.dtype, tensor.data))
      return fail(
          fmt::format("{}: '{}' holds values that are not finite", from, printable(tensor.name)));
    tensor.name = wanted[i]->name()->str();
    tensors.push_back(std::move(tensor));
  }
  return writeSafetensors(to, tensors);
}

} // namespace stc::runtime

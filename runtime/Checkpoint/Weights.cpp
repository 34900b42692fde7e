//===- Weights.cpp - a program's parameters in a safetensors file -----------------------===//
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Checkpoint/Safetensors.h"
#include "runtime/Program/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace stc::runtime {

namespace {

std::vector<const program::Tensor *> parameters(const program::Program &program) {
  std::vector<const program::Tensor *> tensors;
  for (const program::Variable *variable : *program.variables())
    if (variable->role() == program::Role::Parameter)
      tensors.push_back(variable->tensor());
  return tensors;
}

bool isFinite(Executor &executor, const program::Tensor &tensor) {
  auto all = [](auto values) {
    return std::ranges::all_of(values, [](auto value) { return std::isfinite(value); });
  };
  if (tensor.dtype() == program::DType::F32)
    return all(executor.elements<float>(tensor));
  if (tensor.dtype() == program::DType::F64)
    return all(executor.elements<double>(tensor));
  return true;
}

// "a, b and 7 more", so that a file of another model gives one line.
std::string listNames(const std::vector<std::string> &names) {
  constexpr size_t most = 5;
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + std::min(most, names.size()), ", "));
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

} // namespace

Result<void> saveWeights(Executor &executor, const std::string &path) {
  std::vector<NamedTensor> tensors;
  for (const program::Tensor *tensor : parameters(executor.program())) {
    if (!isFinite(executor, *tensor))
      return fail(fmt::format("{}: not written: '{}' holds values that are not finite", path,
                              tensor->name()->str()),
                  ErrorKind::NonFinite);
    tensors.push_back({tensor->name()->str(),
                       tensor->dtype(),
                       {tensor->shape()->begin(), tensor->shape()->end()},
                       {executor.data(*tensor), static_cast<size_t>(bytes(*tensor))}});
  }
  return writeSafetensors(path, tensors);
}

Result<void> loadWeights(Executor &executor, const std::string &path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return forward(file);
  std::map<std::string, const NamedTensor *> found;
  for (const NamedTensor &tensor : file->tensors())
    found[tensor.name] = &tensor;

  std::vector<std::string> missing, different, unexpected, problems;
  std::vector<const program::Tensor *> wanted = parameters(executor.program());
  for (const program::Tensor *tensor : wanted) {
    auto it = found.find(tensor->name()->str());
    if (it == found.end()) {
      missing.push_back(tensor->name()->str());
      continue;
    }
    const NamedTensor &candidate = *it->second;
    if (candidate.dtype != tensor->dtype() ||
        !std::ranges::equal(std::vector<int64_t>(tensor->shape()->begin(), tensor->shape()->end()),
                            candidate.shape))
      different.push_back(fmt::format("{} is {}[{}] for {}", candidate.name,
                                      dtypeName(candidate.dtype), fmt::join(candidate.shape, ", "),
                                      describe(*tensor)));
  }
  for (const auto &[name, tensor] : found)
    if (std::ranges::none_of(wanted, [&](auto *w) { return w->name()->string_view() == name; }))
      unexpected.push_back(name);
  if (!missing.empty())
    problems.push_back("missing " + listNames(missing));
  if (!unexpected.empty())
    problems.push_back("unexpected " + listNames(unexpected));
  if (!different.empty())
    problems.push_back(listNames(different));
  if (!problems.empty())
    return fail(fmt::format("{}: expected the weights of '{}': {}", path,
                            executor.program().name()->str(), fmt::join(problems, "; ")));

  for (const program::Tensor *tensor : wanted)
    if (std::span data = found[tensor->name()->str()]->data; !data.empty())
      std::memcpy(executor.data(*tensor), data.data(), data.size());
  return {};
}

} // namespace stc::runtime

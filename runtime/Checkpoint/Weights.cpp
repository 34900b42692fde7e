//===- Weights.cpp - a program's variables in safetensors files -------------------------===//
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Program/NarrowFloat.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/File.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <map>

namespace stc::runtime {

namespace {

// "a, b and 7 more", so that a file of another model gives one line.
std::string listNames(const std::vector<std::string> &names) {
  constexpr size_t most = 5;
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + std::min(most, names.size()), ", "));
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

} // namespace

bool isFinite(program::DType dtype, std::span<const std::byte> data) {
  auto all = [&]<class T>(T element, auto toFloat) {
    for (size_t i = 0; i < data.size(); i += sizeof(T)) {
      std::memcpy(&element, data.data() + i, sizeof(T));
      if (!std::isfinite(toFloat(element)))
        return false;
    }
    return true;
  };
  if (dtype == program::DType::F32)
    return all(float(), std::identity());
  if (dtype == program::DType::F64)
    return all(double(), std::identity());
  return !isNarrow(dtype) || all(uint16_t(), [&](uint16_t bits) { return widen(dtype, bits); });
}

std::vector<const program::Tensor *> variablesOf(const program::Program &program, VariableSet set) {
  std::vector<const program::Tensor *> tensors;
  for (const program::Variable *variable : *program.variables()) {
    const bool isParameter = variable->role() == program::Role::Parameter,
               isKept = variable->role() != program::Role::Scratch &&
                        variable->role() != program::Role::Rank;
    if (isKept && isParameter == (set == VariableSet::Weights))
      tensors.push_back(variable->tensor());
  }
  return tensors;
}

Result<std::vector<const NamedTensor *>>
matchTensors(const program::Program &program, std::span<const NamedTensor> found,
             std::span<const program::Tensor *const> wanted, std::span<const std::string> names,
             const std::string &path, const std::string &owner,
             bool (*accept)(program::DType found, program::DType wanted)) {
  std::map<std::string_view, const NamedTensor *> unused;
  for (const NamedTensor &tensor : found)
    unused[tensor.name] = &tensor;

  std::vector<const NamedTensor *> matched;
  std::vector<std::string> missing, different, unexpected, problems;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const program::Tensor *tensor = wanted[i];
    auto it = unused.find(names[i]);
    if (it == unused.end()) {
      missing.push_back(printable(names[i]));
      continue;
    }
    const NamedTensor &candidate = *it->second;
    if (!accept(candidate.dtype, tensor->dtype()) ||
        wholeShape(program, *tensor) != candidate.shape)
      different.push_back(fmt::format("{} is {}[{}] for {}[{}]", printable(candidate.name),
                                      dtypeName(candidate.dtype), fmt::join(candidate.shape, ", "),
                                      dtypeName(tensor->dtype()),
                                      fmt::join(wholeShape(program, *tensor), ", ")));
    matched.push_back(&candidate);
    unused.erase(it);
  }
  for (const auto &[name, tensor] : unused)
    unexpected.push_back(printable(name));
  if (!missing.empty())
    problems.push_back("missing " + listNames(missing));
  if (!unexpected.empty())
    problems.push_back("unexpected " + listNames(unexpected));
  if (!different.empty())
    problems.push_back(listNames(different));
  if (!problems.empty())
    return fail(fmt::format("{}: expected {}: {}", path, owner, fmt::join(problems, "; ")));
  return matched;
}

Result<uint64_t> saveVariables(Executor &executor, VariableSet set, const std::string &path) {
  std::vector<const program::Tensor *> variables = variablesOf(executor.program(), set);
  std::vector<NamedTensor> tensors;
  for (const program::Tensor *tensor : variables)
    tensors.push_back(
        {tensor->name()->str(), tensor->dtype(), wholeShape(executor.program(), *tensor), {}});
  std::vector<std::byte> data; // of one after the other
  auto read = [&](size_t k) -> Result<std::span<const std::byte>> {
    const program::Tensor &tensor = *variables[k];
    data.resize(wholeBytes(executor.program(), tensor));
    if (auto got = executor.readWhole(tensor, data); !got)
      return forward(got);
    if (!isFinite(tensor.dtype(), data))
      return fail(fmt::format("{}: not written: '{}' holds values that are not finite", path,
                              tensor.name()->str()),
                  ErrorKind::NonFinite);
    return data;
  };
  if (executor.isFirst())
    return writeSafetensors(path, tensors, read);
  for (size_t k = 0; k < tensors.size(); ++k)
    if (auto given = read(k); !given)
      return forward(given);
  return 0;
}

Result<void> loadVariables(Executor &executor, VariableSet set, const std::string &path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return forward(file);
  std::vector<const program::Tensor *> wanted = variablesOf(executor.program(), set);
  std::string owner =
      fmt::format("the {} of '{}'", set == VariableSet::Weights ? "weights" : "optimizer state",
                  executor.program().name()->str());
  std::vector<std::string> names;
  for (const program::Tensor *tensor : wanted)
    names.push_back(tensor->name()->str());
  auto matched =
      matchTensors(executor.program(), file->tensors(), wanted, names, path, owner,
                   [](program::DType found, program::DType target) { return found == target; });
  if (!matched)
    return forward(matched);
  for (size_t i = 0; i < wanted.size(); ++i)
    if (auto written = executor.writeWhole(*wanted[i], (*matched)[i]->data); !written)
      return written;
  return file->check();
}

std::string weightsFile(const std::string &path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path + "/weights.safetensors" : path;
}

} // namespace stc::runtime

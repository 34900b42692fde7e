//===- Weights.cpp - a program's variables in safetensors files -------------------------===//
#include "runtime/Checkpoint/Weights.h"
#include "runtime/Checkpoint/Shards.h"
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
#include <optional>
#include <sstream>

namespace stc::runtime {

namespace {

// "a, b and 7 more", so that a file of another model gives one line.
std::string listNames(const std::vector<std::string> &names) {
  constexpr size_t most = 5;
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + std::min(most, names.size()), ", "));
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

std::vector<size_t> dealVariables(const program::Program &program,
                                  std::span<const program::Tensor *const> variables, size_t files) {
  std::vector<uint64_t> bytes;
  for (const program::Tensor *variable : variables)
    bytes.push_back(wholeBytes(program, *variable));
  return dealToShards(bytes, files);
}

// What the first device learns of a file.
std::string printWritten(const WrittenFile &file) {
  return fmt::format("{} {}", file.checksum, file.bytes);
}

WrittenFile parseWritten(const std::string &text) {
  WrittenFile file;
  std::istringstream(text) >> file.checksum >> file.bytes;
  return file;
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

Result<std::vector<WrittenFile>> saveVariables(Executor &executor, VariableSet set,
                                               std::span<const std::string> paths) {
  const program::Program &program = executor.program();
  const std::vector<const program::Tensor *> variables = variablesOf(program, set);
  const std::vector<size_t> fileOf = dealVariables(program, variables, paths.size());
  const size_t own = executor.number();
  std::vector<NamedTensor> tensors;
  for (size_t k = 0; k < variables.size(); ++k)
    if (fileOf[k] == own)
      tensors.push_back({variables[k]->name()->str(),
                         variables[k]->dtype(),
                         wholeShape(program, *variables[k]),
                         {}});
  Result<std::optional<SafetensorsWriter>> file;
  if (own < paths.size())
    file = SafetensorsWriter::create(paths[own], tensors);
  std::vector<std::byte> data; // of one after the other
  for (size_t k = 0; k < variables.size(); ++k) {
    // The others need what this device has of it, whatever has become of the own file.
    const program::Tensor &variable = *variables[k];
    data.resize(wholeBytes(program, variable));
    if (auto got = executor.readWhole(variable, data); !got)
      return forward(got);
    if (!file || fileOf[k] != own)
      continue;
    Result<void> written =
        isFinite(variable.dtype(), data)
            ? (*file)->write(data)
            : fail(fmt::format("{}: not written: '{}' holds values that are not finite", paths[own],
                               variable.name()->str()),
                   ErrorKind::NonFinite);
    if (!written)
      file = forward(written);
  }
  auto all = executor.collect(file.and_then([](std::optional<SafetensorsWriter> &writer) {
    return writer ? writer->commit().map(printWritten) : Result<std::string>();
  }));
  if (!all)
    return forward(all);
  std::vector<WrittenFile> written;
  for (const std::string &one : std::span(*all).first(std::min(all->size(), paths.size())))
    written.push_back(parseWritten(one));
  return written;
}

std::string printIndex(const program::Program &program, VariableSet set,
                       std::span<const std::string> files) {
  const std::vector<const program::Tensor *> variables = variablesOf(program, set);
  const std::vector<size_t> fileOf = dealVariables(program, variables, files.size());
  ShardIndex index;
  uint64_t bytes = 0;
  for (size_t k = 0; k < variables.size(); ++k) {
    index[variables[k]->name()->str()] = files[fileOf[k]];
    bytes += wholeBytes(program, *variables[k]);
  }
  return printIndex(index, bytes);
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

//===- Describe.cpp - what a program is and what it needs ------------------------------===//
#include "tools/stc-run/Describe.h"
#include "runtime/Device/Cuda/Executor.h"
#include "runtime/Device/Host/Executor.h"
#include "runtime/Program/Dynamic.h"
#include "runtime/Program/Exchanged.h"
#include "runtime/Program/Parts.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Steps.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Text.h"
#include "runtime/Support/Units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;

namespace {

struct ParameterCount {
  int64_t tensors = 0, elements = 0, bytes = 0;
};

ParameterCount countParameters(const program::Program &program) {
  ParameterCount count;
  for (const program::Variable *variable : *program.variables())
    if (variable->role() == program::Role::Parameter) {
      ++count.tensors;
      const int64_t size = wholeBytes(program, *variable->tensor());
      count.elements += size / byteSize(variable->tensor()->dtype());
      count.bytes += size;
    }
  return count;
}

std::vector<std::string>
describeAll(const flatbuffers::Vector<flatbuffers::Offset<program::Tensor>> &tensors) {
  std::vector<std::string> all;
  for (const program::Tensor *tensor : tensors)
    all.push_back(fmt::format("{} {}{}", tensor->name()->str(), describe(*tensor),
                              tensor->below() > 0 ? fmt::format(" below {}", tensor->below())
                                                  : std::string()));
  return all;
}

nlohmann::json
describeJson(const flatbuffers::Vector<flatbuffers::Offset<program::Tensor>> &tensors) {
  nlohmann::json all = nlohmann::json::array();
  for (const program::Tensor *tensor : tensors) {
    all.push_back(
        {{"name", tensor->name()->str()},
         {"dtype", dtypeName(tensor->dtype())},
         {"shape", std::vector<int64_t>(tensor->shape()->begin(), tensor->shape()->end())}});
    if (tensor->below() > 0)
      all.back()["below"] = tensor->below();
  }
  return all;
}

/// What each device gets of others in an entry, by axis and kind.
nlohmann::ordered_json exchangesJson(const program::Program &program, const program::Entry &entry) {
  auto all = nlohmann::ordered_json::array();
  for (const auto &[what, sum] : exchangesOf(program, entry))
    all.push_back({{"axis", program.axes()->Get(what.first)->name()->str()},
                   {"kind", nameOf(what.second)},
                   {"collectives", sum.collectives},
                   {"received_bytes", sum.bytes}});
  return all;
}

/// The work of an entry by kind; null where it was not counted.
nlohmann::ordered_json workJson(const program::Program &program, const program::Entry &entry) {
  auto kinds = nlohmann::ordered_json::object();
  for (const auto &[kind, work] : workByKind(program, entry))
    kinds[kind] = work.isCounted
                      ? nlohmann::ordered_json{{"flops", work.flops}, {"bytes", work.bytes}}
                      : nlohmann::ordered_json();
  return kinds;
}

std::vector<std::string> featureNames(const program::Program &program) {
  std::vector<std::string> names;
  for (const flatbuffers::String *feature : *program.features())
    names.push_back(feature->str());
  return names;
}

bool isForHost(const program::Program &program) {
  return program.target()->string_view() == hostTarget;
}

/// On its device. A GPU has no threads of this kind.
MemoryNeed needOf(const program::Program &program, int threads) {
  if (isForHost(program))
    return memoryNeed(program, threads);
  return {program.arena_bytes(), 0, CudaExecutor::memoryNeed(program) - program.arena_bytes()};
}

/// Of the shared object, or of the kernels of a GPU.
uint64_t codeBytes(const program::Program &program) {
  uint64_t bytes = program.code()->size();
  for (const program::Kernel *kernel : *program.kernels())
    if (const program::Grid *grid = kernel->grid())
      bytes += grid->image()->size();
  return bytes;
}

/// Of dynamic sizes; else none.
std::vector<const program::Parameter *> parametersOf(const program::Entry &entry) {
  if (!isDynamic(entry))
    return {};
  return {entry.parameters()->begin(), entry.parameters()->end()};
}

} // namespace

std::string describeAsJson(const program::Program &program, int threads) {
  ParameterCount parameters = countParameters(program);
  MemoryNeed need = needOf(program, threads);
  nlohmann::ordered_json info;
  info["name"] = program.name()->str();
  info["target"] = program.target()->str();
  if (isForHost(program)) {
    info["cpu"] = program.cpu()->str();
    info["features"] = featureNames(program);
  }
  if (program.axes()) {
    info["devices"] = nlohmann::ordered_json::object();
    for (const program::Axis *axis : *program.axes())
      info["devices"][axis->name()->str()] = axis->count();
  }
  info["parameters"] = parameters.elements;
  info["parameter_tensors"] = parameters.tensors;
  info["parameter_bytes"] = parameters.bytes;
  info["code_bytes"] = codeBytes(program);
  info["kernels"] = program.kernels()->size();
  info["arena_bytes"] = need.arena;
  if (isForHost(program)) {
    info["threads"] = threads;
    info["scratch_bytes_per_thread"] = need.scratchPerThread;
  }
  info["workspace_bytes"] = need.workspace;
  info["entries"] = nlohmann::ordered_json::array();
  for (const program::Entry *entry : *program.entries()) {
    info["entries"].push_back({{"name", entry->name()->str()},
                               {"inputs", describeJson(*entry->inputs())},
                               {"outputs", describeJson(*entry->outputs())},
                               {"steps", entry->steps()->size()},
                               {"work", workJson(program, *entry)},
                               {"model_flops", entry->model_flops()},
                               {"peak_bytes", entry->peak_bytes()},
                               {"resident_bytes", entry->peak_bytes() + need.scratch(threads)}});
    if (program.axes())
      info["entries"].back()["exchanges"] = exchangesJson(program, *entry);
    for (const program::Parameter *one : parametersOf(*entry))
      info["entries"].back()["parameters"].push_back({{"name", one->name()->str()},
                                                      {"example", one->example()},
                                                      {"multiple", one->multiple()},
                                                      {"most", one->most()}});
  }
  info["settings"] = nlohmann::ordered_json::object();
  for (const program::Setting *setting : *program.settings())
    info["settings"][setting->key()->str()] = setting->value()->str();
  return info.dump(2, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string describeAsText(const program::Program &program, int threads) {
  ParameterCount parameters = countParameters(program);
  MemoryNeed need = needOf(program, threads);
  std::string text;
  auto line = std::back_inserter(text);
  fmt::format_to(line, "name        {}\n", program.name()->str());
  if (isForHost(program)) {
    fmt::format_to(line, "target      host, CPU {}\n", program.cpu()->str());
    fmt::format_to(line, "features    {}\n", fmt::join(featureNames(program), " "));
  } else {
    fmt::format_to(line, "target      {}\n", program.target()->str());
  }
  if (program.axes()) {
    std::vector<std::string> axes;
    for (const program::Axis *axis : *program.axes())
      axes.push_back(fmt::format("{} {}", axis->name()->str(), axis->count()));
    fmt::format_to(line, "devices     {}; what follows is of one\n", fmt::join(axes, ", "));
  }
  fmt::format_to(line, "parameters  {} in {} tensors, {}\n", formatCount(parameters.elements),
                 parameters.tensors, formatBytes(parameters.bytes));
  fmt::format_to(line, "kernels     {}, {} of code\n", program.kernels()->size(),
                 formatBytes(codeBytes(program)));
  fmt::format_to(line, "arena       {}\n", formatBytes(need.arena));
  if (isForHost(program))
    fmt::format_to(line, "scratch     {} for each of {} threads, {} for partial products\n",
                   formatBytes(need.scratchPerThread), threads, formatBytes(need.workspace));
  else if (need.workspace > 0)
    fmt::format_to(line, "workspace   {} for products{}\n", formatBytes(need.workspace),
                   program.axes() ? " and exchange" : "");
  fmt::format_to(line, "entries\n");
  for (const program::Entry *entry : *program.entries()) {
    fmt::format_to(line, "  {}({}) -> ({})\n", entry->name()->str(),
                   fmt::join(describeAll(*entry->inputs()), ", "),
                   fmt::join(describeAll(*entry->outputs()), ", "));
    fmt::format_to(line, "      {} steps, planned peak {}", entry->steps()->size(),
                   formatBytes(entry->peak_bytes()));
    if (isForHost(program))
      fmt::format_to(line, ", resident with scratch {}",
                     formatBytes(entry->peak_bytes() + need.scratch(threads)));
    text += '\n';
    if (isDynamic(*entry))
      text += "      of sizes that each call gives, here those of an example:\n";
    for (const program::Parameter *one : parametersOf(*entry))
      fmt::format_to(line, "        {:<18} {}, a multiple of {} up to {}\n",
                     forTerminal(one->name()->string_view()), one->example(), one->multiple(),
                     one->most());
    for (const auto &[what, sum] : exchangesOf(program, *entry))
      fmt::format_to(line, "      {} along {}: {} times, {} from others\n", nameOf(what.second),
                     program.axes()->Get(what.first)->name()->str(), sum.collectives,
                     formatBytes(sum.bytes));
  }
  fmt::format_to(line, "settings\n");
  for (const program::Setting *setting : *program.settings())
    fmt::format_to(line, "  {} = {}\n", forTerminal(setting->key()->string_view()),
                   forTerminal(setting->value()->string_view()));
  text += "trust       it holds native code that runs with your rights: run it only if you trust "
          "its maker\n";
  return text;
}

} // namespace stc::run

//===- Info.cpp - stc-run info: what a program is and what it needs --------------------===//
#include "runtime/Device/Host/Executor.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Tensor.h"
#include "runtime/Support/Units.h"
#include "tools/stc-run/Commands.h"
#include "tools/stc-run/Session.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;

namespace {

struct InfoOptions : SessionOptions {
  bool json = false;
};

struct ParameterCount {
  int64_t tensors = 0, elements = 0, bytes = 0;
};

ParameterCount countParameters(const program::Program &program) {
  ParameterCount count;
  for (const program::Variable *variable : *program.variables())
    if (variable->role() == program::Role::Parameter) {
      ++count.tensors;
      count.elements += runtime::elements(*variable->tensor());
      count.bytes += bytes(*variable->tensor());
    }
  return count;
}

std::vector<std::string>
describeAll(const flatbuffers::Vector<flatbuffers::Offset<program::Tensor>> &tensors) {
  std::vector<std::string> all;
  for (const program::Tensor *tensor : tensors)
    all.push_back(fmt::format("{} {}", tensor->name()->str(), describe(*tensor)));
  return all;
}

nlohmann::json
describeJson(const flatbuffers::Vector<flatbuffers::Offset<program::Tensor>> &tensors) {
  nlohmann::json all = nlohmann::json::array();
  for (const program::Tensor *tensor : tensors)
    all.push_back(
        {{"name", tensor->name()->str()},
         {"dtype", dtypeName(tensor->dtype())},
         {"shape", std::vector<int64_t>(tensor->shape()->begin(), tensor->shape()->end())}});
  return all;
}

std::vector<std::string> featureNames(const program::Program &program) {
  std::vector<std::string> names;
  for (const flatbuffers::String *feature : *program.features())
    names.push_back(feature->str());
  return names;
}

void printJson(const program::Program &program, const InfoOptions &options) {
  ParameterCount parameters = countParameters(program);
  MemoryNeed need = memoryNeed(program, options.threads);
  nlohmann::ordered_json info;
  info["name"] = program.name()->str();
  info["target"] = program.target()->str();
  info["cpu"] = program.cpu()->str();
  info["features"] = featureNames(program);
  info["parameters"] = parameters.elements;
  info["parameter_tensors"] = parameters.tensors;
  info["parameter_bytes"] = parameters.bytes;
  info["code_bytes"] = program.code()->size();
  info["kernels"] = program.kernels()->size();
  info["arena_bytes"] = need.arena;
  info["threads"] = options.threads;
  info["scratch_bytes_per_thread"] = need.scratchPerThread;
  info["workspace_bytes"] = need.workspace;
  info["entries"] = nlohmann::ordered_json::array();
  for (const program::Entry *entry : *program.entries())
    info["entries"].push_back(
        {{"name", entry->name()->str()},
         {"inputs", describeJson(*entry->inputs())},
         {"outputs", describeJson(*entry->outputs())},
         {"steps", entry->steps()->size()},
         {"peak_bytes", entry->peak_bytes()},
         {"resident_bytes", entry->peak_bytes() + need.scratch(options.threads)}});
  info["settings"] = nlohmann::ordered_json::object();
  for (const program::Setting *setting : *program.settings())
    info["settings"][setting->key()->str()] = setting->value()->str();
  fmt::print("{}\n", info.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void printText(const program::Program &program, const InfoOptions &options) {
  ParameterCount parameters = countParameters(program);
  MemoryNeed need = memoryNeed(program, options.threads);
  fmt::print("name        {}\n", program.name()->str());
  fmt::print("target      {}, CPU {}\n", program.target()->str(), program.cpu()->str());
  fmt::print("features    {}\n", fmt::join(featureNames(program), " "));
  fmt::print("parameters  {} in {} tensors, {}\n", formatCount(parameters.elements),
             parameters.tensors, formatBytes(parameters.bytes));
  fmt::print("kernels     {}, {} of code\n", program.kernels()->size(),
             formatBytes(program.code()->size()));
  fmt::print("arena       {}\n", formatBytes(need.arena));
  fmt::print("scratch     {} for each of {} threads, {} for partial products\n",
             formatBytes(need.scratchPerThread), options.threads, formatBytes(need.workspace));
  fmt::print("entries\n");
  for (const program::Entry *entry : *program.entries()) {
    fmt::print("  {}({}) -> ({})\n", entry->name()->str(),
               fmt::join(describeAll(*entry->inputs()), ", "),
               fmt::join(describeAll(*entry->outputs()), ", "));
    fmt::print("      {} steps, planned peak {}, resident with scratch {}\n",
               entry->steps()->size(), formatBytes(entry->peak_bytes()),
               formatBytes(entry->peak_bytes() + need.scratch(options.threads)));
  }
  fmt::print("settings\n");
  for (const program::Setting *setting : *program.settings())
    fmt::print("  {} = {}\n", setting->key()->str(), setting->value()->str());
}

Result<int> info(const InfoOptions &options) {
  Result<ProgramFile> file = ProgramFile::open(options.program);
  if (!file)
    return forward(file);
  options.json ? printJson(file->program(), options) : printText(file->program(), options);
  return 0;
}

} // namespace

void addInfo(CLI::App &app, Command &run) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App *command = app.add_subcommand("info", "says what a program is and what it needs");
  options->add(*command);
  command->add_flag("--json", options->json, "as JSON");
  command->callback([=, &run] { run = [=] { return info(*options); }; });
}

} // namespace stc::run

//===- Trace.cpp - the steps of a run on a time line ---------------------------------------===//
//
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
//
//===----------------------------------------------------------------------------------------===//
#include "tools/stc-run/Trace.h"

#include "runtime/Support/File.h"

#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;
using nlohmann::ordered_json;

namespace {

/// What a step does, its kind, and its size.
struct Label {
  std::string name, kind;
  ordered_json details;
};

Label labelOf(const program::Program &program, const program::Step &step) {
  auto launched = [&](const program::Launch &launch) {
    const program::Kernel &kernel = *program.kernels()->Get(launch.kernel());
    return Label{kernel.symbol()->str(), kernel.kind()->str(), {{"items", launch.items()}}};
  };
  if (const program::Launch *launch = step.action_as_Launch())
    return launched(*launch);
  if (const program::Batch *batch = step.action_as_Batch()) {
    Label label = launched(*batch->launches()->Get(0));
    label.details = {{"launches", batch->launches()->size()}};
    return label;
  }
  if (const program::Gemm *gemm = step.action_as_Gemm())
    return {fmt::format("gemm {}x{}x{}", gemm->m(), gemm->n(), gemm->k()),
            "gemm",
            {{"dtype", program::EnumNameDType(gemm->dtype())}, {"batch", gemm->batch()}}};
  const program::Copy &copy = *step.action_as_Copy();
  return {copy.zero() ? "zero" : "copy", "copy", {{"bytes", copy.bytes()}}};
}

ordered_json nameOf(const char *what, int process, int thread, const std::string &name) {
  return {
      {"ph", "M"}, {"pid", process}, {"tid", thread}, {"name", what}, {"args", {{"name", name}}}};
}

} // namespace

Result<void> writeTrace(const std::string &path, const program::Program &program,
                        std::span<const TracedRun> runs) {
  ordered_json events = ordered_json::array();
  for (int process = 0; const TracedRun &run : runs) {
    events.push_back(nameOf("process_name", ++process, 0, run.entry->name()->str()));
    std::map<std::string, int> threads;
    double now = 0; // microseconds
    for (uint32_t k = 0; k < run.steps.size(); ++k) {
      Label label = labelOf(program, *run.entry->steps()->Get(k));
      auto [thread, added] = threads.insert({label.kind, static_cast<int>(threads.size()) + 1});
      if (added)
        events.push_back(nameOf("thread_name", process, thread->second, label.kind));
      double duration = run.steps[k] * 1e6;
      events.push_back({{"ph", "X"},
                        {"pid", process},
                        {"tid", thread->second},
                        {"name", label.name},
                        {"cat", label.kind},
                        {"ts", now},
                        {"dur", duration},
                        {"args", label.details}});
      now += duration;
    }
  }
  auto file = AtomicFile::create(path);
  if (!file)
    return forward(file);
  ordered_json all = {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
  return file->write(all.dump()).and_then([&] { return file->commit(); });
}

} // namespace stc::run

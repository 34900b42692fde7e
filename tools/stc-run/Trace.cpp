//===- Trace.cpp - the steps of a run on a time line ---------------------------------------===//
//
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
//
//===----------------------------------------------------------------------------------------===//
#include "tools/stc-run/Trace.h"

#include "runtime/Program/Steps.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace stc::run {

using namespace runtime;
using nlohmann::ordered_json;

namespace {

/// How large a step is.
ordered_json detailsOf(const program::Step &step) {
  ordered_json details;
  if (const program::Launch *launch = step.action_as_Launch())
    details["items"] = launch->items();
  else if (const program::Batch *batch = step.action_as_Batch())
    details["launches"] = batch->launches()->size();
  else if (const program::Gemm *gemm = step.action_as_Gemm())
    details = {{"dtype", program::EnumNameDType(gemm->dtype())}, {"batch", gemm->batch()}};
  if (const program::Work *work = step.work()) {
    details["flops"] = work->flops();
    details["bytes"] = work->bytes();
  }
  return details;
}

ordered_json metadata(const char *what, int process, int thread, const std::string &name) {
  return {
      {"ph", "M"}, {"pid", process}, {"tid", thread}, {"name", what}, {"args", {{"name", name}}}};
}

} // namespace

Result<void> writeTrace(AtomicFile &file, const program::Program &program,
                        std::span<const TracedRun> runs, std::string_view beside) {
  ordered_json events = ordered_json::array();
  for (int process = 0; const TracedRun &run : runs) {
    events.push_back(metadata("process_name", ++process, 0, run.entry->name()->str()));
    std::map<std::string, int> threads;
    double now = 0, besideNow = 0; // microseconds
    for (uint32_t k = 0; k < run.steps.size(); ++k) {
      const program::Step &step = *run.entry->steps()->Get(k);
      StepName name = nameOf(program, step);
      auto [thread, added] = threads.insert({name.kind, static_cast<int>(threads.size()) + 1});
      if (added)
        events.push_back(metadata("thread_name", process, thread->second, name.kind));
      const double duration = run.steps[k] * 1e6;
      const bool isBeside = name.kind == beside;
      const double start = isBeside ? std::max(now, besideNow) : now;
      events.push_back({{"ph", "X"},
                        {"pid", process},
                        {"tid", thread->second},
                        {"name", name.name},
                        {"cat", name.kind},
                        {"ts", start},
                        {"dur", duration},
                        {"args", detailsOf(step)}});
      (isBeside ? besideNow : now) = start + duration;
    }
  }
  ordered_json all = {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
  return file.write(all.dump(-1, ' ', true, ordered_json::error_handler_t::replace)).and_then([&] {
    return file.commit();
  });
}

} // namespace stc::run

//===- main.cpp - a program of its own that runs a compiled one ----------------------------===//
//
// embedding PROGRAM: runs the entry "attend" on the CPU, with ones for query, key and value. As the
// weights of a row have the sum one, all that comes out is one.
//
//===----------------------------------------------------------------------------------------===//
#include "runtime/Device/Host/Executor.h"
#include "runtime/Program/ProgramFile.h"
#include "runtime/Program/Signature.h"

#include <cmath>
#include <cstdio>

using namespace stc::runtime;
namespace program = stc::program;

static Result<std::vector<float>> attend(const std::string &path) {
  Result<ProgramFile> file = ProgramFile::open(path);
  if (!file)
    return forward(file);
  const program::Program &compiled = file->program();
  int index = findEntry(compiled, "attend");
  if (index < 0)
    return fail(path + ": expected a program with an entry 'attend'");
  const program::Entry &entry = *compiled.entries()->Get(index);

  ThreadPool pool(2);
  Result<std::unique_ptr<HostExecutor>> executor = HostExecutor::create(compiled, pool);
  if (!executor)
    return forward(executor);
  for (const program::Tensor *input : *entry.inputs()) {
    std::vector<float> ones(elements(*input), 1);
    if (auto written = (*executor)->write(*input, std::as_bytes(std::span(ones))); !written)
      return forward(written);
  }
  if (auto ran = (*executor)->run(index); !ran)
    return forward(ran);
  const program::Tensor &output = *entry.outputs()->Get(0);
  std::vector<float> values(elements(output));
  if (auto got = (*executor)->read(output, std::as_writable_bytes(std::span(values))); !got)
    return forward(got);
  return values;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fputs("usage: embedding PROGRAM\n", stderr);
    return 2;
  }
  Result<std::vector<float>> values = attend(argv[1]);
  if (!values) {
    std::fprintf(stderr, "embedding: error: %s\n", values.error().message.c_str());
    return exitCode(values.error().kind);
  }
  for (float value : *values)
    if (!(std::abs(value - 1) < 1e-6f)) {
      std::fprintf(stderr, "embedding: error: expected ones, found %g\n", value);
      return 1;
    }
  std::printf("%zu ones\n", values->size());
}

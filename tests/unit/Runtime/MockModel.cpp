//===- MockModel.cpp - a program with all entries of a model ---------------------------===//
#include "tests/unit/Runtime/MockModel.h"

#include <random>

namespace stc::runtime::test {

ProgramSpec mockModel(int64_t failingStep, int64_t lossScale) {
  constexpr uint64_t w = 0, step = 1024, cache = 1088, tokens = 1408, targets = 1664, loss = 1920,
                     norm = 1924, rate = 1928, scale = 1932, nll = 1984, stepTokens = 2240,
                     position = 2248, last = 2252, logits = 2304, seed = 4608;
  const std::vector<int64_t> all = {mockBatch, mockContext};
  ProgramSpec spec;
  spec.arena = 8192;
  spec.code = readFile(STC_MOCK_MODEL);
  spec.kernels = {{"mockInit"},       {"mockTrainStep"},     {"mockEval"},
                  {"mockSampleStep"}, {"mockSamplePrefill"}, {"mockEvalHistory"}};
  spec.variables = {{{"w", DType::F32, {256}, w}},
                    {{"step", DType::I64, {}, step}, program::Role::Counter},
                    {{"cache", DType::I32, all, cache}, program::Role::Scratch}};
  spec.settings = {{"data.kind", "text"},
                   {"data.context", std::to_string(mockContext)},
                   {"train.steps", "400"},
                   {"train.seed", "3"}};
  auto launch = [](uint32_t kernel, uint64_t items, std::vector<uint64_t> buffers,
                   std::vector<int64_t> sizes) {
    StepSpec step;
    step.launch = {{kernel, items, std::move(buffers), std::move(sizes)}};
    return std::vector{step};
  };
  TensorSpec tokenSpec{"tokens", DType::I32, all, tokens},
      targetSpec{"targets", DType::I32, all, targets},
      logitSpec{"logits", DType::F32, {mockBatch, 257}, logits};
  spec.entries = {
      {"init", {{"seed", DType::I64, {}, seed}}, {}, launch(0, 1, {w, step, seed}, {})},
      {"train_step",
       {tokenSpec, targetSpec},
       {{"loss", DType::F32, {}, loss},
        {"grad_norm", DType::F32, {}, norm},
        {"learning_rate", DType::F32, {}, rate}},
       launch(1, 1, {w, step, targets, loss, norm, rate, scale},
              {mockBatch * mockContext, failingStep, lossScale})},
      {"eval",
       {tokenSpec, targetSpec},
       {{"nll", DType::F32, all, nll}},
       launch(2, mockBatch, {w, targets, nll}, {mockContext})},
      {"sample_step",
       {{"tokens", DType::I32, {mockBatch}, stepTokens}, {"position", DType::I32, {}, position}},
       {logitSpec},
       launch(3, mockBatch, {w, cache, stepTokens, position, logits}, {mockContext})},
      {"sample_prefill",
       {tokenSpec, {"last", DType::I32, {}, last}},
       {logitSpec},
       launch(4, mockBatch, {w, cache, tokens, last, logits}, {mockContext})}};
  if (lossScale)
    spec.entries[1].outputs.push_back({"loss_scale", DType::F32, {}, scale});
  return spec;
}

ProgramSpec mockHistoryModel() {
  ProgramSpec spec = mockModel();
  StepSpec::Launch &eval = spec.entries[2].steps[0].launch[0];
  eval.kernel = 5;
  eval.buffers.insert(eval.buffers.begin() + 1, spec.entries[2].inputs[0].offset);
  return spec;
}

std::string mockData(int64_t bytes) {
  std::mt19937 random(11);
  std::discrete_distribution<int> letter({0.5, 0.25, 0.125, 0.125});
  std::string text;
  for (int64_t i = 0; i < bytes; ++i)
    text += "etao"[letter(random)];
  return text;
}

} // namespace stc::runtime::test

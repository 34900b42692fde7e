//===- MockModel.h - a program with all entries of a model -----------------------------===//
#pragma once

#include "tests/unit/Runtime/TestProgram.h"

namespace stc::runtime::test {

inline constexpr int64_t mockBatch = 2, mockContext = 32;

/// init, train_step, eval, sample_prefill and sample_step of a model that knows how often each byte
/// is (MockModel.c). `failingStep` has a loss that is not a number; 0 for none. With a `lossScale`,
/// which train_step then reports, it has an infinite gradient instead, and leaves the weights
/// alone.
ProgramSpec mockModel(int64_t failingStep = 0, int64_t lossScale = 0);

/// The same, where `eval` counts what the logits of sampling say: every token before in the window
/// matters.
ProgramSpec mockHistoryModel();

/// Bytes of four values, of 1.75 bits each.
std::string mockData(int64_t bytes);

} // namespace stc::runtime::test

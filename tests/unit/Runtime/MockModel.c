// A model of one parameter, the logits of the bytes wherever they stand, as a program's code: what
// training needs to learn something, and sampling to depend on all bytes before.
#include <math.h>
#include <stdint.h>

enum { vocabulary = 256, symbols = 257 };

// w, step, seed
void mockInit(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  float *w = buffers[0];
  uint64_t state = *(const int64_t *)buffers[2] * 2 + 1;
  for (int i = 0; i < vocabulary; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    w[i] = (float)(state >> 40) / (1 << 24) - 0.5f;
  }
  *(int64_t *)buffers[1] = 0;
}

static double logSumExp(const float *w) {
  double sum = 0;
  for (int i = 0; i < vocabulary; ++i)
    sum += exp(w[i]);
  return log(sum);
}

// w, step, targets, loss, grad_norm, learning_rate, loss_scale; sizes: positions, the step that fails
// (0: none), the scale (0: none). The step fails by its loss, or with a scale by its gradient.
void mockTrainStep(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  float *w = buffers[0];
  int64_t *step = buffers[1];
  const int32_t *targets = buffers[2];
  double gradient[vocabulary], norm = 0, loss = 0, total = logSumExp(w);
  for (int i = 0; i < vocabulary; ++i)
    gradient[i] = exp(w[i] - total);
  for (int64_t i = 0; i < sizes[0]; ++i) {
    loss += (total - w[targets[i]]) / sizes[0];
    gradient[targets[i]] -= 1.0 / sizes[0];
  }
  double rate = 50.0 / (10 + ++*step);
  int failing = *step == sizes[1], skipped = failing && sizes[2];
  if (failing && !skipped)
    loss = NAN;
  for (int i = 0; i < vocabulary; ++i) {
    norm += gradient[i] * gradient[i];
    w[i] -= skipped ? 0 : rate * gradient[i] * (loss == loss ? 1 : NAN);
  }
  *(float *)buffers[3] = loss;
  *(float *)buffers[4] = skipped ? INFINITY : sqrt(norm);
  *(float *)buffers[5] = rate;
  *(float *)buffers[6] = sizes[2];
}

// w, targets, nll; sizes: positions of an item
void mockEval(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  const float *w = buffers[0];
  double total = logSumExp(w);
  for (int64_t i = item * sizes[0]; i < (item + 1) * sizes[0]; ++i)
    ((float *)buffers[2])[i] = total - w[((const int32_t *)buffers[1])[i]];
}

// Logits from w and from every token in the cache up to the position.
static void next(const float *w, const int32_t *cache, int64_t position, float *logits) {
  uint32_t hash = 17;
  for (int64_t i = 0; i <= position; ++i)
    hash = hash * 31 + cache[i];
  for (int i = 0; i < symbols; ++i)
    logits[i] = (i < vocabulary ? w[i] : 100) + ((hash >> (i % 24)) & 1);
}

// w, cache, tokens, position, logits; sizes: n. An item is a sequence.
void mockSampleStep(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  int32_t *cache = (int32_t *)buffers[1] + item * sizes[0];
  int64_t position = *(const int32_t *)buffers[3];
  cache[position] = ((const int32_t *)buffers[2])[item];
  next(buffers[0], cache, position, (float *)buffers[4] + item * symbols);
}

// w, cache, tokens, last, logits; sizes: n
void mockSamplePrefill(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  int32_t *cache = (int32_t *)buffers[1] + item * sizes[0];
  for (int64_t i = 0; i < sizes[0]; ++i)
    cache[i] = ((const int32_t *)buffers[2])[item * sizes[0] + i];
  next(buffers[0], cache, *(const int32_t *)buffers[3], (float *)buffers[4] + item * symbols);
}

// w, tokens, targets, nll; sizes: n. An item is a sequence; the nats are what mockSampleStep's logits
// say.
void mockEvalHistory(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  const int32_t *tokens = (const int32_t *)buffers[1] + item * sizes[0];
  for (int64_t i = 0; i < sizes[0]; ++i) {
    float logits[symbols];
    next(buffers[0], tokens, i, logits);
    double sum = 0, most = logits[symbols - 1];
    for (int symbol = 0; symbol < symbols; ++symbol)
      sum += exp(logits[symbol] - most);
    int64_t at = item * sizes[0] + i;
    ((float *)buffers[3])[at] = log(sum) + most - logits[((const int32_t *)buffers[2])[at]];
  }
}

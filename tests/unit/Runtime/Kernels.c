// Stand-ins for generated kernels, loaded by the tests as a program's code.
#include <stdint.h>

// out[item] = in[item] + 1 for float; buffers: in, out.
void addOne(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  const float *in = buffers[0];
  float *out = buffers[1];
  out[item] = in[item] + 1.0f;
}

// Sums row `item` of in [rows, sizes[0]] through scratch; buffers: in, out.
void rowSum(void *const *buffers, const int64_t *sizes, int64_t item, void *scratch) {
  const float *in = (const float *)buffers[0] + item * sizes[0];
  float *copy = scratch;
  for (int64_t i = 0; i < sizes[0]; ++i)
    copy[i] = in[i];
  float sum = 0;
  for (int64_t i = 0; i < sizes[0]; ++i)
    sum += copy[i];
  ((float *)buffers[1])[item] = sum;
}

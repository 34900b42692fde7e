/* FakeCublasLt.c - cuBLASLt without a GPU: see FakeCuda.h. */
#include "FakeCuda.h"

#include <stdlib.h>
#include <string.h>

enum { invalidValue = 7, notSupported = 15 };

typedef struct {
  int compute, scale, transposeA, transposeB;
} Description;
typedef struct {
  FakeMatrix matrix;
  int batch;
} Layout;
typedef struct {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
} Candidate;

static int release(void *object) {
  free(object);
  --fakeCuda()->liveDescriptors;
  return 0;
}
static void *allocate(size_t bytes) {
  ++fakeCuda()->liveDescriptors;
  return calloc(1, bytes);
}

const char *cublasLtGetStatusString(int status) {
  return status == notSupported ? "the functionality requested is not supported" : "invalid value";
}
int cublasLtCreate(void **handle) {
  *handle = allocate(1);
  return 0;
}
int cublasLtDestroy(void *handle) { return release(handle); }

int cublasLtMatmulDescCreate(void **description, int compute, int scale) {
  *description = allocate(sizeof(Description));
  **(Description **)description = (Description){compute, scale, 0, 0};
  return 0;
}
int cublasLtMatmulDescDestroy(void *description) { return release(description); }
int cublasLtMatmulDescSetAttribute(Description *description, int attribute, const void *value,
                                   size_t bytes) {
  if (bytes != 4 || (attribute != 3 && attribute != 4))
    return invalidValue;
  memcpy(attribute == 3 ? &description->transposeA : &description->transposeB, value, bytes);
  return 0;
}

int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t leading) {
  *layout = allocate(sizeof(Layout));
  **(Layout **)layout = (Layout){{type, 0, rows, columns, leading, 0}, 1};
  return 0;
}
int cublasLtMatrixLayoutDestroy(void *layout) { return release(layout); }
int cublasLtMatrixLayoutSetAttribute(Layout *layout, int attribute, const void *value,
                                     size_t bytes) {
  if (attribute == 5 && bytes == 4)
    memcpy(&layout->batch, value, bytes);
  else if (attribute == 6 && bytes == 8)
    memcpy(&layout->matrix.step, value, bytes);
  else
    return invalidValue;
  return 0;
}

int cublasLtMatmulPreferenceCreate(void **preference) {
  *preference = allocate(1);
  return 0;
}
int cublasLtMatmulPreferenceDestroy(void *preference) { return release(preference); }
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value,
                                         size_t bytes) {
  if (attribute == 3 && bytes == 4)
    memcpy(&fakeCuda()->reductionSchemes, value, bytes);
  else if (attribute >= 5 && attribute <= 8 && bytes == 4)
    memcpy(&fakeCuda()->alignments[attribute - 5], value, bytes);
  else if (attribute != 1 || bytes != 8)
    return invalidValue;
  return 0;
}

/* The last of its algorithms is one that it turns out not to have. */
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *description, void *a, void *b, void *c,
                                   void *d, void *preference, int wanted, Candidate *results,
                                   int *count) {
  if (fakeCuda()->settings.fail && strcmp(fakeCuda()->settings.fail, __func__) == 0)
    return notSupported;
  for (*count = 0; *count < wanted && *count < FakeAlgorithms; ++*count)
    results[*count] = (Candidate){.algorithm = {(uint64_t)*count},
                                  .state = *count + 1 == FakeAlgorithms ? notSupported : 0};
  return 0;
}

int cublasLtMatmul(void *handle, const Description *description, const void *alpha, const void *a,
                   const Layout *layoutA, const void *b, const Layout *layoutB, const void *beta,
                   const void *c, const Layout *layoutC, void *d, const Layout *layoutD,
                   const uint64_t *algorithm, void *workspace, size_t workspaceBytes,
                   void *stream) {
  if (c != d || layoutC != layoutD || algorithm[0] + 1 >= FakeAlgorithms)
    return notSupported;
  FakeGemm gemm = {{layoutA->matrix, layoutB->matrix, layoutC->matrix},
                   description->compute,
                   description->scale,
                   description->transposeA,
                   description->transposeB,
                   layoutA->batch,
                   (int)algorithm[0],
                   0,
                   0,
                   (uint64_t)workspace,
                   workspaceBytes};
  gemm.matrices[0].address = (uint64_t)a;
  gemm.matrices[1].address = (uint64_t)b;
  gemm.matrices[2].address = (uint64_t)d;
  int isDouble = description->scale == 1;
  gemm.alpha = isDouble ? *(const double *)alpha : *(const float *)alpha;
  gemm.beta = isDouble ? *(const double *)beta : *(const float *)beta;
  fakeSubmit(&(FakeWork){.kind = FakeProduct,
                         .product = gemm,
                         .milliseconds = fakeCuda()->settings.algorithms[algorithm[0]]});
  return 0;
}

static float *at(const FakeMatrix *matrix, int64_t batch, int64_t row, int64_t column) {
  return (float *)matrix->address + batch * matrix->step + column * matrix->leading + row;
}

/* Of float32, where that takes no time. */
void fakeMultiply(const FakeGemm *gemm) {
  const FakeMatrix *a = &gemm->matrices[0], *b = &gemm->matrices[1], *c = &gemm->matrices[2];
  int64_t inner = (int64_t)(gemm->transposeA ? a->rows : a->columns);
  if (c->type != 0 || (int64_t)(c->rows * c->columns) * inner > 1 << 20)
    return;
  for (int64_t batch = 0; batch < gemm->batch; ++batch)
    for (int64_t j = 0; j < (int64_t)c->columns; ++j)
      for (int64_t i = 0; i < (int64_t)c->rows; ++i) {
        double sum = gemm->beta == 0 ? 0 : gemm->beta * *at(c, batch, i, j);
        for (int64_t k = 0; k < inner; ++k)
          sum += gemm->alpha * *(gemm->transposeA ? at(a, batch, k, i) : at(a, batch, i, k)) *
                 *(gemm->transposeB ? at(b, batch, j, k) : at(b, batch, k, j));
        *at(c, batch, i, j) = (float)sum;
      }
}

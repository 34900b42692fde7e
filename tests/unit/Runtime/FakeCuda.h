/*===- FakeCuda.h - a CUDA driver without a GPU ---------------------------------------===
 *
 * A shared library with the functions of the driver that the runtime calls, of cuBLASLt and of
 *NCCL. Memory is the process's own; kernels do nothing but be recorded, products of a few floats
 *are computed. Other devices, in exchanges, have what this one has. Nothing that is put on a stream
 *is done before somebody waits for it, and what is on the second stream, not before the first one
 * does. What it says and does is set here.
 *
 *===----------------------------------------------------------------------===*/
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FakeMaps = 4, FakeWords = 8, FakeLaunches = 64, FakePieces = 8, FakeAlgorithms = 3 };

typedef struct {
  uint64_t address;
  int type, swizzle, interleave, promotion, fill;
  uint32_t rank, box[5], steps[5];
  uint64_t sizes[5], strides[4];
} FakeMap;

typedef struct {
  unsigned grid[3], block[3], shared;
  int early;                 /* may start before what is ahead of it has ended */
  FakeMap maps[FakeMaps];    /* the first parameters */
  uint64_t words[FakeWords]; /* addresses, then numbers */
} FakeLaunch;

/* Of a, b and c, by columns. */
typedef struct {
  int type;
  uint64_t address, rows, columns;
  int64_t leading, step;
} FakeMatrix;

typedef struct {
  FakeMatrix matrices[3];
  int computeType, scaleType, transposeA, transposeB, batch, algorithm;
  double alpha, beta;
  uint64_t workspace, workspaceBytes;
} FakeGemm;

/* Something on a stream. */
typedef struct {
  enum { FakeKernel, FakeCopy, FakeFill, FakeProduct, FakeEvent, FakeWait, FakeSum } kind;
  void *stream;
  uint64_t target, source; /* a sum is that of `devices` times the floats at the source */
  size_t bytes;
  unsigned char value;
  FakeLaunch launch;
  FakeGemm product;
  double milliseconds; /* of a product; other work takes half of one */
  double *event;
  int devices;
} FakeWork;

/* How the driver is to behave: set before it is used. */
typedef struct {
  int devices, major, minor, processors, blocks; /* blocks of a multiprocessor */
  int cluster; /* blocks that the kernel wants in a cluster; 0 if it has none */
  size_t freeBytes;
  int maps, addresses, numbers;      /* what the one kernel takes; numbers have 32 bits */
  const char *log;                   /* of a compilation that fails; none if null */
  const char *fail;                  /* the function that fails with status 700; none if null */
  int rank;                          /* in all communicators */
  double algorithms[FakeAlgorithms]; /* milliseconds of a product; the last cannot compute it */
} FakeSettings;

typedef struct {
  FakeSettings settings;
  FakeLaunch launches[FakeLaunches];
  FakeGemm products[FakeLaunches];
  int launchCount, productCount, graphLaunches, pageableCopies, pinnedCount, sharedAttribute;
  int liveCommunicators, openGroups, groups;
  int endedInGraphs; /* communicators, where the real one would wait for ever */
  int liveModules, liveEvents, liveStreams, liveContexts, liveGraphs, liveDescriptors;
  int reductionSchemes; /* that the last product allowed */
  int alignments[4];    /* that it promised */
  size_t liveBytes, pinnedBytes;
  void *pinned[FakePieces];
  char image[64], symbol[64];
} FakeCuda;

FakeCuda *fakeCuda(void);
/* To the state of a new process: a GPU of compute capability 9.0 with 1 GiB and 132
 * multiprocessors, and a kernel of two tensor maps, two addresses and a number. */
void fakeCudaReset(void);

/* Between the files of the library. */
void fakeSubmit(const FakeWork *work);
void fakeMultiply(const FakeGemm *product);

#ifdef __cplusplus
}
#endif

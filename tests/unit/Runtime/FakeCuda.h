/*===- FakeCuda.h - a CUDA driver without a GPU ---------------------------------------===
 *
 * A shared library with the functions of the driver that the runtime calls. Memory is the
 * process's own; kernels do nothing but be recorded. What it says and does is set here.
 *
 *===----------------------------------------------------------------------===*/
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FakeMaps = 4, FakeWords = 8, FakeLaunches = 16 };

typedef struct {
  uint64_t address;
  int type, swizzle, interleave, promotion, fill;
  uint32_t rank, box[5], steps[5];
  uint64_t sizes[5], strides[4];
} FakeMap;

typedef struct {
  unsigned grid[3], block[3], shared;
  FakeMap maps[FakeMaps];    /* the first parameters */
  uint64_t words[FakeWords]; /* addresses, then the number of items */
} FakeLaunch;

/* How the driver is to behave: set before it is used. */
typedef struct {
  int devices, major, minor, processors, blocks; /* blocks of a multiprocessor */
  size_t freeBytes;
  int maps, addresses; /* what the one kernel takes */
  const char *log;     /* of a compilation that fails; none if null */
  const char *fail;    /* the function that fails with status 700; none if null */
} FakeSettings;

typedef struct {
  FakeSettings settings;
  FakeLaunch launches[FakeLaunches];
  int launchCount, sharedAttribute, liveModules, liveEvents, liveStreams, liveContexts;
  size_t liveBytes;
  char image[64], symbol[64];
} FakeCuda;

FakeCuda *fakeCuda(void);
/* To the state of a new process: a GPU of compute capability 9.0 with 1 GiB and 132
 * multiprocessors, and a kernel of two tensor maps and two addresses. */
void fakeCudaReset(void);

#ifdef __cplusplus
}
#endif

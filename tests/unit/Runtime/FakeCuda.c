/* FakeCuda.c - a CUDA driver without a GPU: see FakeCuda.h. */
#include "FakeCuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t Address;

static FakeCuda fake;

FakeCuda *fakeCuda(void) { return &fake; }

__attribute__((constructor)) void fakeCudaReset(void) {
  FakeCuda fresh = {.settings = {1, 9, 0, 132, 1, (size_t)1 << 30, 2, 2, NULL, NULL}};
  fake = fresh;
}

enum { invalidValue = 1, outOfMemory = 2, illegalAddress = 700, invalidPtx = 218 };

static int status(const char *function) {
  return fake.settings.fail && strcmp(fake.settings.fail, function) == 0 ? illegalAddress : 0;
}

int cuGetErrorString(int error, const char **words) {
  *words = error == outOfMemory      ? "out of memory"
           : error == illegalAddress ? "an illegal memory access was encountered"
           : error == invalidPtx     ? "a PTX JIT compilation failed"
           : error == invalidValue   ? "invalid argument"
                                     : NULL;
  return *words ? 0 : invalidValue;
}

int cuInit(unsigned flags) { return status("cuInit"); }
int cuDeviceGetCount(int *count) {
  *count = fake.settings.devices;
  return 0;
}
int cuDeviceGet(int *device, int number) {
  *device = number;
  return 0;
}
int cuDeviceGetName(char *name, int size, int device) {
  snprintf(name, (size_t)size, "Fake GPU");
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  switch (attribute) {
  case 16:
    *value = fake.settings.processors;
    return 0;
  case 38: /* bytes of the cache */
    *value = 1024;
    return 0;
  case 75:
    *value = fake.settings.major;
    return 0;
  case 76:
    *value = fake.settings.minor;
    return 0;
  }
  return invalidValue;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = &fake;
  ++fake.liveContexts;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  --fake.liveContexts;
  return 0;
}
int cuCtxSetCurrent(void *context) { return 0; }

/* The size of a piece of memory stands before it; pieces are aligned as the driver's are. */
enum { headerBytes = 256 };
int cuMemGetInfo_v2(size_t *available, size_t *total) {
  *available = fake.settings.freeBytes - fake.liveBytes;
  *total = fake.settings.freeBytes;
  return 0;
}
int cuMemAlloc_v2(Address *address, size_t bytes) {
  if (bytes == 0)
    return invalidValue;
  if (bytes > fake.settings.freeBytes - fake.liveBytes)
    return outOfMemory;
  char *memory =
      aligned_alloc(headerBytes, (bytes + 2 * headerBytes - 1) / headerBytes * headerBytes);
  memcpy(memory, &bytes, sizeof(bytes));
  memset(memory + headerBytes, 0x55, bytes);
  fake.liveBytes += bytes;
  *address = (Address)(memory + headerBytes);
  return 0;
}
int cuMemFree_v2(Address address) {
  size_t bytes;
  char *memory = (char *)address - headerBytes;
  memcpy(&bytes, memory, sizeof(bytes));
  fake.liveBytes -= bytes;
  free(memory);
  return 0;
}
int cuMemcpyHtoDAsync_v2(Address target, const void *source, size_t bytes, void *stream) {
  memcpy((void *)target, source, bytes);
  return 0;
}
int cuMemcpyDtoHAsync_v2(void *target, Address source, size_t bytes, void *stream) {
  memcpy(target, (void *)source, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(Address target, Address source, size_t bytes, void *stream) {
  memcpy((void *)target, (void *)source, bytes);
  return 0;
}
int cuMemsetD8Async(Address target, unsigned char value, size_t bytes, void *stream) {
  memset((void *)target, value, bytes);
  return 0;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options,
                       void **values) {
  snprintf(fake.image, sizeof(fake.image), "%s", (const char *)image);
  if (fake.settings.log) {
    snprintf(values[0], (size_t)values[1], "%s", fake.settings.log);
    return invalidPtx;
  }
  ++fake.liveModules;
  *module = &fake;
  return 0;
}
int cuModuleUnload(void *module) {
  --fake.liveModules;
  return 0;
}
int cuModuleGetFunction(void **function, void *module, const char *symbol) {
  snprintf(fake.symbol, sizeof(fake.symbol), "%s", symbol);
  *function = &fake;
  return status("cuModuleGetFunction");
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  if (attribute == 8) /* of dynamic shared memory */
    fake.sharedAttribute = value;
  return 0;
}
int cuFuncGetParamInfo(void *function, size_t index, size_t *offset, size_t *size) {
  size_t maps = (size_t)fake.settings.maps, words = maps + (size_t)fake.settings.addresses;
  if (index > words)
    return invalidValue;
  *size = index < maps ? 128 : index < words ? 8 : 4;
  return 0;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads,
                                                size_t shared) {
  *blocks = fake.settings.blocks;
  return 0;
}
int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                   unsigned blockY, unsigned blockZ, unsigned shared, void *stream,
                   void **parameters, void **extra) {
  FakeLaunch launch = {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, shared, {{0}}, {0}};
  int maps = fake.settings.maps, addresses = fake.settings.addresses;
  for (int k = 0; k < maps; ++k) {
    const FakeMap *map; /* an encoded map is where it was recorded */
    if ((uintptr_t)parameters[k] % 128 != 0)
      return invalidValue;
    memcpy(&map, parameters[k], sizeof(map));
    launch.maps[k] = *map;
  }
  for (int k = 0; k < addresses; ++k)
    memcpy(&launch.words[k], parameters[maps + k], 8);
  memcpy(&launch.words[addresses], parameters[maps + addresses], 4);
  if (fake.launchCount < FakeLaunches)
    fake.launches[fake.launchCount] = launch;
  ++fake.launchCount;
  return status("cuLaunchKernel");
}
int cuTensorMapEncodeTiled(void *encoded, int type, uint32_t rank, void *address,
                           const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                           const uint32_t *steps, int interleave, int swizzle, int promotion,
                           int fill) {
  static FakeMap recorded[64];
  static int count = 0;
  FakeMap *map = &recorded[count++ % 64];
  memset(map, 0, sizeof(*map));
  map->address = (Address)address;
  map->type = type, map->swizzle = swizzle, map->interleave = interleave;
  map->promotion = promotion, map->fill = fill, map->rank = rank;
  memcpy(map->sizes, sizes, rank * sizeof(*sizes));
  memcpy(map->strides, strides, (rank - 1) * sizeof(*strides));
  memcpy(map->box, box, rank * sizeof(*box));
  memcpy(map->steps, steps, rank * sizeof(*steps));
  memset(encoded, 0, 128);
  memcpy(encoded, &map, sizeof(map));
  return status("cuTensorMapEncodeTiled");
}

int cuStreamCreate(void **stream, unsigned flags) {
  *stream = &fake;
  ++fake.liveStreams;
  return 0;
}
int cuStreamDestroy_v2(void *stream) {
  --fake.liveStreams;
  return 0;
}
int cuStreamSynchronize(void *stream) { return status("cuStreamSynchronize"); }
int cuEventCreate(void **event, unsigned flags) {
  *event = &fake;
  ++fake.liveEvents;
  return 0;
}
int cuEventDestroy_v2(void *event) {
  --fake.liveEvents;
  return 0;
}
int cuEventRecord(void *event, void *stream) { return 0; }
int cuEventElapsedTime(float *milliseconds, void *start, void *end) {
  *milliseconds = 0.5f;
  return 0;
}

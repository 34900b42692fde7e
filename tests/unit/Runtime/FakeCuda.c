/* FakeCuda.c - a CUDA driver without a GPU: see FakeCuda.h. */
#include "FakeCuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t Address;

static FakeCuda fake;

FakeCuda *fakeCuda(void) { return &fake; }

/* What is on a stream waits until somebody waits for it. */
static char firstStream, secondStream;
typedef struct {
  FakeWork *all;
  int count;
} Works;
static Works queue, second, *captured;
static double now; /* ms */

static void append(Works *works, const FakeWork *work) {
  works->all = realloc(works->all, (size_t)(works->count + 1) * sizeof(*work));
  works->all[works->count++] = *work;
}

void fakeSubmit(const FakeWork *work) { append(captured ? captured : &queue, work); }

static void perform(const FakeWork *work) {
  now += work->kind == FakeEvent || work->kind == FakeWait ? 0 : work->kind == FakeProduct ? work->milliseconds : 0.5;
  switch (work->kind) {
  case FakeKernel:
    if (fake.launchCount < FakeLaunches)
      fake.launches[fake.launchCount] = work->launch;
    ++fake.launchCount;
    break;
  case FakeCopy:
    memcpy((void *)work->target, (void *)work->source, work->bytes);
    break;
  case FakeFill:
    memset((void *)work->target, work->value, work->bytes);
    break;
  case FakeProduct:
    fakeMultiply(&work->product);
    if (fake.productCount < FakeLaunches)
      fake.products[fake.productCount] = work->product;
    ++fake.productCount;
    break;
  case FakeEvent:
    *work->event = now;
    break;
  case FakeWait:
    break; /* what it waits for is done */
  case FakeSum:
    for (size_t k = 0; k < work->bytes / sizeof(float); ++k)
      ((float *)work->target)[k] = (float)work->devices * ((const float *)work->source)[k];
    break;
  }
}

static int isThere(const Works *works, const double *event) {
  for (int k = 0; k < works->count; ++k)
    if (works->all[k].kind == FakeEvent && works->all[k].event == event)
      return 1;
  return 0;
}

static void drop(Works *works, int done) {
  works->count -= done;
  memmove(works->all, works->all + done, (size_t)works->count * sizeof(FakeWork));
}

/* Does what has come to the second stream, up to the event if there is one. */
static void finishSecond(const double *event) {
  int done = 0;
  while (done < second.count) {
    const FakeWork *work = &second.all[done++];
    perform(work);
    if (event && work->kind == FakeEvent && work->event == event)
      break;
  }
  drop(&second, done);
}

/* Does what is on the first stream, up to the event if there is one. */
static void finish(const double *event) {
  int done = 0;
  while (done < queue.count) {
    const FakeWork *work = &queue.all[done++];
    if (work->stream == &secondStream)
      append(&second, work);
    else if (work->kind == FakeWait && isThere(&second, work->event))
      finishSecond(work->event);
    else
      perform(work);
    if (event && work->kind == FakeEvent && work->event == event)
      break;
  }
  drop(&queue, done);
}

__attribute__((constructor)) void fakeCudaReset(void) {
  FakeCuda fresh = {
      .settings = {1, 9, 0, 132, 1, 0, (size_t)1 << 30, 2, 2, 1, NULL, NULL, 0, {1, 0.5, 0.99}}};
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
int cuDeviceGetUuid_v2(unsigned char uuid[16], int device) {
  memset(uuid, device, 16);
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
static void *currentContext;
int cuCtxSetCurrent(void *context) {
  currentContext = context;
  return 0;
}
int cuCtxGetCurrent(void **context) {
  *context = currentContext;
  return 0;
}

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
  finish(NULL);
  finishSecond(NULL);
  char *memory = (char *)address - headerBytes;
  memcpy(&bytes, memory, sizeof(bytes));
  fake.liveBytes -= bytes;
  free(memory);
  return 0;
}
int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
  if (status("cuMemHostAlloc"))
    return status("cuMemHostAlloc");
  if (fake.pinnedCount == FakePieces)
    return outOfMemory;
  *memory = malloc(bytes);
  fake.pinned[fake.pinnedCount++] = *memory;
  fake.pinnedBytes = bytes;
  return 0;
}
int cuMemFreeHost(void *memory) {
  finish(NULL);
  --fake.pinnedCount;
  free(memory);
  return 0;
}
static int isPinned(const void *memory) {
  for (int k = 0; k < FakePieces; ++k)
    if (fake.pinned[k] && (const char *)memory >= (char *)fake.pinned[k] &&
        (const char *)memory < (char *)fake.pinned[k] + fake.pinnedBytes)
      return 1;
  return 0;
}
int cuMemcpyHtoDAsync_v2(Address target, const void *source, size_t bytes, void *stream) {
  if (!isPinned(source))
    ++fake.pageableCopies;
  fakeSubmit(
      &(FakeWork){.kind = FakeCopy, .target = target, .source = (Address)source, .bytes = bytes});
  return status("cuMemcpyHtoDAsync");
}
int cuMemcpyDtoHAsync_v2(void *target, Address source, size_t bytes, void *stream) {
  finish(NULL);
  memcpy(target, (void *)source, bytes);
  return 0;
}
int cuMemcpyDtoDAsync_v2(Address target, Address source, size_t bytes, void *stream) {
  fakeSubmit(&(FakeWork){
      .kind = FakeCopy, .stream = stream, .target = target, .source = source, .bytes = bytes});
  return 0;
}
int cuMemsetD8Async(Address target, unsigned char value, size_t bytes, void *stream) {
  fakeSubmit(&(FakeWork){.kind = FakeFill, .target = target, .value = value, .bytes = bytes});
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
int cuFuncGetAttribute(int *value, int attribute, void *function) {
  *value = attribute == 11 ? fake.settings.cluster : 0; /* the width of a cluster, if it has one */
  return 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  if (attribute == 8) /* of dynamic shared memory */
    fake.sharedAttribute = value;
  return 0;
}
int cuFuncGetParamInfo(void *function, size_t index, size_t *offset, size_t *size) {
  size_t maps = (size_t)fake.settings.maps, words = maps + (size_t)fake.settings.addresses;
  if (index >= words + (size_t)fake.settings.numbers)
    return invalidValue;
  *size = index < maps ? 128 : index < words ? 8 : 4;
  return 0;
}
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads,
                                                size_t shared) {
  *blocks = fake.settings.blocks;
  return 0;
}
struct Attribute { /* CUlaunchAttribute */
  int id;
  int padding, value[16];
};
struct Config { /* CUlaunchConfig */
  unsigned grid[3], block[3], shared;
  void *stream;
  struct Attribute *attributes;
  unsigned count;
};
int cuLaunchKernelEx(const struct Config *config, void *function, void **parameters, void **extra) {
  FakeLaunch launch = {.shared = config->shared};
  memcpy(launch.grid, config->grid, sizeof(launch.grid));
  memcpy(launch.block, config->block, sizeof(launch.block));
  for (unsigned k = 0; k < config->count; ++k)
    if (config->attributes[k].id == 6) /* programmatic stream serialization */
      launch.early = config->attributes[k].value[0];
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
  for (int k = addresses; k < addresses + fake.settings.numbers; ++k)
    memcpy(&launch.words[k], parameters[maps + k], 4);
  fakeSubmit(&(FakeWork){.kind = FakeKernel, .launch = launch});
  return status("cuLaunchKernelEx");
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
  *stream = &firstStream;
  ++fake.liveStreams;
  return 0;
}
int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0, *greatest = -5;
  return 0;
}
int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
  *stream = &secondStream;
  ++fake.liveStreams;
  return priority == -5 ? 0 : invalidValue;
}
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
  fakeSubmit(&(FakeWork){.kind = FakeWait, .stream = stream, .event = event});
  return 0;
}
int cuStreamDestroy_v2(void *stream) {
  --fake.liveStreams;
  return 0;
}
int cuStreamSynchronize(void *stream) {
  finish(NULL);
  if (stream == &secondStream)
    finishSecond(NULL);
  return status("cuStreamSynchronize");
}
int cuStreamBeginCapture_v2(void *stream, int mode) {
  if (captured)
    return invalidValue;
  if (status("cuStreamBeginCapture"))
    return status("cuStreamBeginCapture");
  captured = calloc(1, sizeof(Works));
  return 0;
}
int cuStreamEndCapture(void *stream, void **graph) {
  *graph = captured;
  captured = NULL;
  ++fake.liveGraphs;
  return status("cuStreamEndCapture");
}
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  if (status("cuGraphInstantiateWithFlags"))
    return status("cuGraphInstantiateWithFlags");
  Works *works = calloc(1, sizeof(Works));
  for (int k = 0; k < ((Works *)graph)->count; ++k)
    append(works, &((Works *)graph)->all[k]);
  *executable = works;
  ++fake.liveGraphs;
  return 0;
}
int cuGraphLaunch(void *executable, void *stream) {
  for (int k = 0; k < ((Works *)executable)->count; ++k)
    fakeSubmit(&((Works *)executable)->all[k]);
  ++fake.graphLaunches;
  return status("cuGraphLaunch");
}
int cuGraphDestroy(void *graph) {
  free(((Works *)graph)->all);
  free(graph);
  --fake.liveGraphs;
  return 0;
}
int cuGraphExecDestroy(void *executable) { return cuGraphDestroy(executable); }

/* An event is the time when the work before it was done. */
int cuEventCreate(void **event, unsigned flags) {
  *event = calloc(1, sizeof(double));
  ++fake.liveEvents;
  return 0;
}
int cuEventDestroy_v2(void *event) {
  finish(NULL);
  free(event);
  --fake.liveEvents;
  return 0;
}
int cuEventRecord(void *event, void *stream) {
  fakeSubmit(&(FakeWork){.kind = FakeEvent, .stream = stream, .event = event});
  return 0;
}
int cuEventSynchronize(void *event) {
  if (isThere(&queue, event))
    finish(event);
  return status("cuEventSynchronize");
}
int cuEventElapsedTime(float *milliseconds, void *start, void *end) {
  *milliseconds = (float)(*(double *)end - *(double *)start);
  return 0;
}

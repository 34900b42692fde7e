/* FakeNccl.c - NCCL without a GPU: see FakeCuda.h. */
#include "FakeCuda.h"

#include <stdlib.h>
#include <string.h>

enum { invalidArgument = 4, invalidUsage = 5, uint8 = 1, float32 = 7, sum = 0 };

typedef struct {
  char internal[128];
} Id;
typedef struct {
  int devices, rank;
} Communicator;

const char *ncclGetErrorString(int status) {
  return status == invalidUsage ? "invalid usage" : "invalid argument";
}
int ncclGetUniqueId(Id *id) {
  memset(id, 7, sizeof(*id));
  return 0;
}
int ncclCommInitRank(Communicator **communicator, int devices, Id id, int rank) {
  if (id.internal[127] != 7 || rank != fakeCuda()->settings.rank)
    return invalidArgument;
  *communicator = malloc(sizeof(Communicator));
  **communicator = (Communicator){devices, rank};
  ++fakeCuda()->liveCommunicators;
  return 0;
}
int ncclCommAbort(Communicator *communicator) {
  free(communicator);
  --fakeCuda()->liveCommunicators;
  fakeCuda()->endedInGraphs += fakeCuda()->liveGraphs > 0;
  return 0;
}
int ncclGroupStart(void) {
  ++fakeCuda()->openGroups;
  return 0;
}
int ncclGroupEnd(void) {
  --fakeCuda()->openGroups;
  ++fakeCuda()->groups;
  return 0;
}

static int submitSum(const float *from, float *to, size_t count, int type, int how, int devices,
                     void *stream) {
  if (type != float32 || how != sum)
    return invalidUsage;
  fakeSubmit(&(FakeWork){.kind = FakeSum,
                         .stream = stream,
                         .target = (uint64_t)to,
                         .source = (uint64_t)from,
                         .bytes = count * sizeof(float),
                         .devices = devices});
  return 0;
}

int ncclAllGather(const char *part, char *all, size_t count, int type, Communicator *communicator,
                  void *stream) {
  if (type != float32 && type != uint8)
    return invalidUsage;
  const size_t bytes = count * (type == float32 ? sizeof(float) : 1);
  for (int k = 0; k < communicator->devices; ++k)
    if (part != all + (size_t)k * bytes)
      fakeSubmit(&(FakeWork){.kind = FakeCopy,
                             .stream = stream,
                             .target = (uint64_t)(all + (size_t)k * bytes),
                             .source = (uint64_t)part,
                             .bytes = bytes});
  return 0;
}
/* Each device has for this one what this one has for itself; parts lie side by side. */
static const char *sent;
int ncclSend(const char *from, size_t count, int type, int peer, Communicator *communicator,
             void *stream) {
  sent = from;
  return fakeCuda()->openGroups ? 0 : invalidUsage;
}
int ncclRecv(char *to, size_t count, int type, int peer, Communicator *communicator,
             void *stream) {
  if (!fakeCuda()->openGroups || type != float32)
    return invalidUsage;
  fakeSubmit(&(FakeWork){.kind = FakeCopy,
                         .stream = stream,
                         .target = (uint64_t)to,
                         .source = (uint64_t)sent + (uint64_t)(communicator->rank - peer) *
                                                        count * sizeof(float),
                         .bytes = count * sizeof(float)});
  return 0;
}
int ncclReduceScatter(const float *all, float *part, size_t count, int type, int how,
                      Communicator *communicator, void *stream) {
  return submitSum(all + (size_t)communicator->rank * count, part, count, type, how,
                   communicator->devices, stream);
}
int ncclAllReduce(const float *from, float *to, size_t count, int type, int how,
                  Communicator *communicator, void *stream) {
  return submitSum(from, to, count, type, how, communicator->devices, stream);
}

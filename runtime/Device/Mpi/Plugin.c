/*===- Plugin.c - what stc-run asks of MPI ------------------------------------------------===*/
#include "runtime/Device/Mpi/Plugin.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

struct StcMpiGroup {
  MPI_Comm comm;
};

/* Takes the communicator, whose errors are returned from here on. */
static int makeGroup(MPI_Comm comm, struct StcMpiGroup **group) {
  *group = malloc(sizeof(**group));
  if (!*group)
    return MPI_ERR_NO_MEM;
  (*group)->comm = comm;
  return MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
}

static int start(struct StcMpiGroup **world) {
  int provided, status = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
  if (status != MPI_SUCCESS)
    return status;
  if (provided < MPI_THREAD_SERIALIZED)
    return MPI_ERR_UNSUPPORTED_OPERATION;
  /* Errors that belong to no communicator. */
  if ((status = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) != MPI_SUCCESS)
    return status;
  return makeGroup(MPI_COMM_WORLD, world);
}

static int stop(void) { return MPI_Finalize(); }

static int library(char text[STC_MPI_WORDS]) {
  char words[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length, status = MPI_Get_library_version(words, &length);
  strncpy(text, words, STC_MPI_WORDS - 1);
  text[STC_MPI_WORDS - 1] = 0;
  return status;
}

static void words(int code, char text[STC_MPI_WORDS]) {
  char said[MPI_MAX_ERROR_STRING] = "";
  int length;
  if (MPI_Error_string(code, said, &length) != MPI_SUCCESS)
    strcpy(said, "unknown");
  strncpy(text, said, STC_MPI_WORDS - 1);
  text[STC_MPI_WORDS - 1] = 0;
}

static int getRank(struct StcMpiGroup *group, int *rank, int *size) {
  int status = MPI_Comm_rank(group->comm, rank);
  return status == MPI_SUCCESS ? MPI_Comm_size(group->comm, size) : status;
}

static int split(struct StcMpiGroup *group, int color, int key, struct StcMpiGroup **part) {
  MPI_Comm comm;
  int status = MPI_Comm_split(group->comm, color, key, &comm);
  return status == MPI_SUCCESS ? makeGroup(comm, part) : status;
}

static int release(struct StcMpiGroup *group) {
  int status = group->comm == MPI_COMM_WORLD ? MPI_SUCCESS : MPI_Comm_free(&group->comm);
  free(group);
  return status;
}

static int broadcast(struct StcMpiGroup *group, void *data, int size) {
  return MPI_Bcast(data, size, MPI_BYTE, 0, group->comm);
}

/* So many bytes, of which one set begins `stride` after the other. */
static int makeStrided(int size, int64_t stride, MPI_Datatype *type) {
  MPI_Datatype run;
  int status = MPI_Type_contiguous(size, MPI_BYTE, &run);
  if (status != MPI_SUCCESS)
    return status;
  status = MPI_Type_create_resized(run, 0, stride, type);
  MPI_Type_free(&run);
  return status == MPI_SUCCESS ? MPI_Type_commit(type) : status;
}

static int allGather(struct StcMpiGroup *group, const void *part, void *all, int size,
                     int64_t stride) {
  if (size == stride)
    return MPI_Allgather(part ? part : MPI_IN_PLACE, size, MPI_BYTE, all, size, MPI_BYTE,
                         group->comm);
  MPI_Datatype strided;
  int status = makeStrided(size, stride, &strided);
  if (status != MPI_SUCCESS)
    return status;
  status = MPI_Allgather(part ? part : MPI_IN_PLACE, size, MPI_BYTE, all, 1, strided, group->comm);
  MPI_Type_free(&strided);
  return status;
}

static int allToAll(struct StcMpiGroup *group, const void *all, int64_t stride, void *parts,
                    int size) {
  if (size == stride)
    return MPI_Alltoall(all, size, MPI_BYTE, parts, size, MPI_BYTE, group->comm);
  MPI_Datatype strided;
  int status = makeStrided(size, stride, &strided);
  if (status != MPI_SUCCESS)
    return status;
  status = MPI_Alltoall(all, 1, strided, parts, size, MPI_BYTE, group->comm);
  MPI_Type_free(&strided);
  return status;
}

__attribute__((visibility("default"))) const struct StcMpiTable stc_mpi_table = {
    STC_MPI_VERSION, start,   stop,      library,   words,   getRank,
    split,           release, broadcast, allGather, allToAll};

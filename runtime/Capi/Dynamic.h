/*===- Dynamic.h - programs of dynamic sizes on a GPU, in C -----------------------------------===//
 *
 * A program whose entries have dynamic sizes, on one GPU: its entries are called on memory that the
 * caller has there, on a stream of the caller's, in the primary context of the GPU. Functions may
 *be called from several threads.
 *
 *===--------------------------------------------------------------------------------------===*/
#ifndef STC_RUNTIME_CAPI_DYNAMIC_H
#define STC_RUNTIME_CAPI_DYNAMIC_H

#include "runtime/Capi/Status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct StcDynamic StcDynamic;

/* What the programs for a GPU are called that this one runs best: sm_90a or sm_80; by its number,
 * of those that the driver shows. */
StcStatus stcDynamicTarget(int gpu, char **target, char **error);

/* Opens a program file for the GPU of that number. */
StcStatus stcDynamicOpen(const char *path, int gpu, StcDynamic **program, char **error);

/* Frees a program, when what was started of it has ended; null is nothing. */
void stcDynamicClose(StcDynamic *program);

/* The parameters of an entry, from 0, in order, each a line NAME, MULTIPLE, MOST with tabs between:
 * a call gives a multiple of the one, up to the other. */
StcStatus stcDynamicParameters(StcDynamic *program, size_t entry, char **lines, char **error);

/* How many bytes a call of an entry needs beside its tensors. */
StcStatus stcDynamicWorkspace(StcDynamic *program, size_t entry, const int64_t *parameters,
                              size_t count, uint64_t *bytes, char **error);

/* Puts a call of an entry on a stream (a CUstream, or null). `tensors` are the addresses of all
 * inputs, then of all outputs, multiples of 16; `workspace` is one of so many bytes, a multiple of
 * 256. */
StcStatus stcDynamicCall(StcDynamic *program, size_t entry, const int64_t *parameters, size_t count,
                         const uint64_t *tensors, size_t tensorCount, uint64_t workspace,
                         void *stream, char **error);

#ifdef __cplusplus
}
#endif

#endif

/*===- Program.h - compiled programs for other languages, in C --------------------------------===//
 *
 * A program for the CPU, bound to memory and threads: its variables, and its entries, which are
 * called with the bytes of their inputs and outputs. Functions may be called from several threads;
 * what has the same threads to compute with runs one after the other.
 *
 *===--------------------------------------------------------------------------------------===*/
#ifndef STC_RUNTIME_CAPI_PROGRAM_H
#define STC_RUNTIME_CAPI_PROGRAM_H

#include "runtime/Capi/Status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct StcProgram StcProgram;

/* Opens a program file, and gives its variables the values of the entry "init" with this seed, if
 * it has one. `threads` is at least 1, and the program's own; or 0 for those that all such programs
 * share, as many as the process may use cores. */
StcStatus stcProgramOpen(const char *path, int threads, int64_t seed, StcProgram **program,
                         char **error);

/* Frees a program; null is nothing. */
void stcProgramClose(StcProgram *program);

/* Its entries in order, each a line "entry", NAME, and behind it a line for each of its inputs, and
 * then for each of its outputs: "input" or "output", NAME, TYPE, and each SIZE; with tabs between
 * these. A type is f32, f64, i32, i64, u8, or i1, which is a byte of 0 or 1. Floats of 16 bits are
 * f32 here: they are converted on the way. */
StcStatus stcProgramEntries(StcProgram *program, char **lines, char **error);

/* Reads the parameters from a file of weights (.safetensors), or the folder of a run. */
StcStatus stcProgramLoad(StcProgram *program, const char *weights, char **error);

/* Runs the entry of that number, from 0. There is a pointer for each input and each output, to
 * contiguous elements in row-major order. */
StcStatus stcProgramRun(StcProgram *program, size_t entry, const void *const *inputs,
                        void *const *outputs, char **error);

#ifdef __cplusplus
}
#endif

#endif

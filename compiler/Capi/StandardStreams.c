/*===- StandardStreams.c - isl's and GMP's streams in a shared library ----------------------===//
 *
 * Debian compiles isl's and GMP's static libraries for executables: C's streams are variables at a
 * fixed distance, of which an executable has a copy. A shared library has none, so that here is
 * one; the linker lets it stand for the variables (--wrap).
 *
 *===--------------------------------------------------------------------------------------===*/
#include <stdio.h>

extern FILE *__real_stdin, *__real_stdout, *__real_stderr;
FILE *__wrap_stdin, *__wrap_stdout, *__wrap_stderr;

/* Ahead of all that is initialized without a priority. */
__attribute__((constructor(101))) static void copyStreams(void) {
  __wrap_stdin = __real_stdin;
  __wrap_stdout = __real_stdout;
  __wrap_stderr = __real_stderr;
}

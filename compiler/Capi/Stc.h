/*===- Stc.h - the compiler for other languages, in C ---------------------------------------===//
 *
 * A pattern is given by its text, as specifications have it (docs/choosing-a-pattern.md), and most
 * often by n, the positions of a sequence. Nothing is kept between calls, and all functions may be
 * called from several threads at once.
 *
 * How functions fail, and what is freed, is said in runtime/Capi/Status.h.
 *
 *===--------------------------------------------------------------------------------------===*/
#ifndef STC_CAPI_STC_H
#define STC_CAPI_STC_H

#include "runtime/Capi/Status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0"; not to be freed. */
const char *stcVersion(void);

/* The forms of all named patterns, a line for each, those of one name beside each other: the name,
 * its parameters with a space before each; a tab; what it means; a tab; and the ranges of its
 * parameters, "1 <= l, 1 <= c <= l". */
StcStatus stcNamedPatterns(char **forms, char **error);

/* Reads a pattern, and hands out the patterns that heads take in turn, a line for each: of
 * fixed_by_head(128, 32) four, of a text without such a name itself. White space in the text
 * becomes single spaces. */
StcStatus stcPatternRead(const char *text, char **heads, char **error);

/* How many pairs (i, j) there are with 0 <= i, j < n. */
StcStatus stcPatternPairs(const char *text, int64_t n, int64_t *pairs, char **error);

/* Whether no position attends to a later one: 1 or 0. */
StcStatus stcPatternIsCausal(const char *text, int64_t n, int *isCausal, char **error);

/* The rows that have no key, in words: "0 to 95"; empty where there are none. */
StcStatus stcPatternEmptyRows(const char *text, int64_t n, char **rows, char **error);

/* Whether each position j reaches each i >= j through `count` layers with these patterns, in their
 * order, of which there are at most 4096, and each may also pass a position on unchanged. `hops` is
 * after how many layers, or 0 where a pair is left: then pair[0] is its i and pair[1] its j. */
StcStatus stcPatternReach(const char *const *layers, size_t count, int64_t n, int *hops,
                          int64_t pair[2], char **error);

/* What `stc-compile --explain` says of a pattern, with the tiles of the target: "host", "sm_80" or
 * "sm_90a". */
StcStatus stcPatternExplain(const char *text, int64_t n, const char *target, char **explanation,
                            char **error);

/* The picture that `stc-compile --picture` draws, in SVG, of the patterns that heads take in
 * turn. */
StcStatus stcPatternPicture(const char *const *heads, size_t count, int64_t n, char **svg,
                            char **error);

/* The n x n bytes of a mask, row by row: 1 where (i, j) is a pair, else 0. For n up to 8192. To be
 * freed with stcFree. */
StcStatus stcPatternMask(const char *text, int64_t n, char **mask, char **error);

/* Of each block of size x size positions, row by row, a byte: 0 if it holds no pair, 1 if some, 2
 * if all. For up to 8192 x 8192 blocks. To be freed with stcFree. */
StcStatus stcPatternBlocks(const char *text, int64_t n, int64_t size, char **blocks, char **error);

/* The condition on i and j in Python, for integers and for arrays of them, with the functions
 * `minimum`, `maximum` and `where`. */
StcStatus stcPatternPython(const char *text, int64_t n, char **condition, char **error);

/* Of how many positions lengths have to be a multiple to be whole periods of all views in which a
 * pattern over n positions is made of tiles: where a function of dynamic sizes takes them. */
StcStatus stcPatternPeriod(const char *text, int64_t n, int64_t *period, char **error);

/* Compiles the specification (.toml) or module (.mlir) in the file `path` to a program file, for
 * the target "host", "sm_80" or "sm_90a". If `text` is not null it is what the file says, and no
 * file is read. `cpu` is what stc-compile takes as --cpu, or null for its default. `deterministic`
 * is not 0 for the same bits in every run on a GPU too. `error` may have several lines, and
 * `warnings` are those of a success, or empty. */
StcStatus stcCompile(const char *path, const char *text, const char *target, const char *cpu,
                     int deterministic, const char *output, char **warnings, char **error);

/* What code for `cpu`, as stcCompile takes it, may use: features by the names of /proc/cpuinfo,
 * with spaces between them. */
StcStatus stcCpuFeatures(const char *cpu, char **features, char **error);

#ifdef __cplusplus
}
#endif

#endif

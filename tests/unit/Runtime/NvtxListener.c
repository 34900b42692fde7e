/* NvtxListener.c - listens to ranges as a profiler does, and writes what it hears to the file
   $STC_NVTX_LOG: a line for each begin and end, deeper ones further to the right. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*Pointer)(void);

static int depth;

static void report(const char *text) {
  FILE *log = fopen(getenv("STC_NVTX_LOG"), "a");
  fprintf(log, "%*s%s\n", depth, "", text);
  fclose(log);
}

static int push(const char *name) {
  report(name);
  return depth++;
}
static int pop(void) {
  --depth;
  report("end");
  return depth;
}

/* What the program offers: https://github.com/NVIDIA/NVTX, nvtxTypes.h. */
typedef struct {
  size_t bytes;
  int (*functionTable)(int module, Pointer ***table, unsigned *count);
} Callbacks;
typedef struct {
  size_t bytes;
  uint32_t version, reserved;
  void (*setListenerVersion)(uint32_t version);
} Version;

int InitializeInjectionNvtx2(const void *(*exportTable)(uint32_t)) {
  const Callbacks *callbacks = exportTable(1);
  const Version *version = exportTable(3);
  Pointer **table;
  unsigned count;
  if (exportTable(2) || callbacks->bytes < sizeof(*callbacks) || version->version != 3)
    return 0;
  /* All modules have places for their functions, from the first on. */
  for (int module = 6; module > 0; --module)
    if (!callbacks->functionTable(module, &table, &count) || count < 7 || table[0] ||
        !table[count - 1])
      return 0;
  if (callbacks->functionTable(7, &table, &count))
    return 0;
  callbacks->functionTable(1, &table, &count);
  version->setListenerVersion(3);
  *table[9] = (Pointer)push;
  *table[11] = (Pointer)pop;
  return 1;
}

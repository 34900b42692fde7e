/*===- Plugin.h - what stc-run asks of MPI ------------------------------------------------===*\
|*
|* MPI has no binary interface that all of its implementations share, so that what calls it is
|* built against the mpi.h of the machine: the plug-in, a library of its own that exports one
|* table of functions. Who opens the plug-in needs no MPI.
|*
|* Functions return 0, or one of MPI's error codes. Sizes are bytes, of at most 2^31 - 1.
|*
\*===----------------------------------------------------------------------===*/
#ifndef STC_RUNTIME_DEVICE_MPI_PLUGIN_H
#define STC_RUNTIME_DEVICE_MPI_PLUGIN_H

#include <stdint.h>

#define STC_MPI_VERSION 1
#define STC_MPI_TABLE "stc_mpi_table"
#define STC_MPI_WORDS 512 /* bytes of a text, with its end */

struct StcMpiGroup; /* some processes, in an order */

struct StcMpiTable {
  uint32_t version; /* the first in all versions */

  /* Once in a process. Calls then come from any thread, but one at a time. */
  int (*start)(struct StcMpiGroup **world);
  int (*stop)(void);
  /* Which MPI it is. */
  int (*library)(char text[STC_MPI_WORDS]);
  void (*words)(int status, char text[STC_MPI_WORDS]);

  int (*rank)(struct StcMpiGroup *group, int *rank, int *size);
  /* Those that give one color, in the order of their keys. */
  int (*split)(struct StcMpiGroup *group, int color, int key, struct StcMpiGroup **part);
  int (*release)(struct StcMpiGroup *group);

  /* What the first has. */
  int (*broadcast)(struct StcMpiGroup *group, void *data, int size);
  /* Part r of all, `size` bytes of each, to `all` + r * stride. A part that is null lies there. */
  int (*all_gather)(struct StcMpiGroup *group, const void *part, void *all, int size,
                    int64_t stride);
  /* What all have for this one: `size` bytes from their `all` + r * stride on, to `parts`, in which
     they lie one behind the other. */
  int (*all_to_all)(struct StcMpiGroup *group, const void *all, int64_t stride, void *parts,
                    int size);
};

#endif

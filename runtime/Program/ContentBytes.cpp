//===- ContentBytes.cpp - how much a program says ----------------------------------===//
#include "runtime/Program/ProgramFile.h"

namespace stc::runtime {

using namespace program;

namespace {

template <class T> using Tables = flatbuffers::Vector<flatbuffers::Offset<T>>;

/// Adds up the strings and vectors below a table, without their lengths.
class Sum {
public:
  uint64_t bytes = 0;

  void add(const flatbuffers::String *text) { bytes += text->size(); }
  template <class T> void add(const flatbuffers::Vector<T> *numbers) {
    bytes += uint64_t(numbers->size()) * sizeof(T);
  }
  template <class T> void add(const Tables<T> *tables) {
    bytes += uint64_t(tables->size()) * sizeof(flatbuffers::uoffset_t);
    for (const T *table : *tables)
      add(table);
  }
  void add(const Tensor *tensor) {
    add(tensor->name());
    add(tensor->shape());
  }
  void add(const Variable *variable) { add(variable->tensor()); }
  void add(const TensorMap *map) {
    add(map->sizes());
    add(map->strides());
    add(map->box());
  }
  void add(const Kernel *kernel) {
    add(kernel->symbol());
    add(kernel->kind());
    if (const Grid *grid = kernel->grid()) {
      add(grid->maps());
      add(grid->image());
    }
  }
  void add(const Launch *launch) {
    add(launch->buffers());
    add(launch->sizes());
  }
  void add(const Step *step) {
    if (const Launch *launch = step->action_as_Launch())
      add(launch);
    else if (const Batch *batch = step->action_as_Batch())
      add(batch->launches());
  }
  void add(const Entry *entry) {
    add(entry->name());
    add(entry->inputs());
    add(entry->outputs());
    add(entry->steps());
  }
  void add(const Setting *setting) {
    add(setting->key());
    add(setting->value());
  }
};

} // namespace

uint64_t contentBytes(const Program &program) {
  Sum sum;
  for (const flatbuffers::String *text :
       {program.name(), program.target(), program.cpu(), program.specification()})
    sum.add(text);
  sum.add(program.features());
  sum.add(program.variables());
  sum.add(program.entries());
  sum.add(program.kernels());
  sum.add(program.code());
  sum.add(program.settings());
  if (program.picture())
    sum.add(program.picture());
  return sum.bytes;
}

} // namespace stc::runtime

//===- Mpi.cpp - MPI, opened at run time --------------------------------------------------===//
#include "runtime/Device/Mpi/Mpi.h"
#include "runtime/Device/Mpi/Communicator.h"
#include "runtime/Device/Mpi/Plugin.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

namespace stc::runtime::mpi {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> pluginPaths() {
  if (const char *path = std::getenv("STC_MPI_PLUGIN"); path && *path)
    return {path};
  std::error_code ignored;
  fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return {folder / "stc-mpi.so", folder.parent_path() / "lib/stc/stc-mpi.so"};
}

// Stays open: MPI leaves threads and handlers behind. Its components look for its functions among
// those of the whole process.
Result<void *> openPlugin() {
  std::vector<std::string> paths = pluginPaths();
  for (const std::string &path : paths) {
    std::error_code ignored;
    if (!fs::exists(path, ignored))
      continue;
    if (void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL))
      return handle;
    return fail(fmt::format("cannot open the plug-in for MPI: {}", dlerror()), ErrorKind::Machine);
  }
  return fail(fmt::format("expected the plug-in for MPI, found no {}: it is built where MPI is "
                          "(libopenmpi-dev on Debian)",
                          fmt::join(paths, " and no ")),
              ErrorKind::Machine);
}

// "Open MPI v4.1.4, package: ..." up to the first comma or line's end.
std::string firstWords(const char *text) {
  std::string words = text;
  return words.substr(0, words.find_first_of(",\n"));
}

} // namespace

Result<std::unique_ptr<Mpi>> Mpi::open() {
  Result<void *> handle = openPlugin();
  if (!handle)
    return forward(handle);
  auto *table = static_cast<const StcMpiTable *>(dlsym(*handle, STC_MPI_TABLE));
  if (!table || table->version != STC_MPI_VERSION)
    return fail(fmt::format("expected a plug-in for MPI of version {}, found {}", STC_MPI_VERSION,
                            table ? fmt::format("version {}", table->version) : "another library"),
                ErrorKind::Machine);
  std::unique_ptr<Mpi> mpi(new Mpi);
  mpi->table = table;
  // Open MPI's processes are busy while they wait, by which those on the same cores hardly get on.
  // mpirun has set this, and srun has not.
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", /*overwrite=*/0);
  StcMpiGroup *world = nullptr;
  if (auto started = mpi->check("MPI_Init_thread", table->start(&world)); !started)
    return forward(started);
  mpi->world = world;
  if (auto known = mpi->check("MPI_Comm_rank", table->rank(world, &mpi->ownRank, &mpi->count));
      !known)
    return forward(known);
  char text[STC_MPI_WORDS];
  if (auto known = mpi->check("MPI_Get_library_version", table->library(text)); !known)
    return forward(known);
  mpi->name = firstWords(text);
  return mpi;
}

Result<void> Mpi::finish() {
  if (auto released = check("MPI_Comm_free", table->release(world)); !released)
    return released;
  return check("MPI_Finalize", table->stop());
}

Result<void> Mpi::broadcast(std::span<std::byte> data) const {
  return check("MPI_Bcast", table->broadcast(world, data.data(), static_cast<int>(data.size())));
}

Result<std::unique_ptr<Communicator>> Mpi::split(int color, int key, Pieces pieces) const {
  StcMpiGroup *group = nullptr;
  if (auto made = check("MPI_Comm_split", table->split(world, color, key, &group)); !made)
    return forward(made);
  return MpiCommunicator::create(*this, group, pieces);
}

Result<void> Mpi::check(const char *function, int status) const {
  if (status == 0)
    return {};
  char text[STC_MPI_WORDS];
  table->words(status, text);
  return fail(fmt::format("{}: {}", function, text), ErrorKind::Machine);
}

} // namespace stc::runtime::mpi

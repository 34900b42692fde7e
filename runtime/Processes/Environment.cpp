//===- Environment.cpp - which of a run's processes this is ---------------------------------===//
#include "runtime/Processes/Environment.h"
#include "runtime/Support/File.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <limits>
#include <string_view>
#include <unistd.h>

namespace stc::runtime {

namespace {

/// The variables of one launcher. Where a size or a local rank has several names, the first that is
/// set.
struct Family {
  Launcher launcher;
  const char *rank;
  std::array<const char *, 3> size, localRank;
};

constexpr Family byHand = {Launcher::Variables, "RANK", {"WORLD_SIZE"}, {"LOCAL_RANK"}};
constexpr Family openMpi = {Launcher::OpenMpi,
                            "OMPI_COMM_WORLD_RANK",
                            {"OMPI_COMM_WORLD_SIZE"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK"}};
constexpr Family pmi = {Launcher::Pmi,
                        "PMI_RANK",
                        {"PMI_SIZE"},
                        {"MPI_LOCALRANKID", "PMI_LOCAL_RANK", "SLURM_LOCALID"}};
// PMIx tells the size to its library alone, the launcher above it in a variable.
constexpr Family pmix = {Launcher::Pmi,
                         "PMIX_RANK",
                         {"PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"},
                         {"MPI_LOCALRANKID", "PMIX_LOCAL_RANK", "SLURM_LOCALID"}};
constexpr Family slurm = {
    Launcher::Slurm, "SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, {"SLURM_LOCALID"}};

class Reader {
public:
  explicit Reader(const Variables &variables) : variables(variables) {}

  // An empty variable is as good as none.
  std::optional<std::string> text(const char *name) const {
    std::optional<std::string> value = variables(name);
    return value && !value->empty() ? value : std::nullopt;
  }

  Result<int> number(const char *name, int first, int last) const {
    std::string value = text(name).value_or("");
    int number = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < first ||
        number > last)
      return fail(fmt::format("environment: expected {} of {} to {}, found '{}'", name, first, last,
                              printable(value)));
    return number;
  }

  const char *firstSet(const std::array<const char *, 3> &names) const {
    for (const char *name : names)
      if (name && text(name))
        return name;
    return nullptr;
  }

private:
  const Variables &variables;
};

constexpr int most = std::numeric_limits<int>::max(), mostProcesses = 1 << 16;

Result<Process> read(const Reader &reader, const Family &family) {
  const char *sizeName = reader.firstSet(family.size);
  if (!sizeName || !reader.text(family.rank))
    return fail(fmt::format("environment: expected {} and {}, found no {}", family.rank,
                            family.size[0], sizeName ? family.rank : family.size[0]));
  Process process;
  process.launcher = family.launcher;
  Result<int> size = reader.number(sizeName, 1, mostProcesses);
  if (!size)
    return forward(size);
  process.size = *size;
  Result<int> rank = reader.number(family.rank, 0, process.size - 1);
  if (!rank)
    return forward(rank);
  process.rank = *rank;
  const char *localName = reader.firstSet(family.localRank);
  if (!localName && process.size == 1)
    return process;
  if (!localName)
    return fail(fmt::format("environment: expected {} beside {}, found none", family.localRank[0],
                            family.rank));
  Result<int> localRank = reader.number(localName, 0, process.size - 1);
  if (!localRank)
    return forward(localRank);
  process.localRank = *localRank;
  return process;
}

// Of sbatch and salloc, SLURM_PROCID is one for the script.
bool isSlurmStep(const Reader &reader) {
  return reader.text("SLURM_PROCID") &&
         (reader.text("SLURM_STEP_NUM_TASKS") || reader.text("SLURM_STEP_ID"));
}

/// The launcher that counts, if RANK does not.
const Family *launcherFamily(const Reader &reader) {
  if (reader.text(openMpi.rank) || reader.text(openMpi.size[0]))
    return &openMpi;
  if (reader.text(pmi.rank))
    return &pmi;
  if (reader.text(pmix.rank))
    return &pmix;
  return isSlurmStep(reader) ? &slurm : nullptr;
}

// A launcher inside another one makes more processes. Fewer, or others of MPI's, are left from
// something else.
Result<void> checkAgainst(const Reader &reader, const Process &process) {
  const Family *family = launcherFamily(reader);
  if (!family || reader.text("TORCHELASTIC_RUN_ID") || reader.text("STC_TOKEN"))
    return {};
  Result<Process> outer = read(reader, *family);
  if (!outer)
    return forward(outer);
  bool sameRank = outer->rank == process.rank || outer->launcher == Launcher::Slurm;
  if (process.size > outer->size || (process.size == outer->size && sameRank))
    return {};
  return fail(fmt::format("environment: expected RANK and WORLD_SIZE of the process that {} is, {} "
                          "of {}, found {} of {}",
                          family->rank, outer->rank, outer->size, process.rank, process.size));
}

// The first name of "node[03-05,9],other": node03.
std::string firstHost(std::string_view list) {
  size_t end = list.find_first_of(",[");
  std::string host(list.substr(0, end));
  if (end == std::string_view::npos || list[end] == ',')
    return host;
  std::string_view numbers = list.substr(end + 1);
  host += numbers.substr(0, numbers.find_first_of(",-]"));
  size_t close = list.find(']');
  if (close == std::string_view::npos)
    return "";
  std::string_view rest = list.substr(close + 1);
  return host + std::string(rest.substr(0, rest.find(',')));
}

// Nobody says where to meet under srun: on the first machine, at a port that the job's number
// gives, above those that systems deal out.
void meetUnderSlurm(const Reader &reader, Process &process) {
  Result<int> job = reader.number("SLURM_JOB_ID", 0, most),
              step = reader.number("SLURM_STEP_ID", 0, most);
  process.masterAddress = firstHost(reader.text("SLURM_STEP_NODELIST").value_or(""));
  if (!process.masterAddress.empty() && job)
    process.masterPort = 61440 + (int64_t(*job) + 61 * int64_t(step.value_or(0))) % 4096;
}

Result<void> readMaster(const Reader &reader, Process &process) {
  std::optional<std::string> address = reader.text("MASTER_ADDR");
  if (!address && !reader.text("MASTER_PORT")) {
    if (process.launcher == Launcher::Slurm)
      meetUnderSlurm(reader, process);
    return {};
  }
  if (!address || !reader.text("MASTER_PORT"))
    return fail(fmt::format("environment: expected MASTER_ADDR and MASTER_PORT, found no {}",
                            address ? "MASTER_PORT" : "MASTER_ADDR"));
  Result<int> port = reader.number("MASTER_PORT", 1, 65535);
  if (!port)
    return forward(port);
  process.masterAddress = *address;
  process.masterPort = *port;
  // There torchrun itself listens, and goes on doing so.
  if (reader.text("TORCHELASTIC_USE_AGENT_STORE") == "True")
    process.masterPort = *port == 65535 ? 65534 : *port + 1;
  return {};
}

std::string tokenOf(const Reader &reader) {
  for (const char *name : {"STC_TOKEN", "TORCHELASTIC_RUN_ID", "SLURM_JOB_ID"})
    if (auto value = reader.text(name))
      return *value;
  return "";
}

} // namespace

Result<Process> processOf(const Variables &variables) {
  Reader reader(variables);
  bool hasRank = reader.text("RANK") || reader.text("WORLD_SIZE");
  const Family *family = hasRank ? &byHand : launcherFamily(reader);
  if (!family)
    return Process();
  Result<Process> process = read(reader, *family);
  if (!process)
    return process;
  if (hasRank)
    if (auto checked = checkAgainst(reader, *process); !checked)
      return forward(checked);
  if (process->size == 1)
    return process;
  if (auto known = readMaster(reader, *process); !known)
    return forward(known);
  process->token = tokenOf(reader);
  if (process->rank == 0 && reader.text("STC_LISTENER")) {
    Result<int> listener = reader.number("STC_LISTENER", 0, most);
    if (!listener)
      return forward(listener);
    process->listener = *listener;
  }
  return process;
}

bool writesToTerminal() {
  if (const char *said = std::getenv("STC_TERMINAL"))
    return said == std::string_view("1");
  return isatty(STDOUT_FILENO) && !std::getenv("OMPI_COMM_WORLD_RANK");
}

Result<Process> thisProcess() {
  return processOf([](const char *name) {
    const char *value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
}

} // namespace stc::runtime

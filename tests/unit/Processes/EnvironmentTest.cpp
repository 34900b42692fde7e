//===- EnvironmentTest.cpp - which of a run's processes this is
//---------------------------------===//
#include "runtime/Processes/Environment.h"

#include <gtest/gtest.h>
#include <map>

namespace stc::runtime::test {
namespace {

using Values = std::map<std::string, std::string>;

Result<Process> processOfValues(const Values &values) {
  return processOf([&](const char *name) {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  });
}

Values both(Values first, const Values &second) {
  first.insert(second.begin(), second.end());
  return first;
}

const Values torchrun = {
    {"RANK", "5"},
    {"WORLD_SIZE", "8"},
    {"LOCAL_RANK", "1"},
    {"MASTER_ADDR", "node1"},
    {"MASTER_PORT", "29500"},
    {"TORCHELASTIC_RUN_ID", "run"},
};
const Values underMpirun = {
    {"OMPI_COMM_WORLD_RANK", "1"},
    {"OMPI_COMM_WORLD_SIZE", "2"},
    {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
    {"PMIX_RANK", "1"},
};
const Values batch = {{"SLURM_JOB_ID", "4100"},
                      {"SLURM_NTASKS", "4"},
                      {"SLURM_PROCID", "0"},
                      {"SLURM_LOCALID", "0"},
                      {"SLURM_JOB_NODELIST", "n[1-2]"}};
const Values step = {{"SLURM_JOB_ID", "4100"},
                     {"SLURM_STEP_ID", "2"},
                     {"SLURM_NTASKS", "4"},
                     {"SLURM_STEP_NUM_TASKS", "4"},
                     {"SLURM_PROCID", "3"},
                     {"SLURM_LOCALID", "1"},
                     {"SLURM_STEP_NODELIST", "n[07-09,12].cluster,m1"}};

struct Case {
  const char *name;
  Values values;
  Launcher launcher;
  int rank, size, localRank;
  std::string address = {};
  int port = 0;
  std::string token = {};
  int listener = -1;
};

TEST(Environment, Launchers) {
  for (const Case &expected : std::vector<Case>{
           {"none", {}, Launcher::None, 0, 1, 0},
           {"none, by empty values", {{"RANK", ""}, {"WORLD_SIZE", ""}}, Launcher::None, 0, 1, 0},
           {"torchrun", torchrun, Launcher::Variables, 5, 8, 1, "node1", 29500, "run"},
           {"torchrun, which listens at its port",
            both(torchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}}), Launcher::Variables, 5, 8,
            1, "node1", 29501, "run"},
           {"stc-run",
            {{"RANK", "0"},
             {"WORLD_SIZE", "2"},
             {"LOCAL_RANK", "0"},
             {"MASTER_ADDR", "127.0.0.1"},
             {"MASTER_PORT", "4000"},
             {"STC_TOKEN", "secret"},
             {"STC_LISTENER", "5"}},
            Launcher::Variables,
            0,
            2,
            0,
            "127.0.0.1",
            4000,
            "secret",
            5},
           {"one process", {{"RANK", "0"}, {"WORLD_SIZE", "1"}}, Launcher::Variables, 0, 1, 0},
           {"Open MPI", underMpirun, Launcher::OpenMpi, 1, 2, 1},
           {"Open MPI, with a place to meet",
            both(underMpirun, {{"MASTER_ADDR", "::1"}, {"MASTER_PORT", "1"}}), Launcher::OpenMpi, 1,
            2, 1, "::1", 1},
           {"Open MPI in a batch script", both(underMpirun, batch), Launcher::OpenMpi, 1, 2, 1, "",
            0, "4100"},
           {"MPICH",
            {{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}, {"MPI_LOCALRANKID", "0"}},
            Launcher::Pmi,
            2,
            3,
            0},
           {"srun with PMI2", both(step, {{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}}), Launcher::Pmi, 3,
            4, 1, "", 0, "4100"},
           {"srun with PMIx", both(step, {{"PMIX_RANK", "3"}}), Launcher::Pmi, 3, 4, 1, "", 0,
            "4100"},
           {"a batch script of Slurm", batch, Launcher::None, 0, 1, 0},
           {"srun", step, Launcher::Slurm, 3, 4, 1, "n07.cluster", 61440 + 4100 + 122 - 4096,
            "4100"},
           {"srun, of an older one",
            {{"SLURM_STEP_ID", "0"},
             {"SLURM_NTASKS", "2"},
             {"SLURM_PROCID", "1"},
             {"SLURM_LOCALID", "0"}},
            Launcher::Slurm,
            1,
            2,
            0},
           {"torchrun on each of two machines", both(torchrun, both(step, {{"SLURM_NTASKS", "2"}})),
            Launcher::Variables, 5, 8, 1, "node1", 29500, "run"},
           {"a launcher of its own under srun",
            both({{"RANK", "6"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "0"}}, step),
            Launcher::Variables, 6, 8, 0, "", 0, "4100"},
           {"a script that hands on MPI's",
            both({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}}, underMpirun),
            Launcher::Variables, 1, 2, 1},
       }) {
    SCOPED_TRACE(expected.name);
    Result<Process> found = processOfValues(expected.values);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->launcher, expected.launcher);
    EXPECT_EQ(found->rank, expected.rank);
    EXPECT_EQ(found->size, expected.size);
    EXPECT_EQ(found->localRank, expected.localRank);
    EXPECT_EQ(found->masterAddress, expected.address);
    EXPECT_EQ(found->masterPort, expected.port);
    EXPECT_EQ(found->token, expected.token);
    EXPECT_EQ(found->listener, expected.listener);
  }
}

TEST(Environment, FirstHost) {
  for (auto [list, host] : std::vector<std::pair<std::string, std::string>>{{"a", "a"},
                                                                            {"a,b", "a"},
                                                                            {"a[3]", "a3"},
                                                                            {"a[3-5],b", "a3"},
                                                                            {"a[3,5]-ib", "a3-ib"},
                                                                            {"a-1,b[2]", "a-1"}}) {
    Values values = step;
    values["SLURM_STEP_NODELIST"] = list;
    EXPECT_EQ(processOfValues(values)->masterAddress, host);
  }
}

TEST(Environment, Errors) {
  auto changed = [](Values values, const char *name, const char *value) {
    values[name] = value;
    return values;
  };
  auto without = [](Values values, const char *name) {
    values.erase(name);
    return values;
  };
  for (auto &[values, message] : std::vector<std::pair<Values, std::string>>{
           {changed(torchrun, "RANK", "8"), "expected RANK of 0 to 7, found '8'"},
           {changed(torchrun, "RANK", "-1"), "expected RANK of 0 to 7, found '-1'"},
           {changed(torchrun, "RANK", "1x"), "expected RANK of 0 to 7, found '1x'"},
           {changed(torchrun, "RANK", "99999999999"),
            "expected RANK of 0 to 7, found '99999999999'"},
           {changed(torchrun, "WORLD_SIZE", "0"), "expected WORLD_SIZE of 1 to 65536, found '0'"},
           {changed(torchrun, "LOCAL_RANK", "\x1b"), "expected LOCAL_RANK of 0 to 7, found '.'"},
           {changed(torchrun, "MASTER_PORT", "0"), "expected MASTER_PORT of 1 to 65535, found '0'"},
           {without(torchrun, "RANK"), "expected RANK and WORLD_SIZE, found no RANK"},
           {without(torchrun, "WORLD_SIZE"), "expected RANK and WORLD_SIZE, found no WORLD_SIZE"},
           {without(torchrun, "LOCAL_RANK"), "expected LOCAL_RANK beside RANK, found none"},
           {without(torchrun, "MASTER_ADDR"),
            "expected MASTER_ADDR and MASTER_PORT, found no MASTER_ADDR"},
           {without(torchrun, "MASTER_PORT"),
            "expected MASTER_ADDR and MASTER_PORT, found no MASTER_PORT"},
           {without(underMpirun, "OMPI_COMM_WORLD_SIZE"),
            "expected OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE, found no "
            "OMPI_COMM_WORLD_SIZE"},
           {{{"PMIX_RANK", "1"}}, "expected PMIX_RANK and PMI_SIZE, found no PMI_SIZE"},
           {both({{"RANK", "0"}, {"WORLD_SIZE", "1"}}, underMpirun),
            "expected RANK and WORLD_SIZE of the process that OMPI_COMM_WORLD_RANK is, 1 of 2, "
            "found 0 of 1"},
           {both({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "0"}}, underMpirun),
            "expected RANK and WORLD_SIZE of the process that OMPI_COMM_WORLD_RANK is, 1 of 2, "
            "found 0 of 2"},
           {both({{"RANK", "0"}, {"WORLD_SIZE", "1"}}, step),
            "expected RANK and WORLD_SIZE of the process that SLURM_PROCID is, 3 of 4, found 0 of "
            "1"},
       }) {
    Result<Process> found = processOfValues(values);
    ASSERT_FALSE(found) << message;
    EXPECT_EQ(found.error().message, "environment: " + message);
    EXPECT_EQ(found.error().kind, ErrorKind::Input);
  }
}

} // namespace
} // namespace stc::runtime::test

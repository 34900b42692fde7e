//===- TrustTest.cpp - names out of files stay names -----------------------------------------===//
//
// A program's code is trusted, or it would not be run. What settings, weights and run folders hold
// is not: it neither leads to other folders nor steers the terminal. Names of a program are refused
// where it is read (ProgramFileTest.cpp).
//
//===----------------------------------------------------------------------------------------===//
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string steering = "\x1b[2J\x07";

void expectPrintable(const Outcome &outcome) {
  for (const std::string *text : {&outcome.out, &outcome.err})
    for (char c : *text)
      EXPECT_TRUE(c == '\n' || static_cast<uint8_t>(c) >= 0x20) << *text;
}

TEST(Trust, NamesDoNotSteerTheTerminal) {
  ProgramSpec spec = mockModel();
  spec.settings.emplace_back("key" + steering, "value\nname        another" + steering);
  std::string program = spec.write("steering.stcp"), weights = temporaryPath("weights");
  for (const std::vector<std::string> &command :
       {std::vector<std::string>{"info", program},
        {"info", program, "--json"},
        {"bench", program, "--repetitions", "1", "--warm-up", "0", "--no-ceilings"},
        {"bench", program, "--repetitions", "1", "--warm-up", "0", "--no-ceilings", "--json"},
        {"bench", program, "none"},
        {"call", program, "none"}}) {
    Outcome outcome = run(command);
    expectPrintable(outcome);
    EXPECT_NE(outcome.out + outcome.err, "");
  }
  // A setting is one line.
  EXPECT_THAT(run({"info", program}).out, HasSubstr("= value?name        another?[2J?\n"));
  // Names in weights are in the list of what does not fit.
  std::string text = R"({"\u001b[2J\u0007":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t size = text.size();
  writeFile(weights, std::string(reinterpret_cast<char *>(&size), 8) + text + std::string(4, 0));
  Outcome outcome = run({"sample", mockModel().write("model.stcp"), "--weights", weights});
  EXPECT_EQ(outcome.code, 1);
  expectPrintable(outcome);
}

TEST(Trust, AReportShowsFilesOfTheRunAlone) {
  std::string folder = temporaryPath("run"), secret = temporaryPath("secret.txt");
  std::filesystem::create_directories(folder + "/samples");
  writeFile(folder + "/metrics.jsonl", "{\"kind\":\"step\",\"step\":1,\"bits_per_byte\":8}\n");
  writeFile(secret, "a secret");
  writeFile(folder + "/samples/own.txt", "once upon");
  std::filesystem::create_symlink("own.txt", folder + "/samples/link.txt");
  Outcome good = run({"report", folder});
  EXPECT_EQ(good.code, 0) << good.err;
  std::filesystem::create_symlink(secret, folder + "/samples/a.txt");
  std::filesystem::remove(folder + "/report.html");
  Outcome outcome = run({"report", folder});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("/samples/a.txt: expected a file of the run, found a link to "
                                     "another place"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/report.html"));
}

// What a model makes up is shown on a terminal without what would steer it; a pipe gets the bytes.
TEST(Trust, SamplesDoNotSteerTheTerminal) {
  if (!pythonHas("pty"))
    GTEST_SKIP() << "no Python with a terminal of its own";
  std::string program = mockModel().write("model.stcp"), prompt = temporaryPath("prompt"),
              weights = temporaryPath("w.safetensors"), data = temporaryPath("text");
  writeFile(data, mockData(20000));
  writeFile(prompt, steering + "\xc2\x9b"
                               "2Jtea");
  std::string folder = temporaryPath("trained");
  ASSERT_EQ(run({"train", program, "--data", data, "--out", folder, "--steps", "1"}).code, 0);
  std::vector<std::string> command = {"sample",   program, "--weights",     folder,
                                      "--length", "0",     "--prompt-file", prompt};
  EXPECT_EQ(run(command).out, readFile(prompt) + "\n");
  command.insert(command.begin(), STC_RUN);
  Outcome shown = runPython("import pty, sys\n"
                            "sys.exit(pty.spawn(sys.argv[1:]))",
                            command);
  EXPECT_THAT(shown.out, HasSubstr("?[2J??2Jtea"));
  EXPECT_THAT(shown.out, Not(HasSubstr("\x1b")));
}

} // namespace
} // namespace stc::runtime::test

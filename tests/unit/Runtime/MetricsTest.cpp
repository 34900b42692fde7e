//===- MetricsTest.cpp - metrics.jsonl and TensorBoard's event files -------------------------===//
#include "runtime/Train/Metrics.h"
#include "runtime/Train/SlidingMean.h"
#include "tests/unit/Runtime/Command.h"
#include "tests/unit/Runtime/MockModel.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <sstream>

namespace stc::runtime::test {
namespace {

using testing::HasSubstr;

std::string emptyFolder() {
  std::string folder = temporaryPath("metrics");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  return folder;
}

// The parts of a message that the tests look at.
struct Event {
  int64_t step = 0;
  std::string version, tag;
  std::optional<float> value;
  bool start = false;
};

// Takes a varint off the front.
uint64_t varint(std::string_view &bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80)
      break;
  }
  return value;
}

template <class T> T fixed(std::string_view &bytes) {
  T value{};
  EXPECT_GE(bytes.size(), sizeof(value));
  std::memcpy(&value, bytes.data(), sizeof(value));
  bytes.remove_prefix(sizeof(value));
  return value;
}

// Calls field(number, integer, bytes) for each field.
template <class F> void parseMessage(std::string_view bytes, F field) {
  while (!bytes.empty()) {
    uint64_t key = varint(bytes);
    uint64_t integer = 0;
    std::string_view text;
    switch (key & 7) {
    case 0:
      integer = varint(bytes);
      break;
    case 1:
      integer = fixed<uint64_t>(bytes);
      break;
    case 2:
      integer = varint(bytes);
      ASSERT_LE(integer, bytes.size());
      text = bytes.substr(0, integer);
      bytes.remove_prefix(integer);
      break;
    case 5:
      integer = fixed<uint32_t>(bytes);
      break;
    default:
      FAIL() << "wire type " << (key & 7);
    }
    field(key >> 3, integer, text);
  }
}

Event parseEvent(std::string_view data) {
  Event event;
  parseMessage(data, [&](uint64_t number, uint64_t integer, std::string_view text) {
    if (number == 1)
      EXPECT_GT(std::bit_cast<double>(integer), 1.7e9);
    else if (number == 2)
      event.step = static_cast<int64_t>(integer);
    else if (number == 3)
      event.version = text;
    else if (number == 5)
      parseMessage(text, [&](uint64_t, uint64_t, std::string_view point) {
        parseMessage(point, [&](uint64_t part, uint64_t bits, std::string_view tag) {
          if (part == 1)
            event.tag = tag;
          else
            event.value = std::bit_cast<float>(static_cast<uint32_t>(bits));
        });
      });
    else if (number == 7)
      event.start = text == std::string_view("\x08\x01");
  });
  return event;
}

std::vector<Event> parseEvents(std::string_view file) {
  std::vector<Event> events;
  while (!file.empty()) {
    std::string_view lengthBytes = file.substr(0, 8);
    auto length = fixed<uint64_t>(file);
    EXPECT_EQ(fixed<uint32_t>(file), maskedCrc32c(lengthBytes));
    std::string_view data = file.substr(0, length);
    file.remove_prefix(length);
    EXPECT_EQ(fixed<uint32_t>(file), maskedCrc32c(data));
    events.push_back(parseEvent(data));
  }
  return events;
}

std::vector<std::string> eventFiles(const std::string &folder) {
  std::vector<std::string> paths;
  for (const auto &entry : std::filesystem::directory_iterator(folder + "/tensorboard"))
    paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

// RFC 3720, B.4: the bytes 0 to 31 have the CRC 46dd794e; "123456789" is the usual check.
TEST(TensorBoard, Crc32c) {
  auto unmask = [](uint32_t crc) { return std::rotr(crc - 0xa282ead8, 17); };
  std::string bytes;
  for (int i = 0; i < 32; ++i)
    bytes += static_cast<char>(i);
  EXPECT_EQ(unmask(maskedCrc32c(bytes)), 0x46dd794eu);
  EXPECT_EQ(unmask(maskedCrc32c("123456789")), 0xe3069283u);
}

TEST(TensorBoard, ParsesBack) {
  std::string folder = emptyFolder();
  auto metrics = Metrics::open(folder, 0, 0, true);
  ASSERT_TRUE(metrics) << metrics.error().message;
  ASSERT_TRUE(metrics->step({1, 7.5, std::nan(""), 0.25}, 1, 0.5, 64));
  Evaluation evaluation{
      .bitsPerByte = 6, .standardError = 0.5, .windows = 2, .bytes = 64, .positions = {}};
  ASSERT_TRUE(metrics->evaluation(300, evaluation));
  ASSERT_TRUE(metrics->sync());
  std::vector<std::string> files = eventFiles(folder);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_THAT(files[0], HasSubstr("/events.out.tfevents."));
  std::vector<Event> events = parseEvents(readFile(files[0]));
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_TRUE(events[1].start);
  EXPECT_EQ(events[1].step, 1);
  struct {
    const char *tag;
    int64_t step;
    float value;
  } const expected[] = {{"train/bits_per_byte", 1, 7.5},
                        {"train/learning_rate", 1, 0.25},
                        {"train/bytes_per_second", 1, 128},
                        {"eval/bits_per_byte", 300, 6}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(events[i + 2].tag, expected[i].tag);
    EXPECT_EQ(events[i + 2].step, expected[i].step);
    EXPECT_EQ(events[i + 2].value, expected[i].value);
  }
}

TEST(TensorBoard, ItsOwnLibraryReadsARun) {
  if (!pythonHas("tensorboard"))
    GTEST_SKIP() << "Python has no tensorboard";
  std::string program = mockModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run");
  std::filesystem::remove_all(folder);
  writeFile(data, mockData(20000));
  std::vector<std::string> train = {"train",        program, "--data",       data, "--out",  folder,
                                    "--save-every", "20",    "--eval-every", "10", "--steps"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), train.begin(), train.end());
    return run(more).code;
  };
  ASSERT_EQ(with({"40", "--tensorboard"}), 0);
  // A run that was killed after 40, with its last checkpoint before.
  std::filesystem::remove_all(folder + "/checkpoints/step-00000040");
  ASSERT_EQ(with({"60", "--tensorboard", "--resume"}), 0);
  Outcome read = runPython(R"(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1] + "/tensorboard", size_guidance={"scalars": 0})
events.Reload()
lines = [json.loads(line) for line in open(sys.argv[1] + "/metrics.jsonl")]
for kind, curve, key in (("step", "train/", "bits_per_byte"), ("step", "train/", "gradient_norm"),
                         ("step", "train/", "learning_rate"), ("eval", "eval/", "bits_per_byte")):
    points = [(e.step, e.value) for e in events.Scalars(curve + key)]
    expected = [(line["step"], line[key]) for line in lines if line["kind"] == kind]
    assert [step for step, _ in points] == [step for step, _ in expected], (curve + key, points)
    assert all(abs(a[1] - b[1]) < 1e-5 * abs(b[1]) for a, b in zip(points, expected)), curve + key
)",
                           {folder});
  EXPECT_EQ(read.code, 0) << read.err;
}

TEST(SlidingMean, OfTheLastValues) {
  SlidingMean mean(3);
  EXPECT_TRUE(std::isnan(mean.mean()));
  const double nan = std::nan("");
  const struct {
    double value, mean;
    size_t count;
  } cases[] = {{6, 6, 1}, {1e300, 5e299, 2}, {2, 1e300 / 3, 3}, {3, 1e300 / 3, 3}, {5, 10. / 3, 3},
               {4, 4, 3}, {nan, 4.5, 3},     {nan, 4, 3},       {nan, nan, 3},     {8, 8, 3}};
  for (const auto &[value, expected, count] : cases) {
    mean.add(value);
    EXPECT_EQ(mean.count(), count);
    EXPECT_TRUE(std::isnan(expected) ? std::isnan(mean.mean()) : mean.mean() == expected)
        << value << ": " << mean.mean();
  }
}

// What the screen shows is the mean of the steps that it names.
TEST(Metrics, TheScreenShowsAMeanWithItsName) {
  std::string program = mockModel().write("model.stcp"), data = temporaryPath("text"),
              folder = temporaryPath("run");
  writeFile(data, mockData(20000));
  for (int steps : {1, 6, 120}) {
    std::filesystem::remove_all(folder);
    Outcome outcome = run({"train", program, "--data", data, "--out", folder, "--steps",
                           std::to_string(steps), "--threads", "1"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::istringstream text(readFile(folder + "/metrics.jsonl"));
    std::vector<double> bits;
    for (std::string line; std::getline(text, line);)
      bits.push_back(nlohmann::json::parse(line)["bits_per_byte"]);
    size_t count = std::min<size_t>(bits.size(), 50);
    double mean = std::accumulate(bits.end() - count, bits.end(), 0.0) / count;
    std::string name = count > 1 ? fmt::format(" (mean of {})", count) : "";
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format("step {0}/{0}  {1:.4f} bits/byte{2}  lr", steps,
                                                   mean, name)));
  }
}

TEST(Metrics, GoesOnAfterAStep) {
  std::string folder = emptyFolder(), path = folder + "/metrics.jsonl";
  std::string one = R"({"kind":"step","step":1})"
                    "\n",
              two = R"({"kind":"step","step":2})"
                    "\n",
              evaluated = R"({"kind":"eval","step":2})"
                          "\n",
              three = R"({"kind":"step","step":3})"
                      "\n";
  auto kept = [&](const std::string &before, int64_t step, int64_t evaluatedStep) {
    writeFile(path, before);
    EXPECT_TRUE(Metrics::open(folder, step, evaluatedStep, false));
    return readFile(path);
  };
  std::string all = one + two + evaluated + three;
  EXPECT_EQ(kept(all, 3, 2), all);
  EXPECT_EQ(kept(all, 2, 2), one + two + evaluated);
  EXPECT_EQ(kept(all, 2, 0), one + two);
  EXPECT_EQ(kept(all, 0, 0), "");
  EXPECT_EQ(kept(one + two.substr(0, 10), 3, 0), one);
  EXPECT_EQ(kept(one + "{}\n" + two, 3, 0), one);
  EXPECT_EQ(kept(one + std::string(4, '\0'), 3, 0), one);
  EXPECT_EQ(kept("", 3, 0), "");
  std::string kindless = "{\"step\":3}\n";
  EXPECT_EQ(kept(kindless + "{\"step\":4}\n", 3, 0), kindless);
}

} // namespace
} // namespace stc::runtime::test

//===- HostScheduleTest.cpp - the tiles of some shapes --------------------===//
#include "compiler/Schedule/HostSchedule.h"

#include <gtest/gtest.h>

using namespace stc;

namespace {

constexpr HostVectors avx512{16, 16}, avx2{8, 8};

struct Row {
  const char *pattern;
  int64_t n;
  HostVectors vectors;
  /// Of the walks in turn.
  std::vector<AttentionSchedule> expected;
};

TEST(HostSchedule, Table) {
  const Row table[] = {
      // Long rows: wide strips.
      {"dense", 4096, avx512, {{128, 32}}},
      {"summary(128, 32)", 12288, avx512, {{128, 32}}},
      {"fixed(128, 32)", 12288, avx512, {{128, 32}}},
      {"local(4096)", 65536, avx512, {{128, 32}}},
      // Short rows, whose ends weigh: narrow ones.
      {"local(128)", 12288, avx512, {{128, 16}}},
      {"block(128)", 12288, avx512, {{128, 16}}},
      {"strided(128)", 12288, avx512, {{128, 16}, {96, 16}}},
      // Views shorter than a tile: as many strips as they fill.
      {"dense", 40, avx512, {{48, 16}}},
      {"dense", 1, avx512, {{16, 16}}},
      {"stride(128)", 4096, avx512, {{32, 16}}},
      // Half as many lanes: half as much waste.
      {"dense", 4096, avx2, {{128, 16}}},
      {"local(128)", 12288, avx2, {{128, 8}}},
  };
  for (const Row &row : table) {
    auto walks = pattern::Pattern::parse(row.pattern, row.n).value().walks();
    std::vector<AttentionSchedule> found;
    for (const pattern::Walk &walk : walks)
      found.push_back(chooseSchedule(walk, row.n, row.vectors));
    EXPECT_EQ(found, row.expected) << row.pattern << " at " << row.n;
  }
}

TEST(HostSchedule, TilesFillTheRegisters) {
  for (const HostVectors &vectors : {avx512, avx2})
    for (int64_t strip : {vectors.lanes, vectors.wideStrip()}) {
      RegisterTile tile = vectors.tile(strip);
      EXPECT_EQ(tile.strip(), strip);
      EXPECT_EQ(tile.vectors * tile.rows, vectors.accumulators);
      EXPECT_TRUE(vectors.allows(strip));
    }
  EXPECT_FALSE(avx512.allows(48));
}

} // namespace

namespace stc {
void PrintTo(const AttentionSchedule &schedule, std::ostream *out) {
  *out << "{" << schedule.rows << ", " << schedule.strip << "}";
}
} // namespace stc

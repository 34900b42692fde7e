//===- AttentionExchangeTest.cpp - which exchange attention takes ---------===//

#include "compiler/Transforms/AttentionExchange.h"

#include <gtest/gtest.h>
#include <mlir/IR/Builders.h>
#include <mlir/IR/MLIRContext.h>

using namespace mlir;
using namespace stc;

namespace {
struct Chosen {
  const char *pattern;
  int64_t positions, devices;
  bool byHeads;
  Exchange exchange;
  int64_t block; ///< of how many positions
};

// Bytes that a device gets, in rows of a head's keys and values: by heads 4 (P-1)/P^2 n, by rows
// 2 (P-1)/P of those that are gathered; and pairs for which the others wait.
TEST(AttentionExchange, IsTheCheaperOne) {
  MLIRContext context;
  context.loadDialect<StcDialect>();
  for (const Chosen &expected : {
           // A quarter of the keys, in blocks of which devices have as many early as late ones.
           Chosen{"fixed(128, 32)", 12288, 2, true, Exchange::Rows, 384},
           Chosen{"fixed(128, 32)", 12288, 4, true, Exchange::Rows, 384},
           // Blocks have whole periods.
           Chosen{"fixed(1024, 128)", 1 << 20, 2, true, Exchange::Rows, 1024},
           // Half of the keys of 16 devices are more than all heads' share.
           Chosen{"fixed(128, 64)", 49152, 16, true, Exchange::Heads, 3072},
           Chosen{"fixed(128, 64)", 49152, 16, false, Exchange::Rows, 384},
           // No key of others.
           Chosen{"block(128)", 12288, 2, true, Exchange::Rows, 6144},
           // All keys, of two devices as many bytes as heads, some of them while own pairs are met.
           Chosen{"dense", 12288, 2, true, Exchange::Rows, 384},
           Chosen{"dense", 12288, 4, true, Exchange::Heads, 3072},
           // A device has whole residues, and the blocks before on which others have theirs.
           Chosen{"strided(1024)", 1 << 16, 2, true, Exchange::Rows, 512},
           Chosen{"strided(1024)", 1 << 16, 8, false, Exchange::Rows, 128},
           // Runs of residues are shorter than tiles.
           Chosen{"strided(128)", 12288, 2, true, Exchange::Heads, 6144},
       }) {
    SCOPED_TRACE(expected.pattern + std::string(" on ") + std::to_string(expected.devices));
    AttentionOverDevices attention;
    attention.queryHeads = attention.keyHeads = 16;
    attention.querySize = attention.valueSize = 64;
    attention.positions = expected.positions;
    attention.devices = expected.devices;
    attention.byHeads = expected.byHeads;
    auto pattern = PatternAttr::get(&context, {StringAttr::get(&context, expected.pattern)});
    const int64_t block = chooseBlock({{attention, pattern}}, ExchangeChoice::Auto);
    EXPECT_EQ(block, expected.block);
    auto rows = neededRows(pattern, 16, expected.positions, expected.devices, block);
    const Exchange found =
        rows ? chooseExchange(attention, *rows, ExchangeChoice::Auto) : Exchange::Heads;
    EXPECT_EQ(found, expected.exchange);
    EXPECT_EQ(chooseBlock({{attention, pattern}}, ExchangeChoice::Heads) * expected.devices,
              expected.positions);
  }
}

// Bytes by hand: of 8 heads of 64 + 64 elements in 16 bits over two devices, 12,288 positions.
TEST(AttentionExchange, CountsBytesAndPairs) {
  MLIRContext context;
  context.loadDialect<StcDialect>();
  AttentionOverDevices attention;
  attention.queryHeads = attention.keyHeads = 8;
  attention.querySize = attention.valueSize = 64;
  attention.positions = 12288;
  attention.devices = 2;
  auto pattern = PatternAttr::get(&context, {StringAttr::get(&context, "fixed(128, 32)")});
  auto rows = neededRows(pattern, 8, 12288, 2, 6144);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->keys, PositionsAttr::get(&context, 128, 96, 32));
  EXPECT_EQ(rows->pairs, 6144 * 48 * 32.0); // of the second half's queries with the first's keys
  EXPECT_EQ(rows->busiest, rows->pairs);
  const double heads = secondsOf(Exchange::Heads, attention, *rows),
               gathered = secondsOf(Exchange::Rows, attention, *rows);
  NeededRows balanced = *rows;
  balanced.busiest = balanced.pairs / 2;
  EXPECT_EQ(rows->ownPairs, 6144 * (128 + 1) / 2 + 48 * 47 / 2 * 128 * 32.0);
  balanced.ownPairs = 0; // which hide all that is sent
  // 8 heads' queries, outputs, keys and values of half of half the positions; or keys and values of
  // half of a quarter.
  EXPECT_DOUBLE_EQ(heads / secondsOf(Exchange::Rows, attention, balanced), 4);
  EXPECT_GT(gathered, secondsOf(Exchange::Rows, attention, balanced));
}
} // namespace

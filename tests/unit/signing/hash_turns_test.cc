// No turn of the core's loop hashes more than its part, and nothing is left out.
#include "engine/signing/hash_turns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::signing {
namespace {

constexpr std::size_t kTurn = HashTurns::kTurnBytes;

struct Fed {
  void feed(std::string_view bytes) { text += bytes; }
  std::string text;
};

void expect_turns(const std::vector<std::size_t>& extents, std::size_t turns) {
  Chain chain;
  std::string whole;
  for (const std::size_t size : extents) {
    const std::string part(size, static_cast<char>('a' + whole.size() % 26));
    BlockRef block = allocate_block(static_cast<std::uint32_t>(size));
    part.copy(block->data, size);
    block->used = block->capacity;
    chain.append(Extent{.block = std::move(block), .offset = 0, .size = static_cast<std::uint32_t>(size)});
    whole += part;
  }
  Fed fed;
  HashTurns in_turns(chain);
  std::size_t begun = 1;
  for (std::size_t before = 0; in_turns.feed(fed); ++begun, before = fed.text.size())
    EXPECT_LE(fed.text.size() - before, kTurn);
  EXPECT_EQ(begun, turns);
  EXPECT_TRUE(fed.text == whole);
}

TEST(HashTurnsTest, WhatFitsIntoOneTurnIsHashedInIt) {
  expect_turns({1}, 1);
  expect_turns({kTurn}, 1);
  expect_turns({10, kTurn - 20, 10}, 1);
}

TEST(HashTurnsTest, WhatDoesNotWaitsForTheNext) {
  expect_turns({kTurn + 1}, 2);
  expect_turns({kTurn, 1}, 2);
  expect_turns({10, 3 * kTurn, 10}, 4);
  expect_turns(std::vector<std::size_t>(16, kTurn / 4), 4);
}

TEST(HashTurnsTest, AnEmptyChainHasNothingToHash) {
  const Chain chain;
  Fed fed;
  HashTurns turns(chain);
  EXPECT_FALSE(turns.feed(fed));
}

}  // namespace
}  // namespace sluice::signing

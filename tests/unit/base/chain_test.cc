#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"
#include "tests/support/rounds.h"

namespace sluice {
namespace {

// Blocks that are not from the heap, as a pool of receive buffers has them.
class TestOwner final : public BlockOwner {
 public:
  ~TestOwner() { EXPECT_TRUE(live_.empty()) << "blocks that were never given back"; }
  Extent make(std::string_view text) {
    auto* block = new Block;
    block->owner = this;
    block->data = new char[text.size()];
    block->capacity = static_cast<std::uint32_t>(text.size());
    block->used = block->capacity;
    std::memcpy(block->data, text.data(), text.size());
    live_.insert(block);
    return {BlockRef(block), 0, block->capacity};
  }
  void release(Block& block) override {
    EXPECT_EQ(live_.erase(&block), 1U) << "given back twice";
    delete[] block.data;
    delete &block;
  }
  [[nodiscard]] std::size_t live() const { return live_.size(); }

 private:
  std::set<Block*> live_;
};

Chain chain_of(std::initializer_list<Extent> extents) {
  Chain chain;
  for (const Extent& extent : extents) chain.append(extent);
  return chain;
}

class ChainTest : public ::testing::Test {
 protected:
  ~ChainTest() override { EXPECT_EQ(heap_blocks_live(), 0); }
  TestOwner owner_;
};

TEST_F(ChainTest, ExtentsThatFollowEachOtherInABlockBecomeOne) {
  const Extent all = owner_.make("0123456789");
  Chain chain;
  chain.append({all.block, 0, 3});
  chain.append({all.block, 3, 3});
  EXPECT_EQ(chain.extents(), 1U);
  chain.append({all.block, 7, 3});  // a gap
  chain.append({all.block, 0, 0});  // nothing
  EXPECT_EQ(chain.extents(), 2U);
  EXPECT_EQ(chain.to_string(), "012345789");
  EXPECT_EQ(chain.pinned(), 20U);  // once an extent
}

TEST_F(ChainTest, SmallPiecesShareABlock) {
  Chain chain;
  for (int i = 0; i < 10; ++i) chain.append_copy("250 ok\r\n");
  EXPECT_EQ(chain.extents(), 1U);
  EXPECT_EQ(heap_blocks_live(), 1);
}

// A block that another chain also holds must not be written behind that chain's back.
TEST_F(ChainTest, NothingIsAppendedToABlockThatIsShared) {
  Chain one;
  one.append_copy("first second");
  Chain two;
  two.move_front(one, 6);
  one.append_copy(" third");
  two.append_copy("2nd");
  EXPECT_EQ(one.to_string(), "second third");
  EXPECT_EQ(two.to_string(), "first 2nd");
}

TEST_F(ChainTest, AReceivedBlockIsNeverAppendedTo) {
  Chain chain = chain_of({owner_.make("received")});
  chain.append_copy(" copied");
  EXPECT_EQ(chain.extents(), 2U);
  EXPECT_EQ(chain.to_string(), "received copied");
}

TEST_F(ChainTest, WhatWasReservedIsNoPartOfItUntilCommitted) {
  Chain chain;
  chain.append_copy("abc");
  std::span<std::byte> room = chain.reserve(5000);
  ASSERT_GE(room.size(), 5000U);
  EXPECT_EQ(chain.size(), 3U);
  std::memcpy(room.data(), "defg", 4);
  chain.commit(4);
  EXPECT_EQ(chain.to_string(), "abcdefg");
  chain.reserve(100'000);
  chain.commit(0);
  EXPECT_EQ(chain.to_string(), "abcdefg");
}

TEST_F(ChainTest, FlattenCopiesOnlyWhatIsInPieces) {
  Chain chain = chain_of({owner_.make("whole"), owner_.make("in"), owner_.make("pieces")});
  const char* before = chain.front().data();
  EXPECT_EQ(chain.flatten_front(5).data(), before);
  EXPECT_EQ(owner_.live(), 3U);
  EXPECT_EQ(chain.flatten_front(8), "wholeinp");
  EXPECT_EQ(owner_.live(), 1U);  // the first two are copied, of the third the rest is still there
  EXPECT_EQ(chain.to_string(), "wholeinpieces");
  EXPECT_EQ(chain.flatten_front(0), "");
  EXPECT_EQ(Chain().flatten_front(0), "");
}

TEST_F(ChainTest, CompactGivesTheBlocksBack) {
  Chain chain = chain_of({owner_.make("one"), owner_.make("two"), owner_.make("three")});
  chain.consume(2);
  chain.compact();
  EXPECT_EQ(owner_.live(), 0U);
  EXPECT_EQ(chain.to_string(), "etwothree");
  EXPECT_EQ(chain.extents(), 1U);
  EXPECT_EQ(chain.pinned(), 9U);
}

TEST_F(ChainTest, TakingMoreThanThereIsIsADefect) {
  Chain chain = chain_of({owner_.make("abc")});
  Chain other;
  EXPECT_DEATH(chain.consume(4), "check failed: size <= bytes_");
  EXPECT_DEATH(other.move_front(chain, 4), "check failed: size <= other.size");
  EXPECT_DEATH(chain.flatten_front(4), "check failed: size <= bytes_");
  EXPECT_DEATH(chain.commit(1), "check failed");
}

TEST_F(ChainTest, MovingAWholeChainMovesNoExtent) {
  Chain from = chain_of({owner_.make("a"), owner_.make("b")});
  Chain to;
  to.move_front(from, 2);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(to.to_string(), "ab");
  Chain third(std::move(to));
  EXPECT_EQ(third.to_string(), "ab");
  third = chain_of({owner_.make("c")});
  EXPECT_EQ(third.to_string(), "c");
  EXPECT_EQ(owner_.live(), 1U);
}

// ------------------------------------------------------------------------------------------ against strings

// Two chains and the strings that they should be.
class RandomChains {
 public:
  explicit RandomChains(unsigned seed, TestOwner& owner) : random_(seed), owner_(owner) {}

  void step() {
    const std::size_t i = random_() % 2;
    Chain& chain = chains_[i];
    std::string& text = texts_[i];
    switch (random_() % 12) {
      case 0:
        return append_extent(chain, text);
      case 1:
        return append_shared(chain, text);
      case 2:
        return append_copied(chain, text, 40);
      case 3:
        return append_copied(chain, text, 40'000);
      case 4:
        return reserve(chain, text);
      case 5:
        return consume(chain, text, text.size());
      case 6:
        return consume(chain, text, std::min<std::size_t>(text.size(), 20));
      case 7:
        return move_front(1 - i, i);
      case 8:
        return append_all(1 - i, i);
      case 9:
        return flatten(chain, text);
      case 10:
        if (random_() % 20 == 0) chain.compact();
        return;
      default:
        if (random_() % 50 != 0) return;
        chain.clear();
        text.clear();
    }
  }
  void check() {
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(chains_[i].size(), texts_[i].size());
      ASSERT_EQ(chains_[i].to_string(), texts_[i]);
      ASSERT_EQ(chains_[i].empty(), texts_[i].empty());
      ASSERT_EQ(chains_[i].front().empty(), texts_[i].empty());
      std::size_t sum = 0;
      for (std::size_t k = 0; k < chains_[i].extents(); ++k) {
        ASSERT_GT(chains_[i][k].size, 0U);
        sum += chains_[i][k].size;
      }
      ASSERT_EQ(sum, texts_[i].size());
    }
  }

 private:
  std::string random_text(std::size_t max) {
    std::string text(random_() % max, ' ');
    for (char& c : text) c = static_cast<char>('a' + random_() % 26);
    return text;
  }
  void append_extent(Chain& chain, std::string& text) {
    const std::string piece = random_text(300);
    if (piece.empty()) return;
    shared_ = owner_.make(piece);
    chain.append(shared_);
    text += piece;
  }
  void append_shared(Chain& chain, std::string& text) {
    if (shared_.size == 0) return;
    const auto from = static_cast<std::uint32_t>(random_() % shared_.size);
    const auto size = static_cast<std::uint32_t>(random_() % (shared_.size - from + 1));
    const Extent part{shared_.block, shared_.offset + from, size};
    text += part.view();
    chain.append(part);
  }
  void append_copied(Chain& chain, std::string& text, std::size_t max) {
    const std::string piece = random_text(max);
    chain.append_copy(piece);
    text += piece;
  }
  void reserve(Chain& chain, std::string& text) {
    const std::string piece = random_text(3000);
    const std::span<std::byte> room = chain.reserve(piece.size() + random_() % 100);
    ASSERT_GE(room.size(), piece.size());
    std::memcpy(room.data(), piece.data(), piece.size());
    chain.commit(piece.size());
    text += piece;
  }
  void consume(Chain& chain, std::string& text, std::size_t max) {
    const std::size_t size = random_() % (max + 1);
    chain.consume(size);
    text.erase(0, size);
  }
  void move_front(std::size_t from, std::size_t to) {
    const std::size_t size = random_() % (texts_[from].size() + 1);
    chains_[to].move_front(chains_[from], size);
    texts_[to] += texts_[from].substr(0, size);
    texts_[from].erase(0, size);
  }
  void append_all(std::size_t from, std::size_t to) {
    chains_[to].append(std::move(chains_[from]));
    texts_[to] += texts_[from];
    texts_[from].clear();
  }
  void flatten(Chain& chain, const std::string& text) {
    const std::size_t size = random_() % (std::min<std::size_t>(text.size(), 5000) + 1);
    ASSERT_EQ(chain.flatten_front(size), text.substr(0, size));
  }

  std::mt19937 random_;
  TestOwner& owner_;
  Extent shared_;
  Chain chains_[2];
  std::string texts_[2];
};

// What one of two that share does, the other does not see.
TEST_F(ChainTest, SharedBytesAreTheSameBytesAndStay) {
  {
    Chain chain;
    chain.append_copy("dropped, one");
    chain.consume(9);
    Chain shared = chain.share();
    EXPECT_EQ(shared[0].view().data(), chain[0].view().data());
    chain.append_copy(", two");
    shared.append_copy(", three");
    EXPECT_EQ(chain.to_string(), "one, two");
    EXPECT_EQ(shared.to_string(), "one, three");
    chain.clear();
    EXPECT_EQ(shared.to_string(), "one, three");
    EXPECT_EQ(shared.size(), 10U);
  }
  EXPECT_EQ(heap_blocks_live(), 0);
}

TEST_F(ChainTest, AgreesWithAStringUnderRandomUse) {
  for (unsigned seed = 0; seed < testing::rounds(60); ++seed) {
    SCOPED_TRACE(seed);
    {
      RandomChains chains(seed, owner_);
      for (int i = 0; i < 400; ++i) {
        chains.step();
        chains.check();
        if (HasFatalFailure()) return;
      }
    }
    ASSERT_EQ(owner_.live(), 0U);
    ASSERT_EQ(heap_blocks_live(), 0);
  }
}

}  // namespace
}  // namespace sluice

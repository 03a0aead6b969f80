#include "engine/io/buffer_pool.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "engine/io/process.h"

namespace sluice::io {
namespace {

// Only remembers which buffers the kernel would have.
class KernelWithBuffers final : public Ring {
 public:
  std::deque<std::uint16_t> buffers;
  void provide_buffer(std::uint16_t id, char* data, std::uint32_t size) override {
    EXPECT_NE(data, nullptr);
    EXPECT_EQ(size, 4096U);
    buffers.push_back(id);
  }
  std::uint16_t fill() {
    const std::uint16_t id = buffers.front();
    buffers.pop_front();
    return id;
  }
  void accept_multishot(Tag, int) override {}
  void receive(Tag, int, bool, bool) override {}
  void send(Tag, int, const msghdr*) override {}
  void send(Tag, int, const void*, std::size_t) override {}
  void connect(Tag, int, const Address*) override {}
  void close(Tag, int) override {}
  void write_file(Tag, int, const void*, std::size_t, std::uint64_t, bool) override {}
  void read_file(Tag, int, void*, std::size_t, std::uint64_t) override {}
  void cancel(Tag, Tag) override {}
  void submit() override {}
  void give_way() override {}
  std::size_t wait(Duration, std::span<Completion>) override { return 0; }
  void wake() override {}
  [[nodiscard]] std::uint64_t enters() const override { return 0; }
};

class BufferPoolTest : public ::testing::Test {
 protected:
  struct Waiter : BufferPool::Starved {
    std::vector<int>* order = nullptr;
    int number = 0;
  };
  void wait(int number, CustomerShare share = kOwnShare) {
    Waiter& waiter = waiters_.emplace_back();
    waiter.order = &resumed_;
    waiter.number = number;
    waiter.share = share;
    waiter.context = &waiter;
    waiter.resume = [](void* context) {
      const auto* self = static_cast<Waiter*>(context);
      self->order->push_back(self->number);
    };
    pool_.wait_for_buffers(waiter);
  }
  Extent take() { return pool_.take(ring_.fill(), 10); }

  KernelWithBuffers ring_;
  BufferPool pool_{ring_, 4, 4096};
  std::deque<Waiter> waiters_;
  std::vector<int> resumed_;
};

TEST_F(BufferPoolTest, ABufferComesBackWithItsLastReference) {
  EXPECT_EQ(ring_.buffers.size(), 4U);
  {
    const Extent whole = take();
    const Extent shared = whole;  // NOLINT(performance-unnecessary-copy-initialization): a reference
    EXPECT_EQ(pool_.in_use(), 1U);
  }
  EXPECT_EQ(pool_.in_use(), 0U);
  EXPECT_EQ(ring_.buffers.size(), 3U);  // the kernel has it at the end of the turn
  pool_.give_back();
  EXPECT_EQ(ring_.buffers.size(), 4U);
  pool_.give_back();
  EXPECT_EQ(ring_.buffers.size(), 4U);
}

TEST_F(BufferPoolTest, TheStarvedAreServedInTheirOrder) {
  {
    std::vector<Extent> held;
    for (int i = 0; i < 4; ++i) held.push_back(take());
    for (int i = 0; i < 10; ++i) wait(i);
    pool_.resume_starved();
    EXPECT_TRUE(resumed_.empty());
    EXPECT_FALSE(pool_.can_resume());
    held.resize(2);
    pool_.give_back();
    EXPECT_TRUE(pool_.can_resume());
    pool_.resume_starved();
    EXPECT_EQ(resumed_, (std::vector{0, 1}));
    held[0] = take();  // both found bytes
    held[1] = take();
  }
  pool_.give_back();
  pool_.resume_starved();
  EXPECT_EQ(resumed_, (std::vector{0, 1, 2, 3, 4, 5}));
  pool_.resume_starved();
  EXPECT_EQ(resumed_, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(BufferPoolTest, ACustomerWithManyStarvedPutsOffAnotherByOne) {
  {
    std::vector<Extent> held;
    for (int i = 0; i < 4; ++i) held.push_back(take());
    for (int i = 0; i < 10; ++i) wait(i, {1});
    wait(100, {2});
  }
  pool_.give_back();
  pool_.resume_starved();
  EXPECT_EQ(resumed_, (std::vector{0, 100, 1, 2}));
  for (int i = 0; i < 2; ++i) pool_.resume_starved();
  EXPECT_EQ(resumed_.size(), 11U);
}

// A receive that is armed while the pool is empty fails although nothing has arrived.  When buffers came
// back, as many of these as there were buffers were armed again, took none, and no waiter behind them was ever
// called again.
TEST_F(BufferPoolTest, IdleConnectionsKeptTheRestOfTheStarvedWaitingForEver) {
  {
    std::vector<Extent> held;
    for (int i = 0; i < 4; ++i) held.push_back(take());
    for (int i = 0; i < 6; ++i) wait(i);
  }
  pool_.give_back();
  pool_.resume_starved();
  EXPECT_EQ(resumed_.size(), 4U);
  EXPECT_TRUE(pool_.can_resume());  // the loop comes again without waiting
  pool_.give_back();
  pool_.resume_starved();
  EXPECT_EQ(resumed_.size(), 6U);
  EXPECT_FALSE(pool_.can_resume());
}

TEST_F(BufferPoolTest, WhoStopsWaitingIsNotCalled) {
  {
    std::vector<Extent> held;
    for (int i = 0; i < 4; ++i) held.push_back(take());
    for (int i = 0; i < 3; ++i) wait(i);
    pool_.stop_waiting(waiters_[1]);
  }
  pool_.give_back();
  pool_.resume_starved();
  EXPECT_EQ(resumed_, (std::vector{0, 2}));
}

TEST_F(BufferPoolTest, IsScarceWhenMoreThanHalfIsHeld) {
  std::vector<Extent> held;
  held.push_back(take());
  held.push_back(take());
  EXPECT_FALSE(pool_.scarce());
  held.push_back(take());
  EXPECT_TRUE(pool_.scarce());
}

TEST(BufferPoolDeathTest, APoolGoesWhenAllIsBack) {
  KernelWithBuffers ring;
  EXPECT_DEATH(
      {
        Extent kept;
        BufferPool pool(ring, 4, 4096);
        kept = pool.take(ring.fill(), 1);
      },
      "check failed: in_use_ == 0");
  EXPECT_DEATH(BufferPool(ring, 3, 4096), "check failed: std::has_single_bit");
}

TEST_F(BufferPoolTest, TheKernelNeverHasABufferThatIsHeld) {
  const Extent held = take();
  EXPECT_DEATH(static_cast<void>(pool_.take(held.block->id, 1)), "check failed: block.refs == 0");
}

// It was a failed check: the process ended by SIGABRT, and said nothing of the limit of the address space.
TEST(BufferPoolDeathTest, WithoutAddressSpaceTheStartEndsWithASentence) {
  KernelWithBuffers kernel;
  const auto start = [&]() noexcept {  // an exception that nothing catches
    end_without_memory();
    const BufferPool pool(kernel, 32768, 0xfffff000);  // 128 TiB: more than any process has
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(1), "sluice: memory cannot be had");
}

}  // namespace
}  // namespace sluice::io

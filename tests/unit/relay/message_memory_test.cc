// What messages hold in memory while they come in: customers share it, and what is beyond goes to the spool.
#include "engine/relay/memory_budget.h"

#include <deque>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

constexpr std::uint64_t kStep = route::kMessageMemoryStep;
constexpr CustomerShare kLight{.number = 1, .weight = 1};
constexpr CustomerShare kHeavy{.number = 2, .weight = 3};

// How many messages of two steps, the first of which each has anyhow, may hold all of it.
std::size_t fill(MemoryBudget& budget, CustomerShare share, std::deque<MemoryUse>& messages) {
  std::size_t held = 0;
  for (; messages.emplace_back(budget, share).cover(2 * kStep); ++held) continue;
  messages.pop_back();
  return held;
}

TEST(MessageMemoryTest, CustomersShareItByWeight) {
  MemoryBudget budget(120 * kStep);
  std::deque<MemoryUse> messages;
  EXPECT_EQ(fill(budget, kLight, messages), 120U);
  EXPECT_EQ(fill(budget, kHeavy, messages), 90U) << "a thousand sessions of another have no more than their part";
  EXPECT_EQ(fill(budget, kLight, messages), 0U);
  messages.clear();
  EXPECT_EQ(fill(budget, kHeavy, messages), 120U);
  EXPECT_EQ(fill(budget, kLight, messages), 30U);
}

TEST(MessageMemoryTest, EachMessageHasALittleWithoutAsking) {
  MemoryBudget budget(0);
  MemoryUse message(budget, kLight);
  EXPECT_TRUE(message.cover(kStep));
  EXPECT_FALSE(message.cover(kStep + 1));
}

TEST(MessageMemoryTest, WhatIsHeldNoLongerIsGivenBack) {
  MemoryBudget budget(2 * kStep);
  MemoryUse first(budget, kLight);
  EXPECT_TRUE(first.cover(2 * kStep + 1));
  MemoryUse second(budget, kLight);
  EXPECT_FALSE(second.cover(2 * kStep));
  EXPECT_TRUE(first.cover(2 * kStep));
  EXPECT_TRUE(second.cover(2 * kStep));
}

// A message of 600 KB that comes in parts, and how many records of the spool were written of it before its end.
class MemoryAtASinkTest : public ::testing::TestWithParam<route::RouteMode> {
 protected:
  MemoryAtASinkTest() {
    of_.fixture.route.mode = GetParam();
    of_.start();
  }
  std::uint64_t records_while_it_comes() {
    Incoming sink({.loop = of_.fixture.loop,
                   .router = of_.router(),
                   .spool = of_.spool(),
                   .queue = of_.queue(),
                   .memory = memory()},
                  {.customer = "acme"});
    message::Envelope envelope;
    envelope.id = of_.next_id();
    envelope.recipients.push_back({.forward_path = "bob@example.net"});
    std::uint64_t records = 0;
    const auto pass = [&]() -> Task<message::Outcome> { return pass_in_parts(of_, sink, envelope, records); };
    const auto outcome = testing::await<message::Outcome>(of_.fixture.platforms, of_.fixture.loop, pass);
    EXPECT_EQ(outcome.reply.code(), 250);
    EXPECT_TRUE(of_.run_until([&] { return of_.empty(); }));
    EXPECT_EQ(of_.hop().ledger.size(), 1U);
    if (!of_.hop().ledger.empty()) EXPECT_GE(of_.hop().ledger[0].content.size(), kParts * kPartBytes);
    return records;
  }
  MemoryBudget& memory() { return of_.fixture.message_memory; }

  QueueFixture of_;

 private:
  static constexpr std::size_t kParts = 60;
  static constexpr std::size_t kPartBytes = 10'000;
  static Task<message::Outcome> pass_in_parts(QueueFixture& of, Incoming& sink, const message::Envelope& envelope,
                                              std::uint64_t& records) {
    std::vector<smtp::Reply> answers;
    co_await sink.add_recipients(envelope, 0, answers);
    co_await sink.begin(message::BodyForm::literal);
    for (std::size_t i = 0; i < kParts; ++i) {
      Chain part;
      part.append_copy(i == 0 ? "From: ann@example.com\r\n\r\n" : "");
      part.append_copy(std::string(kPartBytes - 2, 'x') + "\r\n");
      co_await sink.write(std::move(part));
    }
    records = of.spool().log_counters().records;
    co_return co_await sink.commit();
  }
};
INSTANTIATE_TEST_SUITE_P(Both, MemoryAtASinkTest,
                         ::testing::Values(route::RouteMode::through, route::RouteMode::store));

TEST_P(MemoryAtASinkTest, IsGivenBackAtTheEnd) {
  memory().set_most(20 * kStep);
  EXPECT_EQ(records_while_it_comes(), GetParam() == route::RouteMode::through ? 0U : 1U);
  std::deque<MemoryUse> messages;
  EXPECT_EQ(fill(memory(), kLight, messages), 20U);
}

TEST_P(MemoryAtASinkTest, WithoutAnyLeftTheMessageIsWrittenAsItComes) {
  memory().set_most(0);
  EXPECT_GE(records_while_it_comes(), 8U);
}

TEST_P(MemoryAtASinkTest, AnothersMessagesDoNotTakeItsPart) {
  memory().set_most(20 * kStep);
  std::deque<MemoryUse> messages;
  EXPECT_EQ(fill(memory(), {.number = 200, .weight = 1}, messages), 20U);
  EXPECT_EQ(records_while_it_comes(), GetParam() == route::RouteMode::through ? 0U : 1U);
}

}  // namespace
}  // namespace sluice::relay

// The operator's orders about destinations, in the schedule: mail waits for their end, or goes as slowly as they say.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

DestinationOrders::Snapshot ordered(std::string place, Instant until, std::shared_ptr<SharedLimit> limit = nullptr) {
  return std::make_shared<const DestinationOrders>(std::vector<DestinationOrders::InForce>{
      {.order = {.subject = std::move(place), .connections = limit == nullptr ? 0U : 1U},
       .until = until,
       .limit = std::move(limit),
       .words = {}}});
}

TEST(ScheduleOrdersTest, NothingStartsAtASuspendedDestinationUntilTheEnd) {
  ScheduleFixture fixture;
  fixture.add("a", "mx/a.example");
  fixture.schedule.set_orders(ordered("mx/a.example", fixture.now + 1h), fixture.now);
  fixture.add("a", "mx/a.example");
  fixture.add("a", "mx/b.example");
  EXPECT_EQ(fixture.count_startable(), 1U);
  EXPECT_EQ(fixture.status("mx/a.example").not_before, fixture.now + 1h);
  // An order to try now is no order to lift that.
  EXPECT_TRUE(fixture.schedule.flush(fixture.schedule.find_destination("mx/a.example"), fixture.now));
  EXPECT_EQ(fixture.count_startable(), 0U);
  EXPECT_EQ(fixture.schedule.due(fixture.now), fixture.now + 1h);
  fixture.now += 1h;
  EXPECT_EQ(fixture.count_startable(), 2U);
}

TEST(ScheduleOrdersTest, ADestinationThatComesLaterIsSuspendedToo) {
  ScheduleFixture fixture;
  fixture.schedule.set_orders(ordered("mx", fixture.now + 1h), fixture.now);
  fixture.add("a", "mx/new.example");
  EXPECT_EQ(fixture.count_startable(), 0U);
  fixture.schedule.set_orders(std::make_shared<const DestinationOrders>(), fixture.now);
  EXPECT_EQ(fixture.count_startable(), 1U);
}

TEST(ScheduleOrdersTest, ASuspensionOfAHostEndsWithTheOrders) {
  ScheduleFixture fixture;
  fixture.add("a", "farm");
  fixture.schedule.suspend_until(fixture.schedule.find_destination("farm"), fixture.now + 1h, fixture.now);
  EXPECT_EQ(fixture.count_startable(), 0U);
  fixture.schedule.set_orders(std::make_shared<const DestinationOrders>(), fixture.now);
  EXPECT_EQ(fixture.count_startable(), 1U);
}

// Of all cores together, also where transmissions run already that nobody counted.
TEST(ScheduleOrdersTest, ALimitIsSharedByAllSchedules) {
  ScheduleFixture one;
  ScheduleFixture other;
  for (ScheduleFixture* each : {&one, &other}) each->add_many("a", "farm", 10);
  std::vector<JobId> running = one.start_all();
  ASSERT_EQ(running.size(), 2U);
  const auto limit = std::make_shared<SharedLimit>(3, 0);
  for (ScheduleFixture* each : {&one, &other}) each->schedule.set_orders(ordered("farm", one.now + 1h, limit), one.now);
  EXPECT_EQ(one.count_startable(), 0U);
  std::vector<JobId> others = other.start_all();
  ASSERT_EQ(others.size(), 1U);
  EXPECT_GT(other.schedule.due(other.now), other.now);
  one.finish(running, Verdict::delivered);
  other.now += 1s;
  EXPECT_EQ(other.count_startable(), 1U) << "its own window";
  one.now += 1s;
  EXPECT_EQ(one.count_startable(), 1U);
}

// A new limit counts what runs, and the old one forgets it.
TEST(ScheduleOrdersTest, ALimitThatIsReplacedIsGivenBack) {
  ScheduleFixture fixture;
  fixture.add_many("a", "farm", 10);
  const auto before = std::make_shared<SharedLimit>(1, 0);
  fixture.schedule.set_orders(ordered("farm", fixture.now + 1h, before), fixture.now);
  const std::vector<JobId> running = fixture.start_all();
  ASSERT_EQ(running.size(), 1U);
  const auto after = std::make_shared<SharedLimit>(1, 0);
  fixture.schedule.set_orders(ordered("farm", fixture.now + 1h, after), fixture.now);
  EXPECT_TRUE(before->take(fixture.now));
  EXPECT_FALSE(after->take(fixture.now));
  fixture.finish(running, Verdict::delivered);
  EXPECT_TRUE(after->take(fixture.now));
}

}  // namespace
}  // namespace sluice::schedule

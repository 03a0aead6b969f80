// What goes first: customers, destinations and customers at a destination take turns, and first attempts go before
// retries without starving them.
#include <algorithm>

#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

ScheduleOptions narrow(std::uint32_t total) {
  ScheduleOptions options;
  options.total_running_max = total;
  return options;
}

int turns_until(ScheduleFixture& fixture, std::string_view customer, int most) {
  for (int i = 1; i <= most; ++i)
    if (fixture.run_one() == customer) return i;
  return INT_MAX;
}

TEST(ScheduleFairnessTest, ABigBatchDoesNotDelayAnotherCustomersMessage) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("bulk", "example.com", 100'000);
  for (int i = 0; i < 50; ++i) fixture.run_one();
  fixture.add("small", "example.net");
  EXPECT_LE(turns_until(fixture, "small", 10), 2);
}

TEST(ScheduleFairnessTest, NorAtTheSameDestination) {
  ScheduleFixture fixture;
  fixture.add_many("bulk", "example.com", 100'000);
  auto running = fixture.start_all();  // its window is full
  ASSERT_EQ(running.size(), 2U);
  fixture.add("small", "example.com");
  EXPECT_FALSE(fixture.next());
  fixture.finish(running[0], Verdict::refused);
  const auto first = fixture.next();
  fixture.finish(running[1], Verdict::refused);
  const auto second = fixture.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(fixture.schedule.status(*first)->customer_name, "bulk");  // which waited already
  EXPECT_EQ(fixture.schedule.status(*second)->customer_name, "small");
}

TEST(ScheduleFairnessTest, NorWhenItGoesToAHundredThousandDestinations) {
  ScheduleFixture fixture(narrow(10));
  for (int i = 0; i < 100'000; ++i) fixture.add("bulk", std::to_string(i) + ".example.com");
  for (int i = 0; i < 50; ++i) fixture.run_one();
  fixture.add("small", "77777.example.com");
  EXPECT_LE(turns_until(fixture, "small", 10), 2);
}

TEST(ScheduleFairnessTest, CustomersTakeTurnsWhateverTheyHave) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("a", "one.example", 1000);
  fixture.add_many("b", "two.example", 10);
  for (int i = 0; i < 100; ++i) fixture.add("c", std::to_string(i) + ".example");
  std::map<std::string, int> turns;
  for (int i = 0; i < 30; ++i) ++turns[fixture.run_one()];
  EXPECT_EQ(turns["a"], 10);
  EXPECT_EQ(turns["b"], 10);
  EXPECT_EQ(turns["c"], 10);
}

TEST(ScheduleFairnessTest, OneThatWeighsThreeHasThreeTurnsInARow) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("a", "one.example", 10, 3);
  fixture.add_many("b", "two.example", 10);
  fixture.add_many("c", "three.example", 10);
  std::string order;
  for (int i = 0; i < 30; ++i) order += fixture.run_one();
  EXPECT_EQ(order, "aaabcaaabcaaabcabcbcbcbcbcbcbc");
}

TEST(ScheduleFairnessTest, WhereverItSendsTo) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("b", "two.example", 300);
  for (int i = 0; i < 300; ++i) fixture.add_many("a", std::to_string(i) + ".example", 1, 3);
  std::map<std::string, int> turns;
  for (int i = 0; i < 200; ++i) ++turns[fixture.run_one()];
  EXPECT_EQ(turns["a"], 150);
}

// Turns that it had no use for are not had later.
TEST(ScheduleFairnessTest, TurnsInARowThatAreNotUsedAreNotKept) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("b", "two.example", 10);
  fixture.add_many("a", "one.example", 1, 3);
  std::string order;
  for (int i = 0; i < 2; ++i) order += fixture.run_one();
  fixture.add_many("c", "three.example", 1);
  fixture.add_many("a", "one.example", 1, 3);
  for (int i = 0; i < 3; ++i) order += fixture.run_one();
  EXPECT_EQ(order, "babca");
}

TEST(ScheduleFairnessTest, ACustomersDestinationsTakeTurns) {
  ScheduleFixture fixture(narrow(1));
  fixture.add_many("a", "big.example", 1000);
  const JobId small = fixture.add("a", "small.example");
  fixture.run_one();
  fixture.run_one();
  EXPECT_FALSE(fixture.schedule.status(small));
}

TEST(ScheduleFairnessTest, CustomersTakeTurnsAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  fixture.add_many("a", "example.com", 300);
  for (const char* other : {"b", "c"}) fixture.add_many(other, "example.com", 5);
  std::string order;
  for (int i = 0; i < 18; ++i) order += fixture.run_one();
  EXPECT_EQ(order, "abcabcabcabcabcaaa");
}

TEST(ScheduleFairnessTest, ByWeightAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  fixture.add_many("a", "example.com", 300, 3);
  for (const char* other : {"b", "c"}) fixture.add_many(other, "example.com", 60);
  std::string order;
  for (int i = 0; i < 15; ++i) order += fixture.run_one();
  EXPECT_EQ(order, "aaabcaaabcaaabc");
}

TEST(ScheduleFairnessTest, AFullDestinationHoldsUpNoOther) {
  ScheduleFixture fixture;
  fixture.add_many("a", "full.example", 1000);
  EXPECT_EQ(fixture.count_startable(), 2U);
  const JobId same_customer = fixture.add("a", "free.example");
  const JobId other_customer = fixture.add("b", "free.example");
  EXPECT_THAT(fixture.start_all(), ::testing::UnorderedElementsAre(same_customer, other_customer));
}

TEST(ScheduleFairnessTest, WhoFindsADestinationSuspendedAtItsTurnKeepsItsPlace) {
  ScheduleFixture fixture;
  fixture.add_many("a", "example.com", 2);
  for (const char* other : {"b", "c", "d"}) fixture.add(other, "example.com");
  EXPECT_EQ(fixture.run_one(Verdict::unreachable), "a");
  EXPECT_FALSE(fixture.next());  // it was b's turn
  std::string order;
  for (int i = 0; i < 4; ++i) {
    fixture.now = fixture.schedule.due(fixture.now);
    order += fixture.run_one(Verdict::unreachable);
  }
  EXPECT_EQ(order, "bcda");
}

TEST(ScheduleFairnessTest, WhoComesWhenThereIsRoomAgainDoesNotOvertakeWhoWaits) {
  ScheduleFixture fixture;
  for (const char* customer : {"a", "b", "c"}) fixture.add(customer, "example.com");
  fixture.finish(fixture.start_all(), Verdict::unreachable);
  fixture.now += 1min;
  fixture.add("d", "example.com");
  EXPECT_EQ(fixture.run_one(Verdict::refused), "c");
  EXPECT_EQ(fixture.run_one(Verdict::refused), "d");
}

TEST(ScheduleFairnessTest, AFlowIsServedInOrder) {
  ScheduleFixture fixture(narrow(1));
  for (std::uint64_t i = 0; i < 100; ++i) fixture.add("a", "example.com", i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto job = fixture.next();
    ASSERT_TRUE(job);
    EXPECT_EQ(fixture.schedule.status(*job)->message, i);
    fixture.finish(*job, Verdict::delivered);
  }
}

// A message that comes to a destination with a single slot does not wait until a bulk sender, whose turn that slot is,
// has got round to it behind its other destinations.
TEST(ScheduleFairnessTest, RoomIsNotKeptForACustomerWhoseTurnIsFarOff) {
  ScheduleOptions options = narrow(50);
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  const JobId blocking = fixture.add("other", "example.com");
  ASSERT_TRUE(fixture.next());
  fixture.add_many("bulk", "example.com", 10);  // parked: no room
  fixture.add("small", "example.com");          // behind it
  for (int i = 0; i < 10'000; ++i) fixture.add("bulk", std::to_string(i) + ".example");
  fixture.start_all();
  fixture.finish(blocking, Verdict::delivered);
  EXPECT_LE(turns_until(fixture, "small", 100), 6);
}

// ------------------------------------------------------------------------------------ first attempts and retries

int count_retries(ScheduleFixture& fixture, int turns) {
  int retries = 0;
  for (int i = 0; i < turns; ++i) {
    const auto job = fixture.next();
    if (!job) return -1;
    if (!fixture.schedule.status(*job)->first_attempt) ++retries;
    fixture.finish(*job, Verdict::refused);
  }
  return retries;
}

TEST(ScheduleFairnessTest, OneTurnOfFourIsARetrysWhereBothWait) {
  ScheduleFixture fixture(narrow(1));
  for (int i = 0; i < 1000; ++i) fixture.add_retry("a", "example.com");
  fixture.add_many("a", "example.com", 1000);
  EXPECT_EQ(count_retries(fixture, 400), 100);
}

TEST(ScheduleFairnessTest, LikewiseAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  for (int i = 0; i < 1000; ++i) fixture.add_retry("old", "example.com");
  for (const char* customer : {"a", "b", "c", "d", "e"}) fixture.add_many(customer, "example.com", 100);
  EXPECT_EQ(count_retries(fixture, 400), 100);
  EXPECT_EQ(count_retries(fixture, 400), 200);  // 200 first attempts were left
}

// Two destinations whose slots come free alternately must not share one turn for retries between them.
TEST(ScheduleFairnessTest, NoDestinationsRetriesMissAllTheTurns) {
  for (const int others : {1, 2, 3, 4, 5, 7}) {
    ScheduleOptions options;
    options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
    ScheduleFixture fixture(options);
    std::vector<std::string> names;
    for (int i = 0; i <= others; ++i) names.push_back(std::to_string(i) + ".example");
    for (const std::string& name : names) {
      for (int i = 0; i < 1000; ++i) fixture.add_retry("old", name);
      fixture.add_many("new", name, 1000);
    }
    std::map<std::uint32_t, int> starts;
    std::map<std::uint32_t, int> retries;
    std::vector<JobId> running = fixture.start_all();
    for (int i = 0; i < 1000; ++i) {
      std::vector<JobId> started;
      for (const JobId job : running) {
        const JobStatus status = *fixture.schedule.status(job);
        ++starts[status.destination.index];
        if (!status.first_attempt) ++retries[status.destination.index];
        fixture.finish(job, Verdict::refused);
        for (const JobId next : fixture.start_all()) started.push_back(next);
      }
      running = started;
    }
    for (const auto& [destination, count] : starts) EXPECT_GE(retries[destination], count / 5) << others;
  }
}

TEST(ScheduleFairnessTest, AFirstAttemptGoesBeforeTheRetriesOfManyCustomers) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  for (int i = 0; i < 500; ++i) fixture.add_retry("old" + std::to_string(i), "example.com");
  for (int i = 0; i < 5; ++i) fixture.run_one();
  fixture.add("new", "example.com");
  EXPECT_LE(turns_until(fixture, "new", 10), 2);
}

TEST(ScheduleFairnessTest, RetriesUseAllThatFirstAttemptsLeave) {
  ScheduleFixture fixture(narrow(1));
  for (int i = 0; i < 100; ++i) fixture.add_retry("a", "example.com");
  EXPECT_EQ(count_retries(fixture, 100), 100);
}

// ------------------------------------------------------------------------------------------ many recipients

// "L" for each turn of a customer that has large messages alone, else "s".
std::string turns_of_large(ScheduleFixture& fixture, int turns) {
  std::string order;
  for (int i = 0; i < turns; ++i) order += fixture.run_one(Verdict::refused).starts_with("large") ? 'L' : 's';
  return order;
}

TEST(ScheduleFairnessTest, LargeMessagesGoBehindSmallerOnesWithOneTurnOfEight) {
  ScheduleFixture fixture(narrow(1));
  for (int i = 0; i < 100; ++i) fixture.add_large("large", "example.com");
  fixture.add_many("a", "example.com", 14);
  EXPECT_EQ(turns_of_large(fixture, 18), "sssssssLsssssssLLL");
}

// Of one customer, too; and a retry of a large message is no small one.
TEST(ScheduleFairnessTest, ALargeMessageGoesBehindItsOwnCustomersRetries) {
  ScheduleFixture fixture(narrow(1));
  const JobId first = fixture.add_large("a", "example.com");
  const JobId again = fixture.add_large("a", "example.com", /*first_attempt=*/false);
  for (int i = 0; i < 3; ++i) fixture.add_retry("a", "example.com");
  fixture.add_many("a", "example.com", 3);
  std::vector<JobId> order;
  while (const auto job = fixture.next()) {
    order.push_back(*job);
    fixture.finish(*job, Verdict::refused);
  }
  ASSERT_EQ(order.size(), 8U);
  EXPECT_EQ(order[6], first);
  EXPECT_EQ(order[7], again);
  EXPECT_EQ(fixture.schedule.counters().started_again, 4U);
}

TEST(ScheduleFairnessTest, LargeMessagesGoBehindAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleFixture fixture(options);
  for (int i = 0; i < 100; ++i) fixture.add_large("large", "example.com");
  for (const char* customer : {"a", "b", "c", "d", "e"}) fixture.add_many(customer, "example.com", 10);
  EXPECT_EQ(std::ranges::count(turns_of_large(fixture, 48), 'L'), 6);
}

TEST(ScheduleFairnessTest, LargeMessagesUseAllThatSmallerOnesLeave) {
  ScheduleFixture fixture(narrow(4));
  for (int i = 0; i < 100; ++i) fixture.add_large("large", std::to_string(i) + ".example.com");
  EXPECT_EQ(fixture.count_startable(), 4U);
}

}  // namespace
}  // namespace sluice::schedule

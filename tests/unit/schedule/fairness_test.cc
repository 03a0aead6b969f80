// Who goes first: customers, destinations and customers at a destination take turns, and first attempts go before
// retries without starving them.
#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

ScheduleOptions narrow(std::uint32_t total) {
  ScheduleOptions options;
  options.total_running_max = total;
  return options;
}

int turns_until(ScheduleBench& bench, std::string_view customer, int most) {
  for (int i = 1; i <= most; ++i)
    if (bench.run_one() == customer) return i;
  return INT_MAX;
}

TEST(ScheduleFairnessTest, ABigBatchDoesNotDelayAnotherCustomersMessage) {
  ScheduleBench bench(narrow(1));
  bench.add_many("bulk", "example.com", 100'000);
  for (int i = 0; i < 50; ++i) bench.run_one();
  bench.add("small", "example.net");
  EXPECT_LE(turns_until(bench, "small", 10), 2);
}

TEST(ScheduleFairnessTest, NorAtTheSameDestination) {
  ScheduleBench bench;
  bench.add_many("bulk", "example.com", 100'000);
  auto running = bench.start_all();  // its window is full
  ASSERT_EQ(running.size(), 2U);
  bench.add("small", "example.com");
  EXPECT_FALSE(bench.next());
  bench.finish(running[0], Verdict::refused);
  const auto first = bench.next();
  bench.finish(running[1], Verdict::refused);
  const auto second = bench.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(bench.schedule.status(*first)->customer_name, "bulk");  // which waited already
  EXPECT_EQ(bench.schedule.status(*second)->customer_name, "small");
}

TEST(ScheduleFairnessTest, NorWhenItGoesToAHundredThousandDestinations) {
  ScheduleBench bench(narrow(10));
  for (int i = 0; i < 100'000; ++i) bench.add("bulk", std::to_string(i) + ".example.com");
  for (int i = 0; i < 50; ++i) bench.run_one();
  bench.add("small", "77777.example.com");
  EXPECT_LE(turns_until(bench, "small", 10), 2);
}

TEST(ScheduleFairnessTest, CustomersTakeTurnsWhateverTheyHave) {
  ScheduleBench bench(narrow(1));
  bench.add_many("a", "one.example", 1000);
  bench.add_many("b", "two.example", 10);
  for (int i = 0; i < 100; ++i) bench.add("c", std::to_string(i) + ".example");
  std::map<std::string, int> turns;
  for (int i = 0; i < 30; ++i) ++turns[bench.run_one()];
  EXPECT_EQ(turns["a"], 10);
  EXPECT_EQ(turns["b"], 10);
  EXPECT_EQ(turns["c"], 10);
}

TEST(ScheduleFairnessTest, ACustomersDestinationsTakeTurns) {
  ScheduleBench bench(narrow(1));
  bench.add_many("a", "big.example", 1000);
  const JobId small = bench.add("a", "small.example");
  bench.run_one();
  bench.run_one();
  EXPECT_FALSE(bench.schedule.status(small));
}

TEST(ScheduleFairnessTest, CustomersTakeTurnsAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleBench bench(options);
  bench.add_many("a", "example.com", 300);
  for (const char* other : {"b", "c"}) bench.add_many(other, "example.com", 5);
  std::string order;
  for (int i = 0; i < 18; ++i) order += bench.run_one();
  EXPECT_EQ(order, "abcabcabcabcabcaaa");
}

TEST(ScheduleFairnessTest, AFullDestinationHoldsUpNobodyElse) {
  ScheduleBench bench;
  bench.add_many("a", "full.example", 1000);
  EXPECT_EQ(bench.count_startable(), 2U);
  const JobId same_customer = bench.add("a", "free.example");
  const JobId other_customer = bench.add("b", "free.example");
  EXPECT_THAT(bench.start_all(), ::testing::UnorderedElementsAre(same_customer, other_customer));
}

TEST(ScheduleFairnessTest, WhoFindsADestinationSuspendedAtItsTurnKeepsItsPlace) {
  ScheduleBench bench;
  bench.add_many("a", "example.com", 2);
  for (const char* other : {"b", "c", "d"}) bench.add(other, "example.com");
  EXPECT_EQ(bench.run_one(Verdict::unreachable), "a");
  EXPECT_FALSE(bench.next());  // it was b's turn
  std::string order;
  for (int i = 0; i < 4; ++i) {
    bench.now = bench.schedule.due(bench.now);
    order += bench.run_one(Verdict::unreachable);
  }
  EXPECT_EQ(order, "bcda");
}

TEST(ScheduleFairnessTest, WhoComesWhenThereIsRoomAgainDoesNotOvertakeWhoWaits) {
  ScheduleBench bench;
  for (const char* customer : {"a", "b", "c"}) bench.add(customer, "example.com");
  bench.finish(bench.start_all(), Verdict::unreachable);
  bench.now += 1min;
  bench.add("d", "example.com");
  EXPECT_EQ(bench.run_one(Verdict::refused), "c");
  EXPECT_EQ(bench.run_one(Verdict::refused), "d");
}

TEST(ScheduleFairnessTest, AFlowIsServedInOrder) {
  ScheduleBench bench(narrow(1));
  for (std::uint64_t i = 0; i < 100; ++i) bench.add("a", "example.com", i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto job = bench.next();
    ASSERT_TRUE(job);
    EXPECT_EQ(bench.schedule.status(*job)->message, i);
    bench.finish(*job, Verdict::delivered);
  }
}

// A message that comes to a destination with a single slot does not wait until a bulk sender, whose turn that slot is,
// has got round to it behind its other destinations.
TEST(ScheduleFairnessTest, RoomIsNotKeptForACustomerWhoseTurnIsFarOff) {
  ScheduleOptions options = narrow(50);
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleBench bench(options);
  const JobId blocking = bench.add("other", "example.com");
  ASSERT_TRUE(bench.next());
  bench.add_many("bulk", "example.com", 10);  // parked: no room
  bench.add("small", "example.com");          // behind it
  for (int i = 0; i < 10'000; ++i) bench.add("bulk", std::to_string(i) + ".example");
  bench.start_all();
  bench.finish(blocking, Verdict::delivered);
  EXPECT_LE(turns_until(bench, "small", 100), 6);
}

// ------------------------------------------------------------------------------------ first attempts and retries

int count_retries(ScheduleBench& bench, int turns) {
  int retries = 0;
  for (int i = 0; i < turns; ++i) {
    const auto job = bench.next();
    if (!job) return -1;
    if (!bench.schedule.status(*job)->first_attempt) ++retries;
    bench.finish(*job, Verdict::refused);
  }
  return retries;
}

TEST(ScheduleFairnessTest, OneTurnOfFourIsARetrysWhereBothWait) {
  ScheduleBench bench(narrow(1));
  for (int i = 0; i < 1000; ++i) bench.add_retry("a", "example.com");
  bench.add_many("a", "example.com", 1000);
  EXPECT_EQ(count_retries(bench, 400), 100);
}

TEST(ScheduleFairnessTest, LikewiseAtADestinationThatIsTheBottleneck) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleBench bench(options);
  for (int i = 0; i < 1000; ++i) bench.add_retry("old", "example.com");
  for (const char* customer : {"a", "b", "c", "d", "e"}) bench.add_many(customer, "example.com", 100);
  EXPECT_EQ(count_retries(bench, 400), 100);
  EXPECT_EQ(count_retries(bench, 400), 200);  // 200 first attempts were left
}

// Two destinations whose slots come free alternately must not share one turn for retries between them.
TEST(ScheduleFairnessTest, NoDestinationsRetriesMissAllTheTurns) {
  for (const int others : {1, 2, 3, 4, 5, 7}) {
    ScheduleOptions options;
    options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
    ScheduleBench bench(options);
    std::vector<std::string> names;
    for (int i = 0; i <= others; ++i) names.push_back(std::to_string(i) + ".example");
    for (const std::string& name : names) {
      for (int i = 0; i < 1000; ++i) bench.add_retry("old", name);
      bench.add_many("new", name, 1000);
    }
    std::map<std::uint32_t, int> starts;
    std::map<std::uint32_t, int> retries;
    std::vector<JobId> running = bench.start_all();
    for (int i = 0; i < 1000; ++i) {
      std::vector<JobId> started;
      for (const JobId job : running) {
        const JobStatus status = *bench.schedule.status(job);
        ++starts[status.destination.index];
        if (!status.first_attempt) ++retries[status.destination.index];
        bench.finish(job, Verdict::refused);
        for (const JobId next : bench.start_all()) started.push_back(next);
      }
      running = started;
    }
    for (const auto& [destination, count] : starts) EXPECT_GE(retries[destination], count / 5) << others;
  }
}

TEST(ScheduleFairnessTest, AFirstAttemptGoesBeforeTheRetriesOfManyCustomers) {
  ScheduleOptions options;
  options.throttle.concurrency_start = options.throttle.concurrency_max = 1;
  ScheduleBench bench(options);
  for (int i = 0; i < 500; ++i) bench.add_retry("old" + std::to_string(i), "example.com");
  for (int i = 0; i < 5; ++i) bench.run_one();
  bench.add("new", "example.com");
  EXPECT_LE(turns_until(bench, "new", 10), 2);
}

TEST(ScheduleFairnessTest, RetriesUseAllThatFirstAttemptsLeave) {
  ScheduleBench bench(narrow(1));
  for (int i = 0; i < 100; ++i) bench.add_retry("a", "example.com");
  EXPECT_EQ(count_retries(bench, 100), 100);
}

}  // namespace
}  // namespace sluice::schedule

// A walk through a schedule: every job once, whatever goes from under it.
#include "engine/schedule/walk.h"

#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::uint64_t> messages_of(const std::vector<JobStatus>& page) {
  std::vector<std::uint64_t> messages;
  for (const JobStatus& job : page) messages.push_back(job.message);
  return messages;
}

TEST(ScheduleWalkTest, GoesThroughAllDestinations) {
  ScheduleFixture fixture;
  fixture.schedule.destination("empty.example");
  for (std::uint64_t i = 0; i < 3; ++i) fixture.add("a", "one.example", i);
  fixture.add("b", "two.example", 3);
  fixture.add("a", "three.example", 4);
  JobWalk walk(fixture.schedule);
  EXPECT_THAT(messages_of(walk.next(2)), ElementsAre(0, 1));
  EXPECT_FALSE(walk.over());
  EXPECT_THAT(messages_of(walk.next(10)), ElementsAre(2, 3, 4));
  EXPECT_TRUE(walk.over());
  EXPECT_THAT(walk.next(10), IsEmpty());
}

TEST(ScheduleWalkTest, GoesThroughOneDestination) {
  ScheduleFixture fixture;
  fixture.add("a", "one.example", 1);
  fixture.add("a", "two.example", 2);
  fixture.add("a", "three.example", 3);
  JobWalk one(fixture.schedule, fixture.schedule.find_destination("two.example"));
  EXPECT_THAT(messages_of(one.next(10)), ElementsAre(2));
  EXPECT_TRUE(one.over());
  EXPECT_TRUE(JobWalk(fixture.schedule, fixture.schedule.find_destination("four.example")).over());
}

TEST(ScheduleWalkTest, KeepsItsPlaceWhenJobsGo) {
  ScheduleFixture fixture;
  std::vector<JobId> jobs;
  for (std::uint64_t i = 0; i < 10; ++i) jobs.push_back(fixture.add("a", "example.com", i));
  JobWalk walk(fixture.schedule);
  JobWalk other(fixture.schedule);
  EXPECT_THAT(messages_of(walk.next(4)), ElementsAre(0, 1, 2, 3));
  // All that were seen, the next one, and one that is still to come.
  for (const std::size_t gone : {0, 1, 2, 3, 4, 5, 7}) EXPECT_TRUE(fixture.schedule.remove(jobs[gone], fixture.now));
  EXPECT_THAT(messages_of(walk.next(2)), ElementsAre(6, 8));
  EXPECT_THAT(messages_of(other.next(10)), ElementsAre(6, 8, 9));
  EXPECT_TRUE(fixture.schedule.remove(jobs[9], fixture.now));
  EXPECT_TRUE(walk.over());
}

// The destination goes with its last job, and its place in the table may be another one's then.
TEST(ScheduleWalkTest, GoesOnWhenItsDestinationGoes) {
  ScheduleOptions options;
  options.destinations_unused_max = 1;
  ScheduleFixture fixture(options);
  const JobId first = fixture.add("a", "one.example", 1);
  const JobId second = fixture.add("a", "one.example", 2);
  fixture.add("a", "two.example", 3);
  JobWalk walk(fixture.schedule);
  EXPECT_THAT(messages_of(walk.next(1)), ElementsAre(1));
  EXPECT_TRUE(fixture.schedule.remove(first, fixture.now));
  EXPECT_TRUE(fixture.schedule.remove(second, fixture.now));
  fixture.schedule.destination("three.example");
  EXPECT_FALSE(fixture.schedule.find_destination("one.example"));
  EXPECT_THAT(messages_of(walk.next(10)), ElementsAre(3));
}

// Many that are empty are gone past in portions.
TEST(ScheduleWalkTest, LooksAtSoMuchAndNoMore) {
  ScheduleOptions options;
  options.destinations_unused_max = 1000;
  ScheduleFixture fixture(options);
  for (int i = 0; i < 200; ++i) fixture.schedule.destination(std::to_string(i));
  fixture.add("a", "last.example", 1);
  JobWalk walk(fixture.schedule);
  int pages = 0;
  std::vector<JobStatus> found;
  for (; found.empty(); ++pages) found = walk.next(1);
  EXPECT_THAT(found, SizeIs(1));
  EXPECT_EQ(pages, 1 + static_cast<int>(200 / detail::kLooksEach));
}

}  // namespace
}  // namespace sluice::schedule

// The schedule against a model that keeps every job in one table and looks at all of them each time.  After every step
// of a random history: nothing starts that may not, nothing is left that may, everything is in the state that it
// should be in, and due() is exactly when the next thing can happen.  A failure names its seed.
#include <algorithm>
#include <random>

#include "tests/unit/schedule/schedule_fixture.h"

namespace sluice::schedule {
namespace {

constexpr Instant kNever = Instant::max();

struct ModelJob {
  JobId id;
  std::string destination;
  JobState state = JobState::waiting;
  Instant due;
  Instant expires = kNever;
  bool hold = false;
  bool remove = false;
  bool first_attempt = true;
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), options_(options(seed)), fixture_(options_) {}

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      settle();
      check();
    }
  }
  void drain();

 private:
  static ScheduleOptions options(std::uint64_t seed) {
    ScheduleOptions options;
    options.seed = seed;
    options.total_running_max = seed % 3 == 0 ? 4 : 100;
    options.throttle.concurrency_max = 5;
    options.throttle.messages_per_second = seed % 4 == 0 ? 2 : 0;
    options.throttle.unreachable_max = 1 + seed % 2;
    options.destinations_unused_max = 3;
    options.customers_unused_max = 1;
    return options;
  }
  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  Duration some_time() { return 1s * static_cast<int>(pick(pick(2) == 0 ? 20 : 7200)); }
  ModelJob* any(auto&& wanted) {
    std::vector<ModelJob*> found;
    for (ModelJob& job : jobs_)
      if (wanted(job)) found.push_back(&job);
    return found.empty() ? nullptr : found[pick(found.size())];
  }
  ModelJob* any_job() {
    return any([](const ModelJob&) { return true; });
  }
  ModelJob& find(JobId id) {
    const auto it = std::ranges::find(jobs_, id, &ModelJob::id);
    CHECK(it != jobs_.end());
    return *it;
  }
  void erase(JobId id) {
    gone_.push_back(id);
    std::erase_if(jobs_, [&](const ModelJob& job) { return job.id == id; });
  }

  void step();
  void add();
  void finish(ModelJob& job, Verdict verdict);
  void put_back(ModelJob& job);
  void operate();
  void settle();
  void check();
  void check_start(ModelJob& job);
  [[nodiscard]] bool waits(const ModelJob& job) const {
    return job.state == JobState::waiting || job.state == JobState::ready;
  }
  [[nodiscard]] std::uint32_t running_at(std::string_view destination) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        jobs_, [&](const ModelJob& job) { return job.state == JobState::running && job.destination == destination; }));
  }
  [[nodiscard]] std::size_t running() const {
    return static_cast<std::size_t>(std::ranges::count(jobs_, JobState::running, &ModelJob::state));
  }
  // When a ready job of that destination may start.
  Instant startable_at(const std::string& destination) {
    const DestinationStatus status = fixture_.status(destination);
    if (status.suspended ? status.probing : running_at(destination) >= status.window) return kNever;
    return status.not_before;
  }

  std::mt19937_64 random_;
  ScheduleOptions options_;
  ScheduleFixture fixture_;
  std::vector<ModelJob> jobs_;
  std::vector<JobId> gone_;
};

void Model::add() {
  const Duration after = pick(2) == 0 ? 0s : some_time();
  ModelJob job = {
      .destination = "d" + std::to_string(pick(6)), .due = fixture_.now + after, .first_attempt = pick(2) == 0};
  // Kept in whole seconds.
  if (pick(3) != 0) job.expires = std::chrono::ceil<std::chrono::seconds>(fixture_.now + some_time() * 2);
  job.id = fixture_.schedule.add({.destination = fixture_.schedule.destination(job.destination),
                                  .customer = fixture_.schedule.customer("c" + std::to_string(pick(4))),
                                  .due = job.due,
                                  .expires = job.expires,
                                  .first_attempt = job.first_attempt},
                                 fixture_.now);
  jobs_.push_back(job);
}

void Model::finish(ModelJob& job, Verdict verdict) {
  const JobId id = job.id;
  ASSERT_EQ(fixture_.schedule.finished(id, verdict, fixture_.now), !job.remove);
  if (job.remove) return erase(id);
  job.state = JobState::tried;
  if (verdict == Verdict::delivered || verdict == Verdict::refused) {
    ASSERT_TRUE(fixture_.schedule.remove(id, fixture_.now));
    return erase(id);
  }
  if (pick(4) != 0) put_back(job);
}

void Model::put_back(ModelJob& job) {
  job.due = fixture_.now + some_time();
  job.first_attempt = false;
  ASSERT_TRUE(fixture_.schedule.retry(job.id, job.due, fixture_.now));
  job.state = job.hold ? JobState::held : JobState::waiting;
}

void Model::operate() {
  ModelJob* job = any_job();
  if (job == nullptr) return;
  const JobId id = job->id;
  Schedule& schedule = fixture_.schedule;
  switch (pick(5)) {
    case 0:
      ASSERT_TRUE(schedule.remove(id, fixture_.now));
      if (job->state == JobState::running)
        job->remove = true;
      else
        erase(id);
      break;
    case 1:
      ASSERT_TRUE(schedule.hold(id, fixture_.now));
      job->hold = true;
      if (job->state != JobState::running && job->state != JobState::tried) job->state = JobState::held;
      break;
    case 2:
      ASSERT_EQ(schedule.release(id, fixture_.now), job->hold);
      job->hold = false;
      if (job->state == JobState::held) job->state = JobState::waiting;
      break;
    case 3:
      ASSERT_EQ(schedule.flush(id, fixture_.now), waits(*job));
      if (waits(*job)) job->due = std::min(job->due, fixture_.now);
      break;
    default:
      ASSERT_TRUE(schedule.flush(schedule.find_destination(job->destination), fixture_.now));
      for (ModelJob& each : jobs_)
        if (each.destination == job->destination && waits(each)) each.due = std::min(each.due, fixture_.now);
  }
}

void Model::step() {
  const auto is_running = [](const ModelJob& job) { return job.state == JobState::running; };
  constexpr Verdict kVerdicts[] = {Verdict::delivered,   Verdict::delivered, Verdict::refused,  Verdict::deferred,
                                   Verdict::unreachable, Verdict::not_tried, Verdict::delivered};
  const std::size_t what = pick(100);
  if (what < 30) return add();
  if (what < 60) {
    if (ModelJob* job = any(is_running)) finish(*job, kVerdicts[pick(std::size(kVerdicts))]);
  } else if (what < 70) {
    if (ModelJob* job = any([](const ModelJob& each) { return each.state == JobState::tried; })) put_back(*job);
  } else if (what < 80) {
    operate();
  } else if (what < 95) {
    const Instant due = fixture_.schedule.due(fixture_.now);
    fixture_.now = due == kNever ? fixture_.now + some_time() : std::max(fixture_.now, due);
  } else {
    fixture_.now += some_time();
  }
}

void Model::check_start(ModelJob& job) {
  ASSERT_TRUE(waits(job));
  ASSERT_LE(job.due, fixture_.now);
  ASSERT_GT(job.expires, fixture_.now);
  ASSERT_EQ(fixture_.schedule.status(job.id)->first_attempt, job.first_attempt);
  const DestinationStatus status = fixture_.status(job.destination);
  const std::uint32_t before = running_at(job.destination);
  job.state = JobState::running;
  ASSERT_EQ(status.running, before + 1);
  if (status.suspended)
    ASSERT_TRUE(status.probing);
  else
    ASSERT_LE(status.running, status.window);
  ASSERT_LE(running(), fixture_.schedule.running());
}

// Takes all that the schedule has to give.
void Model::settle() {
  for (ModelJob& job : jobs_)
    if (waits(job)) job.state = job.due <= fixture_.now ? JobState::ready : JobState::waiting;
  while (const auto id = fixture_.next()) {
    ASSERT_NO_FATAL_FAILURE(check_start(find(*id)));
  }
  while (const auto id = fixture_.schedule.expired(fixture_.now)) {
    ModelJob& job = find(*id);
    ASSERT_TRUE(waits(job) || job.state == JobState::held);
    ASSERT_LE(job.expires, fixture_.now);
    job.state = JobState::tried;
    ASSERT_TRUE(fixture_.schedule.remove(*id, fixture_.now));
    erase(*id);
  }
}

void Model::check() {
  const bool full = running() >= options_.total_running_max;
  Instant expected = kNever;
  for (const ModelJob& job : jobs_) {
    ASSERT_EQ(fixture_.state(job.id), job.state);
    ASSERT_EQ(fixture_.schedule.status(job.id)->hold, job.hold);
    if (!waits(job) && job.state != JobState::held) continue;
    ASSERT_GT(job.expires, fixture_.now) << "should have been said to be expired";
    expected = std::min(expected, job.expires);
    if (job.state == JobState::held) continue;
    if (job.state == JobState::waiting) expected = std::min(expected, job.due);
    if (job.state != JobState::ready || full) continue;
    const Instant startable = startable_at(job.destination);
    ASSERT_GT(startable, fixture_.now) << "should have been started";
    expected = std::min(expected, startable);
  }
  ASSERT_EQ(fixture_.schedule.due(fixture_.now), expected);
  ASSERT_EQ(fixture_.schedule.size(), jobs_.size());
  ASSERT_EQ(fixture_.schedule.running(), running());
  ASSERT_EQ(fixture_.schedule.ready(),
            static_cast<std::size_t>(std::ranges::count(jobs_, JobState::ready, &ModelJob::state)));
  for (const JobId id : gone_) ASSERT_FALSE(fixture_.schedule.status(id));
  if (gone_.size() > 50) gone_.erase(gone_.begin(), gone_.begin() + 25);
}

// When all goes well from now on, all is delivered.
void Model::drain() {
  for (ModelJob& job : jobs_)
    if (job.hold) {
      ASSERT_TRUE(fixture_.schedule.release(job.id, fixture_.now));
      job.hold = false;
      if (job.state == JobState::held) job.state = JobState::waiting;
    }
  for (int i = 0; i < 100'000 && !jobs_.empty() && !::testing::Test::HasFailure(); ++i) {
    settle();
    if (ModelJob* job = any([](const ModelJob& each) { return each.state == JobState::tried; })) {
      put_back(*job);
    } else if (ModelJob* running = any([](const ModelJob& each) { return each.state == JobState::running; })) {
      finish(*running, Verdict::delivered);
    } else if (!jobs_.empty()) {
      ASSERT_NE(fixture_.schedule.due(fixture_.now), kNever);
      fixture_.now = std::max(fixture_.now, fixture_.schedule.due(fixture_.now));
    }
  }
  EXPECT_TRUE(jobs_.empty());
  EXPECT_EQ(fixture_.schedule.size(), 0U);
  EXPECT_EQ(fixture_.schedule.running(), 0U);
  EXPECT_EQ(fixture_.schedule.ready(), 0U);
  EXPECT_EQ(fixture_.schedule.flow_count(), 0U);
  EXPECT_EQ(fixture_.schedule.due(fixture_.now), kNever);
  EXPECT_LE(fixture_.schedule.destination_count(), 3U);
  EXPECT_EQ(fixture_.schedule.counters().added, fixture_.schedule.counters().removed);
}

TEST(ScheduleModelTest, DoesWhatTheModelAllowsAndNothingLess) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed);
    model.run(400);
    if (!HasFailure()) model.drain();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::schedule

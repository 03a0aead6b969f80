// What a file keeps of accounts: what one process writes the next one goes on with, whatever clocks have done
// meanwhile.
#include "policy/noticing/account_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/noticing/account_watch.h"
#include "tests/support/noticed_version_1.h"

namespace sluice::noticing {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHeldAccount = "thief@example.com";
constexpr std::string_view kOtherAccount = "other@example.com";
constexpr WallMillis kBegan = 1'795'900'000'000;
constexpr WallMillis kHourMs = 3'600'000;
constexpr WallMillis kYearMs = 365 * 24 * kHourMs;
constexpr AccountWatch::Key kKey{std::byte{7}};

// One whose policies go by `wall`, and whose Instants begin anew, as a machine's do.
struct Process {
  explicit Process(WallMillis wall) : began(wall), watch(kKey, std::chrono::milliseconds(wall)) {}

  [[nodiscard]] WallMillis wall() const { return began + now.time_since_epoch() / 1ms; }
  // A message to so many that it has never written to, one in seven of whom no next hop knows.
  Step send(std::string_view account, std::uint32_t recipients) {
    std::vector<std::uint64_t> hashes;
    std::vector<Outcome> outcomes;
    for (std::uint32_t i = 0; i < recipients; ++i) {
      hashes.push_back(watch.hash(std::string(account) + std::to_string(++strangers)));
      outcomes.push_back({.kind = i % 7 == 1 ? OutcomeKind::unknown : OutcomeKind::accepted, .recipient = hashes[i]});
    }
    static_cast<void>(watch.message(account, home, {.recipients = recipients, .network = 1}, hashes, now));
    static_cast<void>(watch.outcomes(account, outcomes, now));
    return watch.step(account, home, now);
  }
  [[nodiscard]] bool holds(std::string_view account) { return watch.step(account, home, now) >= Step::hold; }
  std::string written(AccountWatch::Unwritten which = AccountWatch::Unwritten::all) {
    std::string bytes;
    for (std::size_t shard = 0; shard < AccountWatch::kShards; ++shard)
      watch.append_records(watch.take_unwritten(shard, which), wall(), bytes);
    return bytes;
  }
  AccountWatch::Restored restore(std::string_view bytes) {
    WallMillis latest = 0;
    while (auto record = take_record(bytes)) {
      latest = std::max(latest, record->at);
      watch.restore(*std::move(record), std::vector{home});
    }
    EXPECT_TRUE(bytes.empty());
    return watch.restored(latest, wall());
  }

  WallMillis began;
  AccountWatch watch;
  WatchedClass home{.name = "home", .policy = built_in_policy("home")};
  Instant now{};
  std::uint32_t strangers = 0;
};

struct Held : Process {
  explicit Held(WallMillis wall) : Process(wall) {
    for (int i = 0; i < 20 && send(kHeldAccount, 20) < Step::hold; ++i) now += 1min;
  }
};

TEST(AccountRecord, TheHeadHasTheKey) {
  std::string bytes;
  append_head(bytes, kKey);
  std::string_view rest = bytes;
  EXPECT_EQ(take_head(rest), (FileHead{.key = kKey, .version = kRecordVersion}));
  EXPECT_TRUE(rest.empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    rest = damaged;
    EXPECT_EQ(take_head(rest), std::nullopt) << i;
    rest = std::string_view(bytes).substr(0, i);
    EXPECT_EQ(take_head(rest), std::nullopt) << i;
  }
}

TEST(AccountRecord, AFileOfVersionOneIsReadAndGoesOn) {
  const std::string bytes = file_of_version_1();
  std::string_view rest = bytes;
  ASSERT_EQ(take_head(rest), (FileHead{.key = kKey, .version = 1}));
  std::string_view as_if_new = rest;
  EXPECT_FALSE(take_record(as_if_new, 2).has_value());
  std::string_view skipped = rest;
  EXPECT_EQ(skip_damage(skipped, /*end=*/true, 1), 0U) << "it is no damage";
  auto record = take_record(rest, 1);
  ASSERT_TRUE(record.has_value());
  EXPECT_TRUE(rest.empty());
  std::string written;
  append_record(written, record->account, record->at, record->policy_class, record->state);
  std::string_view again = written;
  record = take_record(again);
  ASSERT_TRUE(record.has_value());
  ASSERT_NE(record->state.day, nullptr);
  EXPECT_EQ(record->state.day->hours.sum(&HourCounts::answered), 8U);
  EXPECT_EQ(record->state.day->hours.sum(&HourCounts::unknown), 0U) << "was not counted then";
  const std::uint32_t hour = record->state.day->hour;
  EXPECT_EQ(record->state.day->texts.most_sent(hour).recipients, 8U);
  EXPECT_EQ(record->state.day->texts.most_sent(hour).scattered, 0);

  Process after(kBegan + 3 * kHourMs);
  const WallMillis at = record->at;
  after.watch.restore(*std::move(record), std::vector{after.home});
  static_cast<void>(after.watch.restored(at, after.wall()));
  const auto look = after.watch.look(kHeldAccount, after.now);
  ASSERT_TRUE(look.has_value());
  EXPECT_EQ(look->recipients, 8U);
  EXPECT_EQ(look->first_time_recipients, 8U);
  EXPECT_EQ(reasons_text(look->verdict), "next hops refused 3 of 7 recipients as unknown; up to 0 are ordinary");
  EXPECT_EQ(after.watch.knows(kHeldAccount, std::vector{after.watch.hash("a0"), after.watch.hash("c0")}),
            (std::vector{true, false}));
}

// What is counted over weeks is there again, too.
TEST(AccountRecord, AScatteredTextIsKept) {
  Process before(kBegan);
  const MessageFacts facts{.recipients = 1, .network = 1UL << 48, .text = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8}}};
  for (std::uint64_t i = 0; i < 240; ++i) {
    MessageFacts each = facts;
    each.network <<= i % 2;
    const std::vector to{before.watch.hash("s" + std::to_string(i))};
    static_cast<void>(before.watch.message(kOtherAccount, before.home, each, to, before.now));
    before.now += 20min;
  }
  const auto was = before.watch.look(kOtherAccount, before.now);
  EXPECT_NE(reasons_text(was->verdict).find("the same texts from several networks"), std::string::npos);
  Process after(before.wall());
  after.restore(before.written());
  EXPECT_EQ(reasons_text(after.watch.look(kOtherAccount, after.now)->verdict), reasons_text(was->verdict));
}

TEST(AccountRecord, ARecordThatIsTornOrDamagedIsNone) {
  Held before(kBegan);
  const std::string bytes = before.written();
  std::string_view whole = bytes;
  ASSERT_TRUE(take_record(whole).has_value());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string_view torn = std::string_view(bytes).substr(0, i);
    EXPECT_FALSE(take_record(torn).has_value()) << i;
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    std::string_view rest = damaged;
    EXPECT_FALSE(take_record(rest).has_value()) << i;
    EXPECT_EQ(rest, damaged);
  }
}

// Whatever becomes of one, the records around it are found.
TEST(AccountRecord, WhatIsDamagedIsLeftOutAndNothingElse) {
  Held held(kBegan);
  static_cast<void>(held.send(kOtherAccount, 1));
  std::vector<std::string> records;
  for (const std::string_view account : {kOtherAccount, kHeldAccount, kOtherAccount}) {
    const std::uint64_t name = held.watch.hash(account);
    held.watch.append_records(std::span(&name, 1), held.wall(), records.emplace_back());
  }
  for (std::size_t i = 0; i < records[1].size(); ++i) {
    std::string damaged = records[1];
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const std::string file = records[0] + damaged + records[2];
    std::string_view rest = file;
    ASSERT_TRUE(take_record(rest).has_value());
    EXPECT_EQ(skip_damage(rest, /*end=*/true), damaged.size()) << i;
    EXPECT_EQ(rest, records[2]) << i;
  }
  const std::string zeros(5, '\0');
  std::string_view rest = zeros;
  EXPECT_EQ(skip_damage(rest, /*end=*/true), zeros.size());
}

TEST(AccountRecord, WhatMayBeARecordWhenMoreIsReadIsNotLeftOut) {
  Held held(kBegan);
  const std::string record = held.written();
  for (std::size_t size = 0; size < record.size(); ++size) {
    const std::string some = "damaged" + record.substr(0, size);
    std::string_view rest = some;
    EXPECT_LE(skip_damage(rest, /*end=*/false), 7U) << size;
    rest = some;
    EXPECT_EQ(skip_damage(rest, /*end=*/true), some.size()) << size;
  }
}

TEST(AccountRecord, AHoldGoesOnUntilItsTimerAndItsReasonsAreThere) {
  Held before(kBegan);
  const auto was = before.watch.look(kHeldAccount, before.now);
  Process after(before.wall() + 60'000);
  const auto restored = after.restore(before.written());
  EXPECT_EQ(restored.accounts, 1U);
  EXPECT_EQ(restored.held, 1U);
  EXPECT_FALSE(restored.clock_set);
  EXPECT_TRUE(after.holds(kHeldAccount));
  const auto is = after.watch.look(kHeldAccount, after.now);
  ASSERT_TRUE(was && is);
  EXPECT_EQ(is->recipients, was->recipients);
  EXPECT_EQ(is->first_time_recipients, was->first_time_recipients);
  EXPECT_EQ(is->unknown, was->unknown);
  EXPECT_EQ(is->policy_class, "home");
  EXPECT_EQ(reasons_text(is->verdict), reasons_text(was->verdict));
  EXPECT_EQ(is->verdict.strikes, 1U);
  EXPECT_GT(was->until, before.wall());
  EXPECT_LE(was->until, before.wall() + before.home.policy.suspend_time / 1ms);
  EXPECT_EQ(is->until, was->until);
  after.now += after.home.policy.suspend_time;
  EXPECT_FALSE(after.holds(kHeldAccount));
  EXPECT_EQ(after.watch.look(kHeldAccount, after.now)->until, 0) << "no timer runs any more";
}

TEST(AccountRecord, AKnownRecipientIsNoStranger) {
  Process before(kBegan);
  const std::vector recipients{before.watch.hash("friend@far.test")};
  static_cast<void>(
      before.watch.message(kOtherAccount, before.home, {.recipients = 1, .network = 1}, recipients, before.now));
  Process after(before.wall());
  after.restore(before.written());
  const std::vector asked{recipients[0], before.watch.hash("stranger@far.test")};
  EXPECT_EQ(after.watch.knows(kOtherAccount, asked), (std::vector{true, false}));
  EXPECT_EQ(after.watch.knows(kHeldAccount, asked), (std::vector{false, false}));
  static_cast<void>(
      after.watch.message(kOtherAccount, after.home, {.recipients = 1, .network = 1}, recipients, after.now));
  EXPECT_EQ(after.watch.look(kOtherAccount, after.now)->first_time_recipients, 1U) << "once";
  EXPECT_EQ(after.watch.look(kOtherAccount, after.now)->recipients, 2U);
}

TEST(AccountRecord, TheStepsAreWrittenAloneAndAReleaseIsOne) {
  Held before(kBegan);
  static_cast<void>(before.send(kOtherAccount, 1));
  int woken = 0;
  before.watch.set_wake([&woken] { ++woken; });
  std::string file = before.written();
  EXPECT_EQ(before.written(AccountWatch::Unwritten::changes), "");
  static_cast<void>(before.send(kOtherAccount, 1));
  EXPECT_EQ(woken, 0);
  static_cast<void>(before.written(AccountWatch::Unwritten::steps));
  EXPECT_EQ(before.written(AccountWatch::Unwritten::steps), "") << "no step was taken";
  EXPECT_TRUE(before.watch.release(kHeldAccount));
  EXPECT_EQ(woken, 1);
  const std::string steps = before.written(AccountWatch::Unwritten::steps);
  EXPECT_NE(steps, "");
  EXPECT_NE(before.written(AccountWatch::Unwritten::changes), "");
  Process after(before.wall());
  EXPECT_EQ(after.restore(file + steps).held, 0U);
  EXPECT_FALSE(after.holds(kHeldAccount));
  Process without(before.wall());
  EXPECT_EQ(without.restore(file).held, 1U);
}

// Years on either side, and some of less than an hour.
TEST(AccountRecord, AClockThatWasSetHoldsNobodyForLongerThanAStepLasts) {
  for (const WallMillis set : {-10 * kYearMs, -kHourMs, -1000L, 1000L, 50 * kHourMs, 10 * kYearMs}) {
    Held before(kBegan);
    ASSERT_TRUE(before.holds(kHeldAccount));
    Process after(before.wall() + set);
    const auto restored = after.restore(before.written());
    EXPECT_EQ(restored.clock_set, set <= -60'000 || set > 31 * 24 * kHourMs) << set;
    EXPECT_EQ(after.holds(kHeldAccount), set < 24 * kHourMs) << set;
    after.now += after.home.policy.suspend_time + 1min;
    EXPECT_FALSE(after.holds(kHeldAccount)) << set;
    // Counting goes on.
    const auto sent = after.watch.look(kHeldAccount, after.now)->recipients;
    static_cast<void>(after.send(kHeldAccount, 2));
    EXPECT_EQ(after.watch.look(kHeldAccount, after.now)->recipients, sent + 2) << set;
  }
}

// By less than an hour, at each minute of one.
TEST(AccountRecord, AClockThatWasSetBackFreesNobodyOfAStrike) {
  for (WallMillis minute = 0; minute < 60; ++minute) {
    for (const WallMillis set : {-kHourMs - kHourMs / 2, -kHourMs / 2, -30'000L}) {
      Held before(kBegan + minute * 60'000);
      Process after(before.wall() + set);
      after.restore(before.written());
      EXPECT_EQ(after.watch.look(kHeldAccount, after.now)->verdict.strikes, 1U) << minute << ' ' << set;
    }
  }
}

TEST(AccountRecord, AHoldWhoseTimerIsOverIsNone) {
  Held before(kBegan);
  Process after(before.wall() + 5 * 24 * kHourMs);
  const auto restored = after.restore(before.written());
  EXPECT_EQ(restored.accounts, 1U);
  EXPECT_EQ(restored.held, 0U);
  EXPECT_FALSE(after.holds(kHeldAccount));
}

TEST(AccountRecord, NoHistoryIsLostToAClockThatWasSet) {
  Process before(kBegan);
  const std::vector recipients{before.watch.hash("friend@far.test")};
  static_cast<void>(
      before.watch.message(kOtherAccount, before.home, {.recipients = 1, .network = 1}, recipients, before.now));
  const std::string file = before.written();
  for (const WallMillis set : {-10 * kYearMs, 10 * kYearMs}) {
    Process after(before.wall() + set);
    after.restore(file);
    after.now += 2h;
    static_cast<void>(
        after.watch.message(kOtherAccount, after.home, {.recipients = 1, .network = 1}, recipients, after.now));
    const auto look = after.watch.look(kOtherAccount, after.now);
    EXPECT_EQ(look->first_time_recipients, set < 0 ? 1U : 0U) << "none but the one of before";
  }
}

TEST(AccountRecord, AnAccountThatHasSentNothingForAYearIsForgotten) {
  Process process(kBegan);
  for (int i = 0; i < 64 * 8; ++i) static_cast<void>(process.send("a" + std::to_string(i), 1));
  static_cast<void>(process.send(kHeldAccount, 1));
  process.now += 367 * 24h;
  for (int i = 0; i < 64 * 8; ++i) static_cast<void>(process.send("b" + std::to_string(i), 1));
  EXPECT_EQ(process.watch.look(kHeldAccount, process.now), std::nullopt);
}

TEST(AccountRecord, OfAClassThatIsGoneAnAccountIsWatchedWhenItSendsAgain) {
  Held before(kBegan);
  Process after(before.wall());
  std::string file = before.written();
  std::string_view rest = file;
  auto record = take_record(rest);
  ASSERT_TRUE(record.has_value());
  const WallMillis at = record->at;
  after.watch.restore(*std::move(record), {});
  static_cast<void>(after.watch.restored(at, after.wall()));
  EXPECT_EQ(after.watch.look(kHeldAccount, after.now)->taken, Step::pass);
  EXPECT_TRUE(after.holds(kHeldAccount)) << "by the class that it sends by now";
}

}  // namespace
}  // namespace sluice::noticing

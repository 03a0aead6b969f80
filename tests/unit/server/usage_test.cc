// What sluicectl usage finds beside the limits: what accounts did lately, and what was decided about them.
#include "engine/server/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/event/events.h"

namespace sluice::server {
namespace {

using ::testing::ElementsAre;

class SetClock final : public io::Clock {
 public:
  Instant now() override { return at; }
  WallMillis wall() override { return 0; }
  Instant at = Instant() + std::chrono::hours(1000);
};

template <typename Type>
void give(event::Consumer& consumer, const Type& of) {
  const auto values = event::values_of(of);
  consumer.take(
      {.at = 0, .kind = Type::kKind, .severity = Type::kSeverity, .row = event::row_of(Type::kKind), .values = values});
}

event::Message message_of(std::string_view account, std::uint64_t recipients, std::string_view verdict = "taken") {
  return {.id = "A",
          .verdict = verdict,
          .code = 250,
          .customer = "acme",
          .account = account,
          .recipients = recipients,
          .recipients_taken = recipients};
}

event::Refused refusal_of(std::string_view account, std::string_view id, std::string_view customer = "acme") {
  return {.id = id, .code = 550, .reason = "limit_reached", .customer = customer, .account = account};
}

TEST(SenderActivities, CountsLargeMessagesRefusalsAndHeldMail) {
  SetClock clock;
  SenderActivities activities(clock);
  give(activities, message_of("ann@example.com", 50));
  give(activities, message_of("ann@example.com", 51));
  give(activities, message_of("ann@example.com", 80, "refused"));
  auto refused = refusal_of("ann@example.com", "B");
  refused.not_logged = 4;
  give(activities, refused);
  give(activities, event::MessageHeld{.id = "A", .account = "ann@example.com", .customer = "acme"});
  give(activities, message_of("", 90));
  const auto found = activities.list();
  ASSERT_EQ(found.size(), 1U) << "a trusted host is no account";
  EXPECT_EQ(found[0].account, "ann@example.com");
  EXPECT_EQ(found[0].customer, "acme");
  EXPECT_EQ(found[0].large_messages, 1U) << "50 are not many, and a refused one is none";
  EXPECT_EQ(found[0].refused, 6U);
  EXPECT_EQ(found[0].held, 1U);
}

TEST(SenderActivities, CountsTheLast24Hours) {
  SetClock clock;
  SenderActivities activities(clock);
  give(activities, message_of("ann@example.com", 60));
  clock.at += std::chrono::hours(23);
  give(activities, message_of("ann@example.com", 60));
  EXPECT_EQ(activities.list()[0].large_messages, 2U);
  clock.at += std::chrono::hours(1);
  EXPECT_EQ(activities.list()[0].large_messages, 1U);
  clock.at += std::chrono::hours(24);
  EXPECT_EQ(activities.list()[0].large_messages, 0U);
}

TEST(SenderActivities, KeepsSoManyAccountsAndNoMore) {
  SetClock clock;
  SenderActivities activities(clock);
  for (std::size_t i = 0; i < 2 * SenderActivities::kAccountsMax; ++i)
    give(activities, message_of(std::to_string(i) + "@example.com", 1));
  EXPECT_EQ(activities.list().size(), SenderActivities::kAccountsMax);
}

class UsageTest : public ::testing::Test {
 protected:
  UsageTest() : activities(clock), budgets(clock, 1) {}
  UsageSources sources() {
    return {.budgets = budgets, .watch = watch, .activities = activities, .decisions = decisions};
  }
  control::Usage find(const control::UsageRequest& request, const UsageReadings& readings = {}) {
    return find_usage(sources(), readings, request, clock.at);
  }
  static std::vector<std::string> names(const control::Usage& usage) {
    std::vector<std::string> found;
    for (const control::SenderRow& row : usage.senders) found.push_back(std::string(row.subject) + " " + row.name);
    return found;
  }
  void spend(policy::Subject subject, const std::string& name) {
    const policy::MeterKey key{.subject = subject, .name = name};
    const policy::Limit limit{.amount = 1000};
    bool recorded = false;
    while (true) {
      const policy::Grant grant =
          budgets.shared.lease(0, key, std::span(&limit, 1), 1, budgets.clock.now(), [&] { recorded = true; });
      if (!grant.recording) return budgets.shared.settle(0, key, 1, grant.granted - 1, false, budgets.clock.now());
      auto writing = budgets.shared.gather(budgets.clock.now());
      budgets.shared.recorded(writing);
      ASSERT_TRUE(recorded);
    }
  }

  SetClock clock;
  SenderActivities activities;
  DecisionLog decisions;
  policy::Budgets budgets;
  noticing::AccountWatch watch{noticing::AccountWatch::Key{}};
};

TEST_F(UsageTest, SumsUpTheAccountsOfACustomer) {
  give(activities, message_of("ann@example.com", 60));
  give(activities, message_of("bob@example.com", 60));
  give(activities, refusal_of("eve@example.net", "B", "other"));
  const control::Usage usage = find({.customer = "ACME"});
  EXPECT_THAT(names(usage),
              ::testing::UnorderedElementsAre("account ann@example.com", "account bob@example.com", "customer acme"));
  EXPECT_EQ(usage.senders.back().large_messages, 2U);
  EXPECT_FALSE(usage.senders.back().networks.has_value());
  EXPECT_THAT(names(find({.account = "Eve@Example.net"})), ElementsAre("account eve@example.net"));
  EXPECT_EQ(names(find({})).size(), 5U);
}

TEST_F(UsageTest, HasTheNetworksAndAnswersOfWhomIsWatched) {
  const noticing::WatchedClass by{.name = "home"};
  for (const std::uint64_t network : {1, 2, 3})
    static_cast<void>(watch.message("ann@example.com", by, {.recipients = 1, .network = network << 48U}, {}, clock.at));
  const std::array outcomes{
      noticing::Outcome{.kind = noticing::OutcomeKind::accepted, .recipient = 1},
      noticing::Outcome{.kind = noticing::OutcomeKind::unknown, .recipient = std::uint64_t{2} << 48U}};
  static_cast<void>(watch.outcomes("ann@example.com", outcomes, clock.at));
  give(activities, message_of("ann@example.com", 1));
  give(activities, message_of("bob@example.com", 1));
  const control::Usage usage = find({.account = "ann@example.com"});
  ASSERT_EQ(usage.senders.size(), 1U);
  EXPECT_EQ(usage.senders[0].networks, 3U);
  EXPECT_EQ(usage.senders[0].answered, 2U);
  EXPECT_EQ(usage.senders[0].unknown, 1U);
  EXPECT_FALSE(find({.account = "bob@example.com"}).senders[0].networks.has_value()) << "nobody has looked";
  clock.at += std::chrono::hours(25);
  EXPECT_EQ(find({.account = "ann@example.com"}).senders[0].networks, 0U);
}

TEST_F(UsageTest, HasTheLastDecisionsOfWhomIsAskedFor) {
  for (int i = 0; i < 12; ++i) give(decisions, refusal_of("ann@example.com", "A" + std::to_string(i)));
  give(decisions, refusal_of("eve@example.net", "E", "other"));
  give(decisions, refusal_of("", "S", ""));
  const auto ids = [this](const control::UsageRequest& request) {
    std::vector<std::string> found;
    for (const control::DecidedEvent& event : find(request).decisions) found.push_back(event.id);
    return found;
  };
  EXPECT_THAT(ids({.account = "ann@example.com"}),
              ElementsAre("A11", "A10", "A9", "A8", "A7", "A6", "A5", "A4", "A3", "A2"));
  EXPECT_THAT(ids({.customer = "Other"}), ElementsAre("E"));
  EXPECT_EQ(ids({}).front(), "E") << "what strangers were refused is not about an account";
}

TEST_F(UsageTest, HasTheWindowsOfACustomersAccountsWhereTheBusiestAreAskedFor) {
  give(activities, message_of("ann@example.com", 1));
  spend(policy::Subject::account, "ann@example.com");
  spend(policy::Subject::account, "eve@example.net");
  spend(policy::Subject::customer, "acme");
  const auto windows = [this](const control::UsageRequest& request) {
    std::vector<std::string> found;
    for (const control::UsageRow& row : find(request).windows)
      found.push_back(row.name + " " + std::to_string(row.used));
    return found;
  };
  EXPECT_THAT(windows({.customer = "acme"}), ElementsAre("acme 1"));
  EXPECT_THAT(windows({.top = 5, .customer = "acme"}), ::testing::UnorderedElementsAre("acme 1", "ann@example.com 1"));
  EXPECT_EQ(windows({.top = 5}).size(), 3U);
}

TEST_F(UsageTest, HasTheDevicesOfAnAccount) {
  spend(policy::Subject::account, "ann@example.com");
  spend(policy::Subject::device, "ann@example.com/scanner/2");
  spend(policy::Subject::device, "ann@example.com.test/scanner");
  std::vector<std::string> found;
  for (const control::UsageRow& row : find({.account = "ann@example.com"}).windows) found.push_back(row.name);
  EXPECT_THAT(found, ::testing::UnorderedElementsAre("ann@example.com", "ann@example.com/scanner/2"));
}

TEST_F(UsageTest, HasTheUseOfTheCluster) {
  const policy::MeterKey ann{.name = "ann@example.com"};
  const policy::MeterKey bob{.name = "bob@example.com"};
  const policy::MeterKey eve{.name = "eve@example.net"};
  spend(policy::Subject::account, ann.name);
  spend(policy::Subject::account, bob.name);
  UsageReadings readings;
  readings.cluster.emplace();
  readings.cluster->fault = "it does not answer";
  readings.cluster->uses[ann] = {.spent = {1, 20, 30, 40}, .others = 5, .reported = 1, .own = 2};
  readings.cluster->uses[eve] = {.spent = {0, 0, 7, 7}};
  const control::Usage usage = find({}, readings);
  EXPECT_EQ(usage.cluster_fault, "it does not answer");
  std::vector<std::string> found;
  for (const control::UsageRow& row : usage.windows)
    found.push_back(row.name + " " + std::string(row.window) + " " + std::to_string(row.used) + " " +
                    std::to_string(row.used_here) + (row.of_cluster ? " cluster" : " relay") +
                    (row.left_unknown ? " unknown" : ""));
  EXPECT_THAT(found, ::testing::UnorderedElementsAre(
                         "ann@example.com day 37 1 cluster", "bob@example.com day 1 1 relay unknown",
                         "eve@example.net day 7 0 cluster", "eve@example.net month 7 0 cluster"));
}

TEST_F(UsageTest, NeitherWhatCoresHaveNotReservedNorWhatWaitsForThemIsUsed) {
  const policy::MeterKey ann{.name = "ann@example.com"};
  const policy::Limit limit{.amount = 1000};
  std::uint64_t granted = 0;
  while (granted == 0) {
    granted = budgets.shared.lease(0, ann, std::span(&limit, 1), 10, budgets.clock.now(), [] {}).granted;
    auto writing = budgets.shared.gather(budgets.clock.now());
    budgets.shared.recorded(writing);
  }
  UsageReadings readings{.unreserved = {{ann, granted - 3}}, .cluster = std::nullopt};
  EXPECT_EQ(find({}, readings).windows.at(0).used, 3U);
  readings.cluster.emplace().uses[ann] = {.spent = {0, 0, 50, 50}, .others = 0, .reported = 0, .own = granted};
  EXPECT_EQ(find({}, readings).windows.at(0).used, 53U);
}

TEST_F(UsageTest, TheClusterIsAskedOfWhomIsAskedForAndOfThoseNextToTheirLimit) {
  const auto subjects = [this](const control::UsageRequest& request) {
    std::vector<std::string> names;
    for (const policy::MeterKey& key : usage_meters(sources(), request, clock.at)) names.push_back(key.name);
    return names;
  };
  EXPECT_THAT(subjects({}), ElementsAre());
  EXPECT_EQ(subjects({.account = "Ann@Example.com"}), std::vector<std::string>(auth::kQuantities, "ann@example.com"));
  for (std::size_t i = 0; i < kClusterMetersMax + 10; ++i)
    spend(policy::Subject::account, std::to_string(i) + "@example.com");
  for (int i = 0; i < 3; ++i) spend(policy::Subject::account, "full@example.com");
  const auto asked = subjects({});
  EXPECT_EQ(asked.size(), kClusterMetersMax);
  EXPECT_THAT(asked, ::testing::Contains("full@example.com"));
}

}  // namespace
}  // namespace sluice::server

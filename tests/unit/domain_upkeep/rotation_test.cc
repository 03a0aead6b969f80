// Rotation on a timer over months: a relay that does its work every three hours, a zone file that a name server loads
// when it likes, and resolvers that keep what they have asked for as long as they may.  At each minute the signatures
// that are made, and all that were made and may be on their way, must verify for everybody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/domain_upkeep/upkeep_world.h"

namespace sluice::domain_upkeep {
namespace {

using ::testing::IsEmpty;
using Kind = News::Kind;

constexpr WallMillis kResolversKeep = kHourMs;

UpkeepRules rotation_rules() {
  UpkeepRules rules = upkeep_rules();
  rules.check_every = std::chrono::hours(6);
  rules.life.rotate_after = 7 * kDayMs;
  return rules;
}

class Months {
 public:
  explicit Months(const UpkeepRules& rules, WallMillis mail_takes_max)
      : mail_takes_max_(mail_takes_max), world_(rules) {
    const auto [name, text] = world_.claim();
    world_.names.texts[name] = text;
  }

  void run(WallMillis span) {
    const WallMillis end = world_.clock.at + span;
    for (; world_.clock.at < end; world_.clock.at += kMinuteMs) {
      const WallMillis minute = (world_.clock.at - kFirstMoment) / kMinuteMs;
      if (minute % 180 == 0) work();
      // Five hours behind a change, now and then.
      if (minute % 307 == 170) load_zone();
      sign();
      look_at_what_was_signed();
    }
  }

  std::size_t count(Kind kind) const { return static_cast<std::size_t>(std::ranges::count(reported, kind)); }
  std::vector<Kind> reported;
  std::size_t verified = 0;
  std::vector<std::string> unverified;

 private:
  struct Served {
    std::string record;
    WallMillis since = 0;
  };
  struct Used {
    std::string name;
    std::string record;
    WallMillis last = 0;
  };

  void work() {
    while (world_.upkeep->run_one() != Upkeep::Done::nothing) {
    }
    std::ranges::move(world_.reported(), std::back_inserter(reported));
    if (!zone_.is_stale(world_.store(), world_.zone_rules()).value()) return;
    EXPECT_TRUE(zone_.publish(world_.store(), world_.zone_rules(), world_.clock.at));
    keys_ = world_.keys();
  }

  // As its name server reads the file.
  void load_zone() {
    std::string text = world_.zone_text();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      const std::size_t in = line.find(" IN TXT ");
      if (in == std::string::npos) continue;
      std::string record = line.substr(in + 8);
      for (std::size_t gap = record.find("\" \""); gap != std::string::npos; gap = record.find("\" \""))
        record.erase(gap, 3);
      std::erase(record, '"');
      const std::string selector = line.substr(0, line.find('.'));
      const std::string name = domain_keys::key_name(kDomain, selector);
      Served& served = served_[name];
      if (served.record != record) served = {.record = record, .since = world_.clock.at};
      world_.names.texts[name] = record;
    }
  }

  void sign() {
    std::set<std::string> algorithms;
    for (const auth::SigningKeyRecord& key : keys_)
      if (domain_keys::signs(key, world_.clock.at)) {
        algorithms.insert(key.algorithm);
        const std::string name = domain_keys::key_name(kDomain, key.selector);
        used_[key.public_key] = {.name = name, .record = domain_keys::key_record(key), .last = world_.clock.at};
        // A resolver that asked just before the record came keeps for a time that there is none.
        if (served_[name].since + kResolversKeep > world_.clock.at) unverified.push_back(name + " is not known to all");
      }
    // Once keys sign, some always do.
    if (algorithms.size() < signing_) unverified.emplace_back("there is no key of an algorithm");
    signing_ = std::max(signing_, algorithms.size());
  }

  void look_at_what_was_signed() {
    for (const auto& [public_key, used] : used_) {
      if (used.last + mail_takes_max_ <= world_.clock.at) continue;
      if (served_[used.name].record == used.record) {
        ++verified;
      } else {
        unverified.push_back(used.name + " is " + served_[used.name].record);
      }
    }
  }

  WallMillis mail_takes_max_;
  UpkeepWorld world_;
  KeptZone zone_;
  std::vector<auth::SigningKeyRecord> keys_;
  std::map<std::string, Served> served_;
  std::map<std::string, Used> used_;  // by the public key
  std::size_t signing_ = 0;           // algorithms of which a key has signed
};

TEST(Rotation, AtNoMinuteASignatureCannotBeVerified) {
  const UpkeepRules rules = rotation_rules();
  Months months(rules, rules.life.retire_after);
  months.run(50 * kDayMs);
  EXPECT_THAT(months.unverified, IsEmpty());
  EXPECT_GT(months.verified, 100'000U);
  EXPECT_EQ(months.count(Kind::proven), 1U);
  EXPECT_GE(months.count(Kind::key_made), 10U);
  EXPECT_GE(months.count(Kind::key_signs), 9U);
  EXPECT_GE(months.count(Kind::key_revoked), 6U);
  EXPECT_EQ(months.count(Kind::failing), 0U);
  EXPECT_EQ(months.count(Kind::fault), 0U);
}

// That the months above find what they look for.
TEST(Rotation, WhereTimesAreTooShortSomeCannot) {
  UpkeepRules at_once = rotation_rules();
  at_once.life.record_ttl = 0;
  Months first(at_once, at_once.life.retire_after);
  first.run(2 * kDayMs);
  EXPECT_FALSE(first.unverified.empty());
  const UpkeepRules rules = rotation_rules();
  Months second(rules, rules.life.retire_after + 2 * kDayMs);
  second.run(12 * kDayMs);
  EXPECT_FALSE(second.unverified.empty());
}

}  // namespace
}  // namespace sluice::domain_upkeep

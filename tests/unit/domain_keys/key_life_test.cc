#include "engine/domain_keys/key_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::domain_keys {
namespace {

using auth::KeyState;
using dkim::Algorithm;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr WallMillis kSecond = 1000;
constexpr WallMillis kMinute = 60 * kSecond;
constexpr WallMillis kHour = 60 * kMinute;
constexpr WallMillis kDay = 24 * kHour;
constexpr WallMillis kStep = 5 * kMinute;         // of the world below
constexpr WallMillis kStart = 1'767'225'600'000;  // 2026-01-01

const LifeRules kRules{.selector_prefix = "sl", .record_ttl = kHour, .retire_after = 2 * kDay};

auth::SigningKeyRecord key(const std::string& selector, KeyState state, WallMillis since,
                           const std::string& public_key = "p") {
  return {.domain = "example.com",
          .selector = selector,
          .algorithm = selector.ends_with('e') ? "ed25519-sha256" : "rsa-sha256",
          .state = state,
          .since = since,
          .created = since,
          .public_key = public_key};
}

std::string next(const std::vector<auth::SigningKeyRecord>& keys, WallMillis now = kStart,
                 Algorithm algorithm = Algorithm::rsa_sha256) {
  const auto selector = next_selector(keys, algorithm, kRules, now);
  return selector ? *selector : "refused: " + selector.error();
}

std::vector<std::string> words(const std::vector<auth::KeyStateChange>& changes) {
  std::vector<std::string> all;
  for (const auto& change : changes)
    all.push_back(change.selector + " " + std::string(auth::key_state_name(change.state)) + " " +
                  std::to_string((change.since - kStart) / kMinute));
  return all;
}

TEST(KeyLife, EachAlgorithmHasTwoSlots) {
  EXPECT_THAT(slots("sl"), ElementsAre("sl1r", "sl2r", "sl1e", "sl2e"));
  EXPECT_EQ(next({}), "sl1r");
  EXPECT_EQ(next({}, kStart, Algorithm::ed25519_sha256), "sl1e");
  EXPECT_EQ(next({key("sl1r", KeyState::active, kStart)}), "sl2r");
  EXPECT_EQ(next({key("sl1r", KeyState::active, kStart)}, kStart, Algorithm::ed25519_sha256), "sl1e");
  EXPECT_EQ(next({key("sl1r", KeyState::revoked, kStart), key("sl2r", KeyState::active, kStart)}), "sl1r");
  EXPECT_EQ(next({key("mail2023", KeyState::active, kStart)}), "sl1r");
}

TEST(KeyLife, NoKeyIsMadeWhereOneIsStillNeeded) {
  EXPECT_THAT(next({key("sl1r", KeyState::published, kStart)}), HasSubstr("key sl1r was made for that already"));
  EXPECT_THAT(next({key("sl1r", KeyState::active, kStart + 1)}), HasSubstr("signs from 2026-01-01T00:00:00.001Z"));
  EXPECT_THAT(next({key("sl1r", KeyState::retired, kStart), key("sl2r", KeyState::active, kStart)}, kStart + kDay),
              HasSubstr("free from 2026-01-03T00:00:00.000Z"));
}

TEST(KeyLife, WhatWasSeenSignsOnceEverybodyHasItAndTheOldOneUntilThen) {
  const std::vector keys{key("sl1r", KeyState::active, kStart), key("sl2r", KeyState::published, kStart),
                         key("sl1e", KeyState::active, kStart), key("sl2e", KeyState::published, kStart)};
  const std::vector<std::string> seen{"sl2r"};
  const auto changes = activation(keys, seen, kRules, kStart);
  EXPECT_THAT(words(changes), ElementsAre("sl2r active 60", "sl1r retired 60"));
  const auto after = changed(keys, changes);
  EXPECT_TRUE(signs(after[0], kStart + kHour - 1));
  EXPECT_FALSE(signs(after[1], kStart + kHour - 1));
  EXPECT_FALSE(signs(after[0], kStart + kHour));
  EXPECT_TRUE(signs(after[1], kStart + kHour));
  EXPECT_TRUE(signs(after[2], kStart));
  EXPECT_FALSE(signs(after[3], kStart + kDay));
  EXPECT_THAT(activation(keys, {}, kRules, kStart), IsEmpty());
  const std::vector<std::string> not_published{"sl1r"};
  EXPECT_THAT(activation(keys, not_published, kRules, kStart), IsEmpty());
}

TEST(KeyLife, WhatIsRetiredIsRevokedWhenMailIsNoMoreOnItsWay) {
  const std::vector keys{key("sl1r", KeyState::retired, kStart), key("sl2r", KeyState::active, kStart)};
  EXPECT_THAT(due_changes(keys, kRules, kStart + 2 * kDay - 1), IsEmpty());
  EXPECT_THAT(words(due_changes(keys, kRules, kStart + 2 * kDay)), ElementsAre("sl1r revoked 2880"));
}

TEST(KeyLife, SaysWhatComesNext) {
  const auto step = [](KeyState state, WallMillis since) { return next_step(key("s", state, since), kRules, kStart); };
  EXPECT_THAT(step(KeyState::published, kStart).what, HasSubstr("sluicectl domain activate"));
  EXPECT_EQ(step(KeyState::active, kStart).what, "");
  EXPECT_EQ(step(KeyState::active, kStart + 1).at, kStart + 1);
  EXPECT_EQ(step(KeyState::retired, kStart + 1).what, "signs no more");
  EXPECT_EQ(step(KeyState::retired, kStart).at, kStart + 2 * kDay);
  EXPECT_EQ(step(KeyState::revoked, kStart).what, "");
  LifeRules by_itself = kRules;
  by_itself.rotate_after = 30 * kDay;
  by_itself.looked_for = true;
  EXPECT_EQ(next_step(key("s", KeyState::active, kStart), by_itself, kStart).at, kStart + 30 * kDay);
  EXPECT_EQ(next_step(key("s", KeyState::active, kStart + 1), by_itself, kStart).at, kStart + 1);
  EXPECT_EQ(next_step(key("s", KeyState::published, kStart), by_itself, kStart).what,
            "signs once the relay has seen its record in the DNS");
}

// A domain's keys, its zone, the relay and the world's resolvers over months: an operator who rotates and activates
// at any time, a name server that has the zone hours later, resolvers that asked just before, a relay that has
// its keys from a minute ago, mail that is on its way for as long as mail may be.
class World {
 public:
  World(std::uint64_t seed, const LifeRules& rules, WallMillis mail_takes_max)
      : seed_(seed), rules_(rules), mail_takes_max_(mail_takes_max) {}

  void run(WallMillis until) {
    for (; now_ < until; now_ += kStep) {
      if (one_of(300)) rotate();
      if (one_of(20)) activate();
      if (one_of(12)) load_zone();
      if (now_ - relay_asked_ >= kMinute) ask_for_keys();
      for (const auto& signing : relay_)
        if (one_of(3)) sign(signing);
      receive();
    }
  }

  std::size_t keys_made = 0;
  std::size_t verified = 0;
  std::vector<std::string> unverified;

 private:
  struct Mail {
    std::string selector;
    std::string public_key;
    WallMillis arrives = 0;
  };
  struct Cached {
    std::string public_key;
    WallMillis until = 0;
  };

  bool one_of(std::uint64_t count) { return random() % count == 0; }
  std::uint64_t random() {
    seed_ = seed_ * 6364136223846793005U + 1442695040888963407U;
    return seed_ >> 33U;
  }

  void rotate() {
    keys_ = changed(keys_, due_changes(keys_, rules_, now_));
    const auto selector = next_selector(keys_, Algorithm::rsa_sha256, rules_, now_);
    if (!selector) return;
    std::erase_if(keys_, [&](const auto& each) { return each.selector == *selector; });
    keys_.push_back(key(*selector, KeyState::published, now_, "key" + std::to_string(++keys_made)));
  }
  void activate() {
    std::vector<std::string> seen;
    for (const auto& each : keys_)
      if (zone_[each.selector] == each.public_key) seen.push_back(each.selector);
    keys_ = changed(keys_, activation(keys_, seen, rules_, now_));
  }
  void load_zone() {
    keys_ = changed(keys_, due_changes(keys_, rules_, now_));
    zone_.clear();
    for (const auto& each : keys_) zone_[each.selector] = each.state == KeyState::revoked ? "" : each.public_key;
  }
  void ask_for_keys() {
    relay_asked_ = now_;
    relay_.clear();
    for (const auto& each : keys_)
      if (signs(each, now_)) relay_.push_back(each);
  }
  void sign(const auth::SigningKeyRecord& with) {
    const WallMillis took = one_of(2) ? 0 : static_cast<WallMillis>(random()) * kSecond % mail_takes_max_;
    mail_.push_back({.selector = with.selector, .public_key = with.public_key, .arrives = now_ + took});
  }
  void receive() {
    std::erase_if(mail_, [this](const Mail& mail) {
      if (mail.arrives > now_) return false;
      Cached& cached = caches_[random() % 5][mail.selector];
      if (cached.until <= now_) cached = {.public_key = zone_[mail.selector], .until = now_ + kHour};
      if (cached.public_key == mail.public_key) {
        ++verified;
      } else {
        unverified.push_back(mail.public_key + " where " + mail.selector + " is " + cached.public_key);
      }
      return true;
    });
    // Others look, too: who tries whether a record is there yet keeps that it is not.
    for (auto& cache : caches_)
      for (const std::string& selector : slots(rules_.selector_prefix))
        if (Cached& cached = cache[selector]; cached.until <= now_ && one_of(10))
          cached = {.public_key = zone_[selector], .until = now_ + kHour};
  }

  std::uint64_t seed_;
  LifeRules rules_;
  WallMillis mail_takes_max_;
  WallMillis now_ = kStart;
  std::vector<auth::SigningKeyRecord> keys_;
  std::map<std::string, std::string> zone_;
  std::vector<auth::SigningKeyRecord> relay_;
  WallMillis relay_asked_ = 0;
  std::vector<Mail> mail_;
  std::map<std::string, Cached> caches_[5];
};

TEST(KeyLife, AtNoMomentASignatureCannotBeVerified) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    // The relay's own keys are a minute old at most, which a step of this world is longer than.
    World world(seed, kRules, kRules.retire_after - kStep);
    world.run(kStart + 60 * kDay);
    EXPECT_GT(world.keys_made, 8U) << seed;
    EXPECT_GT(world.verified, 2'000U) << seed;
    EXPECT_THAT(world.unverified, IsEmpty()) << seed;
  }
}

// That the world above finds what it looks for.
TEST(KeyLife, WhereTimesAreTooShortSomeCannot) {
  for (const LifeRules& rules : {LifeRules{.selector_prefix = "sl", .record_ttl = 0, .retire_after = 2 * kDay},
                                 LifeRules{.selector_prefix = "sl", .record_ttl = kHour, .retire_after = kHour}}) {
    std::size_t unverified = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      World world(seed, rules, kRules.retire_after - kStep);
      world.run(kStart + 60 * kDay);
      unverified += world.unverified.size();
    }
    EXPECT_GT(unverified, 0U);
  }
}

}  // namespace
}  // namespace sluice::domain_keys

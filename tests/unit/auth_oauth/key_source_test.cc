// When the issuer is asked for its keys, and what serves meanwhile.
#include "auth/oauth/key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "engine/io/real_platform.h"
#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;

constexpr Duration kRetry = std::chrono::minutes(1);

class SetClock final : public io::Clock {
 public:
  Instant now() override { return Instant() + Duration(now_.load()); }
  WallMillis wall() override { return kTokenNow; }
  void pass(Duration time) { now_ += time.count(); }

 private:
  std::atomic<Duration::rep> now_ = Duration(std::chrono::hours(1)).count();
};

class KeySourceTest : public ::testing::Test {
 protected:
  // What the issuer says; empty: it does not answer.
  std::expected<std::string, std::string> answer() {
    ++asked_;
    if (hangs_ != nullptr) hangs_->wait();
    const std::lock_guard lock(mutex_);
    if (says_.empty()) return std::unexpected("down");
    return says_;
  }
  void say(std::string text) {
    const std::lock_guard lock(mutex_);
    says_ = std::move(text);
  }
  // What is asked for in the background is here by the time the thread takes another job.
  void settle() {
    std::latch done(1);
    while (!thread_->submit([&done] { done.count_down(); }, kOwnShare)) std::this_thread::yield();
    done.wait();
  }

  const std::string old_ = key_set_of({ec_signer().jwk()});
  const std::string new_ = key_set_of({ec_signer().jwk(), rsa_signer().jwk()});
  std::mutex mutex_;
  std::string says_ = old_;
  std::atomic<int> asked_ = 0;
  std::latch* hangs_ = nullptr;
  std::atomic<bool> changed_ = false;
  SetClock clock_;
  std::unique_ptr<io::Workers> thread_ = io::make_real_workers(1, 2);
  KeySource source_{{.refresh = std::chrono::hours(1), .keep = std::chrono::hours(24), .retry = kRetry},
                    [this] { return answer(); },
                    [this] { return changed_.exchange(false); },
                    clock_,
                    *thread_};
};

TEST_F(KeySourceTest, KeysAreAskedForOnceAndAgainWhenTheyAreOld) {
  ASSERT_TRUE(source_.current());
  ASSERT_TRUE(source_.current());
  EXPECT_EQ(asked_, 1);
  clock_.pass(std::chrono::hours(1));
  say(new_);
  ASSERT_TRUE(source_.current());
  settle();
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ((*source_.current())->size(), 2U);
}

TEST_F(KeySourceTest, AKeyThatIsNotKnownIsAskedForOnceAMinute) {
  const auto known = source_.current();
  EXPECT_EQ(*source_.newer_than(*known), *known);  // a minute has not passed
  EXPECT_EQ(asked_, 1);
  clock_.pass(kRetry);
  say(new_);
  const auto newer = source_.newer_than(*known);
  ASSERT_TRUE(newer) << newer.error();
  EXPECT_EQ((*newer)->size(), 2U);
  EXPECT_EQ(*source_.newer_than(*known), *newer);  // it was asked for another token
  EXPECT_EQ(*source_.newer_than(*newer), *newer);
  EXPECT_EQ(asked_, 2);
}

TEST_F(KeySourceTest, OldKeysGoOnForAStatedTime) {
  const auto known = source_.current();
  say("");
  clock_.pass(std::chrono::hours(1));
  EXPECT_EQ(source_.current(), known);
  settle();
  EXPECT_EQ(source_.take_warning(), "down; the keys that it had before stay in force");
  EXPECT_EQ(source_.take_warning(), "");
  EXPECT_EQ(source_.current(), known);  // not asked again at once
  settle();
  EXPECT_EQ(asked_, 2);
  const auto newer = source_.newer_than(*known);
  EXPECT_EQ(newer.error(), "down");
  clock_.pass(std::chrono::hours(23) - Duration(1));
  EXPECT_EQ(source_.current(), known);
  settle();
  clock_.pass(std::chrono::minutes(1));
  EXPECT_EQ(source_.current().error(), "down");
}

TEST_F(KeySourceTest, WithoutAnyKeyTheIssuerIsNotAskedForEachLogin) {
  say("");
  EXPECT_EQ(source_.current().error(), "down");
  EXPECT_EQ(source_.current().error(), "down");
  EXPECT_EQ(asked_, 1);
  clock_.pass(kNoKeysRetry);
  say("<html>");
  EXPECT_THAT(source_.current().error(), HasSubstr("no JSON"));
  clock_.pass(kNoKeysRetry);
  say(old_);
  EXPECT_TRUE(source_.current());
}

TEST_F(KeySourceTest, AnIssuerThatHangsHoldsUpNobodyWhoseKeyIsKnown) {
  const auto known = source_.current();
  std::latch hangs(1);
  hangs_ = &hangs;
  clock_.pass(std::chrono::hours(2));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(source_.current(), known);
  hangs.count_down();
  settle();
  EXPECT_EQ(asked_, 2);
  hangs_ = nullptr;
}

TEST_F(KeySourceTest, WhatIsNewIsReadAtOnce) {
  ASSERT_TRUE(source_.current());
  say(new_);
  changed_ = true;
  ASSERT_TRUE(source_.current());
  settle();
  EXPECT_EQ((*source_.current())->size(), 2U);
  EXPECT_EQ(asked_, 2);
}

// A file that is being written.
TEST_F(KeySourceTest, WhatIsNewAndNoKeySetLeavesTheKeysAsTheyWere) {
  const auto known = source_.current();
  say("{\"keys\":");
  changed_ = true;
  EXPECT_EQ(source_.current(), known);
  settle();
  EXPECT_EQ(source_.current(), known);
  EXPECT_THAT(source_.take_warning(), HasSubstr("no JSON"));
}

}  // namespace
}  // namespace sluice::auth

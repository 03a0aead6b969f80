// Several back ends in order: which one is asked, what its answer means, and what is made of it.
#include "auth/backend/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Verdict::Kind;
using namespace std::chrono_literals;

class BackendChainTest : public ::testing::Test {
 protected:
  // A back end that says this until the test sets another verdict; asked_ lists who was asked.
  void add(const std::string& name, Verdict verdict, std::vector<std::string> domains = {}) {
    BackendOptions options{.name = name};
    options.domains = std::move(domains);
    options.failures = 3;
    add(std::move(options), std::move(verdict));
  }
  void add(BackendOptions options, Verdict verdict) {
    const std::string name = options.name;
    verdicts_[name] = std::move(verdict);
    backends_.push_back({.options = std::move(options),
                         .source = std::make_shared<ScriptedSource>(
                             [this, name](const Credentials&) {
                               asked_.push_back(name);
                               return verdicts_[name];
                             },
                             [this, name](const Name&) { return mailboxes_[name]; })});
  }
  MailboxState look_up_mailbox(std::string_view text) {
    if (!chain_) ask();
    const Name name = name_of(text);
    return testing::await<MailboxState>(core_.platforms, core_.loop, [&] { return chain_->look_up(name); });
  }
  Answer ask(std::string_view name = "tim@example.com") { return ask_chosen({}, name); }
  Answer ask_chosen(std::span<const std::uint8_t> backends, std::string_view name = "tim@example.com") {
    Credentials credentials = credentials_of(name, "secret");
    credentials.backends = backends;
    return ask(credentials);
  }
  Answer ask_with_token(std::string_view token) {
    return ask({.name = name_of("tim@example.com"), .secret = secret_of(token), .bearer = true});
  }
  Answer ask(const Credentials& credentials) {
    if (!chain_)
      chain_.emplace(
          backends_, core_.parts(),
          [this](std::string_view backend, std::string_view why) {
            notices_.push_back(std::string(backend) + ": " + std::string(why));
          },
          [this](std::string_view backend, std::string_view what) {
            warnings_.push_back(std::string(backend) + ": " + std::string(what));
          });
    asked_.clear();
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return chain_->check(credentials); });
  }

  BackendCore core_;
  std::map<std::string, Verdict> verdicts_;
  std::map<std::string, MailboxState> mailboxes_;
  std::vector<ConfiguredBackend> backends_;
  std::vector<std::string> asked_;
  std::vector<std::string> notices_;
  std::vector<std::string> warnings_;
  std::optional<BackendChain> chain_;
};

TEST_F(BackendChainTest, TheNextOneIsAskedWhereTheNameIsUnknownAndNeverWhereThePasswordIsWrong) {
  add("first", Verdict::of(Kind::unknown));
  add("second", Verdict::of(Kind::wrong));
  add("third", Verdict::of(Kind::granted));
  EXPECT_EQ(ask().kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, ElementsAre("first", "second"));
  verdicts_["second"].kind = Kind::unknown;
  EXPECT_EQ(ask().kind, AnswerKind::granted);
  EXPECT_THAT(asked_, ElementsAre("first", "second", "third"));
  verdicts_["third"].kind = Kind::unknown;
  EXPECT_EQ(ask().kind, AnswerKind::wrong);
}

// Whatever the order in which a listener asks them.
TEST_F(BackendChainTest, WhoHasAnsweredIsKnownByItsPlaceInTheConfiguration) {
  add("first", Verdict::of(Kind::unknown));
  add("second", Verdict::of(Kind::granted));
  EXPECT_EQ(ask().source, kFirstBackendSource + 1);
  EXPECT_EQ(ask_chosen(std::array<std::uint8_t, 1>{1}).source, kFirstBackendSource + 1);
  EXPECT_EQ(ask_chosen(std::array<std::uint8_t, 1>{0}).source, kFirstBackendSource) << "the last one that was asked";
  const std::vector<BackendCounters> counters = chain_->counters();
  ASSERT_EQ(counters.size(), 2U);
  EXPECT_EQ(counters[0].name, "first");
  EXPECT_EQ(counters[0].by_kind, (std::array<std::uint64_t, Verdict::kKinds>{0, 0, 2, 0, 0}));
  EXPECT_EQ(counters[1].by_kind, (std::array<std::uint64_t, Verdict::kKinds>{2, 0, 0, 0, 0}));
  EXPECT_EQ(counters[1].took.counts()[0], 2U);
}

// A password that another back end would take must not be tried there because the first is down.
TEST_F(BackendChainTest, AFailureIsNoReasonToAskTheNextOne) {
  add("first", Verdict::of(Kind::unavailable, "no route to host"));
  add("second", Verdict::of(Kind::granted));
  const Answer answer = ask();
  EXPECT_EQ(answer.kind, AnswerKind::unavailable);
  EXPECT_EQ(answer.reason, "first: no route to host");
  EXPECT_THAT(asked_, ElementsAre("first"));
}

TEST_F(BackendChainTest, EachIsAskedAboutItsOwnDomainsOnly) {
  add("first", Verdict::of(Kind::granted), {"example.org"});
  add("second", Verdict::of(Kind::wrong), {"example.com"});
  EXPECT_EQ(ask("tim@Example.ORG").kind, AnswerKind::granted);
  EXPECT_THAT(asked_, ElementsAre("first"));
  EXPECT_EQ(ask("tim@example.com").kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, ElementsAre("second"));
  EXPECT_EQ(ask("tim").kind, AnswerKind::wrong);
  EXPECT_EQ(ask("tim@sub.example.com").kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(BackendChainTest, WhatIsGrantedIsClaimedFromTheStoreAsConfigured) {
  Verdict verdict = Verdict::of(Kind::granted);
  verdict.account = "Tim@mail.example.com";
  verdict.customer = "acme";
  verdict.domains = {"example.com"};
  add({.name = "answer", .domains = {"a.example"}, .customer_from = CustomerFrom::answer}, verdict);
  add({.name = "fixed", .domains = {"f.example"}, .customer_from = CustomerFrom::fixed, .customer = "beta"}, verdict);
  add({.name = "domain",
       .domains = {"d.example"},
       .customer_from = CustomerFrom::domain,
       .unknown_customer = UnknownCustomer::create},
      Verdict::of(Kind::granted));
  ask("tim@a.example");
  ask("tim@f.example");
  EXPECT_EQ(ask("Tim@d.example").identity->account_name, "Tim@d.example");
  ASSERT_EQ(core_.store.claims.size(), 3U);
  EXPECT_EQ(core_.store.claims[0].customer, "acme");
  EXPECT_EQ(core_.store.claims[0].account, "Tim@mail.example.com");
  EXPECT_THAT(core_.store.claims[0].domains, ElementsAre("example.com"));
  EXPECT_EQ(core_.store.claims[0].unknown_customer, UnknownCustomer::refuse);
  EXPECT_EQ(core_.store.claims[1].customer, "beta");
  EXPECT_EQ(core_.store.claims[2].customer, "");
  EXPECT_EQ(core_.store.claims[2].customer_from, CustomerFrom::domain);
  EXPECT_EQ(core_.store.claims[2].unknown_customer, UnknownCustomer::create);
}

TEST_F(BackendChainTest, TokensAndPasswordsAreAskedAboutWhereTheyBelong) {
  add("passwords", Verdict::of(Kind::wrong));
  add({.name = "oauth", .bearer = true}, Verdict::of(Kind::wrong, "it has expired"));
  EXPECT_EQ(ask().reason, "");
  EXPECT_THAT(asked_, ElementsAre("passwords"));
  const Answer refused = ask_with_token("a.b.c");
  EXPECT_EQ(refused.kind, AnswerKind::wrong);
  EXPECT_EQ(refused.reason, "oauth: it has expired");
  EXPECT_THAT(asked_, ElementsAre("oauth"));
  // Which looks like a device's password.
  EXPECT_EQ(ask_with_token("abcdefghijklmnopqrst").reason, "oauth: it has expired");
}

TEST_F(BackendChainTest, WithoutABackEndForTokensNoneIsRight) {
  add("passwords", Verdict::of(Kind::granted));
  EXPECT_EQ(ask_with_token("a.b.c").kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(BackendChainTest, AGrantThatEndsIsValidUntilThen) {
  Verdict verdict = Verdict::of(Kind::granted);
  verdict.expires = core_.loop.platform().clock.wall() + 30'000;
  add("passwords", verdict);
  const Instant asked = core_.loop.now();
  const Answer answer = ask();
  EXPECT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_GT(answer.valid_until, asked);
  EXPECT_LE(answer.valid_until, core_.loop.now() + 30s);
  verdicts_["passwords"].expires = 253'402'300'799'000;
  EXPECT_EQ(ask().valid_until, Instant::max());
}

TEST_F(BackendChainTest, OneThatDoesNotAnswerIsLeftAloneForAWhile) {
  add("first", Verdict::of(Kind::unavailable, "refused"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().kind, AnswerKind::unavailable);
  EXPECT_THAT(notices_, ElementsAre("first: refused"));
  EXPECT_THAT(ask().reason, HasSubstr("is left alone"));
  EXPECT_THAT(asked_, IsEmpty());
  // One login tries; it is left alone for twice as long.
  core_.platforms.run_for(11s);
  ask();
  EXPECT_THAT(asked_, ElementsAre("first"));
  core_.platforms.run_for(11s);
  ask();
  EXPECT_THAT(asked_, IsEmpty());
  core_.platforms.run_for(11s);
  verdicts_["first"] = Verdict::of(Kind::wrong);
  EXPECT_EQ(ask().kind, AnswerKind::wrong);
  EXPECT_THAT(notices_, ElementsAre("first: refused", "first: "));
  ask();
  EXPECT_THAT(asked_, ElementsAre("first"));
}

// Else a client that tries such an account again and again keeps all others out.
TEST_F(BackendChainTest, AnAccountThatCannotBeCheckedIsNoFailureOfItsBackEnd) {
  Verdict damaged = Verdict::of(Kind::unavailable, "damaged");
  damaged.of_one_account = true;
  add("first", damaged);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask().kind, AnswerKind::unavailable);
  EXPECT_THAT(asked_, ElementsAre("first"));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(BackendChainTest, WhatABackEndWarnsOfIsPassedOnBesideItsAnswer) {
  Verdict verdict = Verdict::of(Kind::granted);
  verdict.warning = "half a file";
  add("first", verdict);
  EXPECT_EQ(ask().kind, AnswerKind::granted);
  EXPECT_THAT(warnings_, ElementsAre("first: half a file"));
  verdicts_["first"].warning.clear();
  EXPECT_EQ(ask().kind, AnswerKind::granted);
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST(CircuitBreakerTest, OneTrialAtATimeAndLateFailuresCountOnce) {
  CircuitBreaker breaker({.failures = 2});
  const Instant start = Instant() + 1h;
  EXPECT_TRUE(breaker.admits(start));
  EXPECT_FALSE(breaker.failed(start));
  EXPECT_TRUE(breaker.failed(start));
  EXPECT_FALSE(breaker.failed(start + 1s));  // was under way
  EXPECT_FALSE(breaker.admits(start + 9s));
  EXPECT_TRUE(breaker.admits(start + 10s));
  EXPECT_EQ(breaker.state(), CircuitBreaker::State::half_open);
  EXPECT_FALSE(breaker.admits(start + 10s));
  EXPECT_TRUE(breaker.answered());
  EXPECT_FALSE(breaker.answered());
  EXPECT_TRUE(breaker.admits(start + 10s));
}

TEST_F(BackendChainTest, AListenerChoosesBackEndsAndTheirOrder) {
  add("first", Verdict::of(Kind::unknown));
  add("second", Verdict::of(Kind::granted), {"example.org"});
  add("third", Verdict::of(Kind::granted));
  const std::array<std::uint8_t, 2> chosen{2, 0};
  EXPECT_EQ(ask_chosen(chosen).backend, 1U);
  EXPECT_THAT(asked_, ElementsAre("third"));
  verdicts_["third"].kind = Kind::unknown;
  EXPECT_EQ(ask_chosen(chosen).kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, ElementsAre("third", "first"));
  // The domain counts as well.
  const std::array<std::uint8_t, 1> second{1};
  EXPECT_EQ(ask_chosen(second).kind, AnswerKind::wrong);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(BackendChainTest, AMailboxIsGoneWhereAllBackEndsOfItsDomainSaySo) {
  using State = MailboxState;
  add("first", Verdict::of(Kind::unknown));
  add("second", Verdict::of(Kind::unknown), {"example.org"});
  const auto look_up = [this](std::string_view name) { return look_up_mailbox(name); };
  mailboxes_["first"] = State::gone;
  mailboxes_["second"] = State::exists;
  EXPECT_EQ(look_up("tim@example.com"), State::gone);
  EXPECT_EQ(look_up("tim@Example.ORG"), State::exists);
  mailboxes_["second"] = State::untold;
  EXPECT_EQ(look_up("tim@example.org"), State::untold);
  mailboxes_["second"] = State::gone;
  EXPECT_EQ(look_up("tim@example.org"), State::gone);
  mailboxes_["first"] = State::untold;
  EXPECT_EQ(look_up("tim@example.org"), State::untold);
}

// What the store does not have may be anywhere.
TEST_F(BackendChainTest, TheStoreAloneDoesNotTellThatAMailboxIsGone) {
  BackendChain alone(store_alone(), core_.parts(), [](std::string_view, std::string_view) {});
  const Name name = name_of("tim@example.com");
  EXPECT_EQ(testing::await<MailboxState>(core_.platforms, core_.loop, [&] { return alone.look_up(name); }),
            MailboxState::untold);
}

}  // namespace
}  // namespace sluice::auth

// With which keys a message is signed, what becomes of one that cannot be, and the turns of RSA.
#include "engine/signing/signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/awaited.h"
#include "tests/support/held_keys.h"

namespace sluice::signing {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kMail = "From: Ann <ann@example.com>\r\nTo: bob@example.net\r\n\r\nHello.\r\n";

// The d= of each signature, in order.
std::vector<std::string> domains_of(const Signed& made) {
  constexpr std::string_view kTag = "d=";
  std::vector<std::string> domains;
  std::string_view rest = made.fields;
  for (std::size_t at = rest.find(kTag); at != std::string_view::npos; at = rest.find(kTag)) {
    rest.remove_prefix(at + kTag.size());
    domains.emplace_back(rest.substr(0, rest.find(';')));
  }
  return domains;
}

class SignerTest : public ::testing::Test {
 protected:
  SignerTest() {
    source_->held["example.com"] = {{"one", testing::rsa_der()}, {"two", testing::ed25519_der()}};
    source_->held["isp.example"] = {{"isp", testing::ed25519_der()}};
  }
  Signer& signer() {
    if (signer_ == nullptr)
      signer_ = std::make_unique<Signer>(
          Signer::Parts{.loop = loop_,
                        .workers = loop_.platform().workers,
                        .keys = std::make_shared<KeyCache>(source_, rules_, 100),
                        .counters = counters_,
                        .not_signed =
                            [this](const NotSigned& what) {
                              notes_.push_back(std::string(what.domain) + ": " + std::string(what.reason) + ": " +
                                               std::string(what.effect));
                            },
                        .broken_before =
                            [this](const BrokenBefore& what) {
                              notes_.push_back(std::string(what.domain) + " " + std::string(what.selector) + ": " +
                                               std::string(what.fault));
                            }},
          rules_);
    return *signer_;
  }
  Task<Signed> sign_one(const ContentToSign& content, Signer::Request request) {
    co_return co_await signer().sign(content, request);
  }
  Task<std::optional<smtp::StandardReply>> refuse_task(std::string domain, std::string_view customer) {
    co_return co_await signer().refusal(std::move(domain), {.id = "1", .customer = customer});
  }
  std::optional<smtp::StandardReply> refuse_one(const std::string& domain, std::string_view customer = {}) {
    return testing::await<std::optional<smtp::StandardReply>>(platforms_, loop_,
                                                              [&] { return refuse_task(domain, customer); });
  }
  std::unique_ptr<ContentToSign> content(std::string_view text) {
    auto made = std::make_unique<ContentToSign>(message::BodyForm::literal, signer().hashes());
    made->feed(text);
    made->finish();
    return made;
  }
  Signed sign(std::string_view text = kMail, Signer::Request request = {.id = "1"}) {
    const auto made = content(text);
    return testing::await<Signed>(platforms_, loop_, [&] { return sign_one(*made, request); });
  }

  testing::Platforms platforms_{testing::PlatformKind::simulated};
  io::Loop& loop_ = platforms_.add_loop("192.0.2.1");
  std::shared_ptr<testing::HeldKeys> source_ = std::make_shared<testing::HeldKeys>();
  SigningRules rules_;
  SigningCounters counters_;
  std::vector<std::string> notes_;
  std::unique_ptr<Signer> signer_;
};

TEST_F(SignerTest, OneSignatureOfEachAlgorithmAndThenTheIsps) {
  rules_.isp_domain = "isp.example";
  EXPECT_THAT(domains_of(sign()), ElementsAre("example.com", "example.com", "isp.example"));
  EXPECT_THAT(counters_.made, ElementsAre(1, 2));
  EXPECT_TRUE(notes_.empty());
}

TEST_F(SignerTest, TheDomainIsTheAuthorsAndNoneAboveIt) {
  EXPECT_THAT(domains_of(sign("From: ann@EXAMPLE.com\r\n\r\nx\r\n")), ElementsAre("example.com", "example.com"));
  for (const char* text : {"From: ann@www.example.com\r\n\r\nx\r\n", "Sender: ann@example.com\r\n\r\nx\r\n",
                           "From: ann@example.com, bob@example.net\r\n\r\nx\r\n", "From: ann@[192.0.2.1]\r\n\r\nx\r\n"})
    EXPECT_EQ(sign(text).fields, "") << text;
  EXPECT_EQ(counters_.without_key, 4U);
}

// As far as is known without a look: there may be a key where none was looked for, or none could be had.
TEST_F(SignerTest, WhetherMailWillBeSignedIsSaidWithoutALook) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  EXPECT_TRUE(signer().may_sign("example.com", ""));
  EXPECT_TRUE(signer().may_sign("example.net", ""));
  EXPECT_EQ(source_->asked, 0);
  sign();
  sign(kOther);
  EXPECT_TRUE(signer().may_sign("example.com", ""));
  EXPECT_FALSE(signer().may_sign("example.net", ""));
  signer_ = nullptr;
  source_->fault = "the disk is gone";
  sign();
  EXPECT_TRUE(signer().may_sign("example.com", ""));
  signer_ = nullptr;
  source_->fault.clear();
  rules_.without_key = Unsigned::isp;
  rules_.isp_domain = "isp.example";
  sign(kOther);
  EXPECT_TRUE(signer().may_sign("example.net", ""));
}

TEST_F(SignerTest, WhereTheAuthorsDomainHasNoneOneAboveItSignsAndElseTheCustomersChoice) {
  constexpr std::string_view kBelow = "From: ann@www.example.com\r\n\r\nx\r\n";
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  const Signer::Request acme{.id = "1", .customer = "Acme"};
  rules_.isp_domain = "isp.example";
  rules_.without_key = Unsigned::refuse;
  source_->held["acme.example"] = {{"acme", testing::ed25519_der()}};
  source_->choices["Acme"] = "acme.example";
  source_->parents["www.example.com"] = {"example.com"};
  EXPECT_THAT(domains_of(sign(kBelow, acme)), ElementsAre("example.com", "example.com", "isp.example"));
  EXPECT_THAT(domains_of(sign(kMail, acme)), ElementsAre("example.com", "example.com", "isp.example"));
  EXPECT_THAT(domains_of(sign(kOther, acme)), ElementsAre("acme.example", "isp.example"));
  EXPECT_FALSE(refuse_one("example.net", "Acme"));
  EXPECT_TRUE(notes_.empty());
  EXPECT_EQ(counters_.without_key, 0U);
  // Of another customer, of nobody, and of our own it is no choice.
  EXPECT_TRUE(sign(kOther, {.id = "1", .customer = "Other"}).refusal);
  EXPECT_TRUE(sign(kOther).refusal);
  EXPECT_TRUE(refuse_one("example.net", "Other"));
  EXPECT_THAT(domains_of(sign(kOther, {.id = "1", .customer = "Acme", .own = true})), ElementsAre("isp.example"));
  rules_.isp_domain.clear();
  signer_ = nullptr;
  EXPECT_THAT(domains_of(sign(kOther, {.id = "1", .customer = "Acme", .own = true})), ElementsAre());
}

TEST_F(SignerTest, TheIspSignsOnceWhereItsDomainIsTheOneAboveOrTheChoice) {
  rules_.isp_domain = "isp.example";
  source_->choices["Acme"] = "isp.example";
  source_->parents["mail.isp.example"] = {"isp.example"};
  EXPECT_THAT(domains_of(sign("From: a@mail.isp.example\r\n\r\nx\r\n")), ElementsAre("isp.example"));
  EXPECT_THAT(domains_of(sign("From: bob@example.net\r\n\r\nx\r\n", {.id = "1", .customer = "Acme"})),
              ElementsAre("isp.example"));
  // Nor does one above the ISP's stand in for it.
  rules_.isp_domain = "mail.isp.example";
  signer_ = nullptr;
  EXPECT_THAT(domains_of(sign(kMail, {.id = "1", .own = true})), ElementsAre());
}

TEST_F(SignerTest, TheChoiceDoesNotHideKeysThatAreKeptBackOrCannotBeHad) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  const Signer::Request acme{.id = "1", .customer = "Acme"};
  const auto code = [](const Signed& made) { return made.refusal ? made.refusal->code : 0; };
  rules_.kept_back = Unsigned::refuse;
  source_->choices["Acme"] = "example.com";
  source_->kept_back = "it is failing";
  source_->kept_back_of = "example.net";
  EXPECT_EQ(code(sign(kOther, acme)), 550);
  signer_ = nullptr;
  source_->kept_back_of = "example.org";
  source_->choices["Acme"] = "example.org";
  EXPECT_EQ(code(sign(kOther, acme)), 550);
  EXPECT_THAT(notes_, ElementsAre("example.net: it is failing: refused",
                                  "example.net: example.org, which signs in its place: it is failing: refused"));
  signer_ = nullptr;
  notes_.clear();
  source_->choice_fault = "no answer";
  rules_.without_key = Unsigned::refuse;
  EXPECT_EQ(code(sign(kOther, acme)), 451);
  EXPECT_THAT(notes_, ElementsAre("example.net: no answer: deferred"));
}

TEST_F(SignerTest, MailOfACustomerWithAChoiceMayBeSigned) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  source_->choices["Acme"] = "example.com";
  sign(kOther, {.id = "1", .customer = "Acme"});
  sign(kOther, {.id = "1", .customer = "Other"});
  EXPECT_TRUE(signer().may_sign("example.net", "Acme"));
  EXPECT_FALSE(signer().may_sign("example.net", "Other"));
  EXPECT_TRUE(signer().may_sign("example.net", "Third"));
  EXPECT_FALSE(signer().may_sign("example.net", ""));
}

TEST_F(SignerTest, OwnMailHasTheIspsAloneWhateverIsSaidOfOthers) {
  rules_.isp_domain = "isp.example";
  rules_.without_key = Unsigned::refuse;
  EXPECT_THAT(domains_of(sign(kMail, {.id = "1", .own = true})), ElementsAre("isp.example"));
  source_->held.erase("isp.example");
  signer_ = nullptr;
  const Signed made = sign(kMail, {.id = "2", .own = true});
  EXPECT_FALSE(made.refusal);
  EXPECT_EQ(made.fields, "");
}

TEST_F(SignerTest, WithoutIspDomainOwnMailHasItsAuthors) {
  EXPECT_THAT(domains_of(sign(kMail, {.id = "1", .own = true})), ElementsAre("example.com", "example.com"));
}

TEST_F(SignerTest, MailWithoutKeyGoesByTheRule) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  rules_.isp_domain = "isp.example";
  EXPECT_EQ(sign(kOther).fields, "");
  EXPECT_THAT(notes_, ElementsAre("example.net: the domain has no key: sent"));
  signer_ = nullptr;
  rules_.without_key = Unsigned::isp;
  EXPECT_THAT(domains_of(sign(kOther)), ElementsAre("isp.example"));
  signer_ = nullptr;
  rules_.without_key = Unsigned::refuse;
  const Signed refused = sign(kOther);
  ASSERT_TRUE(refused.refusal);
  EXPECT_EQ(refused.refusal->code, 550);
  EXPECT_EQ(refused.fields, "");
}

TEST_F(SignerTest, ABrokenSignatureThatMailComesWithIsToldAndPassedOn) {
  const std::string text = "DKIM-Signature: v=1; h=From; a=rsa-sha256; d=example.com; s=own; c=relaxed/relaxed; bh=" +
                           testing::to_base64(std::string(32, 'x')) + "; b=AA==\r\n" + std::string(kMail);
  EXPECT_THAT(domains_of(sign(text)), ElementsAre("example.com", "example.com"));
  EXPECT_THAT(notes_, ElementsAre("example.com own: its body hash is not that of the body"));
  EXPECT_EQ(counters_.broken_before, 1U);
  EXPECT_NE(sign(text, {.id = "2", .converted = true}).fields, "");
  EXPECT_NE(sign(text, {.id = "3", .own = true}).fields, "");
  EXPECT_NE(sign(kMail).fields, "");
  EXPECT_EQ(counters_.broken_before, 1U);
}

TEST_F(SignerTest, WhyKeysAreKeptBackIsSaidInTheirPlace) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  source_->kept_back = "the domain is failing";
  EXPECT_EQ(sign(kOther).fields, "");
  signer_ = nullptr;
  rules_.without_key = Unsigned::refuse;
  const Signed refused = sign(kOther);
  ASSERT_TRUE(refused.refusal);
  EXPECT_NE(refused.refusal->text.find("records in the DNS"), std::string_view::npos);
  const auto early = refuse_one("example.net");
  ASSERT_TRUE(early);
  EXPECT_EQ(early->text, refused.refusal->text);
  EXPECT_EQ(counters_.without_key, 3U);
  EXPECT_EQ(counters_.without_key_now, 0U);
  EXPECT_THAT(notes_,
              ElementsAre("example.net: the domain is failing: sent", "example.net: the domain is failing: refused",
                          "example.net: the domain is failing: refused"));
}

TEST_F(SignerTest, WhereKeysAreKeptBackAnotherRuleMayHold) {
  constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nx\r\n";
  const auto early = [&] { return refuse_one("example.net"); };
  const auto with = [&](Unsigned without_key, Unsigned kept_back) {
    signer_ = nullptr;
    rules_.without_key = without_key;
    rules_.kept_back = kept_back;
  };
  rules_.isp_domain = "isp.example";
  source_->kept_back = "the domain is failing";
  with(Unsigned::refuse, Unsigned::send);
  EXPECT_FALSE(early());
  EXPECT_EQ(sign(kOther).fields, "");
  with(Unsigned::refuse, Unsigned::isp);
  EXPECT_FALSE(early());
  EXPECT_THAT(domains_of(sign(kOther)), ElementsAre("isp.example"));
  with(Unsigned::send, Unsigned::refuse);
  EXPECT_TRUE(early());
  EXPECT_TRUE(sign(kOther).refusal);
  // A domain without keys goes by its own rule.
  source_->kept_back.clear();
  with(Unsigned::send, Unsigned::refuse);
  EXPECT_FALSE(early());
  EXPECT_FALSE(sign(kOther).refusal);
  EXPECT_THAT(notes_,
              ElementsAre("example.net: the domain is failing: sent",
                          "example.net: the domain is failing: signed by the ISP alone",
                          "example.net: the domain is failing: refused", "example.net: the domain is failing: refused",
                          "example.net: the domain has no key: sent"));
}

TEST_F(SignerTest, WhereKeysCannotBeHadMailWaitsIfItMustBeSigned) {
  source_->fault = "the disk is gone";
  EXPECT_EQ(sign().fields, "");
  EXPECT_THAT(notes_, ElementsAre("example.com: the disk is gone: sent"));
  EXPECT_EQ(counters_.without_key_now, 1U);
  signer_ = nullptr;
  rules_.without_key = Unsigned::refuse;
  const Signed waits = sign();
  ASSERT_TRUE(waits.refusal);
  EXPECT_EQ(waits.refusal->code, 451);
  EXPECT_EQ(waits.until, Instant::min()) << "it is tried anew";
}

TEST_F(SignerTest, TheClientIsToldBeforehandOnlyThatThereIsNoKey) {
  rules_.without_key = Unsigned::refuse;
  const auto refusal = [&](const char* domain) {
    return testing::await<std::optional<smtp::StandardReply>>(platforms_, loop_,
                                                              [&] { return signer().refusal(domain, {.id = "1"}); });
  };
  EXPECT_FALSE(refusal("example.com"));
  EXPECT_EQ(refusal("example.net")->code, 550);
  source_->fault = "the disk is gone";
  EXPECT_FALSE(refusal("third.example"));
}

TEST_F(SignerTest, KeysAreLookedForOnceHoweverManyWait) {
  const auto made = content(kMail);
  std::vector<std::unique_ptr<testing::Running<Signed>>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(
        std::make_unique<testing::Running<Signed>>(platforms_, loop_, [&] { return sign_one(*made, {.id = "1"}); }));
  for (const auto& one : all) EXPECT_EQ(domains_of(one->wait()).size(), 2U);
  EXPECT_EQ(source_->asked, 1);
}

// Beyond the bound messages wait, and all are signed in the end.
TEST_F(SignerTest, OfMoreThanItsBoundTheOthersWaitForTheirTurn) {
  sign();
  const auto made = content(kMail);
  std::vector<std::unique_ptr<testing::Running<Signed>>> all;
  for (std::size_t i = 0; i < 3 * Signer::kSigningMax; ++i)
    all.push_back(
        std::make_unique<testing::Running<Signed>>(platforms_, loop_, [&] { return sign_one(*made, {.id = "1"}); }));
  std::uint64_t most = 0;
  EXPECT_TRUE(platforms_.run_until([&] {
    most = std::max(most, counters_.waiting);
    return std::ranges::all_of(all, [](const auto& one) { return one->done(); });
  }));
  EXPECT_EQ(most, 2 * Signer::kSigningMax);
  EXPECT_EQ(counters_.waiting, 0U);
  for (const auto& one : all) EXPECT_EQ(domains_of(one->wait()).size(), 2U);
}

// Of two customers that wait the other one's message is next, however many the first has sent.
TEST_F(SignerTest, OneCustomersMessageIsNotBehindTheCrowdOfAnother) {
  sign();
  const auto made = content(kMail);
  std::vector<std::unique_ptr<testing::Running<Signed>>> crowd;
  const auto begin = [&](CustomerShare share) {
    return std::make_unique<testing::Running<Signed>>(
        platforms_, loop_, [&, share] { return sign_one(*made, {.id = "1", .share = share}); });
  };
  for (std::size_t i = 0; i < 3 * Signer::kSigningMax; ++i) crowd.push_back(begin({.number = 1}));
  const auto other = begin({.number = 2});
  ASSERT_TRUE(platforms_.run_until([&] { return other->done(); }));
  const auto done = static_cast<std::size_t>(std::ranges::count_if(crowd, [](const auto& one) { return one->done(); }));
  EXPECT_LT(done, 2 * Signer::kSigningMax);
  for (const auto& one : crowd) static_cast<void>(one->wait());
}

TEST_F(SignerTest, ASignatureThatEndsIsUsedForHalfItsTime) {
  EXPECT_EQ(sign().until, Instant::max());
  signer_ = nullptr;
  rules_.lifetime_s = 1000;
  const Signed made = sign();
  EXPECT_LE(made.until, loop_.now() + std::chrono::seconds(500));
  EXPECT_GT(made.until, loop_.now() + std::chrono::seconds(400));
  EXPECT_NE(made.fields.find("x="), std::string::npos);
}

}  // namespace
}  // namespace sluice::signing

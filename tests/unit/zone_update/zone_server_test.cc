// A zone that is read and changed at a name server of the test's own.
#include "engine/zone_update/zone_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/io/real_platform.h"
#include "tests/unit/zone_update/name_server.h"

namespace sluice::zone_update {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSecret = "Zm9yIHRlc3RzIG9ubHkgZm9yIHRlc3RzIG9ubHkgMTIz";
constexpr std::string_view kOtherSecret = "YW5vdGhlciBzZWNyZXQgYW5vdGhlciBzZWNyZXQgMTIz";
constexpr std::uint32_t kTtl = 300;
const std::string kSoa = "dkim.isp.example. 300 IN SOA ns.isp.example. hostmaster.isp.example. 1 2 3 4 5";

class ZoneServerTest : public ::testing::Test {
 protected:
  void serve(NameServerRules rules) {
    if (rules.secret.empty()) rules.secret = kSecret;
    if (rules.transfer.empty()) rules.transfer = {{kSoa, kSoa}};
    names_ = std::make_unique<TestNameServer>(std::move(rules));
  }
  ZoneServer server() {
    return ZoneServer({.server = names_->address(),
                       .zone = "dkim.isp.example",
                       .key = key_,
                       .random = *random_,
                       .given_up = given_up_});
  }
  // "name text ttl", or what has failed.
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    const auto read = server().read([&all](const ZoneText& each) {
      all.push_back(each.name + " " + each.text + " " + std::to_string(each.ttl_s));
    });
    if (!read) return {read.error()};
    return all;
  }
  std::string change(const std::vector<TextChange>& changes) {
    const auto changed = server().change(changes, kTtl);
    return changed ? "" : changed.error();
  }
  const std::vector<std::vector<std::string>>& updates() {
    names_->stop();
    return names_->updates();
  }

  const TsigKey key_{.name = "relay.example", .algorithm = "hmac-sha256", .secret = *auth::Secret::make_token(kSecret)};
  const std::unique_ptr<io::Random> random_ = io::make_real_random();
  std::atomic<bool> given_up_ = false;
  std::unique_ptr<TestNameServer> names_;
};

TEST_F(ZoneServerTest, ReadsTextsOfSeveralMessages) {
  serve({.transfer = {
             {kSoa, "A.dkim.isp.example. 60 IN TXT \"v=DKIM1; \" \"p=AA\"", "ns.dkim.isp.example. 60 IN A 192.0.2.1"},
             {"b.dkim.isp.example. 70 IN TXT \"\""},
             {"c.dkim.isp.example. 80 IN TXT \"c\"", kSoa, "d.dkim.isp.example. 80 IN TXT \"d\""}}});
  EXPECT_THAT(texts(),
              ElementsAre("a.dkim.isp.example v=DKIM1; p=AA 60", "b.dkim.isp.example  70", "c.dkim.isp.example c 80"));
}

TEST_F(ZoneServerTest, ATransferIsRefusedThatIsNone) {
  serve({.transfer = {{"a.dkim.isp.example. 60 IN TXT \"a\"", kSoa}}});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("does not begin with a SOA record")));
  serve({.transfer = {{kSoa}, {}}});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("transfers no records")));
}

TEST_F(ZoneServerTest, ChangesNamesAsTheyAreToBe) {
  serve({});
  const std::string text(300, 'p');
  EXPECT_EQ(change({{.name = "old.dkim.isp.example", .text = ""}, {.name = "new.dkim.isp.example", .text = text}}), "");
  ASSERT_EQ(updates().size(), 1U);
  EXPECT_THAT(updates().front(),
              ElementsAre("old.dkim.isp.example.\t0\tANY\tTXT\t\\# 0", "new.dkim.isp.example.\t0\tANY\tTXT\t\\# 0",
                          "new.dkim.isp.example.\t300\tIN\tTXT\t\"" + std::string(255, 'p') + "\" \"" +
                              std::string(45, 'p') + "\""));
}

TEST_F(ZoneServerTest, MessagesHaveABoundedSize) {
  serve({});
  std::vector<TextChange> changes;
  for (int i = 0; i < 250; ++i) changes.push_back({.name = "n" + std::to_string(i) + ".dkim.isp.example", .text = "t"});
  EXPECT_EQ(change(changes), "");
  ASSERT_EQ(updates().size(), 3U);
  EXPECT_EQ(updates().back().size(), 2 * 50U);
  const std::vector<TextChange> long_ones(100, {.name = std::string(60, 'n'), .text = std::string(2000, 't')});
  EXPECT_LT(changes_that_fit(long_ones), 25U);
  EXPECT_GT(changes_that_fit(long_ones), 20U);
  const std::vector<TextChange> too_long{{.name = "n", .text = std::string(60'000, 't')}};
  EXPECT_EQ(changes_that_fit(too_long), 1U);
}

TEST_F(ZoneServerTest, WithoutChangesNothingIsSent) {
  serve({});
  EXPECT_EQ(change({}), "");
  EXPECT_THAT(updates(), IsEmpty());
}

TEST_F(ZoneServerTest, AnAnswerCountsOnlyWithOurKeysSignature) {
  const std::vector<TextChange> changes{{.name = "a.dkim.isp.example", .text = "a"}};
  serve({.is_signed = false});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("is not signed")));
  EXPECT_THAT(change(changes), HasSubstr("is not signed"));
  serve({.secret = std::string(kOtherSecret)});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("signed with another key")));
  EXPECT_THAT(change(changes), HasSubstr("signed with another key"));
}

TEST_F(ZoneServerTest, AnotherAlgorithmIsNoSignatureOfOurKey) {
  serve({.algorithm = "hmac-sha512"});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("signed with another key")));
}

TEST_F(ZoneServerTest, WhatTheServerRefusesIsSaidInItsWordsAndOurs) {
  const std::vector<TextChange> changes{{.name = "a.dkim.isp.example", .text = "a"}};
  const auto said = [&](NameServerRules rules) {
    serve(std::move(rules));
    return change(changes);
  };
  EXPECT_THAT(said({.tsig_error = 16, .code = LDNS_RCODE_NOTAUTH}), HasSubstr("BADSIG"));
  EXPECT_THAT(said({.tsig_error = 17, .code = LDNS_RCODE_NOTAUTH}), HasSubstr("BADKEY"));
  EXPECT_THAT(said({.tsig_error = 18, .code = LDNS_RCODE_NOTAUTH}), HasSubstr("clocks"));
  EXPECT_THAT(said({.code = LDNS_RCODE_NOTAUTH}), HasSubstr("no primary"));
  EXPECT_THAT(said({.code = LDNS_RCODE_NOTZONE}), HasSubstr("dkim.zone"));
  EXPECT_THAT(said({.is_signed = false, .code = LDNS_RCODE_NOTIMPL}), HasSubstr("takes no updates"));
  EXPECT_THAT(said({.refuses_updates_alone = true}), HasSubstr("allow-update"));
  serve({.code = LDNS_RCODE_REFUSED});
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("allow-transfer")));
  EXPECT_THAT(texts(), ElementsAre(HasSubstr(names_->address().to_string())));
}

TEST_F(ZoneServerTest, AServerThatIsNotThereIsNamed) {
  serve({});
  names_->stop();
  EXPECT_THAT(texts(), ElementsAre(HasSubstr(names_->address().to_string() + ": Connection refused")));
}

TEST_F(ZoneServerTest, ASilentServerIsGivenUp) {
  serve({.is_silent = true});
  std::thread stopping([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    given_up_.store(true);
  });
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("given up")));
  stopping.join();
}

}  // namespace
}  // namespace sluice::zone_update

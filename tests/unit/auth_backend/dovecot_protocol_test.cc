// Lines of Dovecot's auth protocol: what is written, and what is made of each reply.
#include "auth/backend/dovecot_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth::dovecot {
namespace {

using ::testing::ElementsAre;
using Kind = Verdict::Kind;
using Step = Greeting::Step;

Verdict said(std::string_view line, std::string_view secret = "secret") {
  const auto reply = parse_reply(line);
  EXPECT_TRUE(reply.has_value()) << line;
  return reply ? verdict_of(*reply, {.customer = "customer", .domains = "domains"}, secret_of(secret)) : Verdict();
}

Step greeted(const std::vector<std::string>& lines, std::string* error = nullptr) {
  Greeting greeting;
  for (const std::string& line : lines) {
    const Step step = greeting.line(line);
    if (error != nullptr) *error = greeting.error();
    if (step != Step::more) return step;
  }
  return Step::more;
}

TEST(DovecotProtocolTest, WhatIsEscapedComesBack) {
  const std::string text("a\tb\nc\rd\001e\0f", 11);
  EXPECT_EQ(escape(text), "a\001tb\001nc\001rd\0011e\0010f");
  EXPECT_EQ(unescape(escape(text)), text);
  EXPECT_EQ(unescape("x\001"), "x\001");
}

TEST(DovecotProtocolTest, ARequestHasTheClientAndTheSecretLast) {
  const Credentials plain{.name = name_of("tim"), .secret = secret_of("tanstaaftanstaaf")};
  EXPECT_EQ(request(7, plain), "AUTH\t7\tPLAIN\tservice=smtp\tnologin\tresp=AHRpbQB0YW5zdGFhZnRhbnN0YWFm\n");
  const Credentials known{.name = name_of("tim"),
                          .secret = secret_of("t"),
                          .client = {.ip = "2001:db8::1", .port = 4711, .helo = "pc\tx", .tls = true}};
  EXPECT_EQ(
      request(4294967295, known),
      "AUTH\t4294967295\tPLAIN\tservice=smtp\tnologin\tsecured=tls\trip=2001:db8::1\trport=4711\tresp=AHRpbQB0\n");
  EXPECT_EQ(hello(5), "VERSION\t1\t1\nCPID\t5\n");
}

TEST(DovecotProtocolTest, AGreetingHasAVersionAndPlainAndAnEnd) {
  const std::vector<std::string> good = {
      "VERSION\t1\t2", "MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext", "SPID\t12",
      "CUID\t1",       "COOKIE\tab12",           "SOMETHING\tof 2030",     "DONE"};
  EXPECT_EQ(greeted(good), Step::done);
  std::string error;
  EXPECT_EQ(greeted({"VERSION\t2\t0"}, &error), Step::refused);
  EXPECT_EQ(error, "speaks another version of Dovecot's auth protocol");
  EXPECT_EQ(greeted({"VERSION\t1\t1", "MECH\tCRAM-MD5", "DONE"}, &error), Step::refused);
  EXPECT_EQ(error, "does not offer PLAIN");
  EXPECT_EQ(greeted({"220 mx.example.com ESMTP"}, &error), Step::refused);
  EXPECT_EQ(error, "does not speak Dovecot's auth protocol");
  EXPECT_EQ(greeted(std::vector<std::string>(5000, "VERSION\t1\t1"), &error), Step::refused);
  EXPECT_EQ(error, "does not come to the end of its greeting");
}

TEST(DovecotProtocolTest, WhatIsGrantedMaySayWhoseItIs) {
  const Verdict verdict = said("OK\t1\tuser=Tim@example.com\tcustomer=acme\001tx\tdomains=a.example, b.example,,");
  EXPECT_EQ(verdict.kind, Kind::unavailable) << "a customer with a tab";
  const Verdict good = said("OK\t1\tuser=Tim@example.com\tcustomer=acme\tdomains=a.example, b.example,,\tuid");
  EXPECT_EQ(good.kind, Kind::granted);
  EXPECT_EQ(good.account, "Tim@example.com");
  EXPECT_EQ(good.customer, "acme");
  EXPECT_THAT(good.domains, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(said("OK\t1").kind, Kind::granted);
  EXPECT_EQ(said("OK\t1\tuser=a\001nb").kind, Kind::unavailable);
  EXPECT_EQ(said("OK\t1\tuser=x\tdomains=" + std::string(300, 'd')).kind, Kind::unavailable);
}

TEST(DovecotProtocolTest, AFailureOfDovecotsOwnIsNoWrongPassword) {
  for (const char* line : {"FAIL\t1", "FAIL\t1\tuser=tim", "FAIL\t1\tuser=tim\tauthz", "FAIL\t1\tcode=authz_fail",
                           "FAIL\t1\treason=temp", "FAIL\t1\tuser=temp"})
    EXPECT_EQ(said(line).kind, Kind::wrong) << line;
  for (const char* line : {"FAIL\t1\tuser=tim\ttemp", "FAIL\t1\tcode=temp_fail", "FAIL\t1\tcode=temp",
                           "FAIL\t1\tcode=mech_ssl_required", "CONT\t1\t", "CONT\t1\tYWJj"})
    EXPECT_EQ(said(line).kind, Kind::unavailable) << line;
}

// Its documentation says of the first: "password may or may not have been correct".
TEST(DovecotProtocolTest, OnlyNologinIsBehindTheRightPassword) {
  for (const char* line :
       {"FAIL\t1\tuser_disabled", "FAIL\t1\tcode=user_disabled", "FAIL\t1\tpass_expired", "FAIL\t1\tcode=pass_expired"})
    EXPECT_EQ(said(line).kind, Kind::wrong) << line;
  const Verdict verdict = said("OK\t1\tuser=tim\tnologin\treason=Unpaid, call 555-0100");
  EXPECT_EQ(verdict.kind, Kind::suspended);
  EXPECT_EQ(verdict.reason, "Unpaid, call 555-0100");
  EXPECT_EQ(said("OK\t1\tnologin\treason=your secret is known").reason, "");
  EXPECT_EQ(said("OK\t1\tnologin\treason=a\001nb").reason, "");
  EXPECT_EQ(said("OK\t1\tnologin").kind, Kind::suspended);
}

TEST(DovecotProtocolTest, APasswordThatWasNotLookedAtIsNotRight) {
  EXPECT_EQ(said("OK\t1\tuser=tim\tnopassword\tproxy\thost=192.0.2.7").kind, Kind::unavailable);
  EXPECT_EQ(said("OK\t1\tuser=tim\tproxy\thost=192.0.2.7\tpass=secret").kind, Kind::unavailable);
  EXPECT_EQ(said("OK\t1\tuser=tim\tnopassword\tnologin").kind, Kind::unavailable);
}

TEST(DovecotProtocolTest, WhatIsNoReply) {
  for (const char* line : {"", "OK", "OK\t", "OK\tx", "OK\t-1", "OK\t4294967296", "OK 1", "FAIL\t\t1", "NOTFOUND\t1",
                           "MECH\tPLAIN", "ok\t1", "OK\t1x"})
    EXPECT_FALSE(parse_reply(line).has_value()) << line;
}

TEST(DovecotUserdb, SaysWhetherThereIsAUser) {
  EXPECT_EQ(user_request(name_of("tim@example.com")), "VERSION\t1\t1\nUSER\t1\ttim@example.com\tservice=smtp\n");
  EXPECT_EQ(parse_user_reply("USER\t1\ttim@example.com\tuid=8\thome=/var/mail"), MailboxState::exists);
  EXPECT_EQ(parse_user_reply("NOTFOUND\t1"), MailboxState::gone);
  EXPECT_EQ(parse_user_reply("FAIL\t1\treason=down"), MailboxState::untold);
  for (const char* other :
       {"", "VERSION\t1\t2", "SPID\t17", "USER", "USER\t2\ttim", "NOTFOUND\t", "NOTFOUND\t01x", "user\t1"})
    EXPECT_FALSE(parse_user_reply(other)) << other;
}

}  // namespace
}  // namespace sluice::auth::dovecot

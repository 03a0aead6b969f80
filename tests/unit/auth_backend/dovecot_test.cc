// Logins at a Dovecot that the test plays: one connection for all, its end, and what it does wrong.
#include "auth/backend/dovecot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/auth_backend/wire_backend.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = Verdict::Kind;
using namespace std::chrono_literals;

constexpr std::string_view kGreeting = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tab\nDONE\n";

class DovecotTest : public WireBackendTest {
 protected:
  DovecotTest() : WireBackendTest("dovecot") {
    server_.on_open = [this](Dialog& dialog) { dialog.say(greeting_); };
    server_.on_line = [this](Dialog& dialog, const std::string& line) {
      if (!line.starts_with("AUTH\t")) return;
      asked_.push_back(id_of(line));
      if (on_auth_) on_auth_(dialog, asked_.back());
    };
  }
  static std::string id_of(const std::string& line) { return line.substr(5, line.find('\t', 5) - 5); }
  // The number is put in for "#".
  void answers(const std::string& text) {
    on_auth_ = [text](Dialog& dialog, const std::string& id) { dialog.say(with_id(text, id)); };
  }
  static std::string with_id(std::string text, const std::string& id) { return text.replace(text.find('#'), 1, id); }

  std::string greeting_{kGreeting};
  std::function<void(Dialog&, const std::string&)> on_auth_;
  std::vector<std::string> asked_;  // ids
};

TEST_F(DovecotTest, AnswersAreOnOneKeptConnection) {
  answers("OK\t#\tuser=Tim@example.com\tcustomer=acme\tdomains=a.example\n");
  const Verdict verdict = ask("tim@example.com", {.ip = "192.0.2.77", .port = 2525, .tls = true});
  EXPECT_EQ(verdict.kind, Kind::granted);
  EXPECT_EQ(verdict.account, "Tim@example.com");
  EXPECT_EQ(verdict.customer, "acme");
  EXPECT_THAT(verdict.domains, ElementsAre("a.example"));
  answers("FAIL\t#\tuser=tim\n");
  EXPECT_EQ(ask().kind, Kind::wrong);
  answers("FAIL\t#\tuser=tim\ttemp\treason=s3cret  of 100%\n");
  expect_unavailable(ask(), "could not check it");
  answers("CONT\t#\tYWJj\n");
  expect_unavailable(ask(), "wants more");
  answers("OK\t#\tnologin\treason=Unpaid\n");
  EXPECT_EQ(ask().kind, Kind::suspended);
  ASSERT_EQ(server_.dialogs.size(), 1U);
  const std::vector<std::string>& lines = server_.dialogs[0]->lines;
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[0], "VERSION\t1\t1");
  EXPECT_THAT(lines[1], StartsWith("CPID\t"));
  EXPECT_THAT(lines[2],
              StartsWith("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tsecured=tls\trip=192.0.2.77\trport=2525\tresp="));
}

TEST_F(DovecotTest, FieldsHaveTheNamesThatAreConfigured) {
  options_.customer_field = "firm";
  options_.domains_field = "sends_from";
  answers("OK\t#\tuser=t\tcustomer=no\tdomains=no.example\tfirm=acme\tsends_from=a.example,b.example\n");
  const Verdict verdict = ask();
  EXPECT_EQ(verdict.customer, "acme");
  EXPECT_THAT(verdict.domains, ElementsAre("a.example", "b.example"));
}

TEST_F(DovecotTest, ManyAtOnceGetTheirOwnAnswersInAnyOrder) {
  std::vector<std::unique_ptr<Asked>> logins;
  for (int i = 0; i < 20; ++i) logins.push_back(begin("u" + std::to_string(i)));
  ASSERT_TRUE(until([this] { return asked_.size() == 20; }));
  EXPECT_EQ(server_.dialogs.size(), 1U);
  for (std::size_t i = 20; i-- > 0;)
    server_.dialogs[0]->say(i % 2 == 0 ? "OK\t" + asked_[i] + "\tuser=n" + asked_[i] + "\n"
                                       : "FAIL\t" + asked_[i] + "\n");
  for (std::size_t i = 0; i < 20; ++i) {
    const Verdict verdict = logins[i]->wait();
    EXPECT_EQ(verdict.kind, i % 2 == 0 ? Kind::granted : Kind::wrong);
    if (i % 2 == 0) EXPECT_EQ(verdict.account, "n" + asked_[i]);
  }
}

TEST_F(DovecotTest, ARestartInMidRunAsksOnceMore) {
  std::vector<std::unique_ptr<Asked>> logins;
  for (int i = 0; i < 3; ++i) logins.push_back(begin());
  ASSERT_TRUE(until([this] { return asked_.size() == 3; }));
  server_.dialogs[0]->say("FAIL\t" + asked_[1] + "\nOK\t" + asked_[0]);  // the second one is half an answer
  answers("OK\t#\n");
  server_.dialogs[0]->hang_up();
  EXPECT_EQ(logins[0]->wait().kind, Kind::granted);
  EXPECT_EQ(logins[1]->wait().kind, Kind::wrong);
  EXPECT_EQ(logins[2]->wait().kind, Kind::granted);
  EXPECT_EQ(asked_.size(), 5U);
  EXPECT_EQ(server_.dialogs.size(), 2U);
}

TEST_F(DovecotTest, ALoginIsNotAskedAThirdTime) {
  on_auth_ = [](Dialog& dialog, const std::string&) { dialog.hang_up(); };
  expect_unavailable(ask(), "connection closed");
  EXPECT_EQ(asked_.size(), 2U);
  EXPECT_EQ(server_.dialogs.size(), 2U);
}

TEST_F(DovecotTest, AConnectionThatEndedWhileNobodyAskedIsOpenedAnew) {
  answers("OK\t#\n");
  EXPECT_EQ(ask().kind, Kind::granted);
  server_.stop();
  expect_unavailable(ask(), "cannot be reached");
  server_.start();
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(asked_.size(), 2U);
}

// Its auth process stays for the clients that stay, with the settings of before the restart.
TEST_F(DovecotTest, AConnectionIsReplacedAfterAWhile) {
  answers("OK\t#\n");
  EXPECT_EQ(ask().kind, Kind::granted);
  core_.platforms.run_for(50s);
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 1U);
  core_.platforms.run_for(20s);
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 2U);
  EXPECT_TRUE(until([this] { return server_.open() == 1; }));
}

TEST_F(DovecotTest, ABusyConnectionIsReplacedLaterAndItsLoginsAreAskedAgain) {
  options_.timeout = 1000s;
  auto slow = begin("slow");
  ASSERT_TRUE(until([this] { return asked_.size() == 1; }));
  answers("OK\t#\n");
  core_.platforms.run_for(100s);
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 1U);
  core_.platforms.run_for(250s);
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(slow->wait().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 2U);
}

TEST_F(DovecotTest, ASilentOneEndsWithTheTimeAndIsLeft) {
  const Instant before = core_.loop.now();
  expect_unavailable(ask(), "did not answer in time");
  EXPECT_GE(core_.loop.now() - before, options_.timeout);
  EXPECT_LT(core_.loop.now() - before, options_.timeout + 1s);
  answers("OK\t#\n");
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 2U) << "a connection that may lead nowhere was kept";
}

TEST_F(DovecotTest, ASilentOneThatDoesNotGreetEndsWithTheTime) {
  greeting_ = "VERSION\t1\t";
  expect_unavailable(ask(), "did not answer in time");
  EXPECT_TRUE(until([this] { return server_.open() == 0; }));
}

TEST_F(DovecotTest, AnAnswerThatComesTooLateIsNobodyElses) {
  auto slow = begin("slow");
  ASSERT_TRUE(until([this] { return asked_.size() == 1; }));
  core_.platforms.run_for(5s);
  answers("FAIL\t#\n");
  EXPECT_EQ(ask().kind, Kind::wrong);
  expect_unavailable(slow->wait(), "did not answer in time");
  Dialog& dialog = *server_.dialogs[0];
  ASSERT_TRUE(until([&] { return dialog.lines.back() == "CANCEL\t" + asked_[0]; }));
  on_auth_ = [this](Dialog& to, const std::string& id) { to.say("OK\t" + asked_[0] + "\nFAIL\t" + id + "\n"); };
  EXPECT_EQ(ask().kind, Kind::wrong);
  EXPECT_EQ(server_.dialogs.size(), 1U);
}

TEST_F(DovecotTest, WhatNobodyAskedEndsTheConnection) {
  for (const char* flood : {"OK\t99\n", "NOTFOUND\t#\n", "hello\n"}) {
    on_auth_ = [flood](Dialog& dialog, const std::string&) { dialog.say(flood); };
    expect_unavailable(ask(), "answered what nobody had asked");
  }
  on_auth_ = [](Dialog& dialog, const std::string&) { dialog.say(std::string(100'000, 'x')); };
  expect_unavailable(ask(), "a line that is too long");
  EXPECT_TRUE(until([this] { return server_.open() == 0; }));
}

TEST_F(DovecotTest, OneThatIsNoneIsNotAsked) {
  for (const char* greeting : {"220 mx.example.com ESMTP\n", "VERSION\t2\t0\n", "VERSION\t1\t1\nDONE\n"}) {
    greeting_ = greeting;
    EXPECT_EQ(ask().kind, Kind::unavailable);
  }
  greeting_ = std::string(100'000, 'v');
  expect_unavailable(ask(), "a line that is too long");
  for (int i = 0; i < 1000; ++i) greeting_ = std::string(kGreeting.substr(0, 12)) + greeting_;
  EXPECT_EQ(ask().kind, Kind::unavailable);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(DovecotTest, LoginsThatComeWhileAConnectionEndsGoOnToTheNext) {
  answers("OK\t#\n");
  on_auth_ = [this](Dialog& dialog, const std::string& id) {
    dialog.say(asked_.size() < 10 ? "nonsense\n" : "OK\t" + id + "\n");
  };
  std::vector<std::unique_ptr<Asked>> logins;
  for (int i = 0; i < 30; ++i) {
    logins.push_back(begin());
    core_.platforms.run_for(1ms);
  }
  std::size_t granted = 0;
  for (const auto& login : logins) granted += login->wait().kind == Kind::granted ? 1 : 0;
  EXPECT_GE(granted, 20U);
}

TEST(DovecotOptionsTest, WhatCannotBeAskedIsRefusedAtTheStart) {
  BackendOptions options{.name = "d", .kind = "dovecot"};
  options.tls = BackendTls::none;
  options.servers = {{.host = "127.0.0.1"}};
  EXPECT_THAT(open_dovecot(options).error(), HasSubstr("has no port"));
  options.servers = {{.host = "/run/dovecot/auth-client"}};
  EXPECT_TRUE(open_dovecot(options).has_value());
  options.tls = BackendTls::starttls;
  EXPECT_THAT(open_dovecot(options).error(), HasSubstr("STARTTLS"));
}

TEST_F(DovecotTest, PasswordsGoInClearToLoopbackAddressesOnly) {
  options_.servers = {{.host = "192.0.2.9", .port = kPort}};
  const Verdict verdict = ask();
  EXPECT_EQ(verdict.kind, Kind::unavailable);
  EXPECT_THAT(verdict.reason, HasSubstr("is no loopback address"));
}

}  // namespace
}  // namespace sluice::auth

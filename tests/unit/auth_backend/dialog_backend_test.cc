// The conversation with a mailbox server: how many at one time, how long, and what comes of a server that does not play
// along.
#include "auth/backend/dialog_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "auth/backend/imap.h"
#include "auth/backend/pop3.h"
#include "tests/unit/auth_backend/mailbox_server.h"
#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Verdict::Kind;
using namespace std::chrono_literals;

// Of the core's own host: passwords go in clear to no other.
constexpr const char* kIp = "127.0.0.1";

class DialogBackendTest : public ::testing::Test {
 protected:
  DialogBackendTest() {
    options_.name = "mailboxes";
    options_.servers = {{.host = kIp, .port = 110}};
    options_.tls = BackendTls::none;
    options_.mechanism = "user";
    server_.say("", "+OK hi\r\n");
    server_.say("CAPA", "-ERR\r\n");
    server_.say("USER", "+OK\r\n");
    server_.say("PASS right", "+OK\r\n");
    server_.say("PASS wrong", "-ERR no\r\n");
    server_.say("QUIT", "+OK\r\n", true);
  }
  ~DialogBackendTest() override {
    if (backend_ != nullptr) close();
  }
  Backend& backend() {
    if (backend_ == nullptr) {
      auto opened = options_.kind == "imap" ? open_imap(options_) : open_pop3(options_);
      source_ = std::move(opened).value();
      backend_ = source_->on_core(core_.parts());
    }
    return *backend_;
  }
  void close() {
    testing::await_done(core_.platforms, core_.loop, [this] { return backend().close(); });
  }
  Verdict ask(std::string_view secret = "right") {
    const Credentials credentials = credentials_of("tim@example.com", secret);
    return testing::await<Verdict>(core_.platforms, core_.loop, [&] { return backend().check(credentials); });
  }
  // user0, user1, ...: all of them in one turn.
  std::vector<Verdict> ask_at_once(std::size_t logins) {
    backend();
    std::vector<Credentials> credentials;
    for (std::size_t i = 0; i < logins; ++i) credentials.push_back(credentials_of("user" + std::to_string(i), "right"));
    std::vector<std::unique_ptr<testing::Running<Verdict>>> running;
    for (const Credentials& each : credentials)
      running.push_back(std::make_unique<testing::Running<Verdict>>(core_.platforms, core_.loop,
                                                                    [this, &each] { return backend_->check(each); }));
    std::vector<Verdict> verdicts;
    for (const auto& each : running) verdicts.push_back(each->wait());
    return verdicts;
  }
  // No answer, and the reason names the server and not the secret.
  void expect_unavailable(const std::string& says) {
    const Verdict verdict = ask();
    EXPECT_EQ(verdict.kind, Kind::unavailable);
    EXPECT_THAT(verdict.reason, HasSubstr(says));
    EXPECT_THAT(verdict.reason, HasSubstr("127.0.0.1:110"));
    EXPECT_THAT(verdict.reason, Not(HasSubstr("right")));
  }

  BackendCore core_;
  testing::MailboxServer server_{core_.platforms, core_.loop, *io::Address::from_ip(kIp, 110)};
  BackendOptions options_;
  std::unique_ptr<BackendSource> source_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(DialogBackendTest, LogsInAndOut) {
  EXPECT_EQ(ask("right").kind, Kind::granted);
  EXPECT_EQ(ask("wrong").kind, Kind::wrong);
  close();
  EXPECT_THAT(server_.lines, ElementsAre("CAPA", "USER tim@example.com", "PASS right", "QUIT", "CAPA",
                                         "USER tim@example.com", "PASS wrong", "QUIT"));
}

TEST_F(DialogBackendTest, ImapGoesTheSameWay) {
  options_.kind = "imap";
  options_.mechanism = "";
  server_.say("", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN ID] hi\r\n");
  server_.say("a1 AUTHENTICATE", "+ \r\n");
  server_.say("AHRpb", "* CAPABILITY IMAP4rev1\r\na1 OK in\r\n");
  server_.say("a2 LOGOUT", "* BYE\r\na2 OK\r\n", true);
  EXPECT_EQ(ask("right").kind, Kind::granted);
  close();
  EXPECT_THAT(server_.lines, ElementsAre("a1 AUTHENTICATE PLAIN", "AHRpbUBleGFtcGxlLmNvbQByaWdodA==", "a2 LOGOUT"));
}

TEST_F(DialogBackendTest, OneThatIsNotThereIsUnavailable) {
  options_.servers = {{.host = kIp, .port = 111}};
  const Verdict verdict = ask();
  EXPECT_EQ(verdict.kind, Kind::unavailable);
  EXPECT_THAT(verdict.reason, HasSubstr("127.0.0.1:111: cannot be reached"));
}

// At each of its lines: silent, half an answer and then silent, half an answer and gone, gone.
TEST_F(DialogBackendTest, OneThatDoesNotEndItsAnswerIsUnavailable) {
  options_.failures = 1000;
  for (const char* word : {"", "CAPA", "USER", "PASS"}) {
    SCOPED_TRACE(word);
    server_.say(word, "");
    expect_unavailable("did not answer in time");
    server_.say(word, "+O");
    expect_unavailable("did not answer in time");
    server_.say(word, "+OK in\r", true);
    expect_unavailable("127.0.0.1:110: ");
    server_.say(word, "", true);
    expect_unavailable("127.0.0.1:110: ");
    server_.say(word, word == std::string_view("CAPA") ? "-ERR\r\n" : "+OK\r\n");
  }
  EXPECT_EQ(ask("right").kind, Kind::granted);
}

TEST_F(DialogBackendTest, AFloodIsUnavailable) {
  // A list that does not end.
  std::string list = "+OK\r\n";
  for (int i = 0; i < 300; ++i) list += "X-" + std::to_string(i) + "\r\n";
  server_.say("CAPA", list);
  expect_unavailable("says more than any login needs");
  // Few lines, but many bytes.
  list = "+OK\r\n";
  for (int i = 0; i < 10; ++i) list += std::string(8000, 'x') + "\r\n";
  server_.say("CAPA", list + ".\r\n");
  expect_unavailable("says more than any login needs");
  server_.say("CAPA", std::string(20000, 'x'));
  expect_unavailable("sent a line that is too long");
}

TEST_F(DialogBackendTest, AFloodOfUntaggedLinesIsUnavailable) {
  options_.kind = "imap";
  options_.mechanism = "";
  server_.say("", "* OK hi\r\n");
  server_.endless = true;
  expect_unavailable("says more than any login needs");
}

TEST_F(DialogBackendTest, ALiteralIsCountedBeforeItIsWaitedFor) {
  options_.kind = "imap";
  options_.mechanism = "";
  server_.say("", "* OK hi\r\n* X {1000000000000}\r\n");
  expect_unavailable("says more than any login needs");
}

// The answer to USER would be taken for the one to the password, and grant anything.
TEST_F(DialogBackendTest, AServerThatSaysALineTooManyGrantsNothing) {
  server_.say("", "+OK hi\r\n+OK hi\r\n");
  expect_unavailable("said more than it was asked for");
  server_.say("", "+OK hi\r\n");
  server_.say("USER", "+OK\r\n+OK\r\n");
  expect_unavailable("said more than it was asked for");
  for (const std::string& line : server_.lines) EXPECT_THAT(line, Not(HasSubstr("PASS")));
}

TEST_F(DialogBackendTest, WhatIsSaidInClearBehindTheConsentToTlsIsAnError) {
  options_.mechanism = "";
  options_.tls = BackendTls::starttls;
  server_.say("STLS", "+OK go on\r\n+OK\r\n");
  expect_unavailable("talked in clear behind its consent");
  server_.say("STLS", "+OK go on\r\n", true);
  expect_unavailable("TLS: ");
  for (const std::string& line : server_.lines) EXPECT_EQ(line, "STLS");
}

TEST_F(DialogBackendTest, SoManyAtOneTimeAndNoMore) {
  options_.connections = 2;
  server_.say("USER", "");
  const std::vector<Verdict> verdicts = ask_at_once(5);
  // The server is silent: two use up their time, and so do the others, who never had a connection.
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    EXPECT_EQ(verdicts[i].kind, Kind::unavailable);
    EXPECT_THAT(verdicts[i].reason, HasSubstr(i < 2 ? "did not answer in time" : "all 2 connections are in use"));
  }
  EXPECT_EQ(server_.accepted, 2U);
  // None of them is lost.
  server_.say("USER", "+OK\r\n");
  for (const Verdict& verdict : ask_at_once(5)) EXPECT_EQ(verdict.kind, Kind::granted);
}

TEST_F(DialogBackendTest, WhoWaitsForAConnectionGetsItInOrder) {
  options_.connections = 1;
  for (const Verdict& verdict : ask_at_once(5)) EXPECT_EQ(verdict.kind, Kind::granted);
  std::vector<std::string> users;
  for (const std::string& line : server_.lines)
    if (line.starts_with("USER ")) users.push_back(line.substr(5));
  EXPECT_THAT(users, ElementsAre("user0", "user1", "user2", "user3", "user4"));
}

// A server that never answers QUIT holds up neither the login nor, for good, the next one.
TEST_F(DialogBackendTest, TheVerdictDoesNotWaitForTheGoodbye) {
  options_.connections = 1;
  server_.say("QUIT", "");
  EXPECT_EQ(ask("right").kind, Kind::granted);
  EXPECT_EQ(server_.live, 1U);
  EXPECT_EQ(ask("right").kind, Kind::granted);
}

TEST_F(DialogBackendTest, AStopEndsThoseThatWaitForAConnection) {
  options_.connections = 1;
  options_.timeout = 1h;
  server_.say("USER", "");
  backend();
  const Credentials credentials = credentials_of("tim@example.com", "right");
  testing::Running<Verdict> first(core_.platforms, core_.loop, [&] { return backend_->check(credentials); });
  testing::Running<Verdict> second(core_.platforms, core_.loop, [&] { return backend_->check(credentials); });
  EXPECT_TRUE(core_.platforms.run_until([&] { return server_.lines.size() == 2; }));
  core_.loop.post([this] { core_.loop.abort_outgoing(); });
  EXPECT_EQ(first.wait().kind, Kind::unavailable);
  EXPECT_EQ(second.wait().kind, Kind::unavailable);
}

}  // namespace
}  // namespace sluice::auth

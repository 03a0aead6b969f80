// Logins at an authenticator that the test plays: kept connections and their bound, and what it does wrong.
#include "auth/backend/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/auth_backend/wire_backend.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = Verdict::Kind;
using namespace std::chrono_literals;

constexpr const char* kGranted =
    "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\nAuth-User: Tim@example.com\r\nX-Customer: acme\r\nX-Domains: a.example\r\n"
    "Content-Length: 2\r\n\r\nhi";
constexpr const char* kWrong = "HTTP/1.1 200 OK\r\nAuth-Status: Wrong\r\nContent-Length: 0\r\n\r\n";

class HttpTest : public WireBackendTest {
 protected:
  HttpTest() : WireBackendTest("http") {
    options_.path = "/auth";
    options_.connections = 2;
    server_.on_line = [this](Dialog& dialog, const std::string& line) {
      if (!line.empty()) return;
      ++asked_;
      if (on_request_) on_request_(dialog);
    };
  }
  void answers(const std::string& text, bool hang_up = false) {
    on_request_ = [text, hang_up](Dialog& dialog) {
      dialog.say(text);
      if (hang_up) dialog.hang_up();
    };
  }

  std::function<void(Dialog&)> on_request_;
  std::size_t asked_ = 0;
};

TEST_F(HttpTest, AnswersAreOnOneKeptConnection) {
  answers(kGranted);
  const Verdict verdict = ask("tim@example.com", {.ip = "192.0.2.77", .helo = "pc.example"});
  EXPECT_EQ(verdict.kind, Kind::granted);
  EXPECT_EQ(verdict.account, "Tim@example.com");
  EXPECT_EQ(verdict.customer, "acme");
  EXPECT_THAT(verdict.domains, ElementsAre("a.example"));
  answers(kWrong);
  EXPECT_EQ(ask().kind, Kind::wrong);
  answers("HTTP/1.1 200 OK\r\nAuth-Status: s3cret  of 100%\r\nAuth-Error-Code: 451\r\nContent-Length: 0\r\n\r\n");
  expect_unavailable(ask(), "could not check it");
  EXPECT_EQ(ask().kind, Kind::unavailable);
  ASSERT_EQ(server_.dialogs.size(), 1U);
  EXPECT_THAT(std::vector<std::string>(server_.dialogs[0]->lines.begin(), server_.dialogs[0]->lines.begin() + 12),
              ElementsAre("GET /auth HTTP/1.0", "Host: 127.0.0.1:12345", "Connection: keep-alive", "Auth-Method: plain",
                          "Auth-User: tim@example.com", "Auth-Pass: s3cret%20%20of%20100%25", "Auth-Protocol: smtp",
                          "Auth-Login-Attempt: 1", "Client-IP: 192.0.2.77", "Client-Host: [UNAVAILABLE]",
                          "Auth-SMTP-Helo: pc.example", ""));
}

TEST_F(HttpTest, FieldsHaveTheNamesThatAreConfigured) {
  options_.customer_field = "X-Firm";
  options_.domains_field = "X-From";
  answers("HTTP/1.1 200 OK\r\nAuth-Status: OK\r\nX-Customer: no\r\nX-Firm: acme\r\nX-From: b.example\r\n\r\n", true);
  const Verdict verdict = ask();
  EXPECT_EQ(verdict.customer, "acme");
  EXPECT_THAT(verdict.domains, ElementsAre("b.example"));
}

TEST_F(HttpTest, LoginsTakeTurnsAtTheConnections) {
  std::vector<std::unique_ptr<Asked>> logins;
  for (int i = 0; i < 5; ++i) logins.push_back(begin());
  core_.platforms.run_for(1s);
  EXPECT_EQ(asked_, 2U);
  EXPECT_EQ(server_.dialogs.size(), 2U);
  answers(kGranted);
  for (const auto& dialog : server_.dialogs) dialog->say(kWrong);
  EXPECT_EQ(logins[0]->wait().kind, Kind::wrong);
  EXPECT_EQ(logins[1]->wait().kind, Kind::wrong);
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(logins[i]->wait().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 2U);
}

TEST_F(HttpTest, ALoginWithoutATurnEndsWithItsTime) {
  std::vector<std::unique_ptr<Asked>> logins;
  for (int i = 0; i < 3; ++i) logins.push_back(begin());
  core_.platforms.run_for(5s);
  logins.push_back(begin());
  expect_unavailable(logins[0]->wait(), "did not answer in time");
  expect_unavailable(logins[1]->wait(), "did not answer in time");
  expect_unavailable(logins[2]->wait(), "wait for an answer");
  server_.dialogs.back()->hang_up();
  EXPECT_EQ(logins[3]->wait().kind, Kind::unavailable);
  answers(kGranted);
  EXPECT_EQ(ask().kind, Kind::granted);
}

TEST_F(HttpTest, AKeptConnectionThatEndsAsItIsAskedIsReplaced) {
  answers(kGranted);
  EXPECT_EQ(ask().kind, Kind::granted);
  on_request_ = [this](Dialog& dialog) {
    if (&dialog == server_.dialogs[0].get())
      dialog.hang_up();
    else
      dialog.say(kWrong);
  };
  EXPECT_EQ(ask().kind, Kind::wrong);
  EXPECT_EQ(asked_, 3U);
  // A new one that ends is not asked again.
  on_request_ = [](Dialog& dialog) { dialog.hang_up(); };
  server_.dialogs[1]->hang_up();
  core_.platforms.run_for(1s);
  expect_unavailable(ask(), "connection closed");
  EXPECT_EQ(asked_, 4U);
}

TEST_F(HttpTest, ARestartInMidRunIsNoticed) {
  answers(kGranted);
  EXPECT_EQ(ask().kind, Kind::granted);
  server_.stop();
  expect_unavailable(ask(), "cannot be reached");
  server_.start();
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(asked_, 2U);
}

TEST_F(HttpTest, AnOldServerEndsTheConnectionBehindItsAnswer) {
  answers("HTTP/1.0 200 OK\nAuth-Status: OK\n\n", true);
  EXPECT_EQ(ask().kind, Kind::granted);
  answers("HTTP/1.0 200 OK\nAuth-Status: OK\n\n" + std::string(1000, 'x'), true);
  EXPECT_EQ(ask().kind, Kind::granted);
  answers("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nAuth-Status: OK\r\n\r\n");
  EXPECT_EQ(ask().kind, Kind::granted);
  EXPECT_EQ(server_.dialogs.size(), 3U);
}

TEST_F(HttpTest, WhatIsBehindAnAnswerIsNobodys) {
  answers(std::string(kWrong) + kGranted);
  EXPECT_EQ(ask().kind, Kind::wrong);
  core_.platforms.run_for(1s);  // all of it is there
  EXPECT_EQ(ask().kind, Kind::wrong);
  EXPECT_EQ(server_.dialogs.size(), 2U);
}

TEST_F(HttpTest, OneThatIsSilentEndsWithTheTime) {
  const Instant before = core_.loop.now();
  expect_unavailable(ask(), "did not answer in time");
  EXPECT_GE(core_.loop.now() - before, options_.timeout);
  EXPECT_LT(core_.loop.now() - before, options_.timeout + 1s);
  for (const char* half : {"H", "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\n",
                           "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\nContent-Length: 5\r\n\r\nhi",
                           "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\n\r\n"}) {
    answers(half);
    expect_unavailable(ask(), "did not answer in time");
  }
  EXPECT_TRUE(until([this] { return server_.open() == 0; }));
}

TEST_F(HttpTest, HalfAnAnswerIsNone) {
  for (const char* half : {"", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\n",
                           "HTTP/1.1 200 OK\r\nAuth-Status: OK\r\nContent-Length: 5\r\n\r\nhi"}) {
    answers(half, true);
    expect_unavailable(ask(), "connection closed");
  }
}

TEST_F(HttpTest, OtherAnswersAreNone) {
  const std::string ok = "\r\nAuth-Status: OK\r\n";
  answers("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:12345/x" + ok + "Content-Length: 0\r\n\r\n");
  expect_unavailable(ask(), "status 302");
  answers("HTTP/1.1 500 Oops" + ok + "\r\n");
  expect_unavailable(ask(), "status 500");
  answers("HTTP/1.1 200 OK" + ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  expect_unavailable(ask(), "no plain Content-Length");
  answers("HTTP/1.1 200 OK" + ok + "Content-Length: 65537\r\n\r\n");
  expect_unavailable(ask(), "too long");
  answers("HTTP/1.1 200 OK" + ok + "\r\n" + std::string(70'000, 'x'));
  expect_unavailable(ask(), "does not come to an end");
  answers("HTTP/1.1 200 OK" + ok + std::string(70'000, 'x'));
  expect_unavailable(ask(), "a line that is too long");
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += "X: y\r\n";
  answers("HTTP/1.1 200 OK" + ok + fields);
  expect_unavailable(ask(), "does not speak HTTP");
  answers("220 mx.example.com ESMTP\r\n");
  expect_unavailable(ask(), "does not speak HTTP");
  EXPECT_TRUE(until([this] { return server_.open() == 1; })) << "the first one alone was kept";
}

TEST(HttpOptionsTest, WhatCannotBeAskedIsRefusedAtTheStart) {
  BackendOptions options{.name = "h", .kind = "http"};
  options.tls = BackendTls::none;
  options.servers = {{.host = "127.0.0.1", .port = 80}};
  for (const char* path : {"", "auth", "/a b", "/a\r\nX: y"}) {
    options.path = path;
    EXPECT_THAT(open_http(options).error(), HasSubstr("path")) << path;
  }
  options.path = "/auth?x=y";
  EXPECT_TRUE(open_http(options).has_value());
  options.tls = BackendTls::starttls;
  EXPECT_THAT(open_http(options).error(), HasSubstr("STARTTLS"));
}

TEST_F(HttpTest, PasswordsGoInClearToLoopbackAddressesOnly) {
  options_.servers = {{.host = "192.0.2.9", .port = kPort}};
  const Verdict verdict = ask();
  EXPECT_EQ(verdict.kind, Kind::unavailable);
  EXPECT_THAT(verdict.reason, HasSubstr("is no loopback address"));
}

}  // namespace
}  // namespace sluice::auth

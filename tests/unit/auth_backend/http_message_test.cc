// Requests as nginx's mail module writes them, and what is made of each response.
#include "auth/backend/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth::http {
namespace {

using ::testing::ElementsAre;
using Body = ResponseHead::Body;
using Kind = Verdict::Kind;
using Step = ResponseHead::Step;

// Lines parted by LF; an empty one is added.
Step read(ResponseHead& head, const std::string& text) {
  std::istringstream lines(text + "\n\n");
  Step step = Step::more;
  for (std::string line; step == Step::more && std::getline(lines, line);) step = head.line(line);
  return step;
}
ResponseHead head_of(const std::string& text) {
  ResponseHead head;
  EXPECT_EQ(read(head, text), Step::done) << text;
  return head;
}
Verdict said(const std::string& fields, const std::string& status = "HTTP/1.1 200 OK") {
  return verdict_of(head_of(status + "\n" + fields), {.customer = "X-Customer", .domains = "X-Domains"});
}

TEST(HttpMessageTest, NamesAndSecretsAreEscapedAsNginxDoes) {
  EXPECT_EQ(escape("a b%c+&=\"\xc3\xbc"), "a%20b%25c+&=\"\xc3\xbc");
  EXPECT_EQ(escape("\r\n\t\x1f\x7f"), "%0D%0A%09%1F\x7f");
}

TEST(HttpMessageTest, ARequestHasTheFieldsOfNginx) {
  const Credentials bare{.name = name_of("tim@example.com"), .secret = secret_of("a b")};
  EXPECT_EQ(request("h", "/auth", bare),
            "GET /auth HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nAuth-Method: plain\r\nAuth-User: "
            "tim@example.com\r\nAuth-Pass: a%20b\r\n"
            "Auth-Protocol: smtp\r\nAuth-Login-Attempt: 1\r\n\r\n");
  const Credentials full{.name = name_of("tim"),
                         .secret = secret_of("s"),
                         .client = {.ip = "192.0.2.7", .port = 99, .helo = "pc.example", .tls = true}};
  EXPECT_EQ(
      request("h:1", "/", full),
      "GET / HTTP/1.0\r\nHost: h:1\r\nConnection: keep-alive\r\nAuth-Method: plain\r\nAuth-User: tim\r\nAuth-Pass: "
      "s\r\nAuth-Protocol: smtp\r\n"
      "Auth-Login-Attempt: 1\r\nClient-IP: 192.0.2.7\r\nClient-Host: [UNAVAILABLE]\r\nAuth-SMTP-Helo: pc.example\r\n"
      "Auth-SSL: on\r\n\r\n");
  const Credentials bad{
      .name = name_of("tim"), .secret = secret_of("s"), .client = {.ip = "", .helo = "pc\r\nAuth-Status: OK"}};
  EXPECT_EQ(request("h", "/", bad).find("pc"), std::string::npos);
}

TEST(HttpMessageTest, WhatAnAnswerMeans) {
  EXPECT_EQ(said("Auth-Status: OK\nAuth-Server: 192.0.2.1\nAuth-Port: 25\nAuth-Wait: 3").kind, Kind::granted);
  EXPECT_EQ(said("auth-status:OK").kind, Kind::granted);
  EXPECT_EQ(said("Auth-Status: Invalid login or password\nAuth-Wait: 3").kind, Kind::wrong);
  EXPECT_EQ(said("Auth-Status: ok").kind, Kind::wrong);
  EXPECT_EQ(said("Auth-Status: no\nAuth-Error-Code: 535 5.7.8").kind, Kind::wrong);
  EXPECT_EQ(said("Auth-Status: later\nAuth-Error-Code: 451 4.3.0").kind, Kind::unavailable);
  EXPECT_EQ(said("Auth-Status: WAIT").kind, Kind::unavailable);
  EXPECT_EQ(said("Auth-Server: 192.0.2.1").kind, Kind::unavailable);
  EXPECT_EQ(said("Auth-Status: no\nAuth-Status: OK").kind, Kind::unavailable);
  for (const char* status : {"HTTP/1.1 500 Oops", "HTTP/1.1 302 Found", "HTTP/1.0 404", "HTTP/1.1 100 Continue",
                             "HTTP/1.1 204 No Content", "HTTP/1.1 401 Unauthorized"})
    EXPECT_EQ(said("Auth-Status: OK", status).kind, Kind::unavailable) << status;
}

TEST(HttpMessageTest, WhatIsGrantedMaySayWhoseItIs) {
  const Verdict verdict =
      said("Auth-Status: OK\nAuth-User: Tim@example.com\nX-Customer: acme\nx-domains: a.example, b.example");
  EXPECT_EQ(verdict.account, "Tim@example.com");
  EXPECT_EQ(verdict.customer, "acme");
  EXPECT_THAT(verdict.domains, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(said("Auth-Status: OK\nAuth-User: a\xff"
                 "b")
                .kind,
            Kind::unavailable);
  EXPECT_EQ(said("Auth-Status: OK\nX-Customer: " + std::string(300, 'c')).kind, Kind::unavailable);
}

TEST(HttpMessageTest, WhatIsNoResponse) {
  for (const char* text :
       {"", "220 mx.example.com ESMTP", "HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000", "HTTP/1.1  200 OK",
        "HTTP/1.1 200 OK\nno colon", "HTTP/1.1 200 OK\n: x", "HTTP/1.1 200 OK\nA b: x", "HTTP/1.1 200 OK\nA : x",
        "HTTP/1.1 200 OK\nA: x\n folded: y", "HTTP/1.1 200 OK\nA: x\x01y", "http/1.1 200 OK"}) {
    ResponseHead head;
    EXPECT_EQ(read(head, text), Step::malformed) << text;
  }
  ResponseHead many;
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "\nA: x";
  EXPECT_EQ(read(many, "HTTP/1.1 200 OK" + fields), Step::malformed);
  ResponseHead long_one;
  EXPECT_EQ(read(long_one, "HTTP/1.1 200 OK\nA: " + std::string(40000, 'x')), Step::malformed);
}

TEST(HttpMessageTest, WhereAResponseEnds) {
  const auto body = [](const std::string& fields) { return head_of("HTTP/1.1 200 OK\n" + fields).body(); };
  EXPECT_EQ(body("Content-Length: 12"), Body::sized);
  EXPECT_EQ(head_of("HTTP/1.1 200 OK\nContent-Length: 12").size(), 12U);
  EXPECT_EQ(body("A: b"), Body::to_end);
  for (const char* fields : {"Transfer-Encoding: chunked", "Transfer-Encoding: identity\nContent-Length: 1",
                             "Content-Length: 1\nContent-Length: 1", "Content-Length: 1, 1", "Content-Length: -1",
                             "Content-Length:", "Content-Length: 99999999999999999999", "Content-Length: 0x10"})
    EXPECT_EQ(body(fields), Body::strange) << fields;
}

TEST(HttpMessageTest, WhatPersists) {
  const auto persists = [](const std::string& text) { return head_of(text).persists(); };
  EXPECT_TRUE(persists("HTTP/1.1 200 OK\nContent-Length: 0"));
  EXPECT_FALSE(persists("HTTP/1.1 200 OK\nContent-Length: 0\nConnection: x, Close"));
  EXPECT_FALSE(persists("HTTP/1.1 200 OK"));
  EXPECT_FALSE(persists("HTTP/1.0 200 OK\nContent-Length: 0"));
  EXPECT_TRUE(persists("HTTP/1.0 200 OK\nContent-Length: 0\nConnection: Keep-Alive"));
}

}  // namespace
}  // namespace sluice::auth::http

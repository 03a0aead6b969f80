#include "engine/metrics/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "engine/io/local_socket.h"
#include "engine/io/real_platform.h"

namespace sluice::metrics {
namespace {

// A server on a port of 127.0.0.1, whose clock a test sets.
class HttpServerTest : public testing::Test {
 protected:
  class SetClock final : public io::Clock {
   public:
    Instant now() override { return Instant(std::chrono::hours(1)) + Duration(passed.load()); }
    WallMillis wall() override { return 0; }
    std::atomic<Duration::rep> passed{0};
  };

  void begin(std::vector<Network> allow = {}) {
    const auto socket = sockets_->listen(*io::Address::parse("127.0.0.1:0"), {.reuse_port = false});
    ASSERT_TRUE(socket);
    address_ = sockets_->local(*socket);
    server_ = std::make_unique<HttpServer>(
        std::vector<int>{*socket}, std::move(allow), clock_,
        HttpHandlers{.answer =
                         [this](std::string_view path, std::string_view accept) {
                           ++asked_;
                           return HttpAnswer{.status = path == "/there" ? 200U : 404U,
                                             .body = std::make_shared<const std::string>(std::string(path) + "|" +
                                                                                         std::string(accept))};
                         },
                     .tick = [] {}});
    ASSERT_TRUE(server_->start());
  }

  [[nodiscard]] int connect() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(socket, address_.data(), address_.size()), 0);
    return socket;
  }
  // Up to the end.
  static std::string rest(int socket) {
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t n = 0; (n = ::recv(socket, part.data(), part.size(), 0)) > 0;)
      all.append(part.data(), static_cast<std::size_t>(n));
    ::close(socket);
    return all;
  }
  [[nodiscard]] std::string ask(std::string_view request) const {
    const int socket = connect();
    EXPECT_GE(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), 0);
    return rest(socket);
  }

  std::unique_ptr<io::Sockets> sockets_ = io::make_real_sockets();
  SetClock clock_;
  io::Address address_;
  std::atomic<int> asked_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersOneGetAndCloses) {
  begin();
  const std::string answer = ask("GET /there?x=1 HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/there|text/plain")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos) << answer;
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  begin();
  const std::string answer = ask("HEAD /there HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Length: 7\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, OtherMethodsAreRefused) {
  begin();
  for (const std::string_view method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FROB"}) {
    const std::string answer = ask(std::string(method) + " /there HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, AHeaderBeyondTheBoundIsRefused) {
  begin();
  const std::string answer =
      ask("GET /there HTTP/1.1\r\nHost: a\r\nX: " + std::string(kConnectionBytesMax, 'x') + "\r\n\r\n");
  EXPECT_FALSE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, ARequestThatNeverEndsIsClosed) {
  begin();
  const int socket = connect();
  const std::string_view begun = "GET /there HTTP/1.1\r\nHost: a\r\n";
  ASSERT_EQ(::send(socket, begun.data(), begun.size(), 0), static_cast<ssize_t>(begun.size()));
  // An answer shows that the server has taken the earlier connection.
  (void)ask("GET /there HTTP/1.1\r\nHost: a\r\n\r\n");
  clock_.passed = Duration(kConnectionMax).count();
  const std::string answer = rest(socket);
  EXPECT_FALSE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_EQ(asked_, 1);
}

TEST_F(HttpServerTest, AStormGetsSoManyAnswersASecond) {
  begin();
  int answered = 0;
  for (unsigned i = 0; i < 2 * kConnectionsPerSecondMax; ++i)
    answered += ask("GET /there HTTP/1.1\r\nHost: a\r\n\r\n").empty() ? 0 : 1;
  EXPECT_EQ(answered, static_cast<int>(kConnectionsPerSecondMax));
  clock_.passed = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
  EXPECT_FALSE(ask("GET /there HTTP/1.1\r\nHost: a\r\n\r\n").empty());
}

TEST_F(HttpServerTest, GarbageIsNoRequest) {
  begin();
  for (const std::string_view garbage : {"\r\n\r\n\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n", "GET\r\n\r\n",
                                         "GET /there HTTP/9.9\r\n\r\n", "GET  HTTP/1.1\r\n\r\n"}) {
    const int socket = connect();
    EXPECT_GE(::send(socket, garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
    ::shutdown(socket, SHUT_WR);
    // An answer shows that the server has taken the earlier connection.
    (void)ask("GET /there HTTP/1.1\r\nHost: a\r\n\r\n");
    clock_.passed += Duration(kConnectionMax).count();
    EXPECT_FALSE(rest(socket).starts_with("HTTP/1.1 200")) << garbage;
  }
}

TEST_F(HttpServerTest, StopClosesWhatIsOpen) {
  begin();
  const int socket = connect();
  (void)ask("GET /there HTTP/1.1\r\nHost: a\r\n\r\n");
  server_->stop();
  EXPECT_EQ(rest(socket), "");
}

TEST_F(HttpServerTest, AnswersOnAUnixSocket) {
  const std::string path = testing::TempDir() + "metrics-" + std::to_string(::getpid()) + ".sock";
  const auto socket = io::listen_local(path);
  ASSERT_TRUE(socket);
  HttpServer server(
      {*socket}, {}, clock_,
      {.answer = [](std::string_view,
                    std::string_view) { return HttpAnswer{.body = std::make_shared<const std::string>("here")}; },
       .tick = [] {}});
  ASSERT_TRUE(server.start());
  std::string answer;
  ASSERT_TRUE(io::ask_local(path, "GET / HTTP/1.0\r\n\r\n", 5, [&answer](std::string_view part) { answer += part; }));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhere")) << answer;
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace sluice::metrics

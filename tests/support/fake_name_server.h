// A name server on a port of its own that answers as the test sets it, by UDP and by TCP: nothing,
// nonsense, too much. Its own thread; made and destroyed by one test.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "engine/io/address.h"
#include "tests/support/dns_wire.h"

namespace sluice::testing {

class FakeNameServer {
 public:
  struct Question {
    std::string name;  // in lower case
    io::DnsType type;
    std::uint16_t id;
    bool tcp;
    bool asks_authenticated;  // AD
  };
  // The bytes of the answer; none: nothing is sent.  On the server's thread.
  using Answer = std::function<std::optional<std::string>(const Question&)>;

  explicit FakeNameServer(Answer answer) : answer_(std::move(answer)) {
    // A port that is free for both: another connection may have the one that UDP was given.
    for (int tries = 0; tcp_ < 0 && tries < 100; ++tries) {
      if (udp_ >= 0) ::close(udp_);
      udp_ = bound(SOCK_DGRAM, 0);
      tcp_ = bound(SOCK_STREAM, port());
    }
    EXPECT_GE(tcp_, 0);
    EXPECT_EQ(::listen(tcp_, 16), 0);
    EXPECT_EQ(::pipe(end_.data()), 0);
    thread_ = std::thread([this] { run(); });
  }
  FakeNameServer(const FakeNameServer&) = delete;
  FakeNameServer& operator=(const FakeNameServer&) = delete;
  ~FakeNameServer() {
    EXPECT_EQ(::write(end_[1], "x", 1), 1);
    thread_.join();
    for (const int fd : {udp_, tcp_, end_[0], end_[1]}) ::close(fd);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  [[nodiscard]] unsigned asked() const { return asked_; }
  [[nodiscard]] unsigned asked_by_tcp() const { return asked_by_tcp_; }

 private:
  static int bound(int kind, std::uint16_t port) {
    const int fd = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    const auto address = *io::Address::from_ip("127.0.0.1", port);
    if (::bind(fd, address.data(), address.size()) == 0) return fd;
    ::close(fd);
    return -1;
  }
  [[nodiscard]] std::uint16_t port() const {
    io::Address address;
    socklen_t size = io::Address::capacity();
    EXPECT_EQ(::getsockname(udp_, address.data(), &size), 0);
    return address.port();
  }

  static Question read_question(std::string_view bytes, bool tcp) {
    const auto u8 = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes.at(i)); };
    Question question{.name = "",
                      .type = {},
                      .id = static_cast<std::uint16_t>(u8(0) << 8 | u8(1)),
                      .tcp = tcp,
                      .asks_authenticated = (u8(3) & 0x20U) != 0};
    std::size_t at = 12;
    for (; u8(at) != 0; at += u8(at) + 1U) question.name += std::string(bytes.substr(at + 1, u8(at))) + ".";
    question.name = io::fold_dns_name(question.name);
    question.type = static_cast<io::DnsType>(u8(at + 1) << 8 | u8(at + 2));
    return question;
  }
  std::optional<std::string> answer(std::string_view bytes, bool tcp) {
    ++asked_;
    if (tcp) ++asked_by_tcp_;
    return answer_(read_question(bytes, tcp));
  }
  void serve_udp() {
    std::array<char, 4096> buffer{};
    io::Address from;
    socklen_t size = io::Address::capacity();
    const ssize_t got = ::recvfrom(udp_, buffer.data(), buffer.size(), 0, from.data(), &size);
    if (got < 12) return;
    if (const auto said = answer({buffer.data(), static_cast<std::size_t>(got)}, false))
      ::sendto(udp_, said->data(), said->size(), 0, from.data(), size);
  }
  // One question a connection.
  void serve_tcp() {
    const int fd = ::accept(tcp_, nullptr, nullptr);
    std::array<char, 4096> buffer{};
    std::size_t have = 0;
    const auto wanted = [&] {
      return have < 2 ? 2
                      : 2U + static_cast<std::size_t>(static_cast<std::uint8_t>(buffer[0]) << 8 |
                                                      static_cast<std::uint8_t>(buffer[1]));
    };
    while (have < wanted()) {
      const ssize_t got = ::recv(fd, buffer.data() + have, wanted() - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    if (have == wanted()) {
      if (const auto said = answer({buffer.data() + 2, have - 2}, true)) {
        const std::string framed = DnsWire::u16(static_cast<std::uint16_t>(said->size())) + *said;
        ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
    ::close(fd);
  }
  void run() {
    for (;;) {
      std::array<pollfd, 3> fds{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}, {end_[0], POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      if (fds[2].revents != 0) return;
      if (fds[0].revents != 0) serve_udp();
      if (fds[1].revents != 0) serve_tcp();
    }
  }

  Answer answer_;
  int udp_ = -1;
  int tcp_ = -1;
  std::array<int, 2> end_{};
  std::atomic<unsigned> asked_{0};
  std::atomic<unsigned> asked_by_tcp_{0};
  std::thread thread_;
};

}  // namespace sluice::testing

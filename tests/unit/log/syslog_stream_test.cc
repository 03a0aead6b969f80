// Syslog over a connection, where there is no server: what waits is bounded, and what is lost is counted.
#include "engine/log/syslog_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "engine/io/address.h"

namespace sluice::log {
namespace {

using namespace std::chrono_literals;

class Listening {
 public:
  Listening() {
    EXPECT_EQ(::bind(socket_, address_.data(), address_.size()), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    socklen_t size = io::Address::capacity();
    EXPECT_EQ(::getsockname(socket_, address_.data(), &size), 0);
  }
  ~Listening() { ::close(socket_); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  [[nodiscard]] std::string host_port() const { return address_.to_string(); }
  // As much as `size` bytes of the next connection.
  [[nodiscard]] std::string receive(std::size_t size) const {
    const int connection = ::accept(socket_, nullptr, nullptr);
    constexpr timeval kTimeout{.tv_sec = 10, .tv_usec = 0};
    EXPECT_EQ(::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout), 0);
    std::string bytes(size, ' ');
    EXPECT_EQ(::recv(connection, bytes.data(), bytes.size(), MSG_WAITALL), static_cast<ssize_t>(size));
    ::close(connection);
    return bytes;
  }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  io::Address address_ = *io::Address::from_ip("127.0.0.1", 0);
};

TEST(SyslogStream, EachMessageHasItsLengthInFront) {
  const Listening server;
  SyslogStream stream({.place = "tcp://" + server.host_port(), .server = {.host_port = server.host_port()}});
  stream.add("one");
  stream.add("the second");
  EXPECT_EQ(server.receive(18), "3 one10 the second");
  EXPECT_EQ(stream.lost(), 0U);
}

TEST(SyslogStream, WhatHasNoRoomWhileThereIsNoServerIsLostAndCounted) {
  std::string closed;
  {
    const Listening server;
    closed = server.host_port();
  }
  SyslogStream stream({.place = "tcp://" + closed, .server = {.host_port = closed}, .messages_max = 2});
  for (int i = 0; i < 5; ++i) stream.add("x");
  EXPECT_EQ(stream.lost(), 3U);
  EXPECT_TRUE(stream.turn(Instant()).pending);
  for (int i = 0; i < 5000 && stream.lost_reason() == "its queue is full"; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_THAT(stream.lost_reason(), ::testing::HasSubstr("127.0.0.1"));
}

}  // namespace
}  // namespace sluice::log

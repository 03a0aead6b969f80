// Syslog messages (RFC 5424) and the socket that they go to.
#include "engine/log/syslog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/io/address.h"

namespace sluice::log {
namespace {

TEST(Syslog, AMessageIsOfRfc5424) {
  EXPECT_EQ(syslog_message({.at = 1'795'915'425'678,
                            .severity = event::Severity::error,
                            .host = "relay.example.net",
                            .kind = "spool",
                            .text = "{}"}),
            "<19>1 2026-11-29T01:23:45.678Z relay.example.net sluice - spool - \xef\xbb\xbf{}");
}

TEST(Syslog, WhatIsNoNameIsNil) {
  const std::string message = syslog_message(
      {.at = 0, .severity = event::Severity::debug, .host = "a b\nc", .kind = std::string(33, 'x'), .text = ""});
  EXPECT_EQ(message, "<23>1 1970-01-01T00:00:00.000Z - sluice - - - \xef\xbb\xbf");
}

TEST(SyslogSocket, SendsToAnAddress) {
  const int server = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  io::Address address = *io::Address::from_ip("127.0.0.1", 0);
  ASSERT_EQ(::bind(server, address.data(), address.size()), 0);
  socklen_t size = io::Address::capacity();
  ASSERT_EQ(::getsockname(server, address.data(), &size), 0);
  SyslogSocket socket(address.to_string());
  socket.add("one");
  socket.add("two");
  EXPECT_FALSE(socket.turn(Instant()).pending);
  std::array<char, 16> bytes;
  EXPECT_EQ(::recv(server, bytes.data(), bytes.size(), 0), 3);
  EXPECT_EQ(::recv(server, bytes.data(), bytes.size(), 0), 3);
  EXPECT_EQ(socket.lost(), 0U);
  ::close(server);
}

TEST(SyslogSocket, ItsQueueIsBoundedAndWhatNothingTakesIsGivenUp) {
  SyslogSocket socket("/nowhere/log");
  for (std::size_t i = 0; i < SyslogSocket::kMessagesMax + 5; ++i) socket.add("x");
  EXPECT_EQ(socket.lost(), 5U);
  const Instant start(std::chrono::hours(1));
  EXPECT_TRUE(socket.turn(start).pending);
  EXPECT_TRUE(socket.turn(start + SyslogSocket::kWaitMax - std::chrono::nanoseconds(1)).pending);
  EXPECT_FALSE(socket.turn(start + SyslogSocket::kWaitMax).pending);
  EXPECT_EQ(socket.lost(), SyslogSocket::kMessagesMax + 5);
}

}  // namespace
}  // namespace sluice::log

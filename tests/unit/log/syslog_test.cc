// Syslog messages (RFC 5424), and which channel they go to.
#include "engine/log/syslog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(Syslog, AServerIsNamedWithItsProtocol) {
  const auto tls = syslog_server("tls://logs.example.net:6514");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->host_port, "logs.example.net:6514");
  const auto tcp = syslog_server("tcp://[2001:db8::1]:601");
  ASSERT_TRUE(tcp);
  EXPECT_FALSE(tcp->tls);
  EXPECT_EQ(tcp->host_port, "[2001:db8::1]:601");
  EXPECT_FALSE(syslog_server("/dev/log"));
  EXPECT_FALSE(syslog_server("192.0.2.1:514"));
}

}  // namespace
}  // namespace sluice::log

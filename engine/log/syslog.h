// Syslog as RFC 5424 has it: a message's text, and the channels that it goes to.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/event/events.h"
#include "engine/log/channel.h"

namespace sluice::log {

struct SyslogMessage {
  WallMillis at = 0;
  event::Severity severity{};
  std::string_view host;  // "-" stands for what no host is called
  std::string_view kind;  // MSGID
  std::string_view text;  // one clean line of UTF-8
};

// RFC 5424 6, of the facility mail (2).  Pure; any thread.
[[nodiscard]] std::string syslog_message(const SyslogMessage& message);

// Of a severity, as syslog and the journal count them (RFC 5424 6.2.1).
[[nodiscard]] int syslog_severity(event::Severity severity);

// "tcp://logs.example.net:601", "tls://192.0.2.1:6514", "tls://[2001:db8::1]:6514": a server of syslog over a
// connection.
struct SyslogServer {
  bool tls = false;
  std::string host_port;
};
// Nothing: it is none, as a path or an address of UDP.  Whether host and port are good is the caller's to check.
[[nodiscard]] std::optional<SyslogServer> syslog_server(std::string_view place);

struct SyslogOptions {
  std::string place;    // as DatagramChannel takes it, or a SyslogServer
  std::string ca_file;  // of a server with TLS; empty: the system's authorities
  std::size_t messages_max = 1000;
};
[[nodiscard]] std::unique_ptr<Channel> open_syslog(SyslogOptions options);

}  // namespace sluice::log

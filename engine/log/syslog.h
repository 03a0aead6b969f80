// Syslog as RFC 5424 has it: a message's text, and the socket that it goes to.  One thread; never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/event/consumer.h"
#include "engine/io/descriptor.h"

namespace sluice::log {

struct SyslogMessage {
  WallMillis at = 0;
  event::Severity severity{};
  std::string_view host;  // "-" stands for what no host is called
  std::string_view kind;  // MSGID
  std::string_view text;  // one clean line of UTF-8
};

// RFC 5424 6, of the facility mail (2).
[[nodiscard]] std::string syslog_message(const SyslogMessage& message);

// A datagram each.  What the socket does not take now is kept, up to a bound, and for kWaitMax where nothing is
// there to take it; beyond that it is lost, and counted.
class SyslogSocket {
 public:
  static constexpr std::size_t kMessagesMax = 1000;
  static constexpr Duration kWaitMax = std::chrono::seconds(10);

  // `place`: a path, such as "/dev/log", or "192.0.2.1:514", which is UDP (RFC 5426).
  explicit SyslogSocket(std::string place) : place_(std::move(place)) {}

  void add(std::string message);
  // Sends what can be sent.
  event::Rest turn(Instant now);

  [[nodiscard]] const std::string& place() const { return place_; }
  // Since the start, and why the last one was.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] const std::string& lost_reason() const { return lost_reason_; }

 private:
  int open();
  int send(const std::string& message);
  void lose(std::size_t messages, std::string reason);

  const std::string place_;
  io::Descriptor socket_{-1};
  std::deque<std::string> messages_;
  std::optional<Instant> failing_since_;
  std::uint64_t lost_ = 0;
  std::string lost_reason_;
};

}  // namespace sluice::log

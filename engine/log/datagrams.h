// A channel of datagrams: each message is one, to a UNIX socket or by UDP.  What the socket does not take now is kept,
// up to a bound, and for kWaitMax where nothing is there to take it; beyond that it is lost.  One thread; never waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "engine/io/descriptor.h"
#include "engine/log/channel.h"

namespace sluice::log {

// A message that is longer than the socket takes.
enum class LongDatagram : std::uint8_t {
  lost,
  in_file,  // a sealed memfd with the message goes in its place, as the journal takes it
};

class DatagramChannel final : public Channel {
 public:
  static constexpr Duration kWaitMax = std::chrono::seconds(10);

  struct Options {
    std::string place;  // a path, such as "/dev/log", or "192.0.2.1:514", which is UDP (RFC 5426)
    std::size_t messages_max = 1000;
    LongDatagram too_long = LongDatagram::lost;
  };
  explicit DatagramChannel(Options options) : options_(std::move(options)) {}

  void add(std::string message) override;
  event::Rest turn(Instant now) override;
  [[nodiscard]] const std::string& place() const override { return options_.place; }
  [[nodiscard]] std::uint64_t lost() const override { return lost_; }
  [[nodiscard]] std::string lost_reason() const override { return lost_reason_; }

 private:
  int open();
  int send(const std::string& message);
  [[nodiscard]] int send_in_file(const std::string& message) const;
  void lose(std::size_t messages, std::string reason);

  const Options options_;
  io::Descriptor socket_{-1};
  std::deque<std::string> messages_;
  std::optional<Instant> failing_since_;
  std::uint64_t lost_ = 0;
  std::string lost_reason_;
};

}  // namespace sluice::log

// A channel of syslog over a connection, TCP (RFC 6587 section 3.4.1) or TLS (RFC 5425): each message with its length
// in front.  A thread of its own connects and sends by libcurl, which blocks; nothing else waits for it.  What waits is
// kept up to a bound, however long the server is away, and is in memory: a process that is killed loses it, and a
// server that goes away what was under way to it, as syslog has no answers.  The server's certificate is checked for
// its host.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "engine/log/channel.h"
#include "engine/log/syslog.h"

namespace sluice::log {

class SyslogStream final : public Channel {
 public:
  struct Options {
    std::string place;
    SyslogServer server;
    std::string ca_file;  // empty: the system's authorities
    std::size_t messages_max = 1000;
  };
  explicit SyslogStream(Options options);
  ~SyslogStream() override;

  void add(std::string message) override;
  event::Rest turn(Instant now) override;
  [[nodiscard]] const std::string& place() const override { return options_.place; }
  [[nodiscard]] std::uint64_t lost() const override { return lost_.load(); }
  [[nodiscard]] std::string lost_reason() const override;

 private:
  class Connection;

  void run();
  bool wait_for_message(std::string& message);
  void sent();
  void failed(std::string why);

  const Options options_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> lost_{0};

  mutable std::mutex mutex_;  // over the next two
  std::deque<std::string> messages_;
  std::string failure_;  // the last one; empty: there is a connection, or none was tried
  std::condition_variable changed_;

  std::thread thread_;
};

}  // namespace sluice::log

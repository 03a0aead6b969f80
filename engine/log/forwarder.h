// The consumer of events that gives each of them, as a message, to a channel beside the log's file: syslog, or the
// journal.  What the channel loses is reported by the event log_dropped, at most once a minute.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/log/channel.h"
#include "engine/log/line.h"

namespace sluice::log {

// Owned by the program; made before the event thread starts, which ends with it.
class Forwarder final : public event::Consumer {
 public:
  // A message of an event; `line` is the log's, without its newline.
  using Compose = std::function<std::string(const event::Event& event, std::string_view line)>;
  struct Options {
    std::string name;  // "syslog" or "journal"
    LogFormat format = LogFormat::json;
    event::Severity level = event::Severity::info;
    Compose compose;
  };
  // All of them outlive the forwarder.
  Forwarder(Options options, std::unique_ptr<Channel> channel, io::Clock& clock, event::Dispatcher& events);
  ~Forwarder() override { events_.stop(); }

  // Any thread: from now on.
  void set(LogFormat format, event::Severity level);

  void take(const event::Event& event) override;
  [[nodiscard]] bool keeps() const override { return true; }
  event::Rest turn(event::Emitter& own) override;

 private:
  int report_lost(event::Emitter& own);

  const std::string name_;
  const Compose compose_;
  const std::unique_ptr<Channel> channel_;
  io::Clock& clock_;
  event::Dispatcher& events_;
  std::atomic<LogFormat> format_;
  std::atomic<event::Severity> level_;
  std::uint64_t lost_reported_ = 0;
  std::optional<Instant> reported_;
};

// To `place`, which is as SyslogOptions has it.
struct SyslogForwarding {
  std::string place;
  std::string ca_file;
  std::string host;  // ours
};
[[nodiscard]] std::unique_ptr<Forwarder> forward_to_syslog(const SyslogForwarding& to, LogFormat format,
                                                           event::Severity level, io::Clock& clock,
                                                           event::Dispatcher& events);
// `socket` is the journal's.
[[nodiscard]] std::unique_ptr<Forwarder> forward_to_journal(const std::string& socket, LogFormat format,
                                                            event::Severity level, io::Clock& clock,
                                                            event::Dispatcher& events);

}  // namespace sluice::log

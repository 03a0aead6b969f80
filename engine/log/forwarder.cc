#include "engine/log/forwarder.h"

#include <algorithm>
#include <utility>

#include "engine/log/datagrams.h"
#include "engine/log/journal.h"
#include "engine/log/syslog.h"

namespace sluice::log {
namespace {

// Of lines that wait for a channel: some megabytes.
constexpr std::size_t kForwardedMax = 10'000;
constexpr Duration kReportEvery = std::chrono::minutes(1);

}  // namespace

Forwarder::Forwarder(Options options, std::unique_ptr<Channel> channel, io::Clock& clock, event::Dispatcher& events)
    : name_(std::move(options.name)),
      compose_(std::move(options.compose)),
      channel_(std::move(channel)),
      clock_(clock),
      events_(events),
      format_(options.format),
      level_(options.level) {
  events_.add(*this, options.level);
}

void Forwarder::set(LogFormat format, event::Severity level) {
  format_.store(format, std::memory_order_relaxed);
  level_.store(level, std::memory_order_relaxed);
  events_.set_least(*this, level);
}

void Forwarder::take(const event::Event& event) {
  if (event.severity < level_.load(std::memory_order_relaxed)) return;
  const LogLine line(format_.load(std::memory_order_relaxed), event);
  channel_->add(compose_(event, line.text().substr(0, line.text().size() - 1)));
}

event::Rest Forwarder::turn(event::Emitter& own) {
  event::Rest rest = channel_->turn(clock_.now());
  const int report_ms = report_lost(own);
  if (rest.timeout_ms < 0 || (report_ms >= 0 && report_ms < rest.timeout_ms)) rest.timeout_ms = report_ms;
  return rest;
}

// Returns in how many milliseconds there is more to report; -1: there is nothing.
int Forwarder::report_lost(event::Emitter& own) {
  const std::uint64_t lost = channel_->lost();
  if (lost == lost_reported_) return -1;
  const Instant now = clock_.now();
  if (reported_ && now - *reported_ < kReportEvery)
    return static_cast<int>((*reported_ + kReportEvery - now) / std::chrono::milliseconds(1)) + 1;
  reported_ = now;
  const std::string to = name_ + " " + channel_->place();
  const std::string reason = channel_->lost_reason();
  own.emit(event::LogDropped{.dropped = lost - std::exchange(lost_reported_, lost), .reason = reason, .to = to});
  return -1;
}

std::unique_ptr<Forwarder> forward_to_syslog(const SyslogForwarding& to, LogFormat format, event::Severity level,
                                             io::Clock& clock, event::Dispatcher& events) {
  auto compose = [host = to.host](const event::Event& event, std::string_view line) {
    return syslog_message(
        {.at = event.at, .severity = event.severity, .host = host, .kind = event.row.name, .text = line});
  };
  return std::make_unique<Forwarder>(
      Forwarder::Options{.name = "syslog", .format = format, .level = level, .compose = std::move(compose)},
      open_syslog({.place = to.place, .ca_file = to.ca_file, .messages_max = kForwardedMax}), clock, events);
}

std::unique_ptr<Forwarder> forward_to_journal(const std::string& socket, LogFormat format, event::Severity level,
                                              io::Clock& clock, event::Dispatcher& events) {
  return std::make_unique<Forwarder>(
      Forwarder::Options{.name = "journal", .format = format, .level = level, .compose = &journal_entry},
      std::make_unique<DatagramChannel>(
          DatagramChannel::Options{.place = socket, .messages_max = kForwardedMax, .too_long = LongDatagram::in_file}),
      clock, events);
}

}  // namespace sluice::log

#include "engine/log/syslog.h"

#include <algorithm>
#include <utility>

#include "engine/log/datagrams.h"
#include "engine/log/syslog_stream.h"
#include "engine/text/time_text.h"

namespace sluice::log {
namespace {

constexpr int kFacilityMail = 2;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kKindBytesMax = 32;

// PRINTUSASCII, or the nil value.
std::string_view printable_or_nil(std::string_view text, std::size_t bytes_max) {
  const bool good = !text.empty() && text.size() <= bytes_max &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  return good ? text : "-";
}

}  // namespace

int syslog_severity(event::Severity severity) {
  switch (severity) {
    case event::Severity::error:
      return 3;
    case event::Severity::warning:
      return 4;
    case event::Severity::info:
      return 6;
    case event::Severity::debug:
      break;
  }
  return 7;
}

std::string syslog_message(const SyslogMessage& message) {
  const text::TimeText time = text::time_text(message.at);
  std::string text = "<" + std::to_string(kFacilityMail * 8 + syslog_severity(message.severity)) + ">1 ";
  text.append(time.data(), time.size()).append(" ").append(printable_or_nil(message.host, kHostBytesMax));
  text.append(" sluice - ").append(printable_or_nil(message.kind, kKindBytesMax)).append(" - ");
  return text.append("\xef\xbb\xbf").append(message.text);  // 6.4: UTF-8 begins with its mark
}

std::optional<SyslogServer> syslog_server(std::string_view place) {
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kTls = "tls://";
  const bool tls = place.starts_with(kTls);
  if (!tls && !place.starts_with(kTcp)) return std::nullopt;
  return SyslogServer{.tls = tls, .host_port = std::string(place.substr(kTcp.size()))};
}

std::unique_ptr<Channel> open_syslog(SyslogOptions options) {
  if (auto server = syslog_server(options.place))
    return std::make_unique<SyslogStream>(SyslogStream::Options{.place = std::move(options.place),
                                                                .server = *std::move(server),
                                                                .ca_file = std::move(options.ca_file),
                                                                .messages_max = options.messages_max});
  return std::make_unique<DatagramChannel>(
      DatagramChannel::Options{.place = std::move(options.place), .messages_max = options.messages_max});
}

}  // namespace sluice::log

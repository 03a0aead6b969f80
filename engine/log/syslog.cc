#include "engine/log/syslog.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/io/address.h"
#include "engine/text/time_text.h"

namespace sluice::log {
namespace {

constexpr int kFacilityMail = 2;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kKindBytesMax = 32;
constexpr int kOpenAgainMs = 1000;

// RFC 5424 6.2.1.
int severity_number(event::Severity severity) {
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

// PRINTUSASCII, or the nil value.
std::string_view printable_or_nil(std::string_view text, std::size_t bytes_max) {
  const bool good = !text.empty() && text.size() <= bytes_max &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  return good ? text : "-";
}

}  // namespace

std::string syslog_message(const SyslogMessage& message) {
  const text::TimeText time = text::time_text(message.at);
  std::string text = "<" + std::to_string(kFacilityMail * 8 + severity_number(message.severity)) + ">1 ";
  text.append(time.data(), time.size()).append(" ").append(printable_or_nil(message.host, kHostBytesMax));
  text.append(" sluice - ").append(printable_or_nil(message.kind, kKindBytesMax)).append(" - ");
  return text.append("\xef\xbb\xbf").append(message.text);  // 6.4: UTF-8 begins with its mark
}

void SyslogSocket::lose(std::size_t messages, std::string reason) {
  lost_ += messages;
  lost_reason_ = std::move(reason);
}

void SyslogSocket::add(std::string message) {
  if (messages_.size() >= kMessagesMax) return lose(1, "its queue is full");
  messages_.push_back(std::move(message));
}

event::Rest SyslogSocket::turn(Instant now) {
  while (!messages_.empty()) {
    const int error = send(messages_.front());
    if (error == EAGAIN || error == ENOBUFS)
      return {.pending = true, .timeout_ms = kOpenAgainMs, .writable = socket_.get()};
    if (error == EMSGSIZE) {
      lose(1, std::strerror(error));
    } else if (error != 0) {
      socket_ = io::Descriptor(-1);
      if (!failing_since_) failing_since_ = now;
      if (now - *failing_since_ < kWaitMax) return {.pending = true, .timeout_ms = kOpenAgainMs};
      lose(messages_.size(), std::strerror(error));
      messages_.clear();
      return {};
    } else {
      failing_since_.reset();
    }
    messages_.pop_front();
  }
  return {};
}

// An errno, or 0.
int SyslogSocket::open() {
  sockaddr_un local{};
  std::optional<io::Address> remote;
  const bool path = place_.starts_with('/');
  if (path) {
    if (place_.size() >= sizeof local.sun_path) return ENAMETOOLONG;
    local.sun_family = AF_UNIX;
    place_.copy(local.sun_path, place_.size());
  } else {
    remote = io::Address::parse(place_);
    if (!remote) return EINVAL;
  }
  io::Descriptor opened(::socket(path ? AF_UNIX : remote->family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (opened.get() < 0) return errno;
  const auto* address = path ? reinterpret_cast<const sockaddr*>(&local) : remote->data();
  const auto size = path ? static_cast<socklen_t>(sizeof local) : remote->size();
  if (::connect(opened.get(), address, size) != 0) return errno;
  socket_ = std::move(opened);
  return 0;
}

// An errno, or 0.
int SyslogSocket::send(const std::string& message) {
  if (socket_.get() < 0)
    if (const int error = open(); error != 0) return error;
  if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return 0;
  return errno;
}

}  // namespace sluice::log

// One line of the log while it is written: time, level, event, then fields, as JSON or logfmt.
// Every value is escaped, so that nothing a stranger sends starts a line of its own or reaches a terminal as a control
// sequence.  One thread; allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/event/record.h"

namespace sluice::log {

enum class LogFormat : std::uint8_t { json, logfmt };

// Of a line with its newline.  Fields that no longer fit are left out, and the line ends with truncated=true.
inline constexpr std::size_t kLogLineBytesMax = 8192;

class LogLine {
 public:
  // The whole line of an event.
  LogLine(LogFormat format, const event::Event& event);
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  // With its newline.
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  void field(std::string_view /*name*/, std::monostate /*left out*/) {}
  void field(std::string_view name, std::string_view value);
  void field(std::string_view name, bool value);
  void field(std::string_view name, Duration value);
  void field(std::string_view name, std::int64_t value);
  void field(std::string_view name, std::uint64_t value);
  bool begin_field(std::string_view name, std::size_t value_bytes);
  void bare(std::string_view name, std::string_view value);
  void append(std::string_view bytes);

  LogFormat format_;
  bool truncated_ = false;
  std::size_t size_ = 0;
  std::array<char, kLogLineBytesMax> text_;  // not initialised: only what was written is read
};

// An event as its line in JSON, without the newline: for other consumers, which pass it on.
[[nodiscard]] std::string json_text(const event::Event& event);

}  // namespace sluice::log

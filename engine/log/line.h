// One line of the log while it is written: time, level, event, then fields, as JSON or logfmt.
// Every value is escaped, so that nothing a stranger sends starts a line of its own or reaches a
// terminal as a control sequence. Lives within one statement, on its log's thread; allocates
// nothing.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::log {

class Log;

enum class Level : std::uint8_t { debug, info, warning, error };
[[nodiscard]] std::string_view level_text(Level level);

enum class LogFormat : std::uint8_t { json, logfmt };

// Bytes of a value that are shown; a longer one ends in "...".
inline constexpr std::size_t kLogValueBytesMax = 1024;
// Bytes of a line with its newline.  Fields that no longer fit are left out, and the line ends
// with truncated=true.
inline constexpr std::size_t kLogLineBytesMax = 8192;

// The name of an event or a field: a literal of a-z, 0-9 and _, checked by the compiler, so that
// names need no escaping.
class LogName {
 public:
  template <std::size_t kSize>
  consteval LogName(const char (&name)[kSize]) : text_(name, kSize - 1) {  // NOLINT(google-explicit-constructor)
    if (text_.empty()) throw "a name in the log is empty";
    for (const char c : text_) {
      const bool known = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      if (!known) throw "a name in the log is made of a-z, 0-9 and _";
    }
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

class LogLine {
 public:
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;
  ~LogLine() { end(); }

  LogLine& field(LogName name, std::string_view value);
  LogLine& field(LogName name, const char* value) { return field(name, std::string_view(value)); }
  LogLine& field(LogName name, bool value);
  // Milliseconds with three places: 12.345.
  LogLine& field(LogName name, Duration value);
  template <std::integral Number>
    requires(!std::same_as<Number, bool> && !std::same_as<Number, char>)
  LogLine& field(LogName name, Number value) {
    if constexpr (std::signed_integral<Number>)
      return number(name, static_cast<std::int64_t>(value));
    else
      return number(name, static_cast<std::uint64_t>(value));
  }
  // Left out where there is nothing to say.
  LogLine& field_if_any(LogName name, std::string_view value) { return value.empty() ? *this : field(name, value); }

  // Hands the line to its log; the destructor does it otherwise.
  void end();

 private:
  friend class Log;
  LogLine(Log* log, LogFormat format, WallMillis now, Level level,
          LogName event);  // null log: writes nothing
  LogLine& number(LogName name, std::int64_t value);
  LogLine& number(LogName name, std::uint64_t value);
  bool begin_field(std::string_view name, std::size_t value_bytes);
  void append(std::string_view bytes);
  template <typename Number>
  LogLine& bare(LogName name, Number value);

  Log* log_;
  LogFormat format_;
  bool truncated_ = false;
  std::size_t size_ = 0;
  std::array<char, kLogLineBytesMax> text_;  // not initialised: only what was written is read
};

}  // namespace sluice::log

// The messages that are sent: a header that any relay takes, the stamp, and a body that follows from the message's
// number, with lines that begin with a dot in it.
// Made once and shared by all threads, which only read it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"
#include "tools/load/stamp.h"

namespace sluice::load {

// The sizes of the bodies: one, several in turn, or anything within bounds.
class Sizes {
 public:
  // "4096", "1024,65536" or "1024-65536", with K or M behind a number.
  static std::optional<Sizes> parse(std::string_view text);
  // The same each time for the same message.
  [[nodiscard]] std::uint64_t of(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t max() const { return std::ranges::max(values_); }

 private:
  std::vector<std::uint64_t> values_;
  bool range_ = false;
};

// A number with K (1024) or M behind it, up to 1 GiB.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

struct MessageSpec {
  MessageId id;
  std::string_view from;  // mailboxes, or empty
  std::string_view to;
  std::uint64_t body_bytes = 0;  // as they count when unstuffed; a body of 1 has 2
  Instant due;
};

class Content {
 public:
  // `date`: of the Date field. `boot`: see boot_number().
  Content(std::string date, std::uint32_t boot);

  // Appends the message to `out`, and says how many bytes it has without dot-stuffing. `dot_stuffed`: as DATA needs it,
  // without its end.
  std::uint64_t append(const MessageSpec& spec, bool dot_stuffed, Chain& out) const;

 private:
  // Lines of one length, from the one that the message begins with, and what is cut off the last ones.
  struct Body;
  static constexpr std::size_t kLineBytes = 72;  // with CRLF
  static constexpr std::size_t kLines = 1024;
  static constexpr std::size_t kDottedEach = 16;

  [[nodiscard]] static Body body_of(const MessageSpec& spec);
  [[nodiscard]] std::string_view line(std::size_t number) const;
  void append_lines(std::size_t first, std::size_t count, bool dot_stuffed, Chain& out) const;
  void append_part(std::size_t number, std::size_t bytes, bool dot_stuffed, Chain& out) const;
  static std::uint32_t checksum(std::uint32_t crc, const void* what);

  std::string date_;
  std::uint32_t boot_;
  std::string plain_;    // kLines lines
  std::string stuffed_;  // the same with dots doubled
};

}  // namespace sluice::load

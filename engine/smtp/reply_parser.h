// Reading a next hop's replies: RFC 5321 4.2.  The next hop is an enemy: everything is bounded.
// Owned by a ClientMachine.  Thread: its core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/smtp/reply.h"

namespace sluice::smtp {

struct ParsedReply {
  std::uint16_t code = 0;  // 200..599
  EnhancedCode enhanced;   // of the first line, if it is of the code's class
  // Lines parted by '\n', enhanced codes taken off; cleaned of control characters.
  std::string text;
  std::uint32_t lines = 0;

  [[nodiscard]] ReplyClass reply_class() const { return static_cast<ReplyClass>(code / 100); }
  [[nodiscard]] bool positive() const { return reply_class() == ReplyClass::positive; }
  // For our client.
  [[nodiscard]] Reply relayed() const { return Reply::relayed(code, enhanced, text); }
};

enum class ReplyStatus : std::uint8_t { need_more, complete, malformed };

// Incremental: any split gives the same answers.
class ReplyParser {
 public:
  struct Step {
    std::size_t consumed = 0;
    ReplyStatus status = ReplyStatus::need_more;
  };

  // After `complete`, reply() holds until the next call.  After `malformed`, no more calls.
  Step step(std::string_view input);
  [[nodiscard]] const ParsedReply& reply() const { return reply_; }
  // Part of a reply has come.
  [[nodiscard]] bool inside() const { return !line_.empty() || (reply_.lines > 0 && !complete_); }

 private:
  ReplyStatus on_line(std::string_view line);

  ParsedReply reply_;
  std::string line_;  // a line that has not ended yet
  bool complete_ = false;
};

}  // namespace sluice::smtp

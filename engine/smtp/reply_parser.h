// Reading a next hop's replies: RFC 5321 4.2.  The next hop is an enemy: everything is bounded.  What is longer than is
// kept is read to its end all the same, so that a long text does not cost the message that it accepts.
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
  // Lines parted by '\n', enhanced codes taken off; cleaned of control characters; at most kNextHopLinesMax lines of
  // kNextHopLineBytesMax and kNextHopReplyBytesMax in all.
  std::string text;
  std::uint32_t lines = 0;  // all, also those of which nothing is kept

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
  // After `malformed`: how it began, cleaned, at most kGarbageBytesShown.
  [[nodiscard]] const std::string& garbage() const { return garbage_; }
  // Part of a reply has come.
  [[nodiscard]] bool inside() const { return !line_.empty() || (reply_.lines > 0 && !complete_); }

 private:
  void begin();
  ReplyStatus on_line(std::string_view line);
  void keep_text(std::string_view text);
  ReplyStatus malformed(std::string_view line);

  ParsedReply reply_;
  std::string line_;  // a line that has not ended yet, as far as it is kept
  std::string garbage_;
  std::size_t read_ = 0;  // bytes of this reply
  bool complete_ = false;
};

}  // namespace sluice::smtp

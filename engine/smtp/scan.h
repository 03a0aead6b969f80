// Finding the ends of lines and of messages, fast: the one place that decides where content ends.
// Scanners are values owned by a session; they hold no bytes.  Any thread, no sharing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/smtp/limits.h"

namespace sluice::smtp {

// ------------------------------------------------------------------------------------------ lines

enum class LineStatus : std::uint8_t {
  partial,  // no line end in the input yet; a CR may be its last byte
  line,     // ended by CRLF and clean
  unclean,  // ended by CRLF, with NUL or another control character but HT before it
  bare_cr,  // a CR without LF comes first
  bare_lf,  // an LF without CR comes first
};

struct LineFind {
  LineStatus status = LineStatus::partial;
  std::size_t size = 0;  // bytes before the line end (or bare CR or LF)
  std::size_t end = 0;   // bytes with it; 0 when partial
};

// The first line of `input`.  Stateless: given again from the line's start when more has come.
LineFind find_line(std::string_view input);

// ---------------------------------------------------------------------------------------- content

// What content held that a caller may refuse.  Offsets count from its first byte.
struct ContentFlags {
  bool bare_cr = false;
  bool bare_lf = false;
  bool nul = false;
  bool eight_bit = false;
  bool long_line = false;         // more than kTextLineBytesMax bytes before a CRLF (or yet without one)
  std::uint64_t bare_offset = 0;  // of the first bare CR or LF
  std::uint64_t bare_lfs = 0;

  [[nodiscard]] bool bare() const { return bare_cr || bare_lf; }
};

struct DataScan {
  // Bytes at the start of the input that are content, dot-stuffing still in.
  std::size_t content = 0;
  // Bytes of the input that are dealt with: all of it, or up to the last one of the end sequence.
  std::size_t consumed = 0;
  // Bytes that earlier calls held back (".", ".\r") and that are content after all: they come
  // before `content`.  Static storage.
  std::string_view carried;
  // CRLF.CRLF was seen; what follows `consumed` is the next command.
  bool ended = false;
};

namespace scan_detail {

// Where the byte before the next one leaves us.
enum class Place : std::uint8_t { inside, after_cr, line_start, dot, dot_cr };

struct State {
  Place place = Place::line_start;
  bool lf_ends_line = false;  // for the length of lines alone: a bare LF will become CRLF
  ContentFlags flags;
  std::uint64_t offset = 0;      // bytes gone over
  std::uint64_t line_start = 0;  // offset of the first byte of the present line
};

}  // namespace scan_detail

// RFC 5321 4.1.1.4: "The mail data are terminated by a line containing only a period, that is, the
// character sequence <CRLF>.<CRLF>, where the first <CRLF> is actually the terminator of the
// previous line", and 2.3.8: CR and LF "MUST NOT" be taken as line ends alone.  The CRLF of the
// DATA command line is the previous line of an empty message.
// A bare CR or LF never ends anything: it is reported, and scanning goes on to the real end, so
// that the dialog stays in step.
class DataScanner {
 public:
  // `lf_ends_line`: a bare LF, which ends no message, ends a line all the same when its length is measured; for content
  // in which LineEndNormaliser makes it CRLF.
  DataScanner() = default;
  explicit DataScanner(bool lf_ends_line) { state_.lf_ends_line = lf_ends_line; }

  // The next bytes of the content; not to be called after the end.  Work is linear, and any split
  // gives the same answers.  What is held back ("." or ".\r" at a line's start) is neither content
  // nor end until more comes.
  DataScan scan(std::string_view input);

  [[nodiscard]] const ContentFlags& flags() const { return state_.flags; }
  [[nodiscard]] std::uint64_t content_bytes() const { return content_bytes_; }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  scan_detail::State state_;
  std::uint64_t content_bytes_ = 0;
  bool ended_ = false;
};

// The same flags for content whose size is known (BDAT).
class TextChecker {
 public:
  TextChecker() = default;
  explicit TextChecker(bool lf_ends_line) { state_.lf_ends_line = lf_ends_line; }

  void check(std::string_view input);
  // No more comes: a CR at the end is a bare one.
  void finish();
  [[nodiscard]] const ContentFlags& flags() const { return state_.flags; }
  [[nodiscard]] std::uint64_t content_bytes() const { return state_.offset; }

 private:
  scan_detail::State state_;
};

// ----------------------------------------------------------------------------------- bare line ends

// Makes each bare LF a CRLF, in content that a scanner has passed as it came: before anything else looks at it.  What
// comes out has no bare LF, and no line with a dot alone that did not come in as one, stuffed: nothing but the
// CRLF.CRLF that the scanner has seen and kept can end it.  A bare CR stays as it is, for the caller to refuse. Dots:
// RFC 5321 4.5.2 is about lines that end in CRLF.  Of lines behind a bare LF some programs stuff the dots and some do
// not; "." and ".x", which no stuffing gives, get their dot, and "..x" is taken to have it.
//   while (!input.empty()) {
//     s = normaliser.step(input);
//     send(input.substr(0, s.copy));
//     send(s.insert);
//     input.remove_prefix(s.copy);
//   }
class LineEndNormaliser {
 public:
  explicit LineEndNormaliser(bool dot_stuffed) : dot_stuffed_(dot_stuffed) {}

  struct Step {
    std::size_t copy = 0;     // bytes that go on as they are
    std::string_view insert;  // what comes behind them; static storage
  };
  Step step(std::string_view input);
  // Instead of steps over `input`, which has no bare LF: looks at its ends alone.  False: nothing was done, as
  // something may have to be put in at its beginning: take steps.
  [[nodiscard]] bool skip(std::string_view input);

 private:
  enum class Place : std::uint8_t {
    inside,
    after_cr,
    line_start,   // behind CRLF
    dot,          // a dot there
    inserted_cr,  // before a bare LF, that has got its CR
    bare_start,   // behind it
    bare_dot,     // a dot there
  };
  // Goes over one byte; what has to come before it, if anything: then it was not gone over.
  std::string_view take(char c);
  bool dot_stuffed_;
  Place place_ = Place::line_start;
};

// ------------------------------------------------------------------------------------------- dots

// Plain content to DATA form.  RFC 5321 4.5.2: "Before sending a line of mail text, the SMTP client
// checks the first character of the line. If it is a period, one additional period is inserted at
// the beginning of the line."
//   while (!input.empty()) {
//     s = stuffer.step(input);
//     send(input.substr(0, s.copy));
//     if (s.insert_dot) send(".");
//     input.remove_prefix(s.copy);
//   }
class DotStuffer {
 public:
  struct Step {
    std::size_t copy = 0;
    bool insert_dot = false;
  };
  Step step(std::string_view input);
  // What ends the content: ".\r\n", with a CRLF before it if the content did not end in one.
  [[nodiscard]] std::string_view end() const;

 private:
  scan_detail::Place place_ = scan_detail::Place::line_start;
  bool dot_done_ = false;
};

// DATA form (without its end) to plain content.  RFC 5321 4.5.2: "If the first character is a
// period and there are other characters on the line, the first character is deleted."
//   while (!input.empty()) {
//     s = unstuffer.step(input);
//     send(input.substr(0, s.copy));
//     input.remove_prefix(s.copy + s.skip);
//   }
class DotUnstuffer {
 public:
  struct Step {
    std::size_t copy = 0;
    std::size_t skip = 0;  // 0 or 1
  };
  Step step(std::string_view input);

 private:
  scan_detail::Place place_ = scan_detail::Place::line_start;
};

}  // namespace sluice::smtp

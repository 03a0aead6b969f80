// Finds the end of a message's header while its bytes arrive, and notes what the relay must know of
// it: how many fields there are of the kinds that matter, the raw values of those that readers show
// as the author, and what has to be changed so that all readers see the same header.
// Owned by the session, one for a message at a time (`reset` keeps the memory).  That session's
// thread only.
// It keeps no header: what it remembers is a dozen counts and at most `from_bytes_max` bytes of each
// author field. Every byte is looked at once, whatever the sizes of the pieces that it comes in.
//
// Lax where all readers are left with the same header, as it is mended before it goes on (see edits()):
//   - a first line "From root Mon ..." or ">From root ...", as mailbox files have it, goes;
//   - a line of blanks only inside the header goes: to some readers it ends the header;
//   - where a line that is no field comes after fields, an empty line is put before it: there the
//     header ends for every reader.
// And an Authentication-Results field that claims to be from this relay goes: it is a forgery (RFC 8601 5), as a
// message comes here from its author, and was not judged here before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/message/header_edit.h"

#include "engine/message/envelope.h"

namespace sluice::message {

enum class HeaderState : std::uint8_t {
  need_more,
  complete,
  too_large,  // no end within `header_bytes_max`
  malformed,  // see `fault()`
};

enum class HeaderFault : std::uint8_t {
  none,
  leading_space,   // the first line is a continuation of nothing
  no_field_name,   // the first line begins with a colon
  no_colon,        // the first line is no field
  bad_field_name,  // a control, a NUL or an 8-bit byte in the first field's name
  bare_line_end,   // a CR or LF alone where a line ends
  lone_dot,        // the end of DATA was fed, or the bytes are not dot-stuffed at all
  blank_lines,     // more lines of blanks only than kHeaderEditsMax
};

// A few plain words for a reply or a log line, for instance "header line without a colon".
std::string_view header_fault_text(HeaderFault fault);

// Fields seen, by name.  "From :" (a space before the colon) counts like "From:".
struct HeaderCounts {
  std::uint32_t fields = 0;
  std::uint32_t from = 0;
  std::uint32_t sender = 0;
  std::uint32_t reply_to = 0;
  std::uint32_t date = 0;
  std::uint32_t message_id = 0;
  std::uint32_t received = 0;          // loop detection, RFC 5321 6.3
  std::uint32_t list_unsubscribe = 0;  // RFC 2369
  std::uint32_t resent = 0;            // all fields whose names begin with Resent-
  friend bool operator==(const HeaderCounts&, const HeaderCounts&) = default;
};

// A field besides From that some readers show as the author, or beside it.
struct AuthorField {
  enum class Kind : std::uint8_t { sender, author, resent_from, resent_sender };
  Kind kind = Kind::sender;
  std::size_t begin = 0;  // offsets as header_size() counts them: its first byte,
  std::size_t end = 0;    // and what comes behind its last CRLF
  std::string value;      // what follows the colon, as HeaderScan::from_value()
  bool cut = false;       // the value was longer than from_bytes_max
  bool space_before_colon = false;
  friend bool operator==(const AuthorField&, const AuthorField&) = default;
};
inline constexpr std::size_t kAuthorFieldsMax = 8;

class HeaderScan {
 public:
  struct Options {
    std::size_t header_bytes_max = 256 * 1024;  // the header with its empty line
    std::size_t from_bytes_max = 16 * 1024;     // the raw value of From
    bool dot_stuffed = false;                   // the bytes are as on the wire of DATA
    std::string_view authserv_id = {};          // this relay's host name, for as long as the scan; empty: no field goes
  };

  HeaderScan() = default;
  explicit HeaderScan(const Options& options) : options_(options) {}

  // Ready for the next message.
  void reset(const Options& options);

  // The next bytes of the message, without the line that ends DATA.  After any answer but
  // need_more, further bytes change nothing, so body bytes may follow the header in the same piece.
  HeaderState feed(std::string_view bytes);

  // The message has ended.  A header without an empty line and a body is complete too.
  HeaderState finish();

  HeaderState state() const { return state_; }
  HeaderFault fault() const { return fault_; }

  // Once complete: the offset of the body's first byte, counted in bytes as they were fed
  // (stuffed dots included).
  std::size_t header_size() const { return size_; }
  // For tests: false if the message ended without the empty line; true where edits() puts one in.
  bool has_empty_line() const { return has_empty_line_; }
  // Once complete: what to change, from front to back; see the head of this file.
  std::span<const HeaderEdit> edits() const { return edits_; }

  const HeaderCounts& counts() const { return counts_; }

  // Once complete: what follows the colon of the first From, folding included, dots unstuffed,
  // without the last CRLF.  Valid until the next reset.
  std::string_view from_value() const { return from_value_; }
  // It was longer than from_bytes_max.
  bool from_cut() const { return from_cut_; }
  // Some From was written "From :", RFC 5322 4.5.
  bool from_space_before_colon() const { return from_obsolete_; }
  // Once complete: the first kAuthorFieldsMax of Sender, Author, Resent-From and Resent-Sender, in order.
  std::span<const AuthorField> author_fields() const { return author_fields_; }
  bool too_many_author_fields() const { return too_many_author_fields_; }

  // Once complete: the identifier of the first Message-ID, without blanks around it, cut to kMessageIdBytesMax.
  std::string message_id() const;

  // For tests: how many runs of bytes were handled: at most a few a line and a few a piece.
  std::uint64_t steps() const { return steps_; }

 private:
  // Longer than every name that is counted, so that what is cut is none of them.
  static constexpr std::size_t kNameBytesKept = 24;
  enum class At : std::uint8_t {
    line_start,
    after_dot,
    empty_line_cr,
    name,
    before_colon,
    value,
    blanks,     // a line that begins with a space has had nothing else so far
    blanks_cr,  // and then a CR
    mbox_line,
  };
  // Which value is being kept.
  enum class Keeping : std::uint8_t { nothing, from, author_field, results };

  // Each takes the bytes at hand, and returns the first that it has not dealt with.
  const char* step(const char* at, const char* end);
  const char* line_start(const char* at);
  const char* first_byte(const char* at);
  const char* empty_line(const char* at);
  const char* name(const char* begin, const char* end);
  const char* before_colon(const char* begin, const char* end);
  const char* value(const char* begin, const char* end);
  const char* blanks(const char* begin, const char* end);
  const char* blanks_cr(const char* at);
  const char* mbox_line(const char* begin, const char* end);
  const char* fail(HeaderFault fault, const char* at);
  // The line at hand is no field: the header ends before it, or is malformed if nothing came before.
  const char* no_field(HeaderFault fault, const char* at);
  bool is_mbox_line() const;
  void begin_field();
  void begin_author_field(AuthorField::Kind kind);
  void end_field(std::size_t end);
  void keep(const char* begin, const char* end);
  std::string& kept();
  void end_results(std::size_t end);
  void remove_blank_line(std::size_t end);
  std::size_t offset(const char* at) const { return size_ + static_cast<std::size_t>(at - piece_); }

  Options options_;
  HeaderState state_ = HeaderState::need_more;
  HeaderFault fault_ = HeaderFault::none;
  At at_ = At::line_start;
  bool has_empty_line_ = false;
  bool keeping_id_ = false;  // the field at hand is the first Message-ID
  Keeping keeping_ = Keeping::nothing;
  bool ended_early_ = false;  // the header ends where the line at hand begins
  bool too_many_author_fields_ = false;
  bool from_cut_ = false;
  std::string results_value_;      // of the Authentication-Results field at hand
  std::size_t results_begin_ = 0;  // where it begins
  bool from_obsolete_ = false;
  bool spaced_ = false;  // the field at hand has a space before its colon
  char previous_ = 0;    // the byte before the run of a value
  std::size_t size_ = 0;
  const char* piece_ = nullptr;       // what is being fed, at offset size_
  std::size_t line_ = 0;              // where the line at hand begins
  std::size_t kept_before_line_ = 0;  // of kept(), when a line of blanks may have begun
  std::uint64_t steps_ = 0;
  HeaderCounts counts_;
  std::array<char, kNameBytesKept> name_{};
  std::size_t name_size_ = 0;
  std::string from_value_;
  std::string message_id_;  // raw
  std::vector<AuthorField> author_fields_;
  std::vector<HeaderEdit> edits_;
};

}  // namespace sluice::message

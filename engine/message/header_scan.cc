#include "engine/message/header_scan.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/domain_name.h"
#include "engine/message/authserv_id.h"
#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

// RFC 5322 2.2: "A field name MUST be composed of printable US-ASCII characters (i.e., characters
// that have values between 33 and 126, inclusive), except colon."  RFC 6532 does not change this.
constexpr auto kFieldNameByte = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 33; byte <= 126; ++byte) table[byte] = byte != ':';
  return table;
}();

bool is_name_byte(char c) { return kFieldNameByte[static_cast<unsigned char>(c)]; }

// What leaves a line blank to one reader or another.
bool leaves_blank(char c) { return smtp::is_blank(c) || c == '\v' || c == '\f'; }

struct CountedField {
  std::string_view name;
  std::uint32_t HeaderCounts::* count;
};

constexpr std::string_view kFrom = "From";
constexpr CountedField kCountedFields[] = {
    {"List-Unsubscribe", &HeaderCounts::list_unsubscribe},
    {kFrom, &HeaderCounts::from},
    {"Sender", &HeaderCounts::sender},
    {"Reply-To", &HeaderCounts::reply_to},
    {"Date", &HeaderCounts::date},
    {"Message-ID", &HeaderCounts::message_id},
    {"Received", &HeaderCounts::received},
};

constexpr std::string_view kResentPrefix = "Resent-";

struct AuthorFieldName {
  std::string_view name;
  AuthorField::Kind kind;
};
constexpr AuthorFieldName kAuthorFieldNames[] = {
    {"Sender", AuthorField::Kind::sender},
    {"Author", AuthorField::Kind::author},
    {"Resent-From", AuthorField::Kind::resent_from},
    {"Resent-Sender", AuthorField::Kind::resent_sender},
};

constexpr std::string_view kResults = "Authentication-Results";

constexpr std::string_view kEmptyLine = "\r\n";

}  // namespace

std::string_view header_fault_text(HeaderFault fault) {
  switch (fault) {
    case HeaderFault::none:
      return "header is well-formed";
    case HeaderFault::leading_space:
      return "header begins with a space";
    case HeaderFault::no_field_name:
      return "header line without a field name";
    case HeaderFault::no_colon:
      return "header line without a colon";
    case HeaderFault::bad_field_name:
      return "header field name with a forbidden character";
    case HeaderFault::bare_line_end:
      return "header line that does not end in CRLF";
    case HeaderFault::lone_dot:
      return "header line of one dot";
    case HeaderFault::blank_lines:
      return "header with many blank lines";
  }
  return "header is malformed";
}

void HeaderScan::reset(const Options& options) {
  std::string kept = std::move(from_value_);
  kept.clear();
  *this = HeaderScan(options);
  from_value_ = std::move(kept);
}

HeaderState HeaderScan::feed(std::string_view bytes) {
  if (state_ != HeaderState::need_more) return state_;
  CHECK(size_ <= options_.header_bytes_max);
  const std::string_view piece = bytes.substr(0, options_.header_bytes_max - size_);
  piece_ = piece.data();
  const char* at = piece_;
  const char* const end = at + piece.size();
  while (at != end && state_ == HeaderState::need_more) {
    at = step(at, end);
    ++steps_;
  }
  size_ = ended_early_ ? line_ : offset(at);
  if (state_ == HeaderState::need_more && piece.size() < bytes.size()) state_ = HeaderState::too_large;
  return state_;
}

HeaderState HeaderScan::finish() {
  if (state_ != HeaderState::need_more) return state_;
  piece_ = nullptr;
  switch (at_) {
    case At::line_start:
      break;
    case At::value:  // a last line without CRLF, as BDAT may send it
      if (previous_ == '\r') fail(HeaderFault::bare_line_end, nullptr);
      break;
    case At::mbox_line:
      if (previous_ == '\r') fail(HeaderFault::bare_line_end, nullptr);
      edits_.push_back({.at = line_, .remove = size_ - line_});
      break;
    case At::blanks:
      remove_blank_line(size_);
      break;
    case At::after_dot:
      fail(HeaderFault::lone_dot, nullptr);
      break;
    case At::empty_line_cr:
    case At::blanks_cr:
      fail(HeaderFault::bare_line_end, nullptr);
      break;
    case At::name:
    case At::before_colon:
      no_field(HeaderFault::no_colon, nullptr);
      if (ended_early_) size_ = line_;
      break;
  }
  if (state_ == HeaderState::need_more) {
    end_field(size_);
    state_ = HeaderState::complete;
  }
  return state_;
}

const char* HeaderScan::step(const char* at, const char* end) {
  switch (at_) {
    case At::line_start:
      return line_start(at);
    case At::after_dot:
      return *at == '\r' ? fail(HeaderFault::lone_dot, at) : first_byte(at);
    case At::empty_line_cr:
      return empty_line(at);
    case At::name:
      return name(at, end);
    case At::before_colon:
      return before_colon(at, end);
    case At::value:
      return value(at, end);
    case At::blanks:
      return blanks(at, end);
    case At::blanks_cr:
      return blanks_cr(at);
    case At::mbox_line:
      return mbox_line(at, end);
  }
  return end;
}

// RFC 5321 4.5.2: "If the first character is a period and there are other characters on the line,
// the first character is deleted."  Whatever they are: ".From:" on the wire is "From:" at the next
// hop.
const char* HeaderScan::line_start(const char* at) {
  line_ = offset(at);
  if (options_.dot_stuffed && *at == '.') {
    at_ = At::after_dot;
    return at + 1;
  }
  return first_byte(at);
}

// RFC 5322 2.2.3: a line that begins with white space continues the field before it.  RFC 5322 2.1:
// the header ends with "an empty line (i.e., a line with nothing preceding the CRLF)".
const char* HeaderScan::first_byte(const char* at) {
  if (smtp::is_blank(*at)) {
    if (counts_.fields == 0) return fail(HeaderFault::leading_space, at);
    at_ = At::blanks;
    if (keeping_ != Keeping::nothing) kept_before_line_ = kept().size();
    return at;
  }
  if (*at == '\n') return fail(HeaderFault::bare_line_end, at);
  end_field(line_);
  if (*at == '\r') {
    at_ = At::empty_line_cr;
    return at + 1;
  }
  name_size_ = 0;
  spaced_ = false;
  at_ = At::name;
  return at;
}

const char* HeaderScan::empty_line(const char* at) {
  if (*at != '\n') return fail(HeaderFault::bare_line_end, at);
  has_empty_line_ = true;
  state_ = HeaderState::complete;
  return at + 1;
}

const char* HeaderScan::name(const char* begin, const char* end) {
  const char* at = std::find_if_not(begin, end, is_name_byte);
  const auto size = static_cast<std::size_t>(at - begin);
  if (name_size_ < kNameBytesKept) {
    std::memcpy(name_.data() + name_size_, begin, std::min(size, kNameBytesKept - name_size_));
  }
  name_size_ += size;
  if (at == end) return end;
  if (*at == ':') {
    if (name_size_ == 0) return no_field(HeaderFault::no_field_name, at);
    begin_field();
    return at + 1;
  }
  if (smtp::is_blank(*at)) {
    at_ = At::before_colon;
    return at;
  }
  if (*at == '\n') return fail(HeaderFault::bare_line_end, at);
  return no_field(*at == '\r' ? HeaderFault::no_colon : HeaderFault::bad_field_name, at);
}

// RFC 5322 4.5: the obsolete syntax has `field-name *WSP ":"`.  Readers that know it take "From :"
// for From, others do not; so it counts.
const char* HeaderScan::before_colon(const char* begin, const char* end) {
  const char* at = std::find_if_not(begin, end, smtp::is_blank);
  if (at == end) return end;
  if (*at == '\n') return fail(HeaderFault::bare_line_end, at);
  if (*at != ':' && *at != '\r' && is_mbox_line()) {
    at_ = At::mbox_line;
    return at;
  }
  if (*at != ':') return no_field(HeaderFault::no_colon, at);
  spaced_ = true;
  begin_field();
  return at + 1;
}

const char* HeaderScan::value(const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  const char* line_feed = static_cast<const char*>(std::memchr(begin, '\n', size));
  const char* past = line_feed == nullptr ? end : line_feed + 1;
  if (keeping_ != Keeping::nothing) keep(begin, past);
  if (keeping_id_ && message_id_.size() < 2 * kMessageIdBytesMax)
    message_id_.append(begin, std::min<std::size_t>(static_cast<std::size_t>(past - begin),
                                                    2 * kMessageIdBytesMax - message_id_.size()));
  if (line_feed == nullptr) {
    previous_ = end[-1];
    return end;
  }
  if ((line_feed == begin ? previous_ : line_feed[-1]) != '\r') return fail(HeaderFault::bare_line_end, line_feed);
  at_ = At::line_start;
  return past;
}

// RFC 5322 2.2.3 forbids to make a line of nothing but white space by folding, and 4.2 (obs-FWS) has such lines all the
// same.  Readers that take one for the empty line see another header than others do: so it goes.
const char* HeaderScan::blanks(const char* begin, const char* end) {
  const char* at = std::find_if_not(begin, end, leaves_blank);
  if (keeping_ != Keeping::nothing) keep(begin, at);
  if (at == end) return end;
  if (*at == '\r') {
    at_ = At::blanks_cr;
    return at + 1;
  }
  at_ = At::value;
  previous_ = ' ';
  return at;
}

const char* HeaderScan::blanks_cr(const char* at) {
  if (*at != '\n') return fail(HeaderFault::bare_line_end, at);
  if (edits_.size() >= kHeaderEditsMax) return fail(HeaderFault::blank_lines, at);
  remove_blank_line(offset(at + 1));
  at_ = At::line_start;
  return at + 1;
}

void HeaderScan::remove_blank_line(std::size_t end) {
  edits_.push_back({.at = line_, .remove = end - line_});
  if (keeping_ != Keeping::nothing) kept().resize(kept_before_line_);
}

// What Unix programs have between two messages of a mailbox file, quoted (">From") or not.  No field has it: there is a
// space, and no colon behind it.
bool HeaderScan::is_mbox_line() const {
  const std::string_view name(name_.data(), std::min(name_size_, kNameBytesKept));
  return line_ == 0 && (name == "From" || name == ">From");
}

const char* HeaderScan::mbox_line(const char* begin, const char* end) {
  const auto* line_feed = static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(end - begin)));
  if (line_feed == nullptr) {
    previous_ = end[-1];
    return end;
  }
  if ((line_feed == begin ? previous_ : line_feed[-1]) != '\r') return fail(HeaderFault::bare_line_end, line_feed);
  edits_.push_back({.at = line_, .remove = offset(line_feed + 1) - line_});
  at_ = At::line_start;
  return line_feed + 1;
}

void HeaderScan::begin_field() {
  at_ = At::value;
  previous_ = ':';
  ++counts_.fields;
  static_assert(std::ranges::all_of(kCountedFields,
                                    [](const CountedField& field) { return field.name.size() < kNameBytesKept; }));
  const std::string_view name(name_.data(), std::min(name_size_, kNameBytesKept));
  for (const CountedField& field : kCountedFields) {
    if (smtp::equals_ignore_case(name, field.name)) ++(counts_.*field.count);
  }
  if (name.size() > kResentPrefix.size() && smtp::starts_with_ignore_case(name, kResentPrefix)) ++counts_.resent;
  if (smtp::equals_ignore_case(name, kFrom)) {
    from_obsolete_ = from_obsolete_ || spaced_;
    if (counts_.from == 1) keeping_ = Keeping::from;
  }
  keeping_id_ = counts_.message_id == 1 && smtp::equals_ignore_case(name, "Message-ID");
  for (const AuthorFieldName& field : kAuthorFieldNames)
    if (smtp::equals_ignore_case(name, field.name)) begin_author_field(field.kind);
  if (!options_.authserv_id.empty() && smtp::equals_ignore_case(name, kResults)) {
    keeping_ = Keeping::results;
    results_begin_ = line_;
    results_value_.clear();
  }
}

std::string& HeaderScan::kept() {
  if (keeping_ == Keeping::results) return results_value_;
  return keeping_ == Keeping::from ? from_value_ : author_fields_.back().value;
}

void HeaderScan::begin_author_field(AuthorField::Kind kind) {
  if (author_fields_.size() == kAuthorFieldsMax) {
    too_many_author_fields_ = true;
    return;
  }
  author_fields_.push_back({.kind = kind, .begin = line_, .space_before_colon = spaced_});
  keeping_ = Keeping::author_field;
}

void HeaderScan::end_field(std::size_t end) {
  keeping_id_ = false;
  if (keeping_ == Keeping::nothing) return;
  std::string& value = kept();
  if (value.ends_with("\r\n")) value.resize(value.size() - 2);
  if (keeping_ == Keeping::author_field) author_fields_.back().end = end;
  if (keeping_ == Keeping::results) end_results(end);
  keeping_ = Keeping::nothing;
}

// One whose id cannot be told goes, too: a reader may tell it.  As many as the header has room for.
void HeaderScan::end_results(std::size_t end) {
  const auto id = authserv_id(results_value_);
  if (!id || domain_key(*id) == domain_key(options_.authserv_id))
    edits_.push_back({.at = results_begin_, .remove = end - results_begin_});
}

std::string HeaderScan::message_id() const {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::string_view id = message_id_;
  id.remove_prefix(std::min(id.find_first_not_of(kBlanks), id.size()));
  id = id.substr(0, id.find_last_not_of(kBlanks) + 1);
  return std::string(id.substr(0, kMessageIdBytesMax));
}

void HeaderScan::keep(const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  const std::size_t room = options_.from_bytes_max - kept().size();
  kept().append(begin, std::min(size, room));
  if (size <= room || keeping_ == Keeping::results) return;
  (keeping_ == Keeping::from ? from_cut_ : author_fields_.back().cut) = true;
}

// Body text whose empty line was forgotten.  RFC 5322 2.1 has the header end at an empty line and nowhere else, but
// readers end it here, too, each in its way: with an empty line they agree.
const char* HeaderScan::no_field(HeaderFault fault, const char* at) {
  if (counts_.fields == 0) return fail(fault, at);
  edits_.push_back({.at = line_, .insert = kEmptyLine});
  has_empty_line_ = true;
  ended_early_ = true;
  state_ = HeaderState::complete;
  return at;
}

const char* HeaderScan::fail(HeaderFault fault, const char* at) {
  CHECK(state_ == HeaderState::need_more && fault != HeaderFault::none);
  fault_ = fault;
  state_ = HeaderState::malformed;
  return at;
}

}  // namespace sluice::message

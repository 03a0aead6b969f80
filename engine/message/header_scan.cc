#include "engine/message/header_scan.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

// RFC 5322 2.2: "A field name MUST be composed of printable US-ASCII characters (i.e., characters
// that have values between 33 and 126, inclusive), except colon."  RFC 6532 does not change this.
constexpr auto kFieldNameOctet = [] {
  std::array<bool, 256> table{};
  for (std::size_t octet = 33; octet <= 126; ++octet) table[octet] = octet != ':';
  return table;
}();

bool is_name_octet(char c) { return kFieldNameOctet[static_cast<unsigned char>(c)]; }

bool is_space(char c) { return c == ' ' || c == '\t'; }

struct CountedField {
  std::string_view name;
  std::uint32_t HeaderCounts::*count;
};

constexpr std::string_view kFrom = "From";
constexpr CountedField kCountedFields[] = {
    {kFrom, &HeaderCounts::from},
    {"Sender", &HeaderCounts::sender},
    {"Reply-To", &HeaderCounts::reply_to},
    {"Date", &HeaderCounts::date},
    {"Message-ID", &HeaderCounts::message_id},
    {"Received", &HeaderCounts::received},
};

constexpr std::string_view kResentPrefix = "Resent-";

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
  const char* at = piece.data();
  const char* const end = at + piece.size();
  while (at != end && state_ == HeaderState::need_more) {
    at = step(at, end);
    ++steps_;
  }
  size_ += static_cast<std::size_t>(at - piece.data());
  if (state_ == HeaderState::need_more && piece.size() < bytes.size())
    state_ = HeaderState::too_large;
  return state_;
}

HeaderState HeaderScan::finish() {
  if (state_ != HeaderState::need_more) return state_;
  switch (at_) {
    case At::line_start:
      break;
    case At::value:  // a last line without CRLF, as BDAT may send it
      if (previous_ == '\r') fail(HeaderFault::bare_line_end, nullptr);
      break;
    case At::after_dot:
      fail(HeaderFault::lone_dot, nullptr);
      break;
    case At::empty_line_cr:
      fail(HeaderFault::bare_line_end, nullptr);
      break;
    case At::name:
    case At::before_colon:
      fail(HeaderFault::no_colon, nullptr);
      break;
  }
  if (state_ == HeaderState::need_more) {
    end_field();
    state_ = HeaderState::complete;
  }
  return state_;
}

const char* HeaderScan::step(const char* at, const char* end) {
  switch (at_) {
    case At::line_start:
      return line_start(at);
    case At::after_dot:
      return *at == '\r' ? fail(HeaderFault::lone_dot, at) : first_octet(at);
    case At::empty_line_cr:
      return empty_line(at);
    case At::name:
      return name(at, end);
    case At::before_colon:
      return before_colon(at, end);
    case At::value:
      return value(at, end);
  }
  return end;
}

// RFC 5321 4.5.2: "If the first character is a period and there are other characters on the line,
// the first character is deleted."  Whatever they are: ".From:" on the wire is "From:" at the next
// hop.
const char* HeaderScan::line_start(const char* at) {
  if (options_.dot_stuffed && *at == '.') {
    at_ = At::after_dot;
    return at + 1;
  }
  return first_octet(at);
}

// RFC 5322 2.2.3: a line that begins with white space continues the field before it.  RFC 5322 2.1:
// the header ends with "an empty line (i.e., a line with nothing preceding the CRLF)".
const char* HeaderScan::first_octet(const char* at) {
  if (is_space(*at)) {
    if (counts_.fields == 0) return fail(HeaderFault::leading_space, at);
    at_ = At::value;
    previous_ = 0;
    return at;
  }
  if (*at == '\n') return fail(HeaderFault::bare_line_end, at);
  end_field();
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
  const char* at = std::find_if_not(begin, end, is_name_octet);
  const auto size = static_cast<std::size_t>(at - begin);
  if (name_size_ < kNameBytesKept) {
    std::memcpy(name_.data() + name_size_, begin, std::min(size, kNameBytesKept - name_size_));
  }
  name_size_ += size;
  if (at == end) return end;
  if (*at == ':') {
    if (name_size_ == 0) return fail(HeaderFault::no_field_name, at);
    begin_field();
    return at + 1;
  }
  if (is_space(*at)) {
    at_ = At::before_colon;
    return at;
  }
  if (*at == '\r') return fail(HeaderFault::no_colon, at);
  return fail(*at == '\n' ? HeaderFault::bare_line_end : HeaderFault::bad_field_name, at);
}

// RFC 5322 4.5: the obsolete syntax has `field-name *WSP ":"`.  Readers that know it take "From :"
// for From, others do not; so it counts.
const char* HeaderScan::before_colon(const char* begin, const char* end) {
  const char* at = std::find_if_not(begin, end, is_space);
  if (at == end) return end;
  if (*at != ':') return fail(HeaderFault::no_colon, at);
  spaced_ = true;
  begin_field();
  return at + 1;
}

const char* HeaderScan::value(const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  const char* line_feed = static_cast<const char*>(std::memchr(begin, '\n', size));
  const char* past = line_feed == nullptr ? end : line_feed + 1;
  if (keeping_) keep(begin, past);
  if (keeping_id_ && message_id_.size() < 2 * kMessageIdBytesMax)
    message_id_.append(begin, std::min<std::size_t>(static_cast<std::size_t>(past - begin), 2 * kMessageIdBytesMax - message_id_.size()));
  if (line_feed == nullptr) {
    previous_ = end[-1];
    return end;
  }
  if ((line_feed == begin ? previous_ : line_feed[-1]) != '\r')
    return fail(HeaderFault::bare_line_end, line_feed);
  at_ = At::line_start;
  return past;
}

void HeaderScan::begin_field() {
  at_ = At::value;
  previous_ = ':';
  ++counts_.fields;
  static_assert(std::ranges::all_of(kCountedFields, [](const CountedField& field) {
    return field.name.size() < kNameBytesKept;
  }));
  const std::string_view name(name_.data(), std::min(name_size_, kNameBytesKept));
  for (const CountedField& field : kCountedFields) {
    if (smtp::equals_ignore_case(name, field.name)) ++(counts_.*field.count);
  }
  if (name.size() > kResentPrefix.size() && smtp::starts_with_ignore_case(name, kResentPrefix))
    ++counts_.resent;
  if (smtp::equals_ignore_case(name, kFrom)) {
    from_obsolete_ = from_obsolete_ || spaced_;
    keeping_ = counts_.from == 1;
  }
  keeping_id_ = counts_.message_id == 1 && smtp::equals_ignore_case(name, "Message-ID");
}

void HeaderScan::end_field() {
  if (keeping_ && from_value_.ends_with("\r\n")) from_value_.resize(from_value_.size() - 2);
  keeping_ = false;
  keeping_id_ = false;
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
  const std::size_t room = options_.from_bytes_max - from_value_.size();
  from_value_.append(begin, std::min(size, room));
  from_cut_ = from_cut_ || size > room;
}

const char* HeaderScan::fail(HeaderFault fault, const char* at) {
  CHECK(state_ == HeaderState::need_more && fault != HeaderFault::none);
  fault_ = fault;
  state_ = HeaderState::malformed;
  return at;
}

}  // namespace sluice::message

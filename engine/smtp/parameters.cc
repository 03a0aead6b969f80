#include "engine/smtp/parameters.h"

#include <algorithm>

#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

// RFC 5321 4.1.2: esmtp-param = esmtp-keyword ["=" esmtp-value].
struct Parameter {
  std::string_view keyword;
  std::string_view value;
  bool has_value = false;
};

// The next one of `text`, taken off it.
ParameterFault take_parameter(std::string_view& text, Parameter& parameter) {
  if (text.empty() || !is_blank(text[0])) return ParameterFault::syntax;
  text = without_leading_blanks(text);
  const std::size_t end = find_blank(text);
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  const std::size_t equals = word.find('=');
  parameter.keyword = word.substr(0, equals);
  parameter.has_value = equals != std::string_view::npos;
  parameter.value = parameter.has_value ? word.substr(equals + 1) : std::string_view{};
  // esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-").
  if (parameter.keyword.empty() || !is_alnum(parameter.keyword[0])) return ParameterFault::syntax;
  if (!std::ranges::all_of(parameter.keyword, [](char c) { return is_alnum(c) || c == '-'; })) {
    return ParameterFault::syntax;
  }
  // esmtp-value = 1*(%d33-60 / %d62-126): no "=", no space, no control character.  RFC 6531 3.3
  // adds UTF8-non-ascii.
  if (parameter.has_value && parameter.value.empty()) return ParameterFault::syntax;
  for (const char c : parameter.value) {
    if (is_control(c)) return ParameterFault::syntax;
  }
  if (!is_clean_utf8(parameter.value)) return ParameterFault::syntax;
  return ParameterFault::none;
}

ParameterFault judge(bool good) { return good ? ParameterFault::none : ParameterFault::bad_value; }

ParameterFault set_size(const Parameter& given, MailParameters& result) {
  result.size = parse_size_saturating(given.value);
  return judge(result.size.has_value());
}

// RFC 6152; RFC 3030's BINARYMIME is not offered.
ParameterFault set_body(const Parameter& given, MailParameters& result) {
  if (equals_ignore_case(given.value, "7BIT")) {
    result.body = Body::seven_bit;
  } else if (equals_ignore_case(given.value, "8BITMIME")) {
    result.body = Body::eight_bit_mime;
  } else {
    return ParameterFault::bad_value;
  }
  return ParameterFault::none;
}

// RFC 6531 3.4: it takes no value.
ParameterFault set_smtputf8(const Parameter& given, MailParameters& result) {
  result.smtputf8 = true;
  return judge(!given.has_value);
}

ParameterFault set_ret(const Parameter& given, MailParameters& result) {
  if (equals_ignore_case(given.value, "FULL")) {
    result.ret = Ret::full;
  } else if (equals_ignore_case(given.value, "HDRS")) {
    result.ret = Ret::headers;
  } else {
    return ParameterFault::bad_value;
  }
  return ParameterFault::none;
}

// "+0D" and the like in what need not be xtext: NUL, CR or LF.
bool hides_line_end(std::string_view text) {
  for (std::size_t at = text.find('+'); at != std::string_view::npos; at = text.find('+', at + 1)) {
    const std::string_view byte = text.substr(at + 1, 2);
    if (byte == "00" || equals_ignore_case(byte, "0A") || equals_ignore_case(byte, "0D")) return true;
  }
  return false;
}

// RFC 3461 4.4: xtext of printable characters.
ParameterFault set_envid(const Parameter& given, MailParameters& result) {
  const auto decoded = decode_xtext(given.value);
  result.envid = given.value;
  return judge(given.has_value && given.value.size() <= kEnvidBytesMax && decoded &&
               std::ranges::none_of(*decoded, [](char c) { return is_control(c) || is_eight_bit(c); }));
}

// RFC 4954 5: an addr-spec as xtext, or "<>"; from the untrusted it is to be taken as "<>", so the value is dropped.
// Clients send a bare name or an address in brackets: no matter, as nothing is done with it.  What hides the end of a
// line is an attack, and refused.
ParameterFault check_auth(const Parameter& given) { return judge(given.has_value && !hides_line_end(given.value)); }

bool take_notify_word(std::string_view word, Notify& notify) {
  bool* flag = equals_ignore_case(word, "NEVER")     ? &notify.never
               : equals_ignore_case(word, "SUCCESS") ? &notify.success
               : equals_ignore_case(word, "FAILURE") ? &notify.failure
               : equals_ignore_case(word, "DELAY")   ? &notify.delay
                                                     : nullptr;
  if (flag == nullptr || *flag) return false;
  *flag = true;
  return true;
}

// RFC 3461 4.1: "NEVER" / 1#notify-list-element; NEVER "MUST appear alone".
ParameterFault set_notify(const Parameter& given, Notify& notify) {
  std::string_view list = given.value;
  for (;;) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (!take_notify_word(list.substr(0, end), notify)) return ParameterFault::bad_value;
    if (end == list.size()) break;
    list.remove_prefix(end + 1);
  }
  return judge(!notify.never || (!notify.success && !notify.failure && !notify.delay));
}

// RFC 3461 4.2: addr-type ";" xtext.  It is written into reports: no control character may be hidden in it.
ParameterFault set_orcpt(const Parameter& given, bool smtputf8, RcptParameters& result) {
  const std::size_t semicolon = given.value.find(';');
  if (semicolon == 0 || semicolon == std::string_view::npos || given.value.size() > kOrcptBytesMax) {
    return ParameterFault::bad_value;
  }
  const std::string_view type = given.value.substr(0, semicolon);
  const std::string_view address = given.value.substr(semicolon + 1);
  if (address.empty() || !std::ranges::all_of(type, [](char c) { return is_alnum(c) || c == '-'; })) {
    return ParameterFault::bad_value;
  }
  result.orcpt = given.value;
  if (equals_ignore_case(type, "utf-8")) return judge(is_utf8_addr(address, smtputf8));
  const auto decoded = decode_xtext(address);
  return judge(decoded && std::ranges::none_of(*decoded, is_control));
}

enum class MailKeyword : std::uint8_t { size, body, smtputf8, ret, envid, auth, unknown };

// RFC 5321 4.1.1.11: a parameter of an extension that was not offered is "not recognized": 555.
MailKeyword mail_keyword(std::string_view keyword, const Extensions& on) {
  if (on.size && equals_ignore_case(keyword, "SIZE")) return MailKeyword::size;
  if (on.eight_bit_mime && equals_ignore_case(keyword, "BODY")) return MailKeyword::body;
  if (on.smtputf8 && equals_ignore_case(keyword, "SMTPUTF8")) return MailKeyword::smtputf8;
  if (on.dsn && equals_ignore_case(keyword, "RET")) return MailKeyword::ret;
  if (on.dsn && equals_ignore_case(keyword, "ENVID")) return MailKeyword::envid;
  if (on.auth && equals_ignore_case(keyword, "AUTH")) return MailKeyword::auth;
  return MailKeyword::unknown;
}

ParameterFault set_mail(MailKeyword keyword, const Parameter& given, MailParameters& result) {
  switch (keyword) {
    case MailKeyword::size:
      return set_size(given, result);
    case MailKeyword::body:
      return set_body(given, result);
    case MailKeyword::smtputf8:
      return set_smtputf8(given, result);
    case MailKeyword::ret:
      return set_ret(given, result);
    case MailKeyword::envid:
      return set_envid(given, result);
    case MailKeyword::auth:
      return check_auth(given);
    case MailKeyword::unknown:
      break;
  }
  return ParameterFault::unknown;
}

}  // namespace

ParameterFault parse_mail_parameters(std::string_view text, const Extensions& on, MailParameters& result) {
  result = {};
  unsigned seen = 0;
  while (!text.empty()) {
    Parameter given;
    const ParameterFault fault = take_parameter(text, given);
    if (fault != ParameterFault::none) return fault;
    const MailKeyword keyword = mail_keyword(given.keyword, on);
    if (keyword == MailKeyword::unknown) return ParameterFault::unknown;
    const unsigned bit = 1U << static_cast<unsigned>(keyword);
    if ((seen & bit) != 0) return ParameterFault::duplicate;
    seen |= bit;
    const ParameterFault value_fault = set_mail(keyword, given, result);
    if (value_fault != ParameterFault::none) return value_fault;
  }
  return ParameterFault::none;
}

ParameterFault parse_rcpt_parameters(std::string_view text, const Extensions& on, bool smtputf8,
                                     RcptParameters& result) {
  result = {};
  while (!text.empty()) {
    Parameter given;
    const ParameterFault fault = take_parameter(text, given);
    if (fault != ParameterFault::none) return fault;
    ParameterFault value_fault = ParameterFault::unknown;
    if (on.dsn && equals_ignore_case(given.keyword, "NOTIFY")) {
      if (result.notify.stated()) return ParameterFault::duplicate;
      value_fault = set_notify(given, result.notify);
    } else if (on.dsn && equals_ignore_case(given.keyword, "ORCPT")) {
      if (!result.orcpt.empty()) return ParameterFault::duplicate;
      value_fault = set_orcpt(given, smtputf8, result);
    }
    if (value_fault != ParameterFault::none) return value_fault;
  }
  return ParameterFault::none;
}

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kSizeSaturated - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<std::uint64_t> parse_size_saturating(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  return parse_size(digits).value_or(kSizeSaturated);
}

}  // namespace sluice::smtp

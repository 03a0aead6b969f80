#include "engine/smtp/parameters.h"

#include <algorithm>
#include <limits>

#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/path.h"

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
  if (!text.starts_with(' ')) return ParameterFault::syntax;
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t end = std::min(text.find(' '), text.size());
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
    if (is_control(c) || c == ' ') return ParameterFault::syntax;
  }
  if (!is_clean_utf8(parameter.value)) return ParameterFault::syntax;
  return ParameterFault::none;
}

ParameterFault judge(bool good) { return good ? ParameterFault::none : ParameterFault::bad_value; }

ParameterFault set_size(const Parameter& given, MailParameters& result) {
  result.size = parse_size(given.value);
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

// RFC 3461 4.4: xtext of printable characters.
ParameterFault set_envid(const Parameter& given, MailParameters& result) {
  const auto decoded = decode_xtext(given.value);
  result.envid = given.value;
  return judge(
      given.has_value && given.value.size() <= kEnvidBytesMax && decoded &&
      std::ranges::none_of(*decoded, [](char c) { return is_control(c) || is_eight_bit(c); }));
}

// RFC 4954 5: an addr-spec as xtext, or "<>".  A value that is no address is no error of syntax
// that we must act on, but nothing that could not be sent on may come in.
ParameterFault set_auth(const Parameter& given, MailParameters& result) {
  result.auth = given.value;
  if (given.value == "<>") return ParameterFault::none;
  if (!given.has_value || given.value.size() > kAuthParameterBytesMax)
    return ParameterFault::bad_value;
  const auto decoded = decode_xtext(given.value);
  Mailbox mailbox;
  return judge(decoded && parse_mailbox(*decoded, true, mailbox) == PathFault::none);
}

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

// RFC 6533 3: utf-8-addr-xtext and utf-8-addr-unitext: like xtext, with \x{HEX} and, under
// SMTPUTF8, UTF-8 as it is.
bool is_utf8_address(std::string_view text, bool smtputf8) {
  if (has_eight_bit(text) && !smtputf8) return false;
  return std::ranges::none_of(text, [](char c) { return is_control(c) || c == ' ' || c == '='; });
}

// RFC 3461 4.2: addr-type ";" xtext.
ParameterFault set_orcpt(const Parameter& given, bool smtputf8, RcptParameters& result) {
  const std::size_t semicolon = given.value.find(';');
  if (semicolon == 0 || semicolon == std::string_view::npos ||
      given.value.size() > kOrcptBytesMax) {
    return ParameterFault::bad_value;
  }
  const std::string_view type = given.value.substr(0, semicolon);
  const std::string_view address = given.value.substr(semicolon + 1);
  if (address.empty() ||
      !std::ranges::all_of(type, [](char c) { return is_alnum(c) || c == '-'; })) {
    return ParameterFault::bad_value;
  }
  result.orcpt = given.value;
  return judge(equals_ignore_case(type, "utf-8") ? is_utf8_address(address, smtputf8)
                                                 : is_xtext(address));
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
      return set_auth(given, result);
    case MailKeyword::unknown:
      break;
  }
  return ParameterFault::unknown;
}

}  // namespace

ParameterFault parse_mail_parameters(std::string_view text, const Extensions& on,
                                     MailParameters& result) {
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
  if (digits.empty() || digits.size() > kSizeDigitsMax) return std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace sluice::smtp

// ESMTP parameters of MAIL and RCPT, and xtext.
// What is parsed are views into the caller's bytes.  Pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::smtp {

// What a listener offers, and so what parameters it takes.  ENHANCEDSTATUSCODES is always on.
struct Extensions {
  bool pipelining = true;      // RFC 2920
  bool size = true;            // RFC 1870
  bool eight_bit_mime = true;  // RFC 6152
  bool smtputf8 = true;        // RFC 6531; needs eight_bit_mime
  bool chunking = true;        // RFC 3030
  bool dsn = true;             // RFC 3461
  bool limits = true;          // RFC 9422
  bool starttls = true;        // RFC 3207
  bool auth = true;            // RFC 4954
};

enum class ParameterFault : std::uint8_t {
  none,
  syntax,     // 501: not keyword[=value]
  unknown,    // 555: not known, or of an extension that is off
  duplicate,  // 501
  bad_value,  // 501
};

enum class Body : std::uint8_t { unstated, seven_bit, eight_bit_mime };
enum class Ret : std::uint8_t { unstated, full, headers };

struct MailParameters {
  std::optional<std::uint64_t> size;
  Body body = Body::unstated;
  bool smtputf8 = false;
  Ret ret = Ret::unstated;
  // xtext as sent, checked; empty if there is none.
  std::string_view envid;
};

// RFC 3461 4.1.  No bit set: not stated.
struct Notify {
  bool never = false;
  bool success = false;
  bool failure = false;
  bool delay = false;

  [[nodiscard]] bool stated() const { return never || success || failure || delay; }
};

struct RcptParameters {
  Notify notify;
  std::string_view orcpt;  // "type;xtext" as sent, checked; empty if there is none
};

// `text` is what follows the path: empty, or parameters each with a space in front.
ParameterFault parse_mail_parameters(std::string_view text, const Extensions& on, MailParameters& result);
ParameterFault parse_rcpt_parameters(std::string_view text, const Extensions& on, bool smtputf8,
                                     RcptParameters& result);

// RFC 3461 4: xtext = *( xchar / hexchar ), hexchar = "+" 2(%x30-39 / %x41-46).  What decodes to
// NUL, CR or LF is refused.
std::optional<std::string> decode_xtext(std::string_view text);
bool is_xtext(std::string_view text);
std::string encode_xtext(std::string_view bytes);

// RFC 6533 3, in ORCPT behind "utf-8;": utf-8-addr-xtext, and under SMTPUTF8 utf-8-addr-unitext.  What "\x{HEX}" stands
// for is checked as if it stood there itself: no control characters and separators (they are in HEXPOINT, but in no
// Mailbox, which the address "MUST follow [...] when dequoted"), no surrogates, nothing that needs no escape.
// Senders put the xtext of RFC 3461 on top: "+2B" may be there too, for printable ASCII but a backslash.
bool is_utf8_addr(std::string_view text, bool smtputf8);

// Digits, no sign (RFC 1870 says up to 20 of them, RFC 3030 any number).  Absent if it is not that or does not fit.
std::optional<std::uint64_t> parse_size(std::string_view digits);
// The same where a size is only compared: what does not fit is larger than any limit.
inline constexpr std::uint64_t kSizeSaturated = std::numeric_limits<std::uint64_t>::max();
std::optional<std::uint64_t> parse_size_saturating(std::string_view digits);

}  // namespace sluice::smtp

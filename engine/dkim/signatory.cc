#include "engine/dkim/signatory.h"

#include "engine/base/domain_name.h"
#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kLocalPartBytesMax = 64;  // RFC 5321 4.5.3.1.1

// The U-labels of a domain in A-labels, where they are one and the same name.
std::string u_labels(const std::string& ascii) {
  auto shown = unicode_domain(ascii);
  return shown && ascii_domain(*shown) == ascii ? *std::move(shown) : ascii;
}

bool is_within(std::string_view domain, std::string_view parent) {
  if (!domain.ends_with(parent)) return false;
  domain.remove_suffix(parent.size());
  return domain.empty() || domain.ends_with('.');
}

// RFC 6376 2.11, dkim-quoted-printable: "dkim-safe-char = %x21-3A / %x3C / %x3E-7E"; RFC 8616 5 adds UTF-8, for
// internationalized messages.
std::string encoded(std::string_view local_part, bool internationalized) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : local_part) {
    const auto byte = static_cast<unsigned char>(c);
    const bool safe = byte > 0x20 && byte < 0x7f ? c != ';' && c != '=' : smtp::is_eight_bit(c) && internationalized;
    if (safe) {
      out += c;
    } else {
      out += '=';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out;
}

}  // namespace

std::expected<Signatory, std::string> Signatory::make(std::string_view domain, std::string_view selector,
                                                      std::string_view agent) {
  const auto ascii = ascii_domain(domain);
  if (!ascii) return std::unexpected("a signing domain (d=) that is no domain name");
  const auto labels = ascii_domain(selector);
  if (!labels) return std::unexpected("a selector (s=) that is no name in the DNS");
  Signatory made;
  made.ascii_ = {.domain = *ascii, .selector = *labels};
  made.unicode_ = {.domain = u_labels(*ascii), .selector = u_labels(*labels)};
  if (agent.empty()) return made;

  const std::size_t at = agent.rfind('@');
  const auto agent_domain = at == std::string_view::npos ? std::nullopt : ascii_domain(agent.substr(at + 1));
  if (!agent_domain || !is_within(*agent_domain, *ascii))
    return std::unexpected("an agent or user (i=) that is not in the signing domain");
  const std::string_view local_part = agent.substr(0, at);
  if (local_part.size() > kLocalPartBytesMax || !smtp::is_clean_utf8(local_part))
    return std::unexpected("an agent or user (i=) whose local part is too long or no UTF-8");
  made.ascii_.agent = encoded(local_part, false) + "@" + *agent_domain;
  made.unicode_.agent = encoded(local_part, true) + "@" + u_labels(*agent_domain);
  return made;
}

}  // namespace sluice::dkim

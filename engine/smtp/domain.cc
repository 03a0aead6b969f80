#include <algorithm>

#include "engine/base/domain_name.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/path.h"

namespace sluice::smtp {
namespace {

// RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str].  "_" is not in it, but names with it are in use.
PathFault check_label(std::string_view label, bool utf8_allowed) {
  if (label.empty()) return PathFault::bad_domain;
  std::size_t at = 0;
  while (at < label.size()) {
    const char c = label[at];
    if (is_eight_bit(c)) {
      const std::size_t size = utf8_sequence(label.substr(at));
      if (size == 0) return PathFault::bad_utf8;
      if (!is_clean_utf8(label.substr(at, size))) return PathFault::control;
      if (!utf8_allowed) return PathFault::eight_bit;
      at += size;
      continue;
    }
    if (is_control(c)) return PathFault::control;
    if (!is_alnum(c) && c != '-' && c != '_') return PathFault::bad_domain;
    ++at;
  }
  if (label.front() == '-' || label.back() == '-') return PathFault::bad_domain;
  // The limit of a U-label is on its A-label: only the domain's limit is checked here.
  if (label.size() > kLabelBytesMax && !has_eight_bit(label)) return PathFault::domain_too_long;
  return PathFault::none;
}

// Snum = 1*3DIGIT, "representing a decimal integer value in the range 0 through 255".
bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 4 && is_digit(text[digits])) {
      value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    }
    if (digits == 0 || digits > 3 || value > 255) return false;
    text.remove_prefix(digits);
    if (part == 3) break;
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

// One run of colon-separated groups of 1*4HEXDIG, the last of which may be an IPv4 address (worth
// two) where allowed. The number of groups, or -1.
int count_groups(std::string_view text, bool ipv4_allowed) {
  if (text.empty()) return 0;
  int groups = 0;
  for (;;) {
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    const bool last = end == text.size();
    if (last && ipv4_allowed && group.find('.') != std::string_view::npos) return is_ipv4(group) ? groups + 2 : -1;
    if (group.empty() || group.size() > 4) return -1;
    if (!std::ranges::all_of(group, [](char c) { return hex_value(c) >= 0; })) return -1;
    ++groups;
    if (last) return groups;
    text.remove_prefix(end + 1);
  }
}

// RFC 5321 4.1.3: IPv6-full, IPv6-comp, IPv6v4-full, IPv6v4-comp.  "::" stands for at least two
// groups of zeros.
bool is_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return count_groups(text, true) == 8;
  const int before = count_groups(text.substr(0, gap), false);
  const int after = count_groups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 6;
}

// General-address-literal = Standardized-tag ":" 1*dcontent; dcontent = %d33-90 / %d94-126.
bool is_general_literal(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const std::string_view tag = text.substr(0, colon);
  // Standardized-tag = Ldh-str = *( ALPHA / DIGIT / "-" ) Let-dig.
  if (!is_alnum(tag.back())) return false;
  if (!std::ranges::all_of(tag, [](char c) { return is_alnum(c) || c == '-'; })) return false;
  return std::ranges::all_of(text.substr(colon + 1),
                             [](char c) { return c >= 33 && c <= 126 && c != '[' && c != '\\' && c != ']'; });
}

std::string_view without_final_dot(std::string_view domain) {
  if (domain.size() > 1 && domain.ends_with('.')) domain.remove_suffix(1);
  return domain;
}

}  // namespace

PathFault check_domain(std::string_view domain, bool utf8_allowed) {
  if (domain.size() > kDomainBytesMax) return PathFault::domain_too_long;
  for (;;) {
    const std::size_t end = std::min(domain.find('.'), domain.size());
    const PathFault fault = check_label(domain.substr(0, end), utf8_allowed);
    if (fault != PathFault::none || end == domain.size()) return fault;
    domain.remove_prefix(end + 1);
  }
}

bool is_address_literal(std::string_view text) {
  constexpr std::string_view kIpv6Tag = "IPv6:";
  if (text.size() < 3 || text.size() > kDomainBytesMax || !text.starts_with('[') || !text.ends_with(']')) return false;
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (starts_with_ignore_case(inner, kIpv6Tag)) return is_ipv6(inner.substr(kIpv6Tag.size()));
  return is_ipv4(inner) || is_general_literal(inner);
}

bool same_domain(std::string_view a, std::string_view b) {
  return domain_key(without_final_dot(a)) == domain_key(without_final_dot(b));
}

}  // namespace sluice::smtp

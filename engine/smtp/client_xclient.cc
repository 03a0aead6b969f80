// XCLIENT as a client writes it: Postfix, XCLIENT_README.
#include "engine/smtp/client.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
// "XCLIENT commands must not exceed 512 characters": a value that would is not told.  Every attribute as
// unavailable fits into what is kept free.
constexpr std::size_t kPairsBytesMax = 512 - sizeof("XCLIENT \r\n");
constexpr std::size_t kKeptFreeBytes = 5 * (sizeof(" LOGIN=") + kUnavailable.size());
static_assert(kKeptFreeBytes < kPairsBytesMax);

struct Attribute {
  std::string_view name;
  bool XclientAttributes::*flag;
  std::string_view XclientValues::*value;
  std::string_view none;  // in place of a value that is not known
};

constexpr Attribute kAttributes[] = {
    {"LOGIN", &XclientAttributes::login, &XclientValues::login, kUnavailable},
    {"ADDR", &XclientAttributes::addr, &XclientValues::addr, kUnavailable},
    {"NAME", &XclientAttributes::name, &XclientValues::name, kUnavailable},
    {"PROTO", &XclientAttributes::proto, &XclientValues::proto, "ESMTP"},
    {"HELO", &XclientAttributes::helo, &XclientValues::helo, kUnavailable},
};

}  // namespace

std::string xclient_pairs(const XclientAttributes& taken, const XclientValues& who,
                          XclientAttributes& told) {
  std::string pairs;
  for (const Attribute& attribute : kAttributes) {
    const std::string_view value = who.*attribute.value;
    if (!(taken.*attribute.flag) || (value.empty() && !(told.*attribute.flag))) continue;
    std::string octets(value);
    if (attribute.flag == &XclientAttributes::addr && value.contains(':')) octets.insert(0, "IPV6:");
    std::string text = encode_xtext(octets);
    if (text.empty() || pairs.size() + text.size() > kPairsBytesMax - kKeptFreeBytes)
      text = attribute.none;
    if (!pairs.empty()) pairs += ' ';
    pairs.append(attribute.name).append("=").append(text);
    told.*attribute.flag = true;
  }
  return pairs;
}

}  // namespace sluice::smtp

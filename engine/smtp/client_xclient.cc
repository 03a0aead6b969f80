// XCLIENT as a client writes it: Postfix, XCLIENT_README.
#include <iterator>

#include "engine/smtp/client.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
// "XCLIENT commands must not exceed 512 characters": a value that would is not sent.
constexpr std::size_t kPairsBytesMax = 512 - sizeof("XCLIENT \r\n");

struct Attribute {
  std::string_view name;
  bool XclientAttributes::* flag;
  std::string_view XclientValues::* value;  // null: we have none, and what the next hop sees of ourselves is not it
  std::string_view none;                    // in place of a value that is not known
};

// No name of a client is looked up, so none is claimed; its port changes with each connection, and a kept connection
// would have to be introduced for each.  Left out, the next hop would show the client by our own name and port.
constexpr Attribute kAttributes[] = {
    {"LOGIN", &XclientAttributes::login, &XclientValues::login, kUnavailable},
    {"ADDR", &XclientAttributes::addr, &XclientValues::addr, kUnavailable},
    {"NAME", &XclientAttributes::name, nullptr, kUnavailable},
    {"REVERSE_NAME", &XclientAttributes::reverse_name, nullptr, kUnavailable},
    {"PORT", &XclientAttributes::port, nullptr, kUnavailable},
    {"PROTO", &XclientAttributes::proto, &XclientValues::proto, "ESMTP"},
    {"HELO", &XclientAttributes::helo, &XclientValues::helo, kUnavailable},
};

// " NAME=[UNAVAILABLE]" of this attribute and all that follow it.
constexpr std::size_t none_bytes(const Attribute* attribute) {
  std::size_t bytes = 0;
  for (; attribute != std::end(kAttributes); ++attribute)
    bytes += 1 + attribute->name.size() + 1 + attribute->none.size();
  return bytes;
}
static_assert(none_bytes(std::begin(kAttributes)) < kPairsBytesMax);

bool is_known(const XclientValues& client) {
  return !client.login.empty() || !client.addr.empty() || !client.proto.empty() || !client.helo.empty();
}

}  // namespace

std::string xclient_pairs(const XclientAttributes& taken, const XclientValues& client, XclientAttributes& sent) {
  std::string pairs;
  for (const Attribute& attribute : kAttributes) {
    const bool never_known = attribute.value == nullptr;
    const std::string_view value = never_known ? std::string_view() : client.*attribute.value;
    const bool due = !value.empty() || sent.*attribute.flag || (never_known && is_known(client));
    if (!(taken.*attribute.flag) || !due) continue;
    std::string bytes(value);
    if (attribute.flag == &XclientAttributes::addr && value.contains(':')) bytes.insert(0, "IPV6:");
    std::string text = encode_xtext(bytes);
    const std::size_t used = pairs.size() + 1 + attribute.name.size() + 1;
    if (text.empty() || used + text.size() + none_bytes(&attribute + 1) > kPairsBytesMax) text = attribute.none;
    if (!pairs.empty()) pairs += ' ';
    pairs.append(attribute.name).append("=").append(text);
    sent.*attribute.flag = true;
  }
  return pairs;
}

}  // namespace sluice::smtp

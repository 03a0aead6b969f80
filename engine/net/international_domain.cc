#include "engine/net/international_domain.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "engine/io/dns.h"

namespace sluice::net {
namespace {

constexpr std::size_t kDomainBytesMax = 255;  // RFC 5321 4.5.3.1.2, in octets of UTF-8

struct Free {
  void operator()(char* text) const { idn2_free(text); }
};

}  // namespace

bool is_international(std::string_view domain) {
  return std::ranges::any_of(domain, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::optional<std::string> ascii_domain(std::string_view domain) {
  if (domain.size() > kDomainBytesMax || domain.find('\0') != std::string_view::npos) return std::nullopt;
  char* converted = nullptr;
  const int result = idn2_to_ascii_8z(std::string(domain).c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, Free> owned(converted);
  if (result != IDN2_OK || !io::dns_host_name(converted)) return std::nullopt;
  return io::fold_dns_name(converted);
}

}  // namespace sluice::net

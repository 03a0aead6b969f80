// Macros of SPF (RFC 7208 7).  Pure.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/network.h"

namespace sluice::sender_dns {

// What macros stand for.
struct SpfMacroValues {
  std::string local_part;
  std::string sender_domain;
  std::string domain;  // of the record that is being evaluated
  IpBytes ip;
  std::string helo;
  std::string receiver;
  std::int64_t now_s = 0;                    // since 1970
  std::function<std::string()> validated{};  // %{p}: asked for where it is used
};

// Some letters are for explanations alone (7.2).
enum class SpfMacroUse : std::uint8_t { domain, explanation };

// Whether `text` is a macro-string.
[[nodiscard]] bool is_macro_string(std::string_view text, SpfMacroUse use);
// Whether `text` is a domain-spec: a macro-string that ends in a macro or in a top label, behind a dot.
[[nodiscard]] bool is_domain_spec(std::string_view text);

inline constexpr std::size_t kSpfExpandedBytesMax = 8192;

// `text`: a macro-string of that use.  nullopt: it gets longer than kSpfExpandedBytesMax.
[[nodiscard]] std::optional<std::string> expand_macros(std::string_view text, const SpfMacroValues& values);
// The name that a domain-spec stands for, without its final dot.  Of one that is too long the right side is kept (7.3).
// Empty: it gets far too long.
[[nodiscard]] std::string expand_domain_spec(std::string_view text, const SpfMacroValues& values);

// "4.3.2.1" with "in-addr", or the nibbles of an IPv6 address, last first, with "ip6"; and so of %{ir}.%{v}.arpa.
[[nodiscard]] std::string reverse_name(const IpBytes& ip);

}  // namespace sluice::sender_dns

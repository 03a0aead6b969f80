// What a text in the configuration must look like: host names, paths, addresses.  Pure; any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "engine/base/network.h"
#include "engine/io/address.h"
#include "engine/route/route.h"

namespace sluice::config {

inline constexpr std::size_t kSocketPathBytesMax = 107;  // sun_path without its NUL

// Gives the text back as it is kept, or says what is wrong with it.
struct TextRule {
  std::expected<std::string, std::string> (*check)(std::string_view text);
  std::string_view allowed;
};

extern const TextRule kHostNameRule;     // may be empty
extern const TextRule kClassOrNoneRule;  // the name of a policy class, or empty
extern const TextRule kUserRule;         // may be empty
extern const TextRule kPathRule;         // absolute
extern const TextRule kAnyPathRule;      // absolute, or empty
extern const TextRule kSecretRule;       // of a file with a secret: absolute, or a credential of systemd's (io/files.h)
extern const TextRule kAnySecretRule;    // likewise, or empty
extern const TextRule kSocketPathRule;   // absolute, and fit for a socket's address
extern const TextRule kLogFileRule;      // absolute, or "-"
extern const TextRule kSyslogRule;       // as log::SyslogOptions has it, or empty
extern const TextRule kJournalRule;      // as kSocketPathRule, or empty
extern const TextRule kUrlRule;          // may be empty
extern const TextRule kNameRule;         // a name that an operator gives
extern const TextRule kLoginRule;        // may be empty
extern const TextRule kDomainRule;       // "example.com", "*.example.com"
extern const TextRule kCustomerRule;     // a name in the accounts' file
extern const TextRule kCustomerOrNoneRule;
extern const TextRule kMailboxRule;  // "user@example.com"; may be empty
extern const TextRule kNextHopRule;  // as parse_next_hop() takes it
// Conditions of a route (route/table.h): domains and address literals, and "<>" for a sender.
extern const TextRule kRecipientRule;
extern const TextRule kSenderRule;

inline constexpr std::string_view kListenAllowed = "IP:PORT, such as \"0.0.0.0:25\" or \"[::]:25\"";
[[nodiscard]] std::expected<io::Address, std::string> parse_listen_address(std::string_view text);

inline constexpr std::string_view kNextHopAllowed =
    "HOST or HOST:PORT, such as \"mx1.example.net:25\", \"192.0.2.1\" or \"[2001:db8::1]:25\"";
[[nodiscard]] std::expected<route::NextHopHost, std::string> parse_next_hop(std::string_view text);
// A server of a back end or of the cluster: the same, or the path of a UNIX socket.  Its port is 0 where none is given.
template <typename Server>
[[nodiscard]] std::expected<Server, std::string> parse_server(std::string_view text) {
  if (text.starts_with('/')) {
    if (text.size() > kSocketPathBytesMax) return std::unexpected("is longer than a socket's path may be");
    return Server{.host = std::string(text)};
  }
  auto hop = parse_next_hop(text);
  if (!hop) return std::unexpected(hop.error());
  const bool has_port = text.ends_with(":" + std::to_string(hop->port));
  return Server{.host = hop->name, .port = has_port ? hop->port : std::uint16_t{0}};
}
// 127.0.0.0/8, ::1 and localhost: what is said there is not heard elsewhere.
[[nodiscard]] bool is_loopback(const route::NextHopHost& host);

inline constexpr std::string_view kDnsServerAllowed = "IP or IP:PORT, such as \"192.0.2.53\" or \"[2001:db8::53]:53\"";
[[nodiscard]] std::expected<io::Address, std::string> parse_dns_server(std::string_view text);

inline constexpr std::string_view kNetworkAllowed =
    "networks such as \"192.0.2.0/24\", \"2001:db8::/32\" or \"192.0.2.1\"";

}  // namespace sluice::config

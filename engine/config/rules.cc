#include "engine/config/rules.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "auth/domain_list.h"
#include "auth/store/store_values.h"
#include "engine/io/files.h"
#include "engine/log/syslog.h"
#include "engine/route/table.h"
#include "engine/smtp/path.h"

namespace sluice::config {
namespace {

using Checked = std::expected<std::string, std::string>;

constexpr std::size_t kPathBytesMax = 4095;  // PATH_MAX without its NUL
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kUserBytesMax = 32;  // useradd(8)
constexpr std::size_t kUrlBytesMax = 200;  // fits into one reply line beside its reason
constexpr std::size_t kLoginBytesMax = 255;
static_assert(kSocketPathBytesMax == 107 && kUserBytesMax == 32 && kUrlBytesMax == 200 && kNameBytesMax == 64 &&
                  kLoginBytesMax == 255 && auth::kCustomerNameBytesMax == 200,
              "the texts of the rules below say the same");

bool is_printable_ascii(char c) { return c > ' ' && c < 0x7f; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// RFC 1123 section 2.1; a name whose last label is digits would be read as an IPv4 address by
// others.
bool is_host_name(std::string_view text) {
  if (smtp::check_domain(text, false) != smtp::PathFault::none || text.contains('_')) return false;
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return !std::ranges::all_of(last, is_digit);
}

Checked check_host_name(std::string_view text) {
  if (text.empty() || is_host_name(text)) return lower(text);
  return std::unexpected("is not a host name");
}

Checked check_path(std::string_view text) {
  if (!text.starts_with('/')) return std::unexpected("is not an absolute path");
  if (text.size() > kPathBytesMax) return std::unexpected("is too long for a path");
  if (text.contains('\0')) return std::unexpected("has a NUL in it");
  return std::string(text);
}

Checked check_any_path(std::string_view text) { return text.empty() ? std::string() : check_path(text); }

// What CREDENTIALS_DIRECTORY may hold (systemd.exec(5)), and no way out of it.
Checked check_credential(std::string_view name) {
  constexpr std::size_t kCredentialBytesMax = 255;
  const bool of_letters = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' || c == '.';
  });
  if (name.empty() || name.size() > kCredentialBytesMax || !of_letters || name.starts_with('.'))
    return std::unexpected("is no name of a credential: letters, digits, \"_\", \"-\" and \".\", which is not first");
  return std::string(io::kCredentialPrefix) + std::string(name);
}

Checked check_secret(std::string_view text) {
  if (text.starts_with(io::kCredentialPrefix)) return check_credential(text.substr(io::kCredentialPrefix.size()));
  return check_path(text);
}

Checked check_any_secret(std::string_view text) { return text.empty() ? std::string() : check_secret(text); }

Checked check_socket_path(std::string_view text) {
  if (text.size() > kSocketPathBytesMax) return std::unexpected("is too long for a socket's address");
  return check_path(text);
}

Checked check_log_file(std::string_view text) { return text == "-" ? std::string(text) : check_path(text); }

Checked check_user(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-' || c == '.';
  };
  if (text.size() <= kUserBytesMax && std::ranges::all_of(text, allowed) && !text.starts_with('-')) {
    return std::string(text);
  }
  return std::unexpected("is not the name of a user or group");
}

Checked check_url(std::string_view text) {
  if (text.empty()) return std::string();
  const bool known = text.starts_with("https://") || text.starts_with("http://") || text.starts_with("mailto:");
  if (!known || !std::ranges::all_of(text, is_printable_ascii)) return std::unexpected("is not an address on the web");
  if (text.size() > kUrlBytesMax) return std::unexpected("is too long to be part of a reply");
  return std::string(text);
}

Checked check_name(std::string_view text) {
  const bool fits = !text.empty() && text.size() <= kNameBytesMax && !text.contains('/');
  if (fits && std::ranges::all_of(text, is_printable_ascii)) return std::string(text);
  return std::unexpected("is not a name");
}

Checked check_login(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
  if (text.size() <= kLoginBytesMax && std::ranges::none_of(text, is_control)) return std::string(text);
  return std::unexpected("cannot be logged in with");
}

Checked check_domain_entry(std::string_view text) {
  if (auto entry = auth::canonical_domain_entry(text)) return *std::move(entry);
  return std::unexpected("is not a domain");
}

// What a recipient's or a sender's domain is compared with.
Checked check_route_domain(std::string_view text) {
  std::string_view domain = text;
  if (text.starts_with('[')) {
    if (smtp::is_address_literal(text)) return lower(text);
    return std::unexpected("is not an address literal");
  }
  if (domain.starts_with("*.")) domain.remove_prefix(2);
  if (parse_ip(domain)) return std::unexpected("is an address without brackets");
  if (smtp::check_domain(domain, true) == smtp::PathFault::none) return lower(text);
  return std::unexpected("is not a domain");
}

Checked check_sender(std::string_view text) {
  return text == route::kNullSender ? std::string(text) : check_route_domain(text);
}

Checked check_customer(std::string_view text) {
  if (auto name = auth::stored_customer_name(text)) return *std::move(name);
  return std::unexpected("cannot be a customer's name");
}

Checked check_customer_or_none(std::string_view text) { return text.empty() ? std::string() : check_customer(text); }

Checked check_mailbox(std::string_view text) {
  smtp::Mailbox mailbox;
  if (text.empty() || smtp::parse_mailbox(text, false, mailbox) == smtp::PathFault::none) return std::string(text);
  return std::unexpected("is not an address");
}

Checked check_next_hop(std::string_view text) {
  if (const auto host = parse_next_hop(text); !host) return std::unexpected(host.error());
  return std::string(text);
}

Checked check_syslog(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.starts_with('/')) return check_socket_path(text);
  if (const auto server = log::syslog_server(text)) {
    const auto host = parse_next_hop(server->host_port);
    if (!host) return std::unexpected(host.error());
    if (!server->host_port.ends_with(":" + std::to_string(host->port))) return std::unexpected("has no port");
    return std::string(text);
  }
  if (const auto address = parse_listen_address(text)) return address->to_string();
  return std::unexpected("is neither a path, nor an address with a port, nor a server");
}

Checked check_journal(std::string_view text) { return text.empty() ? std::string() : check_socket_path(text); }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

constexpr std::string_view kPortProblem = "has a port that is not a number from 1 to 65535";

}  // namespace

const TextRule kHostNameRule{check_host_name, "a host name such as \"relay.example.net\""};
const TextRule kUserRule{check_user, "letters, digits, \"_\", \"-\" and \".\", up to 32"};
const TextRule kPathRule{check_path, "a path that begins with \"/\""};
const TextRule kAnyPathRule{check_any_path, "a path that begins with \"/\", or \"\" for none"};
const TextRule kSecretRule{check_secret, "a path that begins with \"/\", or \"credential:NAME\""};
const TextRule kAnySecretRule{check_any_secret,
                              "a path that begins with \"/\", or \"credential:NAME\", or \"\" for none"};
const TextRule kSocketPathRule{check_socket_path, "a path that begins with \"/\", up to 107 bytes"};
const TextRule kLogFileRule{check_log_file, "a path that begins with \"/\", or \"-\" for standard error"};
const TextRule kSyslogRule{check_syslog,
                           "a path such as \"/dev/log\", IP:PORT, which is UDP, tcp://HOST:PORT or tls://HOST:PORT"};
const TextRule kJournalRule{check_journal, "a path such as \"/run/systemd/journal/socket\", up to 107 bytes"};
const TextRule kUrlRule{check_url, "https://, http:// or mailto:, printable ASCII without spaces, up to 200 bytes"};
const TextRule kNameRule{check_name, "printable ASCII without spaces and \"/\", 1 to 64 bytes"};
const TextRule kLoginRule{check_login, "up to 255 bytes without control characters"};
const TextRule kDomainRule{check_domain_entry,
                           "\"example.com\", which is that domain alone, or \"*.example.com\", which is all below it"};
const TextRule kCustomerRule{check_customer,
                             "1 to 200 bytes of UTF-8, without control characters or blanks at the ends"};
const TextRule kCustomerOrNoneRule{check_customer_or_none, kCustomerRule.allowed};
const TextRule kMailboxRule{check_mailbox, "an address such as \"postmaster@example.net\""};
const TextRule kNextHopRule{check_next_hop, kNextHopAllowed};
const TextRule kRecipientRule{check_route_domain,
                              "\"example.com\", which is that domain alone, \"*.example.com\", "
                              "which is all below it, or \"[192.0.2.1]\""};
const TextRule kSenderRule{check_sender,
                           "\"example.com\", which is that domain alone, \"*.example.com\", which "
                           "is all below it, or \"<>\""};

std::expected<io::Address, std::string> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::unexpected("has no port");
  std::string_view ip = text.substr(0, colon);
  const bool bracketed = ip.starts_with('[') && ip.ends_with(']');
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  const auto bytes = parse_ip(ip);
  if (!bytes)
    return std::unexpected(parse_ip(text) ? "has no port, or no brackets" : "does not begin with an IP address");
  if ((bytes->size == 16) != bracketed) {
    return std::unexpected(bracketed ? "has an IPv4 address in brackets" : "has an IPv6 address without brackets");
  }
  if (!parse_port(text.substr(colon + 1))) return std::unexpected(std::string(kPortProblem));
  const auto address = io::Address::parse(text);
  if (!address) return std::unexpected("is not an address with a port");
  if (bracketed && address->ip_bytes().size() == 4) {
    return std::unexpected("is an IPv4 address written as IPv6: write " + address->to_string());
  }
  return *address;
}

std::expected<io::Address, std::string> parse_dns_server(std::string_view text) {
  constexpr std::uint16_t kDnsPort = 53;
  if (const auto address = io::Address::from_ip(text, kDnsPort)) return *address;
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  if (bracketed && text.contains(':')) {
    if (const auto address = io::Address::from_ip(text.substr(1, text.size() - 2), kDnsPort)) return *address;
  }
  return parse_listen_address(text);
}

std::expected<route::NextHopHost, std::string> parse_next_hop(std::string_view text) {
  route::NextHopHost host;
  std::string_view name = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::unexpected("has no \"]\"");
    name = text.substr(1, end - 1);
    port = text.substr(end + 1);
    const auto bytes = parse_ip(name);
    if (!bytes || bytes->size != 16) return std::unexpected("has no IPv6 address in its brackets");
  } else {
    if (parse_ip(text) && text.contains(':')) return std::unexpected("has an IPv6 address without brackets");
    name = text.substr(0, text.find(':'));
    port = text.substr(name.size());
    if (!parse_ip(name) && !is_host_name(name)) return std::unexpected("is neither a host name nor an address");
  }
  host.name = lower(name);
  if (port.empty()) return host;
  const auto number = port.starts_with(':') ? parse_port(port.substr(1)) : std::nullopt;
  if (!number) return std::unexpected(std::string(kPortProblem));
  host.port = *number;
  return host;
}

bool is_loopback(const route::NextHopHost& host) {
  if (host.name == "localhost") return true;
  const auto ip = parse_ip(host.name);
  if (!ip) return false;
  static const auto kV4 = Network::parse("127.0.0.0/8");
  static const auto kV6 = Network::parse("::1");
  return kV4->contains(ip->span()) || kV6->contains(ip->span());
}

}  // namespace sluice::config

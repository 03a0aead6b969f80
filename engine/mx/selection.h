// From what DNS says of a domain to the hosts that take its mail, in order: RFC 5321 section 5.1,
// RFC 7505. A machine that is fed replies; it asks nothing itself.  Pure.  Any thread.
//
//   MxSelection choice(domain, rules);
//   choice.take_mx_hosts(reply to MX of the domain);
//   for each of choice.hosts() and of address_types(rules): choice.take_addresses(host, reply);
//   choice.result()
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/network.h"
#include "engine/io/address.h"
#include "engine/io/dns.h"
#include "engine/io/platform.h"
#include "engine/mx/special_purpose.h"

namespace sluice::mx {

struct MxHost {
  std::string name;  // what its certificate is compared with; an address literal with its brackets
  std::uint16_t preference = 0;
  std::vector<io::Address> addresses;  // with the port, in the order to try; at least one
};

// Why no host takes the domain's mail.
struct MxFailure {
  bool permanent = false;
  std::uint16_t code = 0;                   // a reply code of RFC 5321,
  std::array<std::uint16_t, 3> enhanced{};  // and its enhanced one (RFC 3463)
  std::string text;                         // in words; nothing in it comes from the network but clean host names
};

enum class AddressUse : std::uint8_t { ipv6_first, ipv4_first, ipv4_only };

// Of the machine's interfaces, and shared by all users of them; null: none are known.
using MachineAddresses = std::shared_ptr<const std::vector<io::Address>>;

struct MxRules {
  std::uint16_t port = 25;
  AddressUse use = AddressUse::ipv6_first;
  std::vector<std::string> own_names;  // what this relay is called, as fold_dns_name() gives it
  // Where it is reached; ports do not matter.  0.0.0.0 and :: always are.
  std::vector<io::Address> own_addresses;  // as configured
  MachineAddresses machine_addresses;      // they come and go
  // Addresses there are as good as none, embedded ones too (special_purpose.h).
  std::vector<Network> unwanted = special_purpose_networks();
  std::size_t hosts_max = 20;     // the best are kept
  std::size_t addresses_max = 8;  // of each family of a host
};

// What is asked for each host, in the order in which the addresses are tried.
std::span<const io::DnsType> address_types(const MxRules& rules);

struct MxAnswer {
  std::expected<std::vector<MxHost>, MxFailure> found;  // best first
  std::uint32_t ttl_s = 0;                              // how long DNS says that this holds; 0: ask again soon
};

class MxSelection {
 public:
  // `rules` stays until result().  `domain`: as fold_dns_name() gives it.
  MxSelection(std::string domain, const MxRules& rules);

  // First, once.
  void take_mx_hosts(const io::DnsReply& mx);
  // Whose addresses are wanted, best first; none where the result is known without.
  [[nodiscard]] const std::vector<MxHost>& hosts() const { return hosts_; }
  // For each host in the order of address_types().
  void take_addresses(std::size_t host, const io::DnsReply& reply);
  // At the end, once.
  MxAnswer result();

 private:
  [[nodiscard]] bool ours(std::string_view name) const;
  void fail(bool permanent, std::uint16_t code, std::array<std::uint16_t, 3> enhanced, std::string text);
  void take_list(const io::DnsReply& mx);
  void drop_from(std::uint16_t preference);
  void fail_without_hosts();

  std::string domain_;
  const MxRules& rules_;
  std::vector<MxHost> hosts_;
  std::vector<std::uint16_t> self_;  // preferences of hosts that turned out to be us
  std::string unknown_;              // a host without an address of which nothing is known, and why
  std::vector<std::string> failed_;  // by host: why its addresses are not known
  bool implied_ = false;             // no MX record: the domain is its own MX host
  bool dropped_ = false;             // we are among them: RFC 5321's loop rule was applied
  std::optional<MxFailure> failure_;
  std::uint32_t ttl_s_ = UINT32_MAX;
};

// "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3): that address, and no DNS.  nullopt where
// `domain` has no brackets.
std::optional<MxAnswer> mx_literal(std::string_view domain, const MxRules& rules);

// RFC 5321 5.1: "If there are multiple destinations with the same preference [...], then the
// sender-SMTP MUST randomize them to spread the load across multiple mail exchangers".
void shuffle_ties(std::vector<MxHost>& hosts, io::Random& random);

}  // namespace sluice::mx

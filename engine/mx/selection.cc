#include "engine/mx/selection.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/base/check.h"

namespace sluice::mx {
namespace {

using Enhanced = std::array<std::uint16_t, 3>;
constexpr Enhanced kNoSuchDomain{5, 1, 2};  // bad destination system address
constexpr Enhanced kNullMx{5, 1, 10};       // RFC 7505 section 4.2: recipient address has null MX
constexpr Enhanced kNameServer{4, 4, 3};    // directory server failure
constexpr Enhanced kNoRoute{5, 4, 4};       // unable to route
constexpr Enhanced kLoop{5, 4, 6};          // routing loop detected

bool same_ip(const io::Address& a, const io::Address& b) { return std::ranges::equal(a.ip_bytes(), b.ip_bytes()); }

// Directly, or as the IPv4 address that is embedded in it.
bool is_own(const io::Address& address, const MxRules& rules) {
  if (is_unspecified(address.ip_bytes())) return true;
  const auto inner = embedded_ipv4(address.ip_bytes());
  const auto is_it = [&](const io::Address& own) {
    return same_ip(own, address) || (inner && std::ranges::equal(own.ip_bytes(), *inner));
  };
  return std::ranges::any_of(rules.own_addresses, is_it) ||
         (rules.machine_addresses != nullptr && std::ranges::any_of(*rules.machine_addresses, is_it));
}

bool is_unwanted(const io::Address& address, const MxRules& rules) {
  return in_networks(address.ip_bytes(), rules.unwanted);
}

MxAnswer literal_failure(Enhanced enhanced, std::uint16_t code, std::string text) {
  return {.found = std::unexpected(MxFailure{true, code, enhanced, std::move(text)}), .ttl_s = UINT32_MAX};
}

}  // namespace

std::span<const io::DnsType> address_types(const MxRules& rules) {
  static constexpr std::array kTypes{io::DnsType::a, io::DnsType::aaaa, io::DnsType::a};
  const std::span<const io::DnsType> types(kTypes);
  switch (rules.use) {
    case AddressUse::ipv6_first:
      return types.subspan(1);
    case AddressUse::ipv4_first:
      return types.first(2);
    case AddressUse::ipv4_only:
      return types.first(1);
  }
  return types.first(1);
}

// ------------------------------------------------------------------------------------------
// MX hosts

MxSelection::MxSelection(std::string domain, const MxRules& rules) : domain_(std::move(domain)), rules_(rules) {}

bool MxSelection::ours(std::string_view name) const {
  return std::ranges::find(rules_.own_names, name) != rules_.own_names.end();
}

void MxSelection::fail(bool permanent, std::uint16_t code, Enhanced enhanced, std::string text) {
  failure_.emplace(permanent, code, enhanced, domain_ + ": " + std::move(text));
  hosts_.clear();
}

void MxSelection::take_mx_hosts(const io::DnsReply& mx) {
  ttl_s_ = mx.canonical_ttl_s;
  switch (mx.status) {
    case io::DnsStatus::ok:
      take_list(mx);
      break;
    case io::DnsStatus::no_such_name:
      ttl_s_ = mx.negative_ttl_s.value_or(0);
      return fail(true, 550, kNoSuchDomain, "there is no such domain");
    case io::DnsStatus::failed:
      ttl_s_ = 0;
      return fail(false, 451, kNameServer, mx.error);
    case io::DnsStatus::no_data:
      // RFC 5321 5.1: "the address is treated as if it was associated with an implicit MX RR, with
      // a preference of 0, pointing to that host".
      ttl_s_ = std::min(ttl_s_, mx.negative_ttl_s.value_or(UINT32_MAX));
      implied_ = true;
      hosts_.push_back({.name = domain_, .preference = 0, .addresses = {}});
      if (ours(domain_) || ours(mx.canonical)) drop_from(0);
      break;
  }
  failed_.resize(hosts_.size());
  if (hosts_.empty() && !failure_) fail_without_hosts();
}

void MxSelection::take_list(const io::DnsReply& mx) {
  for (const io::DnsRecord& record : mx.records) {
    ttl_s_ = std::min(ttl_s_, record.ttl_s);
    hosts_.push_back({.name = record.name, .preference = record.preference, .addresses = {}});
  }
  std::ranges::sort(hosts_, {}, [](const MxHost& host) { return std::tie(host.preference, host.name); });
  std::vector<MxHost> sorted;
  for (MxHost& host : hosts_)
    if (std::ranges::find(sorted, host.name, &MxHost::name) == sorted.end()) sorted.push_back(std::move(host));
  hosts_ = std::move(sorted);
  // RFC 7505 section 3: "a single MX RR [...] with preference number 0 and a zero-length label".
  // With another number it means nothing else.
  if (hosts_.size() == 1 && hosts_[0].name == ".")
    return fail(true, 556, kNullMx, "the domain takes no mail (null MX)");
  std::erase_if(hosts_, [](const MxHost& host) { return !io::dns_host_name(host.name); });
  const auto self = std::ranges::find_if(hosts_, [this](const MxHost& host) { return ours(host.name); });
  if (self != hosts_.end()) drop_from(self->preference);
  if (hosts_.size() > rules_.hosts_max) hosts_.resize(rules_.hosts_max);
}

// RFC 5321 5.1: "If the server [...] determines that it is in the list, all MX RRs with the same or
// a higher preference number MUST be discarded": they would send the message back to us.
void MxSelection::drop_from(std::uint16_t preference) {
  dropped_ = true;
  std::erase_if(hosts_, [=](const MxHost& host) { return host.preference >= preference; });
}

// ------------------------------------------------------------------------------------------
// addresses

void MxSelection::take_addresses(std::size_t index, const io::DnsReply& reply) {
  CHECK(index < hosts_.size());
  MxHost& host = hosts_[index];
  if (reply.status == io::DnsStatus::failed) failed_[index] = reply.error;
  bool self = ours(reply.canonical);
  std::size_t taken = 0;
  for (const io::DnsRecord& record : reply.records) {
    // An IPv4 address in the clothes of IPv6 (::ffff:192.0.2.1) is that IPv4 address.
    const auto address = io::Address::from_bytes(record.address.ip_bytes(), rules_.port);
    if (address.empty()) continue;
    self = self || is_own(address, rules_);
    ttl_s_ = std::min(ttl_s_, record.ttl_s);
    const bool known = std::ranges::any_of(host.addresses, [&](const auto& other) { return same_ip(other, address); });
    if (known || taken >= rules_.addresses_max || is_unwanted(address, rules_)) continue;
    host.addresses.push_back(address);
    ++taken;
  }
  if (self) self_.push_back(host.preference);
}

MxAnswer MxSelection::result() {
  if (!failure_) {
    const unsigned end = self_.empty() ? UINT16_MAX + 1U : std::ranges::min(self_);
    for (std::size_t i = 0; i < hosts_.size() && hosts_[i].preference < end && unknown_.empty(); ++i)
      if (hosts_[i].addresses.empty() && !failed_[i].empty()) unknown_ = hosts_[i].name + ": " + failed_[i];
    if (!unknown_.empty()) ttl_s_ = 0;
    if (!self_.empty()) drop_from(std::ranges::min(self_));
    std::erase_if(hosts_, [](const MxHost& host) { return host.addresses.empty(); });
    if (hosts_.empty()) fail_without_hosts();
  }
  if (failure_) return {.found = std::unexpected(*std::move(failure_)), .ttl_s = ttl_s_};
  return {.found = std::move(hosts_), .ttl_s = ttl_s_};
}

// RFC 5321 5.1: "If MX records are present, but none of them are usable, or the implicit MX is
// unusable, this situation MUST be reported as an error."
void MxSelection::fail_without_hosts() {
  if (!unknown_.empty()) return fail(false, 451, kNameServer, unknown_);
  if (dropped_) return fail(true, 554, kLoop, "its MX host is this relay, which has no other way for it");
  if (implied_) return fail(true, 550, kNoSuchDomain, "it has neither an MX host nor an address");
  fail(true, 550, kNoRoute, "none of its MX hosts has an address that mail can be sent to");
}

// ------------------------------------------------------------------------------------------ the
// rest

std::optional<MxAnswer> mx_literal(std::string_view domain, const MxRules& rules) {
  if (!domain.starts_with('[') || !domain.ends_with(']') || domain.size() < 2) return std::nullopt;
  std::string_view ip = domain.substr(1, domain.size() - 2);
  constexpr std::string_view kTag = "ipv6:";
  const bool ipv6 = io::fold_dns_name(ip.substr(0, kTag.size())) == kTag;
  if (ipv6) ip.remove_prefix(kTag.size());
  const auto written = io::Address::from_ip(ip, rules.port);
  if (!written || (written->family() == AF_INET6) != ipv6)
    return literal_failure(kNoSuchDomain, 550, "the address literal is none that mail can be sent to");
  const auto address = io::Address::from_bytes(written->ip_bytes(), rules.port);
  if (is_own(address, rules)) return literal_failure(kLoop, 554, "the address literal is this relay's own");
  const bool unused = address.family() == AF_INET6 && rules.use == AddressUse::ipv4_only;
  if (unused) return literal_failure(kNoRoute, 550, "IPv6 is not used for mail here");
  if (is_unwanted(address, rules))
    return literal_failure(kNoSuchDomain, 550, "no mail can be sent to this address literal");
  MxHost host{.name = std::string(domain), .preference = 0, .addresses = {address}};
  return MxAnswer{.found = std::vector{std::move(host)}, .ttl_s = UINT32_MAX};
}

void shuffle_ties(std::vector<MxHost>& hosts, io::Random& random) {
  for (std::size_t begin = 0; begin < hosts.size();) {
    std::size_t end = begin;
    while (end < hosts.size() && hosts[end].preference == hosts[begin].preference) ++end;
    // Fisher and Yates; with at most some tens of hosts the remainder is even enough.
    for (std::size_t left = end - begin; left > 1; --left)
      std::swap(hosts[begin + left - 1], hosts[begin + random.number() % left]);
    begin = end;
  }
}

}  // namespace sluice::mx

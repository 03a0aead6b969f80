#include "engine/io/sim_dns.h"

#include <algorithm>

namespace sluice::io {

DnsReply& SimDns::records(std::string_view name, DnsType type) {
  DnsReply& reply = names_[fold_dns_name(name)].replies[type];
  reply.status = DnsStatus::ok;
  return reply;
}

void SimDns::add_mx(std::string_view name, std::uint16_t preference, std::string_view exchanger,
                    std::uint32_t ttl_s) {
  records(name, DnsType::mx)
      .records.push_back({.preference = preference,
                          .name = fold_dns_name(exchanger),
                          .address = {},
                          .ttl_s = ttl_s});
}

void SimDns::add_address(std::string_view name, std::string_view ip, std::uint32_t ttl_s) {
  const auto address = Address::from_ip(ip, 0);
  if (!address) SimContext::broken("a simulated name has no address");
  const DnsType type = address->family() == AF_INET6 ? DnsType::aaaa : DnsType::a;
  records(name, type)
      .records.push_back({.preference = 0, .name = "", .address = *address, .ttl_s = ttl_s});
}

void SimDns::add_alias(std::string_view name, std::string_view target, std::uint32_t ttl_s) {
  Name& known = names_[fold_dns_name(name)];
  known.alias = fold_dns_name(target);
  known.alias_ttl_s = ttl_s;
}

void SimDns::say(std::string_view name, DnsType type, DnsReply reply) {
  names_[fold_dns_name(name)].replies[type] = std::move(reply);
}

std::size_t SimDns::asked(std::string_view name, DnsType type) const {
  const auto it = asked_.find({fold_dns_name(name), type});
  return it == asked_.end() ? 0 : it->second;
}

// As a recursive server does it.
DnsReply SimDns::find(std::string name, DnsType type) const {
  DnsReply reply;
  std::uint32_t ttl_s = UINT32_MAX;
  std::string canonical;
  for (unsigned followed = 0;; ++followed) {
    const auto it = names_.find(name);
    if (it != names_.end() && !it->second.alias.empty()) {
      if (followed == kDnsAliasesMax) return dns_failure("the name server failed (SERVFAIL)");
      name = canonical = it->second.alias;
      ttl_s = std::min(ttl_s, it->second.alias_ttl_s);
      continue;
    }
    if (it == names_.end()) {
      reply.status = DnsStatus::no_such_name;
      reply.negative_ttl_s = kNegativeTtl;
    } else if (const auto found = it->second.replies.find(type);
               found != it->second.replies.end()) {
      reply = found->second;
    } else {
      reply.status = DnsStatus::no_data;
      reply.negative_ttl_s = kNegativeTtl;
    }
    break;
  }
  if (canonical.empty()) return reply;
  if (reply.canonical.empty()) reply.canonical = canonical;
  reply.canonical_ttl_s = std::min(reply.canonical_ttl_s, ttl_s);
  for (DnsRecord& record : reply.records) record.ttl_s = std::min(record.ttl_s, ttl_s);
  return reply;
}

void SimDns::query(const std::string& name, DnsType type, std::function<void(DnsReply)> told) {
  ++asked_[{fold_dns_name(name), type}];
  const int error = context_.faults.fails(SimCall::query, "");
  const Duration latency = context_.latency() + context_.latency();
  DnsReply reply;
  if (!dns_host_name(name)) {
    reply = dns_failure("it is not a name that DNS knows");
  } else if (away_) {
    reply = dns_failure("no name server answered in time");
  } else if (error != 0) {
    reply = dns_failure("the name server failed (SERVFAIL)");
  } else {
    reply = find(fold_dns_name(name), type);
  }
  context_.note({static_cast<std::uint64_t>(type), static_cast<std::uint64_t>(reply.status),
                 reply.records.size()});
  context_.timeline.after(
      away_ ? kTimeOut : latency,
      [run = std::move(told), said = std::move(reply)]() mutable { run(std::move(said)); });
}

}  // namespace sluice::io

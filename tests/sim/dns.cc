#include "tests/sim/dns.h"

#include <algorithm>

namespace sluice::sim {

io::DnsReply& SimDns::records(std::string_view name, io::DnsType type) {
  io::DnsReply& reply = names_[io::fold_dns_name(name)].replies[type];
  reply.status = io::DnsStatus::ok;
  return reply;
}

void SimDns::add_mx(std::string_view name, std::uint16_t preference, std::string_view mx_host, std::uint32_t ttl_s) {
  records(name, io::DnsType::mx)
      .records.push_back({.preference = preference, .name = io::fold_dns_name(mx_host), .address = {}, .ttl_s = ttl_s});
}

void SimDns::add_address(std::string_view name, std::string_view ip, std::uint32_t ttl_s) {
  const auto address = io::Address::from_ip(ip, 0);
  if (!address) SimContext::broken("a simulated name has no address");
  const io::DnsType type = address->family() == AF_INET6 ? io::DnsType::aaaa : io::DnsType::a;
  records(name, type).records.push_back({.preference = 0, .name = "", .address = *address, .ttl_s = ttl_s});
}

void SimDns::add_text(std::string_view name, std::string_view text, std::uint32_t ttl_s) {
  records(name, io::DnsType::txt).records.push_back({.text = std::string(text), .ttl_s = ttl_s});
}

void SimDns::add_alias(std::string_view name, std::string_view target, std::uint32_t ttl_s) {
  Name& known = names_[io::fold_dns_name(name)];
  known.alias = io::fold_dns_name(target);
  known.alias_ttl_s = ttl_s;
}

void SimDns::say(std::string_view name, io::DnsType type, io::DnsReply reply) {
  names_[io::fold_dns_name(name)].replies[type] = std::move(reply);
}

std::size_t SimDns::asked(std::string_view name, io::DnsType type) const {
  const auto it = asked_.find({io::fold_dns_name(name), type});
  return it == asked_.end() ? 0 : it->second;
}

// As a recursive server does it.
io::DnsReply SimDns::find(std::string name, io::DnsType type) const {
  io::DnsReply reply;
  std::uint32_t ttl_s = UINT32_MAX;
  std::vector<std::string> aliases;
  for (unsigned followed = 0;; ++followed) {
    const auto it = names_.find(name);
    if (it != names_.end() && !it->second.alias.empty()) {
      if (followed == io::kDnsAliasesMax) return io::dns_failure("the name server failed (SERVFAIL)");
      name = it->second.alias;
      aliases.push_back(name);
      ttl_s = std::min(ttl_s, it->second.alias_ttl_s);
      continue;
    }
    if (it == names_.end()) {
      reply.status = io::DnsStatus::no_such_name;
      reply.negative_ttl_s = kNegativeTtl;
    } else if (const auto found = it->second.replies.find(type); found != it->second.replies.end()) {
      reply = found->second;
    } else {
      reply.status = io::DnsStatus::no_data;
      reply.negative_ttl_s = kNegativeTtl;
    }
    break;
  }
  if (aliases.empty()) return reply;
  if (reply.canonical.empty()) reply.canonical = aliases.back();
  reply.aliases.insert(reply.aliases.begin(), aliases.begin(), aliases.end());
  reply.canonical_ttl_s = std::min(reply.canonical_ttl_s, ttl_s);
  for (io::DnsRecord& record : reply.records) record.ttl_s = std::min(record.ttl_s, ttl_s);
  return reply;
}

void SimDns::query(const std::string& name, io::DnsType type, CustomerShare /*share*/,
                   std::function<void(io::DnsReply)> on_reply) {
  ++asked_[{io::fold_dns_name(name), type}];
  const int error = context_.faults.fails(SimCall::query, "");
  const Duration latency = context_.latency() + context_.latency();
  io::DnsReply reply;
  if (!io::dns_host_name(name)) {
    reply = io::dns_failure("its name is not valid");
  } else if (away_) {
    reply = io::dns_failure("no name server answered in time");
  } else if (error != 0) {
    reply = io::dns_failure("the name server failed (SERVFAIL)");
  } else {
    reply = find(io::fold_dns_name(name), type);
  }
  context_.note({static_cast<std::uint64_t>(type), static_cast<std::uint64_t>(reply.status), reply.records.size()});
  context_.timeline.after(away_ ? kTimeOut : latency,
                          [run = std::move(on_reply), said = std::move(reply)]() mutable { run(std::move(said)); });
}

}  // namespace sluice::sim

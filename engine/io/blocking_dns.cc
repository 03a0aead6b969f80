#include "engine/io/blocking_dns.h"

#include <future>
#include <memory>
#include <utility>
#include <vector>

namespace sluice::io {

DnsReply BlockingDns::ask_once(const std::string& name, DnsType type) {
  auto answer = std::make_shared<std::promise<DnsReply>>();
  auto answered = answer->get_future();
  dns_.query(name, type, kOwnShare, [answer](DnsReply reply) { answer->set_value(std::move(reply)); });
  return answered.get();
}

DnsReply BlockingDns::ask(const std::string& name, DnsType type) {
  std::vector<std::string> aliases;
  bool authenticated = true;
  std::string next = name;
  while (aliases.size() <= kDnsAliasesMax) {
    DnsReply reply = ask_once(next, type);
    authenticated = authenticated && reply.authenticated;
    aliases.insert(aliases.end(), reply.aliases.begin(), reply.aliases.end());
    const bool on_the_way = reply.status == DnsStatus::no_data && !reply.canonical.empty() && !reply.negative_ttl_s;
    if (!on_the_way) {
      if (!aliases.empty()) reply.canonical = aliases.back();
      reply.aliases = std::move(aliases);
      reply.authenticated = authenticated;
      return reply;
    }
    next = reply.canonical;
  }
  DnsReply endless = dns_failure("its CNAME records lead on and on");
  endless.aliases = std::move(aliases);
  return endless;
}

}  // namespace sluice::io

#include "engine/net/resolver.h"

#include <algorithm>
#include <utility>

namespace sluice::net {
namespace {

constexpr const char* kTooMany = "too many name look-ups wait";

}  // namespace

Task<Resolver::Found> Resolver::look_up(std::string host, std::uint16_t port) {
  if (const auto literal = io::Address::from_ip(host, port)) co_return Addresses{*literal};
  const std::string key = host + ":" + std::to_string(port);
  if (const auto it = known_.find(key); it != known_.end() && it->second.until > loop_.now())
    co_return it->second.addresses;
  Duration keep = kKeep;
  Found found = co_await ask(host, port, keep);
  if (found) {
    known_[key] = {*found, loop_.now() + keep};
    co_return found;
  }
  if (const auto it = known_.find(key); it != known_.end()) co_return it->second.addresses;
  co_return found;
}

Task<Resolver::Found> Resolver::ask(const std::string& host, std::uint16_t port, Duration& keep) {
  if (host.find('.') == std::string::npos) {
    auto answer = co_await io::run_on_worker<Found>(loop_, [&] { return names_.look_up(host, port); }, "name look-up");
    co_return answer ? *std::move(answer) : std::unexpected(kTooMany);
  }
  auto listed =
      co_await io::run_on_worker<Addresses>(loop_, [&] { return names_.in_hosts_file(host, port); }, "hosts file");
  if (!listed) co_return std::unexpected(kTooMany);
  if (!listed->empty()) co_return *std::move(listed);
  co_return co_await ask_dns(host, port, keep);
}

Task<Resolver::Found> Resolver::ask_dns(const std::string& host, std::uint16_t port, Duration& keep) {
  Addresses addresses;
  std::string why = "it has none in DNS";
  std::uint32_t ttl_s = UINT32_MAX;
  // Both at once.
  std::vector<Task<io::DnsReply>> questions;
  for (const io::DnsType type : {io::DnsType::aaaa, io::DnsType::a}) questions.push_back(dns_.follow(host, type));
  for (Task<io::DnsReply>& question : questions) {
    const io::DnsReply reply = co_await std::move(question);
    if (reply.status == io::DnsStatus::failed) why = reply.error;
    if (reply.status == io::DnsStatus::no_such_name) why = "no such name in DNS";
    for (const io::DnsRecord& record : reply.records) {
      ttl_s = std::min(ttl_s, record.ttl_s);
      addresses.push_back(io::Address::from_bytes(record.address.ip_bytes(), port));
    }
  }
  if (addresses.empty()) co_return std::unexpected("no address for " + host + ": " + why);
  keep = std::clamp<Duration>(std::chrono::seconds(ttl_s), kKeepMin, kKeep);
  co_return addresses;
}

}  // namespace sluice::net

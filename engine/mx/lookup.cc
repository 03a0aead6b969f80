#include "engine/mx/lookup.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::mx {
namespace {

// An answer is asked for so often while the rules change under it.
constexpr int kAsksMax = 3;

}  // namespace

// On the frame of a task that waits for the answer to another's question.
struct MxLookup::Waiter {
  AsyncEvent answered;
  MxCache::Known known;
};

MxLookup::MxLookup(io::Loop& loop, io::Dns& dns, io::Random& random, MxLookupOptions options)
    : loop_(loop),
      random_(random),
      options_(std::move(options)),
      dns_(loop, dns, options_.timeout),
      cache_(options_.cache) {
  for (std::string& name : options_.rules.own_names) name = io::fold_dns_name(name);
}

MxLookup::~MxLookup() { CHECK(waiting_ == 0 && asking_.empty()); }

Task<MxLookup::Found> MxLookup::look_up(std::string domain, CustomerShare share) {
  ++counters_.look_ups;
  if (auto literal = mx_literal(domain, options_.rules)) {
    if (!literal->found) co_return std::unexpected(std::move(literal->found).error());
    co_return MxHosts{.hosts = *std::move(literal->found), .until = later(loop_.now(), options_.cache.keep_max)};
  }
  if (!io::dns_host_name(domain))
    co_return std::unexpected(MxFailure{true, 550, {5, 1, 2}, "the domain's name is not valid"});
  domain = io::fold_dns_name(domain);
  ++waiting_;
  const MxCache::Known known = co_await find(domain, share);
  --waiting_;
  co_return hand_out(*known);
}

MxLookup::Found MxLookup::hand_out(const KnownMx& known) {
  if (!known.found) {
    if (!known.found.error().permanent) ++counters_.failed;
    return std::unexpected(known.found.error());
  }
  if (known.stale) ++counters_.stale;
  MxHosts mx_hosts{.hosts = *known.found, .until = known.until, .stale = known.stale};
  shuffle_ties(mx_hosts.hosts, random_);
  return mx_hosts;
}

// From the cache, from a look-up that is under way, or from DNS.
Task<MxCache::Known> MxLookup::find(const std::string& domain, CustomerShare share) {
  if (auto known = cache_.find(domain, loop_.now())) {
    ++counters_.kept;
    co_return known;
  }
  const auto [place, first] = asking_.try_emplace(domain);
  if (!first) {
    ++counters_.shared;
    Waiter waiter;
    place->second.push_back(&waiter);
    co_await waiter.answered.wait("MX hosts");
    co_return waiter.known;
  }
  MxAnswer answer = co_await ask_by_present_rules(domain, share);
  const MxCache::Known known = cache_.put(domain, std::move(answer), loop_.now());
  const auto asked = asking_.extract(domain);
  for (Waiter* waiter : asked.mapped()) {
    waiter->known = known;
    waiter->answered.set();
  }
  co_return known;
}

void MxLookup::set_machine_addresses(MachineAddresses addresses) {
  options_.rules.machine_addresses = std::move(addresses);
  ++rules_changed_;
  cache_.clear();
}

// Addresses are looked at as they arrive: those that came before a change were chosen by the old rules.
Task<MxAnswer> MxLookup::ask_by_present_rules(const std::string& domain, CustomerShare share) {
  for (int asked = 1;; ++asked) {
    const std::uint64_t before = rules_changed_;
    MxAnswer answer = co_await ask(domain, share);
    if (before == rules_changed_ || asked == kAsksMax) co_return answer;
  }
}

Task<MxAnswer> MxLookup::ask(const std::string& domain, CustomerShare share) {
  MxSelection choice(domain, options_.rules);
  choice.take_mx_hosts(co_await dns_.follow(domain, io::DnsType::mx, share));
  // All addresses are asked for at once: whether one is our own decides which hosts are left.
  const auto types = address_types(options_.rules);
  std::vector<Task<io::DnsReply>> questions;
  questions.reserve(choice.hosts().size() * types.size());
  for (const MxHost& host : choice.hosts())
    for (const io::DnsType type : types) questions.push_back(dns_.follow(host.name, type, share));
  for (std::size_t i = 0; i < questions.size(); ++i) choice.take_addresses(i / types.size(), co_await questions[i]);
  co_return choice.result();
}

}  // namespace sluice::mx

#include "engine/server/cluster_trial.h"

#include "engine/io/names.h"
#include "engine/io/real_dns.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"
#include "engine/server/plan.h"
#include "policy/cluster/lease_script.h"
#include "policy/cluster/redis_client.h"

namespace sluice::server {
namespace {

Task<void> try_out(io::Loop& loop, policy::RedisClient& client, std::expected<void, std::string>& result) {
  result = co_await client.try_out();
  co_await client.close();
  loop.stop();
}

}  // namespace

std::expected<void, std::string> try_cluster(const policy::ClusterOptions& options, const config::DnsConfig& dns) {
  constexpr std::size_t kJobsMax = 16;
  auto resolves = io::make_real_dns(dns_options(dns));
  if (!resolves) return std::unexpected("dns: " + resolves.error());
  const io::LoopLimits limits{.buffers = 1024};
  const auto ring = io::make_real_ring({.buffers = limits.buffers});
  if (!ring) return std::unexpected(ring.error());
  const auto sockets = io::make_real_sockets();
  const auto clock = io::make_real_clock();
  const auto random = io::make_real_random();
  const auto workers = io::make_real_workers(1, kJobsMax);
  const auto disk = io::make_real_disk();
  const auto names = io::make_real_names();
  std::expected<void, std::string> result;
  io::Loop loop({**ring, *sockets, *clock, *random, *workers, *disk}, limits);
  net::Resolver resolver(loop, *names, **resolves);
  net::Dialer dialer(loop);
  policy::RedisClient client({.loop = loop, .resolver = resolver, .dialer = dialer}, options, policy::lease_function());
  TaskSet tasks;
  loop.post([&] { tasks.add(try_out(loop, client, result)); });
  loop.run([&] { return tasks.live() == 0; });
  return result;
}

}  // namespace sluice::server

#include "engine/server/spool_start.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "engine/io/process.h"
#include "engine/relay/message_destinations.h"

namespace sluice::server {
namespace {

// Numbers for names, so that a million messages do not hold a million copies of them.
class Numbers {
 public:
  explicit Numbers(std::vector<std::string>& names) : names_(names) {}
  std::uint32_t of(const std::string& name) {
    const auto [at, fresh] = known_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return at->second;
  }

 private:
  std::vector<std::string>& names_;
  absl::flat_hash_map<std::string, std::uint32_t> known_;
};

// Makes jobs of what recovery finds: one for each destination that the message waits for.
class Restorer {
 public:
  Restorer(const Plan& plan, OpenedSpool& opened)
      : plan_(plan), customers_(opened.customers), destinations_(opened.destinations) {}

  void take(const spool::Recovered& found) {
    const spool::Stored& stored = found.stored;
    const auto route_at = [this](std::size_t number) -> const route::Route& { return plan_.routes[number]; };
    const auto find = [&](const message::Recipient& recipient) {
      return relay::find_destination(*plan_.route_table, route_at, plan_.config.server.hostname, recipient,
                                     stored.envelope, stored.submitter);
    };
    for (const relay::MessageDestination& each : relay::destinations_of(stored.envelope, found.status, find))
      restored_.push_back({found.segment,
                           {.id = found.id,
                            .arrived = stored.arrived,
                            .due = each.due,
                            .customer = customers_.of(stored.submitter.customer),
                            .weight = stored.submitter.weight,
                            .destination = destinations_.of(each.destination.key),
                            .tried = each.tried,
                            .held = found.status.held,
                            .large = stored.envelope.large()}});
  }

  // In the order in which the messages came.
  void hand_out(const spool::Recovery& recovery, std::vector<SpoolShare>& shares) {
    std::ranges::sort(restored_, {}, [](const Placed& placed) { return placed.restored.id; });
    for (const Placed& placed : restored_) shares[recovery.core_of(placed.segment)].restored.push_back(placed.restored);
  }

 private:
  struct Placed {
    std::uint32_t segment;
    relay::Restored restored;
  };
  const Plan& plan_;
  Numbers customers_;
  Numbers destinations_;
  std::vector<Placed> restored_;
};

}  // namespace

std::expected<OpenedSpool, std::string> open_spool(io::Disk& disk, const Plan& plan, std::size_t cores,
                                                   const std::function<void(const std::string&)>& note) {
  const std::string& path = plan.config.spool.directory;
  OpenedSpool opened;
  auto directory = spool::Directory::open(disk, path, plan.config.server.hostname, io::boot_id());
  if (!directory) return std::unexpected("spool.directory: " + directory.error().text);
  opened.directory = *std::move(directory);
  spool::Recovery recovery(disk, path, note);
  Restorer restorer(plan, opened);
  if (auto read = recovery.run([&restorer](const spool::Recovered& found) { restorer.take(found); }); !read)
    return std::unexpected("spool.directory: " + read.error().text);
  for (spool::Share& share : recovery.divide(cores))
    opened.shares.push_back({.share = std::move(share), .restored = {}});
  restorer.hand_out(recovery, opened.shares);
  opened.last_segment = recovery.last_segment();
  opened.last_id = recovery.last_id();
  opened.counts = recovery.counts();
  return opened;
}

io::DiskResult<void> examine_spool(io::Disk& disk, const config::Config& config,
                                   const std::function<void(const std::string&)>& note) {
  const std::string& path = config.spool.directory;
  if (auto fine = spool::Directory::examine(disk, path, config.server.hostname, io::boot_id()); !fine) return fine;
  if (!disk.look(path)) return {};  // it will be made
  return spool::Recovery::examine(disk, path, note);
}

}  // namespace sluice::server

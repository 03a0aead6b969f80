// What ClusterBudget tells operators: the use of all nodes.
#include <algorithm>
#include <utility>

#include "policy/cluster/cluster_budget.h"

namespace sluice::policy {

Task<ClusterUses> ClusterBudget::look(std::vector<MeterKey> keys) {
  constexpr Duration kLookMax = std::chrono::seconds(2);
  const Instant until = parts_.loop.now() + kLookMax;
  std::array<std::vector<MeterKey>, kGroups> groups;
  for (MeterKey& key : keys) groups[group_of(key)].push_back(std::move(key));
  ClusterUses found;
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    for (std::span<const MeterKey> left(groups[group]); !left.empty();) {
      const auto part = left.first(std::min(left.size(), UseCall::kMetersMax));
      left = left.subspan(part.size());
      std::string fault = parts_.loop.now() >= until ? "it takes too long" : co_await look_at(group, part, found);
      if (fault.empty()) continue;
      found.fault = std::move(fault);
      break;
    }
  }
  co_return found;
}

// Why it is not known, or nothing.
Task<std::string> ClusterBudget::look_at(std::uint32_t group, std::span<const MeterKey> keys, ClusterUses& found) {
  if (groups_[group].alone) co_return "it does not answer";
  const UseCall call{.prefix = options_.prefix,
                     .group = group,
                     .node = options_.node,
                     .incarnation = incarnation_,
                     .meters = {keys.begin(), keys.end()}};
  const auto reply = co_await use_client_.call(group, use_words(call));
  const auto parsed = reply ? parse_use_reply(*reply, call) : RedisResult<UseReply>(std::unexpected(reply.error()));
  if (!parsed) co_return parsed.error();
  const std::string& known = groups_[group].epoch;
  if (parsed->wait_ms > 0 || (!known.empty() && parsed->epoch != known))
    co_return "it has lost its data, and relays have not reported yet";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const UseReply::Meter& meter = parsed->meters[i];
    found.uses[keys[i]] = {.spent = meter.spent, .others = meter.others, .reported = meter.reported};
  }
  co_return "";
}

void ClusterBudget::add_own(ClusterUses& uses) const {
  for (auto& [key, use] : uses.uses) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    const Entry& mine = found->second;
    // More was told than was spent: the node had forgotten the meter, and begins again.
    use.own = mine.held + mine.spent - (use.reported > mine.spent ? 0 : use.reported);
  }
}

}  // namespace sluice::policy

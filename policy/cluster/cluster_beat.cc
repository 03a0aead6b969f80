// What ClusterBudget does beside leases: shows that the node is alive, tells what was settled, hears what other nodes
// need.
#include <algorithm>
#include <tuple>
#include <utility>

#include "policy/cluster/cluster_budget.h"

namespace sluice::policy {
namespace {

constexpr int kBeatsMissed = 3;  // until the connection for messages counts as dead
constexpr std::size_t kTellersMax = 8;

}  // namespace

void ClusterBudget::start() {
  tasks_.add(run());
  tasks_.add(listen());
}

void ClusterBudget::mark(Entry& entry) {
  entry.dirty = true;
  if (!std::exchange(entry.listed, true)) dirty_.push_back(&entry);
}

Task<void> ClusterBudget::sync(Entry& entry) {
  co_await lock(entry);
  // Another one may have told it meanwhile.
  // An error was told, and the entry stays marked.
  if (entry.dirty && !groups_[entry.group].alone) std::ignore = co_await exchange(entry, {}, 0, 0);
  unlock(entry);
}

Task<void> ClusterBudget::tell_dirty() {
  const std::vector<Entry*> due = std::exchange(dirty_, {});
  for (Entry* each : due) each->listed = false;
  std::size_t next = 0;
  TaskSet tellers;
  const auto teller = [](ClusterBudget& self, const std::vector<Entry*>& all, std::size_t& at) -> Task<void> {
    while (at < all.size()) {
      Entry& each = *all[at++];
      if (each.dirty) co_await self.sync(each);
    }
  };
  for (std::size_t i = 0; i < kTellersMax; ++i) tellers.add(teller(*this, due, next));
  co_await tellers.join("what is told to the cluster");
  for (Entry* each : due)
    if (each->dirty) mark(*each);
}

Task<void> ClusterBudget::beat(std::uint32_t number) {
  Group& group = groups_[number];
  LeaseCall call = call_for(group, number);
  const auto reply = co_await ask(group, std::move(call));
  if (reply && reply->status == LeaseReply::Status::other_epoch && reply->epoch != group.epoch)
    learn(group, reply->epoch);
}

Task<void> ClusterBudget::beat_all() {
  TaskSet beats;
  for (std::uint32_t i = 0; i < kGroups; ++i)
    if (groups_[i].used) beats.add(beat(i));
  co_await beats.join("answers to a node's beat");
}

Task<void> ClusterBudget::run() {
  while (!closing_) {
    // Messages need not come; answers to this must.
    if (listener_ != nullptr) listener_->write({"PING"});
    co_await beat_all();
    co_await tell_dirty();
    tell_remainder();
    sweep();
    if (closing_) break;
    parts_.loop.timers().arm(timer_, parts_.loop.now() + kBeat);
    co_await woken_.wait("a node's next beat");
  }
}

Task<void> ClusterBudget::close() {
  closing_ = true;
  parts_.loop.timers().disarm(timer_);
  woken_.set();
  parts_.loop.timers().disarm(listener_timer_);
  listener_woken_.set();
  if (listener_ != nullptr) listener_->terminate();
  co_await tasks_.join("the cluster's tasks");
  co_await tell_dirty();
  tell_remainder();
  co_await client_.close();
  co_await use_client_.close();
}

// What nothing is left of is forgotten, here as there.
void ClusterBudget::sweep() {
  constexpr Duration kSweepInterval = std::chrono::minutes(10);
  if (parts_.loop.now() < swept_ + kSweepInterval) return;
  swept_ = parts_.loop.now();
  absl::erase_if(entries_, [this](auto& each) {
    Entry& entry = each.second;
    if (entry.held > 0 || entry.dirty || entry.listed || entry.busy || swept_ < entry.asked_back) return false;
    return std::ranges::all_of(entry.windows, [this](SlidingWindow& window) { return window.sum(now()) == 0; });
  });
}

// ------------------------------------------------------------------------------------------ recalls

Task<void> ClusterBudget::listen() {
  while (!closing_) {
    auto connection = co_await client_.open_listener();
    if (connection) {
      listener_ = connection->get();
      if (!closing_) co_await listen_on(**connection);
      listener_ = nullptr;
      co_await (*connection)->close();
    }
    if (closing_) break;
    parts_.loop.timers().arm(listener_timer_, parts_.loop.now() + kBeat);
    co_await listener_woken_.wait("the next try to hear the cluster");
  }
}

Task<void> ClusterBudget::listen_on(RedisConnection& connection) {
  connection.write({"SUBSCRIBE", recall_channel(options_.prefix)});
  while (!closing_) {
    const auto message = co_await connection.receive(parts_.loop.now() + kBeatsMissed * kBeat + options_.timeout);
    if (!message || message->kind == RedisReply::Kind::error) co_return;
    heard(*message);
  }
}

void ClusterBudget::heard(const RedisReply& message) {
  constexpr Duration kAskedBack = std::chrono::milliseconds(500);
  if (message.kind != RedisReply::Kind::array || message.elements.size() != 3) return;
  if (message.elements[0].text != "message" || message.elements[1].text != recall_channel(options_.prefix)) return;
  const auto key = parse_meter(message.elements[2].text);
  if (!key) return;
  const auto found = entries_.find(*key);
  if (found == entries_.end() || found->second.held == 0) return;
  found->second.asked_back = parts_.loop.now() + kAskedBack;
  recall_(*key);
}

}  // namespace sluice::policy

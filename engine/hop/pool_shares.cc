// The waiters for a connection of a pool: which one is served next, and which holder has to give one up.
#include <algorithm>
#include <utility>

#include "engine/hop/pool_waiter.h"

namespace sluice::hop {
namespace {

// How often slow senders are looked for while there are waiters.
constexpr Duration kLookEvery = std::chrono::milliseconds(250);
// Customers that have nothing of the pool are remembered up to this number, so that a share is not made for each
// message.
constexpr std::size_t kSharesKept = 1024;

}  // namespace

Pool::Waiter::Waiter(Pool& pool, Share& share, bool large) : pool_(pool), share_(share), large_(large) {
  ++share_.callers;
}

Pool::Waiter::~Waiter() {
  leave_turn();
  --share_.callers;
}

void Pool::Waiter::join_line(bool first) {
  leave_turn();
  if (share_.waiting() == 0) pool_.in_line_.push_back(&share_);
  if (first) {
    share_.line(large_).push_front(this);
  } else {
    share_.line(large_).push_back(this);
  }
  ++pool_.waiting_;
  ++pool_.counters().waiting;
  if (large_) ++pool_.large_waiting_;
  pool_.loop().timers().arm(timer_, pool_.loop().now() + pool_.route_.connect_timeout);
}

void Pool::Waiter::leave_line() {
  std::erase(share_.line(large_), this);
  if (share_.waiting() == 0) std::erase(pool_.in_line_, &share_);
  --pool_.waiting_;
  --pool_.counters().waiting;
  if (large_) --pool_.large_waiting_;
  pool_.loop().timers().disarm(timer_);
}

void Pool::Waiter::call(bool by_core) {
  leave_line();
  called = true;
  promised = by_core;
  ++pool_.called_;
  hold();
  event.set();
}

void Pool::Waiter::start() {
  if (std::exchange(called, false)) --pool_.called_;
  hold();
}

void Pool::Waiter::hold() {
  if (!std::exchange(holds, true)) share_.hold();
}

void Pool::Waiter::leave_turn() {
  if (std::exchange(called, false)) --pool_.called_;
  if (std::exchange(holds, false)) share_.unhold();
  if (std::exchange(promised, false)) pool_.parts_.budget.forgo();
}

void Pool::Waiter::expire(void* context) {
  auto& self = *static_cast<Waiter*>(context);
  self.expired = true;
  self.leave_line();  // or it would be given a turn that it does not use
  self.event.set();
}

Pool::Share& Pool::share_of(const Want& want) {
  auto known = shares_.find(want.customer);
  if (known == shares_.end()) known = make_share(want.customer);
  known->second.set_weight(want.weight);
  return known->second;
}

Pool::Shares::iterator Pool::make_share(std::string_view customer) {
  if (shares_.size() >= kSharesKept)
    std::erase_if(shares_, [](const auto& each) { return each.second.held == 0 && each.second.callers == 0; });
  return shares_.try_emplace(std::string(customer), parts_.budget, customer).first;
}

// What the caller holds is the connection from now on.
void Pool::lend(NextHop& hop, const Want& want, Waiter& caller) {
  CHECK(std::exchange(caller.holds, false));
  caller.share().served = ++turn_;
  hop.connection().set_share(caller.share().turns);
  hop.lent_as = lent_.size();
  lent_.push_back({&hop, &caller.share(), want.holder});
}

void Pool::take_back(const NextHop& hop) {
  CHECK(hop.lent_as < lent_.size() && lent_[hop.lent_as].hop == &hop);
  lent_[hop.lent_as].share->unhold();
  lent_[hop.lent_as] = lent_.back();
  lent_[hop.lent_as].hop->lent_as = hop.lent_as;
  lent_.pop_back();
}

// False when it took too long, or there are too many already: a customer with less than its share of these may wait all
// the same.
Task<bool> Pool::wait_turn(Waiter& caller, bool first_in_line) {
  if (waiting_ >= route_.waiting_max && caller.share().waiting() >= part_of_line(caller.share())) co_return false;
  caller.join_line(first_in_line);
  make_holders_give_way();
  if (!look_.armed() && !stopping_) loop().timers().arm(look_, loop().now() + kLookEvery);
  co_await caller.event.wait("a connection of the pool");
  co_return !caller.expired;
}

// By weight, beside all that wait.
std::size_t Pool::part_of_line(const Share& share) const {
  std::size_t weights = share.turns.weight;
  for (const Share* each : in_line_) weights += each->turns.weight;
  return std::size_t{route_.waiting_max} * share.turns.weight / weights;
}

bool Pool::turn_is_large() const {
  return large_waiting_ > 0 && (large_waiting_ == waiting_ || others_ + 1 >= kLargeTurnShare);
}

// Of the customers that have such a message waiting.
template <typename Before>
Pool::Share& Pool::least(bool large, Before before) const {
  Share* best = nullptr;
  for (Share* share : in_line_)
    if (!share->line(large).empty() && (best == nullptr || before(*share, *best))) best = share;
  CHECK(best != nullptr);
  return *best;
}

void Pool::call_first(Share& share, bool large, bool promised) {
  share.served = ++turn_;
  others_ = large || large_waiting_ == 0 ? 0 : others_ + 1;
  share.line(large).front()->call(promised);
}

// The customer with the fewest connections for its weight, and of several the one that has waited longest for a turn.
void Pool::wake_one() {
  if (in_line_.empty()) return;
  const bool large = turn_is_large();
  const auto before = [](const Share& a, const Share& b) { return a.before(b); };
  call_first(least(large, before), large, /*promised=*/false);
}

// Likewise, by what each has of the whole core.
Pool::Share& Pool::next_of_core() const {
  return least(turn_is_large(), [](const Share& a, const Share& b) { return a.account.standing < b.account.standing; });
}

std::optional<ConnectionBudget::Standing> Pool::next_standing() {
  if (in_line_.empty() || choose(preference_now({}), {}) == nullptr) return std::nullopt;
  return next_of_core().account.standing;
}

// Whether a connection that has come free goes, as a customer with fewer of them waits for one elsewhere.
bool Pool::yields_to_other_pools() {
  return !in_line_.empty() && parts_.budget.claims(next_of_core().account.standing);
}

void Pool::may_open() { call_first(next_of_core(), turn_is_large(), /*promised=*/true); }

void Pool::wake_all() {
  while (!in_line_.empty()) wake_one();
}

// One for each waiter, from any customer: a connection on which nothing moves is of no use to its own customer either.
// Those of other pools go where they use up what a core may have open.
void Pool::make_holders_give_way() {
  const std::size_t given = give_way(waiting_);
  if (given < waiting_) parts_.budget.make_others_give_way(*this, waiting_ - given);
}

std::size_t Pool::give_way(std::size_t most) {
  const Instant now = loop().now();
  std::vector<Holder*> slow;
  for (const Lent& lent : lent_)
    if (lent.holder != nullptr && slow.size() < most && lent.holder->held_up_by_sender(now))
      slow.push_back(lent.holder);
  for (Holder* holder : slow) {
    ++parts_.counters.given_way;
    holder->give_way();
  }
  return slow.size();
}

void Pool::on_look(void* context) {
  auto& self = *static_cast<Pool*>(context);
  self.make_holders_give_way();
  if (self.waiting_ > 0 && !self.stopping_) self.loop().timers().arm(self.look_, self.loop().now() + kLookEvery);
}

}  // namespace sluice::hop

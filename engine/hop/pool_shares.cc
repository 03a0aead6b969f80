// Who waits for a connection of a pool, whose turn it is, and who has to give one up.
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

Pool::Waiter::Waiter(Pool& pool, Share& share, bool first_in_line) : pool_(pool), share_(share) {
  if (share.waiters.empty()) pool.in_line_.push_back(&share);
  if (first_in_line) {
    share.waiters.push_front(this);
  } else {
    share.waiters.push_back(this);
  }
  ++pool.waiting_;
  pool.loop().timers().arm(timer_, pool.loop().now() + pool.route_.connect_timeout);
}

Pool::Waiter::~Waiter() {
  pool_.loop().timers().disarm(timer_);
  if (called) --pool_.called_;
}

void Pool::Waiter::leave_line() {
  std::erase(share_.waiters, this);
  if (share_.waiters.empty()) std::erase(pool_.in_line_, &share_);
  --pool_.waiting_;
  pool_.loop().timers().disarm(timer_);
}

void Pool::Waiter::expire(void* context) {
  auto& self = *static_cast<Waiter*>(context);
  self.expired = true;
  self.leave_line();  // or it would be given a turn that it does not use
  self.event.set();
}

Pool::Share& Pool::share_of(std::string_view customer) {
  const auto known = shares_.find(customer);
  if (known != shares_.end()) return known->second;
  if (shares_.size() >= kSharesKept)
    std::erase_if(shares_, [](const auto& each) { return each.second.lent == 0 && each.second.waiters.empty(); });
  return shares_[std::string(customer)];
}

void Pool::lend(NextHop& hop, const Want& want) {
  Share& share = share_of(want.customer);
  ++share.lent;
  share.served = ++turn_;
  hop.lent_as = lent_.size();
  lent_.push_back({&hop, &share, want.holder});
}

void Pool::take_back(const NextHop& hop) {
  CHECK(hop.lent_as < lent_.size() && lent_[hop.lent_as].hop == &hop);
  --lent_[hop.lent_as].share->lent;
  lent_[hop.lent_as] = lent_.back();
  lent_[hop.lent_as].hop->lent_as = hop.lent_as;
  lent_.pop_back();
}

// False when it took too long, or there are too many already: a customer with less than its share of these may wait all
// the same.
Task<bool> Pool::wait_turn(std::string_view customer, bool first_in_line) {
  Share& share = share_of(customer);
  if (waiting_ >= route_.waiting_max && share.waiters.size() >= route_.waiting_max / (in_line_.size() + 1))
    co_return false;
  Waiter waiter(*this, share, first_in_line);
  make_holders_give_way();
  if (!look_.armed() && !stopping_) loop().timers().arm(look_, loop().now() + kLookEvery);
  co_await waiter.event.wait("a connection of the pool");
  co_return !waiter.expired;
}

// The customer with the fewest connections, and of several the one that has waited longest for a turn.
void Pool::wake_one() {
  if (in_line_.empty()) return;
  const auto before = [](const Share* a, const Share* b) {
    return a->lent != b->lent ? a->lent < b->lent : a->served < b->served;
  };
  Share& share = **std::ranges::min_element(in_line_, before);
  share.served = ++turn_;
  Waiter& waiter = *share.waiters.front();
  waiter.leave_line();
  waiter.called = true;
  ++called_;
  waiter.event.set();
}

void Pool::wake_all() {
  while (!in_line_.empty()) wake_one();
}

// One for each waiter, whoever has them: a connection on which nothing moves is of no use to its own customer either.
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
    ++counters_.given_way;
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

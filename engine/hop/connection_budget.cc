#include "engine/hop/connection_budget.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::hop {

void ConnectionBudget::remove(User& user) {
  std::erase(users_, &user);
  std::erase(waiting_, &user);
}

void ConnectionBudget::set_most(std::uint32_t most) {
  most_ = most;
  call_next();
}

ConnectionBudget::Account& ConnectionBudget::open_account(std::string_view customer) {
  const auto at = accounts_.try_emplace(std::string(customer)).first;
  at->second.customer = at->first;
  ++at->second.shares;
  return at->second;
}

void ConnectionBudget::close_account(Account& account) {
  if (--account.shares > 0) return;
  CHECK(account.standing.held == 0);
  accounts_.erase(accounts_.find(account.customer));
}

bool ConnectionBudget::take(User& user, bool promised) {
  if (promised) --promised_;
  if (!full()) {
    ++used_;
    return true;
  }
  if (on_full_) on_full_(most_);
  if (std::ranges::find(waiting_, &user) == waiting_.end()) waiting_.push_back(&user);
  // One for each pool that waits: more would close connections that are of use.
  if (closing_ < waiting_.size()) close_an_idle_one();
  return false;
}

void ConnectionBudget::close_an_idle_one() {
  const auto longest = std::ranges::min_element(users_, {}, &User::idle_since);
  if (longest == users_.end() || (*longest)->idle_since() == Instant::max()) return;
  ++closing_;
  (*longest)->close_longest_idle();
}

void ConnectionBudget::forgo() {
  --promised_;
  call_next();
}

// Pools where nothing waits for a connection of the core any more are forgotten on the way.
ConnectionBudget::Next ConnectionBudget::next() {
  struct Least {
    User* user = nullptr;
    Standing standing;
  };
  Least small;
  Least large;
  std::erase_if(waiting_, [&](User* user) {
    const auto standing = user->next_standing();
    if (!standing) return true;
    Least& least = user->next_is_large() ? large : small;
    if (least.user == nullptr || *standing < least.standing) least = {.user = user, .standing = *standing};
    return false;
  });
  const bool large_waits = large.user != nullptr;
  if (large_waits && (small.user == nullptr || others_ + 1 >= kLargeTurnShare))
    return {.user = large.user, .large = true, .large_waits = true};
  return {.user = small.user, .large_waits = large_waits};
}

void ConnectionBudget::call_next() {
  if (waiting_.empty()) return;
  while (!full()) {
    const Next called = next();
    if (called.user == nullptr) return;
    others_ = called.large || !called.large_waits ? 0 : others_ + 1;
    ++promised_;
    called.user->may_open();
  }
  close_one_for_waiters();
}

// One at a time for each pool that waits.
bool ConnectionBudget::may_close_more() { return !waiting_.empty() && full() && closing_ < waiting_.size(); }

void ConnectionBudget::close_one_for_waiters() {
  if (may_close_more() && next().user != nullptr) close_an_idle_one();
}

bool ConnectionBudget::claims(const Standing& local) {
  if (!may_close_more()) return false;
  User* const user = next().user;
  // Where both have equally many, it is kept open.
  if (user == nullptr || !user->next_standing()->has_fewer_than(local)) return false;
  ++closing_;
  return true;
}

void ConnectionBudget::make_others_give_way(const User& user, std::size_t wanted) {
  if (!full()) return;
  for (User* other : users_) {
    if (wanted == 0) return;
    if (other != &user) wanted -= other->give_way(wanted);
  }
}

void ConnectionBudget::give_back() {
  CHECK(used_ > 0);
  --used_;
  if (closing_ > 0) --closing_;
  call_next();
}

}  // namespace sluice::hop

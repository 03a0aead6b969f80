#include "engine/hop/connection_budget.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::hop {

void ConnectionBudget::remove(User& user) {
  std::erase(users_, &user);
  std::erase(waiting_, &user);
}

bool ConnectionBudget::take(User& user) {
  if (used_ < most_) {
    ++used_;
    return true;
  }
  ++refused_;
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

void ConnectionBudget::make_others_give_way(const User& user, std::size_t wanted) {
  if (used_ < most_) return;
  for (User* other : users_) {
    if (wanted == 0) return;
    if (other != &user) wanted -= other->give_way(wanted);
  }
}

void ConnectionBudget::give_back() {
  CHECK(used_ > 0);
  --used_;
  if (closing_ > 0) --closing_;
  if (waiting_.empty()) return;
  User* next = waiting_.front();
  waiting_.pop_front();
  next->may_open();
}

}  // namespace sluice::hop

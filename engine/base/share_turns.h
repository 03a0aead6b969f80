// What waits for a turn at something that all customers use: that of each share in the order of its arrival, and the
// shares one after the other (weighted round robin): each has as many turns in a row as it weighs.  So one customer's
// thousand items put off another's by one each, or by its weight.  Nothing is allocated: an item is linked by its base.
// One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/share.h"

namespace sluice {

// The base of an item.  It waits in one place at a time, and stays where it is meanwhile.
struct InTurn {
  InTurn* next_in_turn = nullptr;
  CustomerShare share;
};

class ShareTurns {
 public:
  [[nodiscard]] bool empty() const { return front_ == kNone; }

  void push(InTurn& item) {
    List& list = lists_[item.share.number];
    item.next_in_turn = nullptr;
    if (list.first == nullptr) {
      list.first = &item;
      list.weight = item.share.weight;
      join(item.share.number);
    } else {
      list.last->next_in_turn = &item;
      list.weight = std::max(list.weight, item.share.weight);
    }
    list.last = &item;
  }

  // Whether anything of this share waits.
  [[nodiscard]] bool waits(CustomerShare share) const { return lists_[share.number].first != nullptr; }
  // The first of the share whose turn it is.  There is one.
  InTurn& pop() {
    CHECK(front_ != kNone);
    const auto share = static_cast<ShareNumber>(front_);
    List& list = lists_[share];
    InTurn& item = *list.first;
    list.first = item.next_in_turn;
    if (list.next != kNone) {
      if (list.first != nullptr && --list.turns > 0) return item;
      front_ = list.next;
      list.next = kNone;
      if (list.first != nullptr) join(share);
    } else if (list.first == nullptr) {  // it was the only share
      front_ = back_ = kNone;
    }
    return item;
  }

  // Takes out one that waits here; false where it does not.  Looks through those of its share.
  bool remove(const InTurn& item) {
    List& list = lists_[item.share.number];
    InTurn* before = nullptr;
    for (InTurn* each = list.first; each != nullptr; before = std::exchange(each, each->next_in_turn)) {
      if (each != &item) continue;
      (before != nullptr ? before->next_in_turn : list.first) = each->next_in_turn;
      if (list.last == each) list.last = before;
      if (list.first == nullptr) leave(item.share.number);
      return true;
    }
    return false;
  }

 private:
  using Place = std::uint16_t;  // a share, or none
  static constexpr Place kNone = std::numeric_limits<Place>::max();
  struct List {
    InTurn* first = nullptr;
    InTurn* last = nullptr;
    Place next = kNone;  // the share whose turn follows
    // The largest of what has waited since nothing did: only where two customers have one number, or a reload changed
    // it, is there more than one.
    ShareWeight weight = 1;
    ShareWeight turns = 1;  // that are left of those in a row; while no other share waits none is used up
  };

  void join(ShareNumber share) {
    (front_ == kNone ? front_ : lists_[back_].next) = share;
    back_ = share;
    lists_[share].turns = lists_[share].weight;
  }
  void leave(ShareNumber share) {
    Place before = kNone;
    for (Place each = front_; each != share; each = lists_[each].next) before = each;
    const Place next = std::exchange(lists_[share].next, kNone);
    (before == kNone ? front_ : lists_[before].next) = next;
    if (back_ == share) back_ = before;
  }

  std::array<List, std::size_t{std::numeric_limits<ShareNumber>::max()} + 1> lists_{};
  Place front_ = kNone;
  Place back_ = kNone;
};

}  // namespace sluice

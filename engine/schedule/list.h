// Doubly linked lists of records that are named by index: every list of the schedule is one of these, so that a record
// joins and leaves in constant time, wherever it stands, and without memory of its own.
// `links` is how a list gets at a record's links: Links& links(std::uint32_t item).
#pragma once

#include <cstdint>

#include "engine/base/check.h"

namespace sluice::schedule::detail {

inline constexpr std::uint32_t kNone = UINT32_MAX;

struct Links {
  std::uint32_t next = kNone;
  std::uint32_t previous = kNone;
};

struct List {
  std::uint32_t first = kNone;
  std::uint32_t last = kNone;
  [[nodiscard]] bool empty() const { return first == kNone; }
};

template <typename LinksOf>
void append(List& list, std::uint32_t item, LinksOf links) {
  links(item) = {.next = kNone, .previous = list.last};
  (list.empty() ? list.first : links(list.last).next) = item;
  list.last = item;
}

template <typename LinksOf>
void prepend(List& list, std::uint32_t item, LinksOf links) {
  links(item) = {.next = list.first, .previous = kNone};
  (list.empty() ? list.last : links(list.first).previous) = item;
  list.first = item;
}

template <typename LinksOf>
void unlink(List& list, std::uint32_t item, LinksOf links) {
  const Links at = links(item);
  std::uint32_t& before = at.previous == kNone ? list.first : links(at.previous).next;
  std::uint32_t& after = at.next == kNone ? list.last : links(at.next).previous;
  CHECK(before == item && after == item);  // or it stands in another list
  before = at.next;
  after = at.previous;
  links(item) = {};
}

}  // namespace sluice::schedule::detail

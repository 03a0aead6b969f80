// Counts by names of which there may be any number, such as destinations: for the busiest names one by one, for all
// others together.  A name that became busier than one that is shown takes its place at the next turn-over, and counts
// from 0 then, as what it had before is among the others; the other's count ends.  So neither a name nor the rest ever
// goes backwards.  Pure; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

// `kColumns`: so many counts has each name.
template <std::size_t kColumns>
class Busiest {
 public:
  using Counts = std::array<std::uint64_t, kColumns>;

  // Up to `shown_max` names one by one; of up to `known_max` it is known how busy they are.
  Busiest(std::size_t shown_max, std::size_t known_max) : shown_max_(shown_max), known_max_(known_max) {}

  void add(std::string_view name, std::size_t column, std::uint64_t count) {
    auto found = names_.find(name);
    if (found == names_.end() && names_.size() < known_max_) {
      found = names_.emplace(std::string(name), Entry{.shown = shown_ < shown_max_}).first;
      shown_ += found->second.shown ? 1 : 0;
    }
    const bool known = found != names_.end();
    if (known) found->second.recent += count;
    (known && found->second.shown ? found->second.counts : rest_)[column] += count;
  }

  // Chooses anew; what was long ago counts half each time.
  void turn_over() {
    std::vector<Entry*> shown;
    std::vector<Entry*> others;
    for (auto& [name, entry] : names_) (entry.shown ? shown : others).push_back(&entry);
    std::ranges::sort(shown, std::less(), &Entry::recent);
    std::ranges::sort(others, std::greater(), &Entry::recent);
    // Twice as busy, so that two of a kind do not change places each time.
    for (std::size_t i = 0; i < std::min(shown.size(), others.size()) && others[i]->recent > 2 * shown[i]->recent;
         ++i) {
      *shown[i] = Entry{.recent = shown[i]->recent};
      *others[i] = Entry{.recent = others[i]->recent, .shown = true};
    }
    for (auto& [name, entry] : names_) entry.recent /= 2;
    std::erase_if(names_, [](const auto& named) { return !named.second.shown && named.second.recent == 0; });
  }

  // `each(name, counts)`, in the order of names.
  template <typename Each>
  void for_each_shown(Each each) const {
    for (const auto& [name, entry] : names_)
      if (entry.shown) each(std::string_view(name), entry.counts);
  }
  [[nodiscard]] const Counts& rest() const { return rest_; }

 private:
  struct Entry {
    Counts counts{};
    std::uint64_t recent = 0;
    bool shown = false;
  };
  const std::size_t shown_max_;
  const std::size_t known_max_;
  std::map<std::string, Entry, std::less<>> names_;
  std::size_t shown_ = 0;
  Counts rest_{};
};

}  // namespace sluice::metrics

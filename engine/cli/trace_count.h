// How many messages of the trace there are by what they have: sluicectl trace --by KEY.  One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "engine/trace/search.h"

namespace sluice::cli {

// The words of --by.
[[nodiscard]] std::span<const std::string_view> trace_count_words();

// What is of a recipient (recipient, destination, next_hop, reason, verdict) is taken from the events that have the
// verdict and the words that are looked for, so that the ones who were refused are counted and not all of a message's;
// what is of a message (account, customer, sender, client), from any of its events.
class TraceCounts {
 public:
  // What is kept: some 200 MB.
  static constexpr std::size_t kValuesMax = 1'000'000;

  // `by`: one of the words; "total": all together.
  TraceCounts(std::string_view by, const trace::Query& query, std::size_t values_max = kValuesMax)
      : by_(by), query_(query), values_max_(values_max) {}
  void add(const trace::TracedMessage& message);
  // How often a message or an event had a value that is beyond those that are kept, the first ones.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
  [[nodiscard]] bool empty() const { return counts_.empty(); }
  // The `top` values with the most messages, and then the most others, as a table or as JSON.
  [[nodiscard]] std::string print(std::uint64_t top, bool json) const;

 private:
  struct Count {
    std::uint64_t messages = 0;
    std::uint64_t recipients = 0;
    std::uint64_t others = 0;  // without a message: logins, ends of sessions
  };
  [[nodiscard]] bool is_chosen(const trace::StoredEvent& event) const;
  [[nodiscard]] std::set<std::string> values_of(const trace::TracedMessage& message) const;
  std::string by_;
  const trace::Query& query_;
  const std::size_t values_max_;
  std::uint64_t left_out_ = 0;
  std::map<std::string, Count> counts_;
};

}  // namespace sluice::cli

// The account at the end of a run: what became of each copy for the client, beside what the sink has seen of it.
// Values and pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tools/load/ledger.h"

namespace sluice::load {

// What the server said about a copy, in the end.
enum class Outcome : std::uint8_t {
  unsent,    // it was never begun
  accepted,  // 250
  refused,   // 5xx
  deferred,  // 4xx
  failed,    // no connection, or it was lost before the end of the content had been sent
  unknown,   // lost between that and the reply
};
inline constexpr std::size_t kOutcomes = 6;
inline constexpr std::array<std::string_view, kOutcomes> kOutcomeNames = {"unsent",   "accepted", "refused",
                                                                          "deferred", "failed",   "unknown"};

// Of the messages of one thread.
class Outcomes {
 public:
  // Thread `part` of `parts` has each message whose number is, from 1 on, in its turn.
  Outcomes(std::uint32_t copies, std::uint32_t part, std::uint32_t parts)
      : copies_(copies), part_(part), parts_(parts) {}

  // The number of the next message, whose copies are unsent until set() was called.
  std::uint64_t begin();
  void set(std::uint64_t number, std::uint32_t copy, Outcome outcome);
  [[nodiscard]] Outcome get(std::uint64_t number, std::uint32_t copy) const { return of_[place(number, copy)]; }
  [[nodiscard]] std::uint64_t messages() const { return of_.size() / copies_; }
  [[nodiscard]] std::uint32_t copies() const { return copies_; }
  // Of the message that was begun as the `turn`-th, from 0 on.
  [[nodiscard]] std::uint64_t number(std::uint64_t turn) const { return turn * parts_ + part_ + 1; }

 private:
  [[nodiscard]] std::size_t place(std::uint64_t number, std::uint32_t copy) const {
    return static_cast<std::size_t>((number - 1 - part_) / parts_ * copies_ + copy - 1);
  }
  std::uint32_t copies_;
  std::uint32_t part_;
  std::uint32_t parts_;
  std::vector<Outcome> of_;
};

struct Account {
  std::array<std::uint64_t, kOutcomes> by_outcome{};  // of copies
  // What follows is about copies too, and is there where a sink was asked.
  bool settled = false;
  std::uint64_t received = 0;  // different ones
  std::uint64_t lost = 0;      // accepted, never seen by the sink
  // Accepted and never taken by the sink, which has refused them: not lost, as the relay has to report or to keep them.
  std::uint64_t refused_by_sink = 0;
  std::uint64_t deferred_by_sink = 0;
  std::uint64_t doubled = 0;  // arrivals that were one too many
  std::uint64_t changed = 0;
  std::uint64_t strays = 0;           // for no recipient of ours
  std::uint64_t denied = 0;           // refused or deferred to the client, and delivered
  std::uint64_t unknown_arrived = 0;  // of those whose outcome the client does not know
  // Not accepted, though the sink has refused nothing of them.
  std::uint64_t unexpected = 0;
  // The first of each, for a look into the logs: numbers of messages.
  std::vector<std::uint64_t> lost_examples;
  std::vector<std::uint64_t> doubled_examples;
  std::vector<std::uint64_t> changed_examples;
  std::vector<std::uint64_t> denied_examples;

  // Nothing lost, doubled, changed, denied or stray, and all was accepted that the sink did not refuse.
  [[nodiscard]] bool good() const;
};

inline constexpr std::size_t kExamplesMax = 10;

// `ledger`: null where no sink was asked: then whatever was not accepted is unexpected.
[[nodiscard]] Account settle(std::span<const Outcomes* const> outcomes, const RunLedger* ledger);
// Copies that were accepted and that the sink has neither taken nor refused yet.
[[nodiscard]] std::uint64_t under_way(std::span<const Outcomes* const> outcomes, const RunLedger& ledger);

}  // namespace sluice::load

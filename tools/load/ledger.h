// What a sink has seen of a run, message by message and recipient by recipient, so that the sender can settle its
// account with it; and the text that it goes over the wire in. Values; one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/histogram.h"
#include "tools/load/stamp.h"

namespace sluice::load {

// Numbers from 0 on, a bit for each.
class NumberSet {
 public:
  // What is above is not kept: a bound for memory (32 MB).
  static constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 28) - 1;

  // False where it was there already. `number` is at most kNumberMax.
  bool add(std::uint64_t number);
  void add_range(std::uint64_t first, std::uint64_t last);
  void add_all(const NumberSet& other);
  [[nodiscard]] bool has(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // One above the largest; 0 where it is empty.
  [[nodiscard]] std::uint64_t end() const;

  // "0-99,101"
  [[nodiscard]] std::string text() const;
  static std::optional<NumberSet> parse(std::string_view text);

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t count_ = 0;
};

// Of one run. A copy is one recipient's of one message; it is numbered by index_of().
class RunLedger {
 public:
  explicit RunLedger(std::uint32_t copies = 1) : copies_(copies) {}

  [[nodiscard]] static std::uint64_t index_of(const MessageId& id, std::uint32_t copy) {
    return (id.number - 1) * id.copies + (copy - 1);
  }

  // A copy was taken, and was what was sent or was not.
  void received(std::uint64_t index, bool intact);
  // The sink has refused a copy: for good, or for now. A reset is for now.
  void refused(std::uint64_t index, bool for_good);
  // From when it was due to its arrival; known where both are on one machine.
  void arrived(Duration took) { arrival_.record(took); }
  // A message of the run for a recipient that is none of its copies, or with a number that is too large.
  void stray() { ++strays_; }
  void merge(const RunLedger& other);

  [[nodiscard]] std::uint32_t copies() const { return copies_; }
  [[nodiscard]] const NumberSet& intact() const { return intact_; }
  [[nodiscard]] const NumberSet& changed() const { return changed_; }
  [[nodiscard]] const NumberSet& refused_for_good() const { return refused_; }
  [[nodiscard]] const NumberSet& refused_for_now() const { return deferred_; }
  // How often each copy came again: by its index.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& again() const { return again_; }
  [[nodiscard]] std::uint64_t strays() const { return strays_; }
  [[nodiscard]] const Histogram& arrival() const { return arrival_; }
  [[nodiscard]] bool came(std::uint64_t index) const { return intact_.has(index) || changed_.has(index); }
  // Copies that came at least once, and arrivals that were one too many.
  [[nodiscard]] std::uint64_t distinct() const;
  [[nodiscard]] std::uint64_t doubled() const;
  // Messages below the highest number that came of which nothing came.
  [[nodiscard]] std::uint64_t gaps() const;

  // Lines of a name, a space and a value; ends with "end".
  [[nodiscard]] std::string text() const;
  static std::optional<RunLedger> parse(std::string_view text);

 private:
  [[nodiscard]] std::uint64_t end() const { return std::max(intact_.end(), changed_.end()); }

  std::uint32_t copies_;
  NumberSet intact_;
  NumberSet changed_;
  NumberSet refused_;
  NumberSet deferred_;
  std::map<std::uint64_t, std::uint64_t> again_;
  std::uint64_t strays_ = 0;
  Histogram arrival_;
};

// All runs that a sink has seen.
class Ledger {
 public:
  // When a further one begins, the one that began first is forgotten.
  static constexpr std::size_t kRunsMax = 64;

  // A message was taken, for the recipients with these local parts.
  void received(const MessageId& id, bool intact, const std::vector<std::string>& local_parts,
                std::optional<Duration> took);
  // A message was refused whole, for these; or a recipient was, before the message came.
  void refused(const MessageId& id, const std::vector<std::string>& local_parts, bool for_good);
  void refused(std::string_view local_part, bool for_good);
  // A message that is of no run.
  void foreign() { ++foreign_; }
  // A message whose stamp is gone, for such a recipient: it counts as changed.
  void unreadable(const std::vector<std::string>& local_parts);
  void merge(const Ledger& other);

  [[nodiscard]] const std::map<std::uint64_t, RunLedger>& runs() const { return runs_; }
  [[nodiscard]] std::uint64_t foreign_messages() const { return foreign_; }
  // Refusals of recipients and senders without a number in their address.
  [[nodiscard]] std::uint64_t refused_unnumbered() const { return refused_unnumbered_; }

 private:
  RunLedger* run(const MessageId& id);
  RunLedger& begin(std::uint64_t number, std::uint32_t copies);

  std::map<std::uint64_t, RunLedger> runs_;
  std::deque<std::uint64_t> began_;  // the keys of runs_, in the order in which the runs began
  std::uint64_t foreign_ = 0;
  std::uint64_t refused_unnumbered_ = 0;
};

}  // namespace sluice::load

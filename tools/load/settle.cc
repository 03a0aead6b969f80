#include "tools/load/settle.h"

#include <utility>

namespace sluice::load {
namespace {

void note(std::vector<std::uint64_t>& examples, std::uint64_t number) {
  if (examples.size() < kExamplesMax && (examples.empty() || examples.back() != number)) examples.push_back(number);
}

// Calls `each` with the number, the index in the ledger and the outcome of every copy.
template <typename Each>
void for_each_copy(std::span<const Outcomes* const> all, Each each) {
  for (const Outcomes* outcomes : all) {
    for (std::uint64_t turn = 0; turn < outcomes->messages(); ++turn) {
      const MessageId id{.number = outcomes->number(turn), .copies = outcomes->copies()};
      for (std::uint32_t copy = 1; copy <= id.copies; ++copy)
        each(id.number, RunLedger::index_of(id, copy), outcomes->get(id.number, copy));
    }
  }
}

void settle_copy(std::uint64_t number, std::uint64_t index, Outcome outcome, const RunLedger& ledger,
                 Account& account) {
  const bool came = ledger.came(index);
  const bool refused = ledger.refused_for_good().has(index);
  const bool deferred = ledger.refused_for_now().has(index);
  switch (outcome) {
    case Outcome::accepted:
      if (came) return;
      if (refused) {
        ++account.refused_by_sink;
      } else if (deferred) {
        ++account.deferred_by_sink;
      } else {
        ++account.lost;
        note(account.lost_examples, number);
      }
      return;
    case Outcome::refused:
    case Outcome::deferred:
      if (came) {
        ++account.denied;
        note(account.denied_examples, number);
      }
      account.unexpected += !refused && !deferred;
      return;
    case Outcome::unknown:
      account.unknown_arrived += came;
      account.unexpected += !refused && !deferred;
      return;
    case Outcome::failed:
      account.unexpected += !refused && !deferred;
      return;
    case Outcome::unsent:
      return;
  }
}

}  // namespace

std::uint64_t Outcomes::begin() {
  const std::uint64_t number = this->number(messages());
  of_.resize(of_.size() + copies_, Outcome::unsent);
  return number;
}

void Outcomes::set(std::uint64_t number, std::uint32_t copy, Outcome outcome) { of_[place(number, copy)] = outcome; }

bool Account::good() const {
  return lost == 0 && doubled == 0 && changed == 0 && strays == 0 && denied == 0 && unexpected == 0;
}

Account settle(std::span<const Outcomes* const> outcomes, const RunLedger* ledger) {
  Account account;
  for_each_copy(outcomes, [&](std::uint64_t number, std::uint64_t index, Outcome outcome) {
    ++account.by_outcome[static_cast<std::size_t>(outcome)];
    if (ledger != nullptr) {
      settle_copy(number, index, outcome, *ledger, account);
    } else if (outcome != Outcome::accepted && outcome != Outcome::unsent) {
      ++account.unexpected;
    }
  });
  if (ledger == nullptr) return account;
  account.settled = true;
  account.received = ledger->distinct();
  account.doubled = ledger->doubled();
  account.changed = ledger->changed().count();
  account.strays = ledger->strays();
  for (const auto& [index, count] : ledger->again()) note(account.doubled_examples, index / ledger->copies() + 1);
  for (std::uint64_t index = 0, end = ledger->changed().end();
       index < end && account.changed_examples.size() < kExamplesMax; ++index)
    if (ledger->changed().has(index)) note(account.changed_examples, index / ledger->copies() + 1);
  return account;
}

std::uint64_t under_way(std::span<const Outcomes* const> outcomes, const RunLedger& ledger) {
  std::uint64_t count = 0;
  for_each_copy(outcomes, [&](std::uint64_t, std::uint64_t index, Outcome outcome) {
    count += outcome == Outcome::accepted && !ledger.came(index) && !ledger.refused_for_good().has(index) &&
             !ledger.refused_for_now().has(index);
  });
  return count;
}

}  // namespace sluice::load

#include "tools/load/ledger.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/check.h"
#include "tools/load/numbers.h"

namespace sluice::load {

// ------------------------------------------------------------------------------------------ sets

bool NumberSet::add(std::uint64_t number) {
  CHECK(number <= kNumberMax);
  const auto word = static_cast<std::size_t>(number / 64);
  if (word >= words_.size()) words_.resize(std::max(word + 1, words_.size() * 2));
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  if ((words_[word] & bit) != 0) return false;
  words_[word] |= bit;
  ++count_;
  return true;
}

void NumberSet::add_range(std::uint64_t first, std::uint64_t last) {
  for (; first <= last; ++first) static_cast<void>(add(first));
}

void NumberSet::add_all(const NumberSet& other) {
  if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
  count_ = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (i < other.words_.size()) words_[i] |= other.words_[i];
    count_ += static_cast<std::uint64_t>(std::popcount(words_[i]));
  }
}

bool NumberSet::has(std::uint64_t number) const {
  const std::uint64_t word = number / 64;
  return word < words_.size() && (words_[static_cast<std::size_t>(word)] >> (number % 64) & 1) != 0;
}

std::uint64_t NumberSet::end() const {
  for (std::size_t i = words_.size(); i > 0; --i)
    if (words_[i - 1] != 0) return i * 64 - static_cast<std::uint64_t>(std::countl_zero(words_[i - 1]));
  return 0;
}

std::string NumberSet::text() const {
  std::string out;
  const std::uint64_t all = end();
  for (std::uint64_t first = 0; first < all; ++first) {
    if (!has(first)) continue;
    std::uint64_t last = first;
    while (has(last + 1)) ++last;
    if (!out.empty()) out.push_back(',');
    out.append(std::to_string(first));
    if (last > first) out.append("-").append(std::to_string(last));
    first = last;
  }
  return out;
}

std::optional<NumberSet> NumberSet::parse(std::string_view text) {
  NumberSet result;
  while (!text.empty()) {
    std::string_view part = take_until(text, ',');
    const bool range = part.find('-') != std::string_view::npos;
    const auto first = parse_number(take_until(part, '-'));
    const auto last = range ? parse_number(part) : first;
    if (!first || !last || *last < *first || *last > kNumberMax) return std::nullopt;
    result.add_range(*first, *last);
  }
  return result;
}

// ------------------------------------------------------------------------------------------ one run

void RunLedger::received(std::uint64_t index, bool intact) {
  if (index > NumberSet::kNumberMax) return stray();
  if (came(index)) ++again_[index];
  static_cast<void>((intact ? intact_ : changed_).add(index));
}

void RunLedger::refused(std::uint64_t index, bool for_good) {
  if (index > NumberSet::kNumberMax) return stray();
  static_cast<void>((for_good ? refused_ : deferred_).add(index));
}

void RunLedger::merge(const RunLedger& other) {
  copies_ = std::max(copies_, other.copies_);
  for (const auto& [index, count] : other.again_) again_[index] += count;
  // What came to both came again. Within one of them that is counted already.
  for (std::uint64_t index = 0, end = other.end(); index < end; ++index)
    if (other.came(index) && came(index)) ++again_[index];
  intact_.add_all(other.intact_);
  changed_.add_all(other.changed_);
  refused_.add_all(other.refused_);
  deferred_.add_all(other.deferred_);
  strays_ += other.strays_;
  arrival_.merge(other.arrival_);
}

std::uint64_t RunLedger::distinct() const {
  std::uint64_t both = 0;
  for (std::uint64_t index = 0, end = changed_.end(); index < end; ++index)
    both += changed_.has(index) && intact_.has(index);
  return intact_.count() + changed_.count() - both;
}

std::uint64_t RunLedger::doubled() const {
  std::uint64_t sum = 0;
  for (const auto& [index, count] : again_) sum += count;
  return sum;
}

std::uint64_t RunLedger::gaps() const {
  std::uint64_t missing = 0;
  for (std::uint64_t first = 0, end = this->end(); first < end; first += copies_) {
    bool some = false;
    for (std::uint32_t copy = 0; copy < copies_; ++copy) some = some || came(first + copy);
    missing += !some;
  }
  return missing;
}

std::string RunLedger::text() const {
  std::string out = "copies " + std::to_string(copies_) + "\n";
  out.append("intact ").append(intact_.text()).append("\n");
  out.append("changed ").append(changed_.text()).append("\n");
  out.append("refused ").append(refused_.text()).append("\n");
  out.append("deferred ").append(deferred_.text()).append("\n");
  out.append("again ");
  bool first = true;
  for (const auto& [index, count] : again_) {
    if (!std::exchange(first, false)) out.push_back(',');
    out.append(std::to_string(index)).append(":").append(std::to_string(count));
  }
  out.append("\nstrays ").append(std::to_string(strays_));
  out.append("\narrival ").append(arrival_.text());
  return out.append("\nend\n");
}

std::optional<RunLedger> RunLedger::parse(std::string_view text) {
  RunLedger result;
  const auto value = [&text](std::string_view name) -> std::optional<std::string_view> {
    std::string_view line = take_until(text, '\n');
    return take_until(line, ' ') == name ? std::optional(line) : std::nullopt;
  };
  const auto number = [&value](std::string_view name) {
    return value(name).and_then([](std::string_view digits) { return parse_number(digits); });
  };
  const auto set = [&value](std::string_view name, NumberSet& to) {
    auto parsed = value(name).and_then(&NumberSet::parse);
    if (!parsed) return false;
    to = *std::move(parsed);
    return true;
  };
  const auto copies = number("copies");
  if (!copies || *copies == 0 || *copies > NumberSet::kNumberMax) return std::nullopt;
  result.copies_ = static_cast<std::uint32_t>(*copies);
  if (!set("intact", result.intact_) || !set("changed", result.changed_) || !set("refused", result.refused_) ||
      !set("deferred", result.deferred_))
    return std::nullopt;
  std::string_view again = value("again").value_or("?");
  while (!again.empty()) {
    std::string_view pair = take_until(again, ',');
    const auto index = parse_number(take_until(pair, ':'));
    const auto count = parse_number(pair);
    if (!index || !count) return std::nullopt;
    result.again_[*index] += *count;
  }
  const auto strays = number("strays");
  const auto arrival = value("arrival").and_then(&Histogram::parse);
  if (!strays || !arrival || text != "end\n") return std::nullopt;
  result.strays_ = *strays;
  result.arrival_ = *arrival;
  return result;
}

// ------------------------------------------------------------------------------------------ all runs

RunLedger* Ledger::run(const MessageId& id) {
  const auto found = runs_.find(id.run);
  if (found != runs_.end()) return found->second.copies() == id.copies ? &found->second : nullptr;
  return &begin(id.run, id.copies);
}

RunLedger& Ledger::begin(std::uint64_t number, std::uint32_t copies) {
  if (runs_.size() >= kRunsMax) {
    runs_.erase(began_.front());
    began_.pop_front();
  }
  began_.push_back(number);
  return runs_.emplace(number, RunLedger(copies)).first->second;
}

namespace {

// Which copy a recipient is; 0: none.
std::uint32_t copy_of(const MessageId& id, std::string_view local_part) {
  const auto identity = find_identity(local_part);
  if (!identity) return id.copies == 1 ? 1 : 0;
  return identity->id == id ? identity->copy : 0;
}

}  // namespace

void Ledger::received(const MessageId& id, bool intact, const std::vector<std::string>& local_parts,
                      std::optional<Duration> took) {
  RunLedger* run = this->run(id);
  if (run == nullptr) return foreign();
  for (const std::string& local_part : local_parts) {
    const std::uint32_t copy = copy_of(id, local_part);
    if (copy == 0) {
      run->stray();
      continue;
    }
    run->received(RunLedger::index_of(id, copy), intact);
  }
  if (took) run->arrived(*took);
}

void Ledger::refused(const MessageId& id, const std::vector<std::string>& local_parts, bool for_good) {
  RunLedger* run = this->run(id);
  if (run == nullptr) return;
  for (const std::string& local_part : local_parts)
    if (const std::uint32_t copy = copy_of(id, local_part); copy != 0)
      run->refused(RunLedger::index_of(id, copy), for_good);
}

void Ledger::refused(std::string_view local_part, bool for_good) {
  const auto identity = find_identity(local_part);
  RunLedger* run = identity ? this->run(identity->id) : nullptr;
  if (run == nullptr) {
    ++refused_unnumbered_;
    return;
  }
  // A sender's address stands for all copies.
  const std::uint32_t first = identity->copy == 0 ? 1 : identity->copy;
  const std::uint32_t last = identity->copy == 0 ? identity->id.copies : identity->copy;
  for (std::uint32_t copy = first; copy <= last; ++copy)
    run->refused(RunLedger::index_of(identity->id, copy), for_good);
}

void Ledger::unreadable(const std::vector<std::string>& local_parts) {
  bool ours = false;
  for (const std::string& local_part : local_parts) {
    const auto identity = find_identity(local_part);
    RunLedger* run = identity && identity->copy > 0 ? this->run(identity->id) : nullptr;
    if (run == nullptr) continue;
    ours = true;
    run->received(RunLedger::index_of(identity->id, identity->copy), /*intact=*/false);
  }
  if (!ours) foreign();
}

void Ledger::merge(const Ledger& other) {
  for (const std::uint64_t number : other.began_) {
    const RunLedger& theirs = other.runs_.at(number);
    const auto found = runs_.find(number);
    (found != runs_.end() ? found->second : begin(number, theirs.copies())).merge(theirs);
  }
  foreign_ += other.foreign_;
  refused_unnumbered_ += other.refused_unnumbered_;
}

}  // namespace sluice::load

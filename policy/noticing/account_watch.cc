#include "policy/noticing/account_watch.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/check.h"

namespace sluice::noticing {

std::string reasons_text(const Verdict& verdict) {
  std::string text;
  for (const Reason& reason : verdict.reasons()) text.append(text.empty() ? "" : "; ").append(reason_text(reason));
  return text;
}

std::uint64_t AccountWatch::hash(std::string_view text) const {
  std::uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES && kKeyBytes == crypto_shorthash_KEYBYTES);
  CHECK(crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), reinterpret_cast<const unsigned char*>(text.data()),
                         text.size(), reinterpret_cast<const unsigned char*>(key_.data())) == 0);
  return hash;
}

// Configurations come and go, an account's class stays until it sends by another one.
AccountWatch::Account& AccountWatch::judged_by(Shard& shard, std::uint64_t account, const WatchedClass& by) {
  Account& found = shard.accounts[account];
  if (found.by != nullptr && *found.by == by) return found;
  const auto same = std::ranges::find(shard.classes, by);
  found.by = same != shard.classes.end() ? &*same : &shard.classes.emplace_back(by);
  return found;
}

// What looks back a day is freed for accounts that have not sent for so long.
void AccountWatch::sweep(Shard& shard, Instant now) {
  if (now - shard.swept < kSweepInterval) return;
  shard.swept = now;
  absl::erase_if(shard.imposed, [now](const auto& each) { return each.second.until <= now; });
  for (auto& [name, account] : shard.accounts) static_cast<void>(Noticer(account.by->policy).sweep(account.state, now));
}

Step AccountWatch::Shard::imposed_step(std::uint64_t account, Instant now) const {
  const auto found = imposed.find(account);
  return found != imposed.end() && now < found->second.until ? found->second.step : Step::pass;
}

Step AccountWatch::step(std::string_view account, const WatchedClass& by, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const Step imposed = shard.imposed_step(name, now);
  const auto found = shard.accounts.find(name);
  if (found == shard.accounts.end() || found->second.state.ladder.step() == Step::pass) return by.taken(imposed);
  // The timer may have lifted it.
  return by.taken(std::max(imposed, Noticer(by.policy).judge(judged_by(shard, name, by).state, now).step));
}

std::vector<bool> AccountWatch::knows(std::string_view account, std::span<const std::uint64_t> recipients) {
  std::vector<bool> known(recipients.size());
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.accounts.find(name);
  if (found == shard.accounts.end()) return known;
  for (std::size_t i = 0; i < recipients.size(); ++i) known[i] = found->second.state.known.knows(recipients[i]);
  return known;
}

Turn AccountWatch::wait(std::string_view account, const WatchedClass& by, std::uint32_t recipients, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  return Noticer(by.policy).wait(judged_by(shard, name, by).state, recipients, now);
}

Verdict AccountWatch::message(std::string_view account, const WatchedClass& by, const MessageFacts& facts,
                              std::span<const std::uint64_t> recipients, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  sweep(shard, now);
  Account& judged = judged_by(shard, name, by);
  const Noticer noticer(by.policy);
  if (!facts.inside)
    for (const std::uint64_t recipient : recipients) static_cast<void>(noticer.recipient(judged.state, recipient, now));
  Verdict verdict = noticer.message(judged.state, facts, now);
  if (!facts.inside) verdict.step = std::max(verdict.step, shard.imposed_step(name, now));
  return verdict;
}

std::optional<Notice> AccountWatch::outcomes(std::string_view account, std::span<const Outcome> outcomes, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.accounts.find(name);
  if (found == shard.accounts.end()) return std::nullopt;
  const WatchedClass& by = *found->second.by;
  const Noticer noticer(by.policy);
  Verdict last;
  bool raised = false;
  for (const Outcome& outcome : outcomes) {
    last = noticer.outcome(found->second.state, outcome, now);
    raised = raised || last.raised;
  }
  if (!raised) return std::nullopt;
  const Step taken = by.taken(last.step);
  return Notice{.account = std::string(account),
                .policy_class = by.name,
                .verdict = last,
                .taken = taken,
                .lasts = by.lasts(taken)};
}

void AccountWatch::impose(std::string_view account, ImposedStep imposed) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  shard.imposed[name] = std::move(imposed);
}

std::optional<ImposedStep> AccountWatch::imposed(std::string_view account, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  if (shard.imposed_step(name, now) == Step::pass) return std::nullopt;
  return shard.imposed.at(name);
}

bool AccountWatch::release(std::string_view account) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const bool imposed = shard.imposed.erase(name) > 0;
  const auto found = shard.accounts.find(name);
  if (found == shard.accounts.end()) return imposed;
  Noticer(found->second.by->policy).release(found->second.state);
  return true;
}

std::optional<AccountNotice> AccountWatch::look(std::string_view account, Instant now) {
  const std::uint64_t name = hash(account);
  Shard& shard = shard_of(name);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.accounts.find(name);
  const Step imposed = shard.imposed_step(name, now);
  const std::string reason = imposed == Step::pass ? std::string() : shard.imposed.at(name).reason;
  if (found == shard.accounts.end()) {
    if (imposed == Step::pass) return std::nullopt;
    return AccountNotice{.verdict = {.step = imposed}, .taken = imposed, .imposed = reason};
  }
  Account& judged = found->second;
  const WatchedClass& by = *judged.by;
  AccountNotice notice{
      .policy_class = by.name, .verdict = Noticer(by.policy).judge(judged.state, now), .imposed = reason};
  notice.verdict.step = std::max(notice.verdict.step, imposed);
  notice.taken = by.taken(notice.verdict.step);
  const ActiveDay& day = *judged.state.day;  // judge() has made one
  notice.recipients = day.recipients.sum();
  notice.first_time_recipients = day.first_time.sum();
  notice.networks = day.networks.networks();
  notice.answered = day.answered.sum();
  notice.unknown = static_cast<std::uint32_t>(std::lround(judged.state.unknown.unknown_count()));
  notice.spam_replies = day.spam_replies.sum();
  return notice;
}

}  // namespace sluice::noticing

#include "policy/noticing/account_watch.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/domain_name.h"

namespace sluice::noticing {

std::string reasons_text(const Verdict& verdict) {
  std::string text;
  for (const Reason& reason : verdict.reasons()) text.append(text.empty() ? "" : "; ").append(reason_text(reason));
  return text;
}

std::uint64_t AccountWatch::hash(std::string_view text) const {
  std::uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES && kWatchKeyBytes == crypto_shorthash_KEYBYTES);
  CHECK(crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), reinterpret_cast<const unsigned char*>(text.data()),
                         text.size(), reinterpret_cast<const unsigned char*>(key_.data())) == 0);
  return hash;
}

std::uint64_t AccountWatch::hash_of_recipient(std::string_view forward_path) const {
  const std::size_t domain = forward_path.rfind('@') + 1;  // npos + 1 is 0
  const auto is_plain = [](char c) { return (c < 'A' || c > 'Z') && static_cast<unsigned char>(c) < 0x80; };
  if (domain == 0 || std::ranges::all_of(forward_path.substr(domain), is_plain)) return hash(forward_path);
  return hash(std::string(forward_path.substr(0, domain)) + domain_key(forward_path.substr(domain)));
}

AccountWatch::Locked::Locked(AccountWatch& watch, std::string_view account)
    : name(watch.hash(account)), shard(watch.shards_[name % kShards]), watch_(watch), lock_(shard.mutex) {}

AccountWatch::Locked::~Locked() {
  lock_.unlock();
  if (wakes_ && watch_.wake_) watch_.wake_();
}

AccountWatch::Account* AccountWatch::Locked::find() const { return shard.accounts.find(name); }

void AccountWatch::Locked::changed(Account& account, const Ladder& before) {
  if (!std::exchange(account.unwritten, true)) shard.changes.push_back(name);
  const Ladder& ladder = account.state.ladder;
  if (ladder.step() == before.step() && ladder.strikes() == before.strikes()) return;
  if (std::exchange(account.step_unwritten, true)) return;
  shard.steps.push_back(name);
  wakes_ = true;
}

// Configurations come and go, an account's class stays until it sends by another one.
AccountWatch::Account& AccountWatch::Shard::judged_by(std::uint64_t account, const WatchedClass& by) {
  Account* const known = accounts.find(account);
  if (known == nullptr && accounts.size() >= kAccountsMax / kShards) make_room(account);
  Account& found = known != nullptr ? *known : accounts.add(account);
  if (found.by != 0 && class_of(found) == by) return found;
  const auto same = std::ranges::find(classes, by);
  found.by = static_cast<std::uint32_t>(same - classes.begin()) + 1;
  if (same == classes.end()) classes.push_back(by);
  return found;
}

// Of a few that nobody can choose, as the newcomer's hash says which they are, the one that was judged longest ago and
// may send.
void AccountWatch::Shard::make_room(std::uint64_t newcomer) {
  constexpr std::size_t kLookedAt = 16;
  const auto rank = [this](std::size_t place) {
    const Ladder& ladder = accounts.entry(place).value.state.ladder;
    return std::pair(ladder.step() >= Step::hold, ladder.scored());
  };
  const std::size_t first = newcomer / kShards % accounts.size();
  std::size_t oldest = first;
  for (std::size_t i = 1; i < kLookedAt; ++i) {
    const std::size_t place = (first + i) % accounts.size();
    if (rank(place) < rank(oldest)) oldest = place;
  }
  accounts.erase(oldest);
}

// What looks back a day is freed for accounts that have not sent for so long, and those that have not for a year are
// forgotten.
void AccountWatch::Shard::sweep(Instant now, Instant noticers_now) {
  if (now - swept < kSweepInterval) return;
  swept = now;
  absl::erase_if(imposed, [now](const auto& each) { return each.second.until <= now; });
  accounts.erase_if([this, noticers_now](auto& each) {
    Account& account = each.value;
    static_cast<void>(Noticer(class_of(account).policy).sweep(account.state, noticers_now));
    return !Noticer::holds(account.state, noticers_now) &&
           Noticer::last_judged(account.state) + kKeptFor < noticers_now;
  });
}

Step AccountWatch::Shard::imposed_step(std::uint64_t account, Instant now) const {
  const auto found = imposed.find(account);
  return found != imposed.end() && now < found->second.until ? found->second.step : Step::pass;
}

Step AccountWatch::step(std::string_view account, const WatchedClass& by, Instant now) {
  Locked locked(*this, account);
  const Step imposed = locked.shard.imposed_step(locked.name, now);
  Account* const found = locked.find();
  if (found == nullptr || found->state.ladder.step() == Step::pass) return by.taken(imposed);
  const Ladder before = found->state.ladder;
  Account& judged = locked.shard.judged_by(locked.name, by);
  // The timer may have lifted it.
  static_cast<void>(Noticer(by.policy).judge(judged.state, at(now)));
  locked.changed(judged, before);
  return by.taken(std::max(imposed, judged.state.ladder.step()));
}

std::vector<bool> AccountWatch::knows(std::string_view account, std::span<const std::uint64_t> recipients) {
  std::vector<bool> known(recipients.size());
  const Locked locked(*this, account);
  const Account* const found = locked.find();
  if (found == nullptr) return known;
  for (std::size_t i = 0; i < recipients.size(); ++i) known[i] = found->state.known.knows(recipients[i]);
  return known;
}

Turn AccountWatch::wait(std::string_view account, const WatchedClass& by, std::uint32_t recipients, Instant now) {
  Locked locked(*this, account);
  Account& judged = locked.shard.judged_by(locked.name, by);
  const Ladder before = judged.state.ladder;
  const Turn turn = Noticer(by.policy).wait(judged.state, recipients, at(now));
  locked.changed(judged, before);
  return turn;
}

Verdict AccountWatch::message(std::string_view account, const WatchedClass& by, const MessageFacts& facts,
                              std::span<const std::uint64_t> recipients, Instant now, const SentTexts& texts) {
  Locked locked(*this, account);
  locked.shard.sweep(now, at(now));
  Account& judged = locked.shard.judged_by(locked.name, by);
  const Ladder before = judged.state.ladder;
  const Noticer noticer(by.policy);
  const bool shared = shares() && !facts.inside && before.step() < Step::hold;
  std::vector<bool> strangers;
  if (shared) strangers.reserve(recipients.size());
  MessageFacts counted = facts;
  if (!facts.inside)
    for (const std::uint64_t recipient : recipients) {
      const bool stranger = noticer.recipient(judged.state, recipient, at(now));
      if (stranger) ++counted.first_time;
      if (shared) strangers.push_back(stranger);
    }
  Verdict verdict = noticer.message(judged.state, counted, at(now));
  locked.changed(judged, before);
  if (shared) news_.add_message(account, by, counted, texts, strangers, now);
  if (!facts.inside) verdict.step = std::max(verdict.step, locked.shard.imposed_step(locked.name, now));
  return verdict;
}

std::optional<Notice> AccountWatch::outcomes(std::string_view account, std::span<const Outcome> outcomes, Instant now) {
  Locked locked(*this, account);
  Account* const found = locked.find();
  if (found == nullptr) return std::nullopt;
  const WatchedClass& by = locked.shard.class_of(*found);
  const Noticer noticer(by.policy);
  const Ladder before = found->state.ladder;
  Verdict last;
  bool raised = false;
  std::vector<Outcome> news;
  for (const Outcome& outcome : outcomes) {
    const float unknown = found->state.unknown.unknown_count();
    last = noticer.outcome(found->state, outcome, at(now));
    raised = raised || last.raised;
    if (!shares()) continue;
    // One that next hops do not know counts once.
    const bool again = outcome.kind == OutcomeKind::unknown && found->state.unknown.unknown_count() <= unknown;
    news.push_back({.kind = again ? OutcomeKind::other : outcome.kind, .recipient = outcome.recipient});
  }
  locked.changed(*found, before);
  if (!news.empty()) news_.add_outcomes(account, by, news, now);
  if (!raised) return std::nullopt;
  const Step taken = by.taken(last.step);
  return Notice{.account = std::string(account),
                .policy_class = by.name,
                .verdict = last,
                .taken = taken,
                .lasts = by.lasts(taken)};
}

void AccountWatch::merge(const SendingNews& news, const WatchedClass& by, Instant now) {
  std::vector<std::uint64_t> strangers;
  strangers.reserve(news.strangers.size());
  for (const std::string& each : news.strangers) strangers.push_back(hash_of_recipient(each));
  std::vector<Noticer::SeenElsewhere::Network> networks;
  for (const SendingNews::Network& each : news.networks)
    networks.push_back({.hash = hash(each.text), .country = each.country});
  std::vector<Noticer::SeenElsewhere::Text> texts;
  for (const SendingNews::Text& each : news.texts)
    texts.push_back({.sketch = each.sketch,
                     .network = each.network < networks.size() ? networks[each.network].hash : 0,
                     .recipients = each.recipients,
                     .first_time = std::min(each.recipients, each.first_time),
                     .without_unsubscribe = std::min(each.recipients, each.without_unsubscribe)});
  Locked locked(*this, news.account);
  Account& judged = locked.shard.judged_by(locked.name, by);
  const Ladder before = judged.state.ladder;
  Noticer(by.policy).merge(judged.state,
                           {.recipients = news.recipients,
                            .strangers = strangers,
                            .more_strangers = news.more_strangers,
                            .networks = networks,
                            .texts = texts,
                            .failed_logins = news.failed_logins,
                            .accepted = news.accepted,
                            .unknown = news.unknown,
                            .spam = news.spam,
                            .other = news.other},
                           at(now));
  locked.changed(judged, before);
}

void AccountWatch::impose(std::string_view account, ImposedStep imposed) {
  const Locked locked(*this, account);
  locked.shard.imposed[locked.name] = std::move(imposed);
}

std::optional<ImposedStep> AccountWatch::imposed(std::string_view account, Instant now) {
  const Locked locked(*this, account);
  if (locked.shard.imposed_step(locked.name, now) == Step::pass) return std::nullopt;
  return locked.shard.imposed.at(locked.name);
}

bool AccountWatch::release(std::string_view account) {
  Locked locked(*this, account);
  news_.forget(account);
  const bool imposed = locked.shard.imposed.erase(locked.name) > 0;
  Account* const found = locked.find();
  if (found == nullptr) return imposed;
  const Ladder before = found->state.ladder;
  Noticer(locked.shard.class_of(*found).policy).release(found->state);
  locked.changed(*found, before);
  return true;
}

std::optional<AccountNotice> AccountWatch::look(std::string_view account, Instant now) {
  const Locked locked(*this, account);
  Account* const found = locked.find();
  const Step imposed = locked.shard.imposed_step(locked.name, now);
  const std::string reason = imposed == Step::pass ? std::string() : locked.shard.imposed.at(locked.name).reason;
  // The noticer's clock is the time since 1970.
  const auto millis = [](auto since_1970) {
    return WallMillis{std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()};
  };
  WallMillis until =
      imposed < Step::hold ? 0 : millis(at(locked.shard.imposed.at(locked.name).until).time_since_epoch());
  if (found == nullptr) {
    if (imposed == Step::pass) return std::nullopt;
    return AccountNotice{.verdict = {.step = imposed}, .taken = imposed, .imposed = reason, .until = until};
  }
  Account& judged = *found;
  const WatchedClass& by = locked.shard.class_of(judged);
  AccountNotice notice{
      .policy_class = by.name, .verdict = Noticer(by.policy).judge(judged.state, at(now)), .imposed = reason};
  notice.verdict.step = std::max(notice.verdict.step, imposed);
  notice.taken = by.taken(notice.verdict.step);
  if (judged.state.ladder.step() >= Step::hold)
    until = std::max(until, millis(std::chrono::minutes(judged.state.ladder.until())));
  notice.until = notice.taken >= Step::hold ? until : 0;
  const ActiveDay& day = *judged.state.day;  // judge() has made one
  notice.recipients = day.hours.sum(&HourCounts::recipients);
  notice.first_time_recipients = day.hours.sum(&HourCounts::first_time);
  notice.networks = day.networks.networks();
  notice.answered = day.hours.sum(&HourCounts::answered);
  notice.unknown = static_cast<std::uint32_t>(std::lround(judged.state.unknown.unknown_count()));
  notice.spam_replies = day.hours.sum(&HourCounts::spam_replies);
  return notice;
}

std::optional<SendingFigures> AccountWatch::figures(std::string_view account, Instant now) {
  const Locked locked(*this, account);
  Account* const found = locked.find();
  if (found == nullptr) return std::nullopt;
  AccountState& state = found->state;
  // Brings the day up to now.
  if (state.day != nullptr) static_cast<void>(Noticer(locked.shard.class_of(*found).policy).judge(state, at(now)));
  return SendingFigures{.networks = state.day == nullptr ? 0 : state.day->networks.networks(),
                        .answered = static_cast<std::uint32_t>(std::lround(state.unknown.answered_count())),
                        .unknown = static_cast<std::uint32_t>(std::lround(state.unknown.unknown_count()))};
}

}  // namespace sluice::noticing

#include "policy/replay/replay.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <type_traits>
#include <utility>

#include "engine/base/client_block.h"
#include "engine/base/counted.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kWholeRelay = "all";
constexpr std::size_t kStoppedMax = 100'000;
// The networks that the noticer tells apart: as session/sending_watch.cc.
constexpr unsigned kNoticedIpv4Bits = 24;
constexpr unsigned kNoticedIpv6Bits = 56;

Effect effect_of(Action action) {
  switch (action) {
    case Action::refuse:
      return Effect::refused;
    case Action::defer:
      return Effect::deferred;
    case Action::slow:
      return Effect::slowed;
    case Action::hold:
      return Effect::held;
    case Action::tell:
      break;
  }
  return Effect::noted;
}

Effect effect_of(noticing::Step step) {
  constexpr std::array kOf{Effect::passed, Effect::noted, Effect::slowed, Effect::held, Effect::suspended};
  return kOf[static_cast<std::size_t>(step)];
}

std::string seconds(Duration duration) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count()) + " s";
}

bool is_inside(const auth::Identity& identity, std::string_view recipient) {
  const std::size_t at = recipient.rfind('@');
  return at != std::string_view::npos && identity.domains != nullptr &&
         identity.domains->covers(recipient.substr(at + 1));
}

// What is really done comes before what would be.
bool is_graver(const Finding& finding, const Finding& than) {
  const auto weight = [](const Finding& each) {
    return std::tuple(!each.shadow && each.effect != Effect::passed, each.effect);
  };
  return weight(finding) > weight(than);
}

void note_findings(ReplayedSender& summary, const Judgement& judgement, const RecordedMessage& message, WallMillis at) {
  std::array<std::uint64_t, kEffects> touched{};
  std::uint64_t in_shadow = 0;
  for (const Finding& finding : judgement.findings) {
    std::uint64_t& count = finding.shadow ? in_shadow : touched[static_cast<std::size_t>(finding.effect)];
    count = std::min<std::uint64_t>(message.recipients, count + finding.recipients);
    if (!is_graver(finding, summary.worst)) continue;
    summary.worst = finding;
    summary.worst_at = at;
    summary.worst_id = message.id;
  }
  for (std::size_t i = 0; i < kEffects; ++i)
    if (touched[i] > 0) summary.by_effect[i].add(touched[i]);
  if (in_shadow > 0) summary.in_shadow.add(in_shadow);
}

}  // namespace

std::string_view effect_name(Effect effect) {
  constexpr std::array<std::string_view, kEffects> kNames{"passed",   "told",    "slowed",   "held",
                                                          "deferred", "refused", "suspended"};
  return kNames[static_cast<std::size_t>(effect)];
}

// Logs of several cores are not quite in order.
WallMillis Replay::advance(WallMillis at) {
  if (counts_.from == 0) counts_.from = at;
  if (at + kLateMs < counts_.upto) ++counts_.late;
  counts_.upto = std::max(counts_.upto, at);
  return counts_.upto;
}

// As of a relay that has run for a while when the records begin.
Instant Replay::instant() const {
  return Instant(std::chrono::hours(24) + std::chrono::milliseconds(counts_.upto - counts_.from));
}

Replay::Sender* Replay::sender_of(const std::string& account, const std::string& customer,
                                  const std::string& listener) {
  const std::string key = account.empty() ? "network " + listener : "account " + account;
  const auto found = senders_.find(key);
  if (found != senders_.end()) return &found->second;
  if (senders_.size() >= kSendersMax) {
    ++counts_.beyond_senders_max;
    return nullptr;
  }
  Sender& sender = senders_[key];
  if (account.empty()) {
    open_network(sender, listener);
  } else {
    open_account(sender, account, customer);
  }
  limits_.count(sender.limits, Subject::relay, std::string(kWholeRelay), parts_.classes.relay_limits(),
                sender.chosen.policy_class != nullptr && sender.chosen.policy_class->shadow);
  if (sender.chosen.policy_class != nullptr) sender.summary.policy_class = sender.chosen.policy_class->name;
  return &sender;
}

void Replay::open_account(Sender& sender, const std::string& account, const std::string& customer) {
  sender.identity = parts_.identify(account, customer);
  sender.chosen = parts_.classes.choose(*sender.identity);
  sender.summary.name = account;
  sender.summary.customer = sender.identity->customer_name;
  const PolicyClass& chosen = *sender.chosen.policy_class;
  const EffectiveLimits limits = effective_limits(chosen, *sender.identity);
  limits_.count(sender.limits, Subject::account, account, limits.account, chosen.shadow);
  limits_.count(sender.limits, Subject::customer, sender.identity->customer_name, limits.customer, chosen.shadow);
}

void Replay::open_network(Sender& sender, const std::string& listener) {
  sender.summary.name = listener;
  sender.summary.network = true;
  const std::string name = parts_.network_class(listener);
  sender.chosen.policy_class = name.empty() ? nullptr : parts_.classes.find(name);
  if (sender.chosen.policy_class == nullptr) return;
  limits_.count(sender.limits, Subject::network, listener, sender.chosen.policy_class->network_limits,
                sender.chosen.policy_class->shadow);
}

void Replay::add(const RecordedEvent& event) {
  std::visit(
      [this](const auto& each) {
        using Event = std::remove_cvref_t<decltype(each)>;
        if constexpr (std::is_same_v<Event, RecordedMessage>) {
          static_cast<void>(judge(each));
        } else if constexpr (std::is_same_v<Event, RecordedDelivery>) {
          add_delivery(each);
        } else {
          advance(each.at);
          if (each.account.empty()) return;
          if (Sender* const sender = sender_of(each.account, each.customer, "")) ++sender->summary.refused_before;
        }
      },
      event);
}

void Replay::add_delivery(const RecordedDelivery& delivery) {
  advance(delivery.at);
  if (delivery.account.empty() || stopped_.find(delivery.id) != nullptr) return;
  std::vector<noticing::Outcome> outcomes;
  outcomes.reserve(delivery.to.size());
  for (const std::string& recipient : delivery.to)
    outcomes.push_back({.kind = delivery.kind, .recipient = watch_.hash_of_recipient(recipient)});
  const auto notice = watch_.outcomes(delivery.account, outcomes, instant());
  if (!notice) return;
  if (Sender* const sender = sender_of(delivery.account, "", ""))
    sender->summary.step = std::max(sender->summary.step, notice->verdict.step);
}

Judgement Replay::judge(const RecordedMessage& message) {
  advance(message.at);
  if (message.end == RecordedEnd::otherwise) {
    ++counts_.not_judged;
    return {};
  }
  Sender* const sender = sender_of(message.account, message.customer, message.listener);
  if (sender == nullptr) return {};
  Passing passing{.message = message, .sender = *sender, .recipients = message.recipients, .now = instant()};
  passing.judgement.network = message.account.empty();
  passing.judgement.policy_class = sender->chosen.policy_class;
  passing.judgement.watched =
      sender->chosen.watched != nullptr && sender->chosen.watched->highest > noticing::Step::pass;
  passing.to.assign(message.to.begin(), message.to.end());
  counts_.without_name += message.recipients - message.to.size();
  count_recipients(passing);
  ask_limits(passing);
  wait_for_turn(passing);
  notice(passing);
  settle(passing);
  return std::move(passing.judgement);
}

// At RCPT: by number, and of an account that may not send.
void Replay::count_recipients(Passing& passing) {
  const PolicyClass* const chosen = passing.sender.chosen.policy_class;
  if (passing.judgement.network) return;
  if (passing.recipients > chosen->recipients_per_message) {
    passing.judgement.findings.push_back({.effect = Effect::deferred,
                                          .reason = "too_many_recipients",
                                          .figures = counted(passing.recipients, "recipient") + "; up to " +
                                                     std::to_string(chosen->recipients_per_message) +
                                                     " may be in a message",
                                          .recipients = passing.recipients - chosen->recipients_per_message});
    passing.recipients = chosen->recipients_per_message;
    passing.to.resize(std::min<std::size_t>(passing.to.size(), passing.recipients));
  }
  if (!passing.judgement.watched) return;
  passing.step = watch_.step(passing.message.account, *passing.sender.chosen.watched, passing.now);
  if (passing.step < noticing::Step::suspend) return;
  // Those without a name are taken for strangers.
  std::erase_if(passing.to, [&](std::string_view each) { return !is_inside(*passing.sender.identity, each); });
  const auto inside = static_cast<std::uint32_t>(passing.to.size());
  if (inside < passing.recipients) {
    const auto known = watch_.look(passing.message.account, passing.now);
    passing.judgement.findings.push_back(
        {.effect = Effect::suspended,
         .reason = "sending_suspended_as_bulk",
         .figures = "at step suspend: " + (known ? reasons_text(known->verdict) : std::string()),
         .recipients = passing.recipients - inside});
  }
  passing.recipients = inside;
}

// Of each recipient that was not stopped, as session/sending_watch.cc.  Those without a name are taken for first-time
// ones.
std::vector<bool> Replay::first_time(const Passing& passing) {
  std::vector<bool> found(passing.recipients, true);
  if (!passing.judgement.watched) return found;
  std::vector<std::uint64_t> hashes;
  for (const std::string_view each : passing.to) hashes.push_back(watch_.hash_of_recipient(each));
  const std::vector<bool> known = watch_.knows(passing.message.account, hashes);
  for (std::size_t i = 0; i < passing.to.size(); ++i)
    found[i] = !known[i] && !is_inside(*passing.sender.identity, passing.to[i]);
  return found;
}

void Replay::ask_limits(Passing& passing) {
  if (passing.recipients == 0) return;
  const std::vector<bool> first = first_time(passing);
  const auto wanted = static_cast<std::uint32_t>(std::ranges::count(first, true));
  ReplayedLimits::Room room = ReplayedLimits::ask(
      passing.sender.limits, {.recipients = passing.recipients, .first_time = wanted, .bytes = passing.message.bytes},
      counts_.upto);
  for (LimitFinding& each : room.findings)
    passing.judgement.findings.push_back({.effect = effect_of(each.action),
                                          .shadow = each.shadow,
                                          .reason = "limit_reached",
                                          .figures = std::move(each.figures),
                                          .recipients = each.recipients});
  passing.recipients = room.recipients;
  // The first ones go on, of first-time recipients as many as there is room for.
  std::vector<std::string_view> kept;
  std::uint32_t going = 0;
  for (std::size_t i = 0; i < first.size() && going < room.recipients; ++i) {
    if (first[i] && passing.first_time == room.first_time) continue;
    if (first[i]) ++passing.first_time;
    if (i < passing.to.size()) kept.push_back(passing.to[i]);
    ++going;
  }
  passing.to = std::move(kept);
}

// Before the content.
void Replay::wait_for_turn(Passing& passing) {
  if (passing.recipients == 0 || passing.step < noticing::Step::slow) return;
  const noticing::Turn turn =
      watch_.wait(passing.message.account, *passing.sender.chosen.watched, passing.recipients, passing.now);
  if (turn.defer) {
    passing.judgement.findings.push_back({.effect = Effect::deferred,
                                          .reason = "slow_down",
                                          .figures = "at step slow, and its turn is too far away",
                                          .recipients = passing.recipients});
    passing.recipients = 0;
  } else if (turn.wait > Duration::zero()) {
    passing.judgement.findings.push_back({.effect = Effect::slowed,
                                          .figures = "at step slow: waits " + seconds(turn.wait),
                                          .recipients = passing.recipients});
  }
}

// Behind the content, before the final dot is answered.
void Replay::notice(Passing& passing) {
  if (passing.recipients == 0) passing.first_time = 0;
  if (passing.recipients == 0 || !passing.judgement.watched) return;
  const noticing::WatchedClass& by = *passing.sender.chosen.watched;
  const auto ip = parse_ip(passing.message.client);
  noticing::MessageFacts facts{.recipients = passing.recipients};
  if (ip) facts.network = watch_.hash(client_network(ip->span(), kNoticedIpv4Bits, kNoticedIpv6Bits).to_string());
  facts.inside = passing.to.size() == passing.recipients && std::ranges::all_of(passing.to, [&](std::string_view each) {
                   return is_inside(*passing.sender.identity, each);
                 });
  std::vector<std::uint64_t> hashes;
  hashes.reserve(passing.to.size());
  for (const std::string_view each : passing.to) hashes.push_back(watch_.hash_of_recipient(each));
  passing.judgement.verdict = watch_.message(passing.message.account, by, facts, hashes, passing.now);
  const noticing::Verdict& verdict = passing.judgement.verdict;
  passing.sender.summary.step = std::max(passing.sender.summary.step, verdict.step);
  const noticing::Step taken = by.taken(verdict.step);
  Finding finding{.effect = effect_of(taken), .figures = reasons_text(verdict), .recipients = passing.recipients};
  if (taken == noticing::Step::suspend) {
    finding.reason = "sending_suspended_as_bulk";
    passing.recipients = 0;
  }
  // What is slowed was said before; a step is told of once, also where a next hop's reply has raised it.
  const bool is_higher = verdict.step > std::exchange(passing.sender.last_step, verdict.step);
  if (stops(finding.effect) || (is_higher && finding.effect == Effect::noted))
    passing.judgement.findings.push_back(finding);
  if (by.shadow && verdict.step > noticing::Step::tell) {
    finding.effect = effect_of(std::min(verdict.step, by.highest));
    finding.shadow = true;
    if (finding.effect > Effect::noted) passing.judgement.findings.push_back(std::move(finding));
  }
}

// What was accepted is spent, as far as the next hop took it.
void Replay::settle(Passing& passing) {
  Judgement& judgement = passing.judgement;
  const RecordedMessage& message = passing.message;
  bool held = false;
  for (const Finding& finding : judgement.findings) held = held || (!finding.shadow && finding.effect == Effect::held);
  const std::uint32_t taken = message.end == RecordedEnd::taken ? std::min(passing.recipients, message.recipients_taken)
                              : message.end == RecordedEnd::policy ? passing.recipients
                                                                   : 0;
  // What was watched is known from now on, whatever became of it.
  const std::uint32_t first_time = judgement.watched ? passing.first_time : std::min(passing.first_time, taken);
  ReplayedLimits::spend(passing.sender.limits, {.recipients = taken, .first_time = first_time, .bytes = message.bytes},
                        counts_.upto);
  judgement.recipients_passed = held ? 0 : passing.recipients;
  if (judgement.recipients_passed == 0 && stopped_.find(message.id) == nullptr) {
    stopped_.make_room(kStoppedMax);
    stopped_.insert(message.id, true);
  }
  passing.sender.summary.all.add(message.recipients);
  note_findings(passing.sender.summary, judgement, message, counts_.upto);
}

std::vector<const ReplayedSender*> Replay::senders() const {
  std::vector<const ReplayedSender*> all;
  all.reserve(senders_.size());
  for (const auto& [key, sender] : senders_) all.push_back(&sender.summary);
  const auto order = [](const ReplayedSender* each) {
    std::uint64_t stopped = 0;
    std::uint64_t others = each->in_shadow.recipients;
    for (std::size_t i = 1; i < kEffects; ++i)
      (stops(static_cast<Effect>(i)) ? stopped : others) += each->by_effect[i].recipients;
    return std::tuple(stopped, others, each->all.recipients);
  };
  std::ranges::sort(all, [&order](const ReplayedSender* a, const ReplayedSender* b) {
    const auto left = order(a);
    const auto right = order(b);
    return left != right ? left > right : std::tie(a->network, a->name) < std::tie(b->network, b->name);
  });
  return all;
}

}  // namespace sluice::policy

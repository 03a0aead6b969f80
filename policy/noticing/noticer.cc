#include "policy/noticing/noticer.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

#include "policy/noticing/score.h"

namespace sluice::noticing {
namespace {

constexpr Minute kMinutesOfHour = 60;
// Recipients: less of scattered texts is not remembered for longer than a day.
constexpr float kScatteredKept = 20;

Minute minute_of(Instant now) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count();
  return static_cast<Minute>(std::clamp<std::int64_t>(minutes, 0, std::numeric_limits<Minute>::max()));
}

std::uint32_t hour_at(Instant now) { return minute_of(now) / kMinutesOfHour; }

void learn_day(AccountState& state, ActiveDay& day, const OrdinaryDay& floor) {
  if (!day.day_held)
    state.history.learn(
        {.recipients = day.day_recipients, .first_time_recipients = day.day_first_time, .networks = day.day_networks},
        floor);
  day.day_recipients = 0;
  day.day_first_time = 0;
  day.day_networks = 0;
  day.day_held = false;
}

// Brings all counts of the day up to now.  Cores' clocks differ by a turn: an earlier time counts as the latest.
ActiveDay& day_at(AccountState& state, Instant now, const OrdinaryDay& floor) {
  const std::uint32_t hour = hour_at(now);
  if (state.day == nullptr) {
    state.day = std::make_unique<ActiveDay>();
    state.day->hour = hour;
  }
  ActiveDay& day = *state.day;
  if (hour <= day.hour) return day;
  if (hour / kHoursOfDay != day.hour / kHoursOfDay) learn_day(state, day, floor);
  day.hours.forget(hour);
  day.networks.forget(hour);
  day.texts.forget(hour);
  if (hour - day.failed_logins_hour >= kHoursOfDay) day.failed_logins = 0;
  day.hour = hour;
  return day;
}

// What a step was taken for is over; the account begins anew, but for what is known of its habits.
void forget_evidence(AccountState& state) {
  if (state.day != nullptr) {
    const std::uint32_t hour = state.day->hour;
    *state.day = {};
    state.day->hour = hour;
    state.day->day_held = true;
  }
  state.unknown.reset();
}

Verdict climb(AccountState& state, const ActiveDay& day, Instant now, const ClassPolicy& policy) {
  Verdict verdict;
  const float points = measure_all(
      {.state = state, .day = day, .ordinary = policy.ordinary, .texts = day.texts.most_sent(day.hour)}, verdict);
  verdict.raised = state.ladder.raise(points, minute_of(now), policy);
  verdict.step = state.ladder.step();
  verdict.score = state.ladder.score();
  verdict.strikes = state.ladder.strikes();
  return verdict;
}

// The state of now, after the timer has lifted what is over.
ActiveDay& current(AccountState& state, Instant now, const OrdinaryDay& floor) {
  if (state.ladder.is_over(minute_of(now))) {
    state.ladder.lift();
    forget_evidence(state);
  }
  return day_at(state, now, floor);
}

}  // namespace

bool Noticer::recipient(AccountState& state, std::uint64_t address, Instant now) const {
  if (!state.known.add(address)) return false;
  ActiveDay& day = current(state, now, policy_.ordinary);
  day.hours.add(day.hour, &HourCounts::first_time, 1);
  ++day.day_first_time;
  return true;
}

Turn Noticer::wait(AccountState& state, std::uint32_t recipients, Instant now) const {
  ActiveDay& day = current(state, now, policy_.ordinary);
  if (state.ladder.step() != Step::slow) return {};
  const Instant turn = std::max(now, day.next_turn);
  if (turn - now > policy_.wait_max) return {.wait = {}, .defer = true};
  day.next_turn = turn + recipients * policy_.turn;
  return {.wait = turn - now};
}

Verdict Noticer::message(AccountState& state, const MessageFacts& facts, Instant now) const {
  ActiveDay& day = current(state, now, policy_.ordinary);
  if (facts.inside) return {};
  if (facts.network != 0) day.networks.add(facts.network, facts.country, day.hour);
  day.day_networks = std::max(day.day_networks, day.networks.networks());
  if (facts.failed_logins > 0) {
    day.failed_logins = std::max(day.failed_logins, facts.failed_logins);
    day.failed_logins_hour = day.hour;
  }
  if (state.ladder.step() < Step::hold) {
    day.hours.add(day.hour, &HourCounts::recipients, facts.recipients);
    day.day_recipients += facts.recipients;
    day.texts.add(facts, day.hour);
  }
  const Verdict verdict = climb(state, day, now, policy_);
  if (verdict.step >= Step::hold) day.day_held = true;
  // The message that made the account slow takes its time, too: what becomes of its recipients is known before the
  // next.
  if (verdict.raised && verdict.step == Step::slow) day.next_turn = now + facts.recipients * policy_.turn;
  return verdict;
}

void Noticer::merge(AccountState& state, const SeenElsewhere& seen, Instant now) const {
  std::uint32_t first_time = seen.more_strangers;
  for (const std::uint64_t stranger : seen.strangers) first_time += state.known.add(stranger) ? 1 : 0;
  ActiveDay& day = current(state, now, policy_.ordinary);
  for (const SeenElsewhere::Network& each : seen.networks) day.networks.add(each.hash, each.country, day.hour);
  day.day_networks = std::max(day.day_networks, day.networks.networks());
  if (seen.failed_logins > day.failed_logins) {
    day.failed_logins = seen.failed_logins;
    day.failed_logins_hour = day.hour;
  }
  if (state.ladder.step() < Step::hold) {
    day.hours.add(day.hour, &HourCounts::recipients, seen.recipients);
    day.hours.add(day.hour, &HourCounts::first_time, first_time);
    day.day_recipients += seen.recipients;
    day.day_first_time += first_time;
    for (const SeenElsewhere::Text& each : seen.texts) {
      MessageFacts with{.network = each.network, .text = each.sketch, .list_unsubscribe = true};
      MessageFacts without{.network = each.network, .text = each.sketch};
      without.recipients = each.without_unsubscribe;
      without.first_time = std::min(each.first_time, each.without_unsubscribe);
      with.recipients = each.recipients - without.recipients;
      with.first_time = each.first_time - without.first_time;
      for (const MessageFacts& message : {with, without})
        if (message.recipients > 0) day.texts.add(message, day.hour);
    }
  }
  day.hours.add(day.hour, &HourCounts::answered, seen.accepted + seen.unknown + seen.spam + seen.other);
  day.hours.add(day.hour, &HourCounts::spam_replies, seen.spam);
  day.hours.add(day.hour, &HourCounts::unknown, seen.unknown);
  // In turns, as next hops have said it, one or the other.
  const std::uint64_t both = std::uint64_t{seen.accepted} + seen.unknown;
  for (std::uint64_t i = 0; i < both; ++i) {
    if ((i + 1) * seen.unknown / both > i * seen.unknown / both) {
      state.unknown.unknown(day.hour);
    } else {
      state.unknown.accepted(day.hour);
    }
  }
}

Verdict Noticer::outcome(AccountState& state, const Outcome& outcome, Instant now) const {
  ActiveDay& day = current(state, now, policy_.ordinary);
  day.hours.add(day.hour, &HourCounts::answered, 1);
  switch (outcome.kind) {
    case OutcomeKind::accepted:
      state.unknown.accepted(day.hour);
      break;
    case OutcomeKind::unknown:
      if (day.unknown.add(outcome.recipient)) {
        state.unknown.unknown(day.hour);
        day.hours.add(day.hour, &HourCounts::unknown, 1);
      }
      break;
    case OutcomeKind::spam:
      day.hours.add(day.hour, &HourCounts::spam_replies, 1);
      break;
    case OutcomeKind::other:
      break;
  }
  return climb(state, day, now, policy_);
}

// What raises a step is a message or an outcome: a look in between would take the event from it.
Verdict Noticer::judge(AccountState& state, Instant now) const {
  const ActiveDay& day = current(state, now, policy_.ordinary);
  const Ladder before = state.ladder;
  const Verdict verdict = climb(state, day, now, policy_);
  state.ladder = before;
  return verdict;
}

void Noticer::release(AccountState& state) const {
  state.ladder = {};
  forget_evidence(state);
}

Instant Noticer::last_judged(const AccountState& state) {
  return Instant() + std::chrono::minutes(state.ladder.scored());
}

bool Noticer::holds(const AccountState& state, Instant now) {
  return state.ladder.step() >= Step::hold && !state.ladder.is_over(minute_of(now));
}

void Noticer::set_clock(AccountState& state, std::int64_t minutes, Instant now) const {
  // Rounded down, so that no hour comes out as yet to come but where the clock was set by less than one.
  constexpr std::int64_t kHour = kMinutesOfHour;
  const std::int64_t hours = (minutes - (minutes % kHour + kHour) % kHour) / kHour;
  state.ladder.set_clock(minutes, minute_of(now), policy_);
  state.unknown.set_clock(hours, hour_at(now));
  if (state.day == nullptr) return;
  ActiveDay& day = *state.day;
  const std::int64_t hour = day.hour + hours;
  // A day that is yet to come would stop all counts until then.
  if (hour < 0 || hour > std::int64_t{hour_at(now)} + 1) {
    state.day.reset();
    return;
  }
  day.hour = static_cast<std::uint32_t>(hour);
  day.failed_logins_hour = static_cast<std::uint32_t>(day.failed_logins_hour + hours);
  day.hours.set_clock(hours);
  day.networks.set_clock(hours);
  day.texts.set_clock(hours);
}

bool Noticer::sweep(AccountState& state, Instant now) const {
  if (state.day == nullptr) return true;
  ActiveDay& day = current(state, now, policy_.ordinary);
  // Who sends slowly may leave a day out.
  if (day.texts.most_sent(day.hour).scattered >= kScatteredKept) return false;
  const bool used = day.hours.sum(&HourCounts::recipients) + day.hours.sum(&HourCounts::first_time) +
                        day.hours.sum(&HourCounts::answered) + day.networks.networks() !=
                    0;
  if (used) return false;
  learn_day(state, day, policy_.ordinary);
  state.day.reset();
  return true;
}

}  // namespace sluice::noticing

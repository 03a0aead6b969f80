#include "tests/support/noticing_thief.h"

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace sluice::noticing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr double kDeadShareOfBoughtList = 0.15;

constexpr std::array kThieves = {
    ThiefHabits{.name = "fast: 50 a message, 10 sessions", .recipients = 50, .pause_s = 10, .sessions = 10},
    ThiefHabits{.name = "fast: 1 a message, 20 sessions", .recipients = 1, .pause_s = 2, .sessions = 20},
    ThiefHabits{.name = "100 a message, one session", .recipients = 100, .pause_s = 30},
    ThiefHabits{
        .name = "10 a message, 5 sessions, 6 networks", .recipients = 10, .pause_s = 30, .sessions = 5, .networks = 6},
    ThiefHabits{
        .name = "one text, one network, 20 a message", .recipients = 20, .pause_s = 20, .networks = 1, .varied = 0},
    ThiefHabits{.name = "password guessed, 5 a message", .recipients = 5, .pause_s = 60, .failed_logins = 80},
    ThiefHabits{.name = "slow: 5 every 30 minutes", .recipients = 5, .pause_s = 1800},
    ThiefHabits{.name = "slow: 1 every 10 minutes", .recipients = 1, .pause_s = 600},
    ThiefHabits{.name = "very slow: 1 every 40 minutes", .recipients = 1, .pause_s = 2400},
    ThiefHabits{.name = "like a newsletter, with List-Unsubscribe, one network",
                .recipients = 50,
                .pause_s = 60,
                .networks = 1,
                .varied = 0,
                .list_unsubscribe = true},
    ThiefHabits{.name = "slow: 1 every 20 minutes, 2 networks", .recipients = 1, .pause_s = 1200, .networks = 2},
};

class Thief {
 public:
  Thief(const ThiefHabits& habits, bool countries, std::uint64_t seed)
      : habits_(habits),
        countries_(countries),
        draw_(seed),
        text_(draw_, 80, habits.varied),
        networks_seed_(draw_.next()) {}

  SentMessage message() {
    SentMessage message;
    for (std::uint32_t i = 0; i < habits_.recipients; ++i)
      message.recipients.push_back({.hash = draw_.next(), .dead = draw_.chance(kDeadShareOfBoughtList)});
    const std::uint64_t place = habits_.networks == 0 ? draw_.next() : networks_seed_ + ++turn_ % habits_.networks;
    Draw of_network(place);
    message.network = of_network.next();
    // Where botnets are, some countries have more of them than others.
    const auto country = static_cast<char>('A' + static_cast<int>(of_network.share() * of_network.share() * 26));
    if (countries_) message.country = CountryCode{country, 'X'};
    message.text = sketch_of(text_.copy(draw_));
    message.list_unsubscribe = habits_.list_unsubscribe;
    message.failed_logins = habits_.failed_logins;
    return message;
  }

 private:
  const ThiefHabits& habits_;
  bool countries_;
  Draw draw_;
  RotatingText text_;
  std::uint64_t networks_seed_;
  std::uint64_t turn_ = 0;
};

// What a session does next: begins a message, or ends the one that waits.
struct NextStep {
  Instant at;
  std::uint64_t order = 0;
  std::optional<SentMessage> waiting;
  bool operator>(const NextStep& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
};

}  // namespace

std::span<const ThiefHabits> thieves() { return kThieves; }

Containment run_thief(const ThiefHabits& habits, Kind owner, Route route, bool countries, std::uint32_t owner_days,
                      std::uint64_t seed) {
  OrdinaryAccount ordinary(owner, seed, route);
  for (std::uint32_t day = 0; day < owner_days; ++day) ordinary.run_day(day);
  SimulatedAccount& account = ordinary.account();
  account.begin_anew();
  Thief thief(habits, countries, seed + 1);
  const Instant start = Instant() + hours(24) * (1000 + owner_days) + hours(2);
  const Instant end = start + hours(24 * 7);
  std::priority_queue<NextStep, std::vector<NextStep>, std::greater<>> steps;
  std::uint64_t order = 0;
  for (; order < habits.sessions; ++order) steps.push({.at = start + seconds(order), .order = order, .waiting = {}});
  Containment result;
  while (!steps.empty() && steps.top().at < end) {
    NextStep step = steps.top();
    steps.pop();
    step.order = ++order;
    if (!step.waiting) {
      SentMessage message = thief.message();
      const Turn turn = account.begin(message, step.at);
      step.at += turn.defer ? minutes(5) : turn.wait;
      if (!turn.defer) step.waiting = std::move(message);
    } else {
      const Verdict verdict = account.finish(*step.waiting, step.at);
      const bool held = verdict.step >= Step::hold;
      if (held && !result.contained) {
        result.contained = true;
        result.recipients = account.recipients_out();
        result.hours = std::chrono::duration<double, std::ratio<3600>>(step.at - start).count();
        result.reasons = account.reasons();
      }
      step.waiting.reset();
      // Held mail is taken with 250, too; so that the simulation ends soon, sessions try again every hour only.
      step.at += held ? Duration(hours(1)) : Duration(seconds(habits.pause_s));
    }
    steps.push(std::move(step));
  }
  result.in_a_week = account.recipients_out();
  if (!result.contained) result.recipients = result.in_a_week;
  return result;
}

}  // namespace sluice::noticing

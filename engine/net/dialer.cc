#include "engine/net/dialer.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

namespace sluice::net {

// The attempts of one connect(), on its frame.
struct Dialer::Race {
  enum class State : std::uint8_t { waiting, under_way, failed, overtaken };
  struct Attempt {
    io::Address address;
    ConnectCancel cancel;
    State state = State::waiting;
  };
  Race(Dialer& of_dialer, Duration for_each) : dialer(of_dialer), loop(of_dialer.loop_), timeout(for_each) {}

  Dialer& dialer;
  io::Loop& loop;
  Duration timeout;
  std::deque<Attempt> attempts;
  std::size_t started = 0;
  std::size_t running = 0;
  std::unique_ptr<Connection> won;
  io::Address winner;
  int error = ENETUNREACH;
  io::Timer next{&Dialer::start_next, this};
  TaskSet under_way;
};

Task<std::expected<Dialer::Dialed, int>> Dialer::connect(std::vector<io::Address> addresses, Duration timeout) {
  CHECK(!addresses.empty());
  if (addresses.size() == 1) {
    auto connected = co_await Connection::connect(loop_, addresses.front(), timeout);
    if (!connected) co_return std::unexpected(connected.error());
    co_return Dialed{*std::move(connected), addresses.front()};
  }
  Race race(*this, timeout);
  for (const io::Address& address : order(addresses)) race.attempts.emplace_back().address = address;
  start_next(&race);
  co_await race.under_way.join("connect");
  loop_.timers().disarm(race.next);
  if (race.won != nullptr) ended(race);
  CHECK(race.running == 0);
  remember(race);
  if (race.won == nullptr) co_return std::unexpected(race.error);
  co_return Dialed{std::move(race.won), race.winner};
}

void Dialer::start_next(void* context) {
  Race& race = *static_cast<Race*>(context);
  if (race.won != nullptr || race.started == race.attempts.size()) return;
  if (race.running > 0 && race.dialer.beside_ == kBesideMax) {
    race.loop.timers().arm(race.next, race.loop.now() + kAttemptDelay);
    return;
  }
  const std::size_t number = race.started++;
  if (race.started < race.attempts.size()) race.loop.timers().arm(race.next, race.loop.now() + kAttemptDelay);
  if (race.running++ > 0) ++race.dialer.beside_;
  race.under_way.add(contend(race, number));
}

// Of a race's attempts all but one are beside.
void Dialer::ended(Race& race) {
  if (--race.running > 0) --race.dialer.beside_;
}

Task<void> Dialer::contend(Race& race, std::size_t number) {
  Race::Attempt& attempt = race.attempts[number];
  attempt.state = Race::State::under_way;
  auto connected = co_await Connection::connect(race.loop, attempt.address, race.timeout, &attempt.cancel);
  if (race.won != nullptr) {
    attempt.state = Race::State::overtaken;
    if (connected) co_await (*connected)->close();
    ended(race);
    co_return;
  }
  if (!connected) {
    attempt.state = Race::State::failed;
    race.error = connected.error();
    ended(race);
    start_next(&race);
    co_return;
  }
  race.won = *std::move(connected);
  race.winner = attempt.address;
  race.loop.timers().disarm(race.next);
  for (Race::Attempt& other : race.attempts)
    if (&other != &attempt && other.state == Race::State::under_way) other.cancel.cancel();
}

void Dialer::remember(const Race& race) {
  if (race.won == nullptr) return;  // it may be the network here: nothing is known of each of them
  avoided_.erase(race.winner.ip());
  for (const Race::Attempt& attempt : race.attempts)
    if (attempt.state == Race::State::failed || attempt.state == Race::State::overtaken) avoid(attempt.address);
}

void Dialer::avoid(const io::Address& address) {
  if (avoided_.size() >= kAvoidedMax)
    std::erase_if(avoided_, [now = loop_.now()](const auto& each) { return each.second <= now; });
  if (avoided_.size() < kAvoidedMax) avoided_[address.ip()] = loop_.now() + kAvoid;
}

bool Dialer::avoided(const io::Address& address) const {
  const auto at = avoided_.find(address.ip());
  return at != avoided_.end() && at->second > loop_.now();
}

std::vector<io::Address> Dialer::order(const std::vector<io::Address>& addresses) const {
  if (addresses.size() < 2) return addresses;
  std::vector<io::Address> ordered;
  ordered.reserve(addresses.size());
  for (const bool last : {false, true}) {
    std::deque<io::Address> first_family;
    std::deque<io::Address> other_family;
    for (const io::Address& address : addresses) {
      if (avoided(address) != last) continue;
      const bool same = first_family.empty() || first_family.front().family() == address.family();
      (same ? first_family : other_family).push_back(address);
    }
    while (!first_family.empty() || !other_family.empty()) {
      for (auto* family : {&first_family, &other_family}) {
        if (family->empty()) continue;
        ordered.push_back(family->front());
        family->pop_front();
      }
    }
  }
  return ordered;
}

}  // namespace sluice::net

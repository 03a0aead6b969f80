#include "tests/support/noticing_population.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace sluice::noticing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

ClassPolicy policy_of(Kind kind, std::uint64_t seed) {
  const bool business = kind == Kind::office || ((kind == Kind::newcomer || kind == Kind::shop) && seed / 100 % 2 == 1);
  if (business) return built_in_policy("business");
  return built_in_policy(kind == Kind::device ? "device" : "home");
}

bool is_weekend(std::uint32_t day) { return day % 7 >= 5; }

constexpr std::uint32_t kGroup = 50;
constexpr double kSpamShareOfListedDay = 0.3;
constexpr std::uint32_t kSaleDays = 3;
constexpr double kNewCustomers = 0.75;
constexpr double kConfirmations = 0.85;  // of a shop's mail; the rest is written by its owner

}  // namespace

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, kKinds> kNames = {"person",    "office",    "commuter",   "traveller",
                                                           "new job",   "greetings", "newsletter", "device",
                                                           "old phone", "newcomer",  "shop"};
  return kNames[static_cast<std::size_t>(kind)];
}

Kind kind_of(std::uint32_t number) {
  const std::uint32_t of_hundred = number % 100;
  if (of_hundred < 42) return Kind::person;
  if (of_hundred < 45) return of_hundred == 42 ? Kind::newcomer : Kind::shop;
  if (of_hundred < 60) return Kind::office;
  if (of_hundred < 72) return Kind::commuter;
  if (of_hundred < 78) return Kind::traveller;
  if (of_hundred < 80) return Kind::new_job;
  if (of_hundred < 88) return Kind::greetings;
  if (of_hundred < 90) return Kind::newsletter;
  return of_hundred < 97 ? Kind::device : Kind::old_phone;
}

OrdinaryAccount::OrdinaryAccount(Kind kind, std::uint64_t seed, Route route)
    : kind_(kind), draw_(seed), account_(policy_of(kind, seed), route), clock_(Instant() + hours(1000 * 24)) {
  networks_seed_ = draw_.next();
  choose_habits();
}

void OrdinaryAccount::choose_habits() {
  messages_mean_ = std::min(40.0, draw_.lognormal(2, 1.1));
  weekend_ = 0.4 + 0.6 * draw_.share();
  dead_share_ = 0.005 + 0.035 * draw_.share();
  stranger_chance_ = 0.02 + 0.1 * draw_.share();
  networks_ = draw_.between(1, 3);
  special_day_ = draw_.between(2, 20);
  if (draw_.chance(0.4)) signature_ = some_words(draw_, draw_.between(5, 20));
  std::uint32_t acquaintances = draw_.between(10, 150);
  switch (kind_) {
    case Kind::office:
      messages_mean_ = std::min(150.0, draw_.lognormal(18, 0.9));
      weekend_ = 0.05;
      group_chance_ = 0.3;
      acquaintances = draw_.between(80, 900);
      signature_ = some_words(draw_, draw_.between(30, 90));
      break;
    case Kind::commuter:
      networks_ = draw_.between(4, 10);
      break;
    case Kind::greetings:
      special_day_ = 12 + draw_.between(0, 3);
      bulk_size_ = static_cast<std::uint32_t>(std::min(250.0, draw_.lognormal(60, 0.6)));
      acquaintances += bulk_size_;
      break;
    case Kind::newsletter:
      special_day_ = draw_.between(0, 8);
      bulk_size_ = 300;
      dead_share_ = 0.03 * draw_.share();
      break;
    case Kind::device:
      messages_mean_ = draw_.chance(0.3) ? 24 : 3;
      weekend_ = 1;
      networks_ = 1;
      stranger_chance_ = 0;
      group_chance_ = 0.5;
      acquaintances = draw_.between(2, 5);
      break;
    case Kind::newcomer:
      special_day_ = 0;
      bulk_size_ = 300;
      dead_share_ = 0.04 * draw_.share();
      break;
    case Kind::shop:
      messages_mean_ = std::min(60.0, draw_.lognormal(20, 0.7));
      weekend_ = 1;
      server_networks_ = draw_.chance(0.2) ? 2 : 1;
      signature_ = some_words(draw_, draw_.between(80, 150));
      break;
    case Kind::person:
    case Kind::traveller:
    case Kind::new_job:
    case Kind::old_phone:
      break;
  }
  while (acquaintances-- > 0) acquaintances_.push_back(stranger());
  if (kind_ == Kind::device) acquaintances_.front().dead = draw_.chance(0.5);
}

Correspondent OrdinaryAccount::stranger() { return {.hash = draw_.next(), .dead = draw_.chance(dead_share_)}; }

// A few are written to most.  Who finds that an address is dead seldom writes to it again.
Correspondent OrdinaryAccount::correspondent(double stranger_chance) {
  if (draw_.chance(stranger_chance)) {
    acquaintances_.push_back(stranger());
    return acquaintances_.back();
  }
  for (int tries = 0;; ++tries) {
    const double share = draw_.share();
    const auto place = static_cast<std::size_t>(share * share * static_cast<double>(acquaintances_.size()));
    const Correspondent found = acquaintances_[place];
    if (!found.dead || kind_ == Kind::device || tries == 3) return found;
  }
}

double OrdinaryAccount::messages_of(std::uint32_t day) {
  double mean = messages_mean_ * (is_weekend(day) ? weekend_ : 1) * draw_.lognormal(1, 0.5);
  if (kind_ == Kind::new_job && day >= special_day_ && !is_weekend(day)) mean += 25;
  if (kind_ == Kind::shop && day >= special_day_ && day < special_day_ + kSaleDays) mean *= 2;
  return kind_ == Kind::device ? messages_mean_ : mean;
}

void OrdinaryAccount::choose_network(SentMessage& message, std::uint32_t day) {
  const bool abroad = kind_ == Kind::traveller && day >= special_day_ && day < special_day_ + 7;
  Draw of_account(networks_seed_ + (abroad ? day / 2 : 0));
  for (std::uint32_t place = draw_.between(1, abroad ? 5 : networks_); place > 0; --place)
    message.network = of_account.next();
  // A telephone gets another address of its provider's now and then.
  if (kind_ == Kind::commuter && draw_.chance(0.2)) message.network = draw_.next();
  message.country = CountryCode{'D', 'E'};
  if (abroad) message.country = draw_.chance(0.3) ? CountryCode{'A', 'T'} : CountryCode{'I', 'T'};
}

// From the shop's server: of the text, what was ordered varies.  Where the server has addresses of IPv4 and IPv6, it
// depends on what answers.
SentMessage OrdinaryAccount::confirmation() {
  SentMessage message;
  message.recipients.push_back(correspondent(kNewCustomers));
  message.text = sketch_of(signature_ + some_words(draw_, draw_.between(8, 40)));
  message.network = Draw(networks_seed_ + (server_networks_ > 1 && draw_.chance(0.3) ? 2 : 1)).next();
  message.country = CountryCode{'D', 'E'};
  return message;
}

SentMessage OrdinaryAccount::message_of(std::uint32_t day) {
  if (kind_ == Kind::shop && draw_.chance(kConfirmations)) return confirmation();
  SentMessage message;
  std::uint32_t recipients = 1;
  if (draw_.chance(group_chance_)) recipients = draw_.chance(0.2) ? draw_.between(6, 25) : draw_.between(2, 5);
  const bool at_new_job = kind_ == Kind::new_job && day >= special_day_;
  const double strangers = at_new_job ? 0.7 * std::exp(-(day - special_day_) / 10.0) : stranger_chance_;
  for (; recipients > 0; --recipients) message.recipients.push_back(correspondent(strangers));
  message.text = sketch_of(kind_ == Kind::device ? "Report of the day: all jobs have run, nothing is to be done\r\n"
                                                 : some_words(draw_, draw_.between(8, 120)) + signature_);
  if (kind_ == Kind::old_phone) message.failed_logins = draw_.between(20, 200);
  if (day == kListedDay) message.spam_share = kSpamShareOfListedDay;
  choose_network(message, day);
  return message;
}

void OrdinaryAccount::send(const SentMessage& message, Instant at) {
  clock_ = std::max(clock_, at);
  recipients_ += static_cast<std::uint32_t>(message.recipients.size());
  of_day_ += static_cast<std::uint32_t>(message.recipients.size());
  for (int tries = 0; tries < 100; ++tries) {
    const Turn turn = account_.begin(message, clock_);
    if (!turn.defer) {
      clock_ += turn.wait;
      static_cast<void>(account_.finish(message, clock_));
      return;
    }
    clock_ += minutes(5);
  }
}

// The club's members, or all acquaintances: the same text in groups, one after another.
void OrdinaryAccount::send_bulk(std::uint32_t day) {
  if (bulk_size_ == 0 || (kind_ == Kind::newsletter ? day % 14 : day) != special_day_) return;
  while (acquaintances_.size() < bulk_size_) acquaintances_.push_back(stranger());
  SentMessage message;
  message.text = sketch_of(some_words(draw_, 250) + signature_);
  choose_network(message, day);
  const std::uint32_t group = kind_ == Kind::greetings ? draw_.between(1, kGroup) : kGroup;
  for (std::size_t begin = 0; begin < bulk_size_; begin += group) {
    const std::size_t end = std::min<std::size_t>(begin + group, bulk_size_);
    message.recipients.assign(acquaintances_.begin() + static_cast<std::ptrdiff_t>(begin),
                              acquaintances_.begin() + static_cast<std::ptrdiff_t>(end));
    send(message, clock_ + seconds(40));
  }
}

void OrdinaryAccount::run_day(std::uint32_t day) {
  const Instant midnight = Instant() + hours(24) * (1000 + day);
  of_day_ = 0;
  const std::uint32_t messages = std::min(400U, draw_.poisson(messages_of(day)));
  std::vector<std::uint32_t> times(messages);
  for (std::uint32_t& time : times) {
    const bool at_any_time = kind_ == Kind::device || (kind_ == Kind::shop && draw_.chance(0.4));
    time = at_any_time ? draw_.between(0, 1439) : draw_.between(7 * 60, 23 * 60);
  }
  std::ranges::sort(times);
  bool bulk_sent = false;
  for (const std::uint32_t time : times) {
    if (!bulk_sent && time > 18 * 60) {
      bulk_sent = true;
      clock_ = std::max(clock_, midnight + hours(18));
      send_bulk(day);
    }
    send(message_of(day), midnight + minutes(time));
  }
  if (!bulk_sent) {
    clock_ = std::max(clock_, midnight + hours(20));
    send_bulk(day);
  }
  clock_ = std::max(clock_, midnight + hours(24));
  account_.hear(clock_);
  account_.sweep(clock_);
  largest_day_ = std::max(largest_day_, of_day_);
}

}  // namespace sluice::noticing

// Ordinary accounts with generated habits, for the noticer's trial: what days they send on, how much, to whom, from
// where.  Each is one seed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/noticing/class_policy.h"
#include "tests/support/noticing_account.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {

enum class Kind : std::uint8_t {
  person,      // a home: a few messages a day, some more
  office,      // weekdays, a heavy tail, the same disclaimer under each message
  commuter,    // a person whose telephone changes networks all day
  traveller,   // a person who is abroad for a week
  new_job,     // a person who writes to many strangers from some day on
  greetings,   // a person who writes to all acquaintances on one day
  newsletter,  // a club: some 300 in groups of 50, twice a month
  device,      // reports to the same few, one of whom is gone
  old_phone,   // a person with a telephone that has an old password
  newcomer,    // a new customer who writes to a whole address book on the first day, 300 in groups of 50
  shop,  // confirms orders day and night, to customers most of whom are new, with one text, and twice as many in a sale
};
inline constexpr std::size_t kKinds = 11;
std::string_view kind_name(Kind kind);
// As a provider's customers are mixed, by the account's number.
Kind kind_of(std::uint32_t number);

class OrdinaryAccount {
 public:
  OrdinaryAccount(Kind kind, std::uint64_t seed, Route route);

  // Days are run in their order, beginning with 0, a Monday.
  void run_day(std::uint32_t day);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] SimulatedAccount& account() { return account_; }
  [[nodiscard]] std::uint32_t recipients() const { return recipients_; }
  [[nodiscard]] std::uint32_t largest_day() const { return largest_day_; }

 private:
  void choose_habits();
  [[nodiscard]] double messages_of(std::uint32_t day);
  [[nodiscard]] SentMessage message_of(std::uint32_t day);
  [[nodiscard]] Correspondent correspondent(double stranger_chance);
  [[nodiscard]] Correspondent stranger();
  void send(const SentMessage& message, Instant at);
  void send_bulk(std::uint32_t day);
  [[nodiscard]] SentMessage confirmation();
  void choose_network(SentMessage& message, std::uint32_t day);

  Kind kind_;
  Draw draw_;
  SimulatedAccount account_;
  Instant clock_;
  std::vector<Correspondent> acquaintances_;
  double messages_mean_ = 2;
  double weekend_ = 0.7;
  double stranger_chance_ = 0.06;
  double dead_share_ = 0.02;
  double group_chance_ = 0.2;
  std::uint32_t networks_ = 2;
  std::uint64_t networks_seed_ = 0;
  std::uint32_t special_day_ = 0;  // on which what is special of the kind begins
  std::uint32_t bulk_size_ = 0;
  std::string signature_;
  std::uint32_t server_networks_ = 1;  // that a shop's confirmations come from
  std::uint32_t recipients_ = 0;
  std::uint32_t of_day_ = 0;
  std::uint32_t largest_day_ = 0;
};

// A day on which the relay's own address is listed, so that next hops refuse much of everybody's mail as spam.
inline constexpr std::uint32_t kListedDay = 17;

}  // namespace sluice::noticing

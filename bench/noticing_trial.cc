// The noticer's defaults on trial: ordinary accounts with generated habits for 30 days, of whom none may be held; a
// newsletter and a school's mail; and stolen accounts, of whom is printed after how many recipients they were held.
//
//     noticing_trial [ACCOUNTS [THEFTS]]      10,000 accounts and 100 thefts of each kind, where nothing is said
//
// From seeds, so that each run prints the same.  bench/noticing_trial.txt is what it printed for the defaults.
// With REASONS in the environment it prints those of the largest of each kind of theft, too.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/noticing_population.h"
#include "tests/support/noticing_school.h"
#include "tests/support/noticing_thief.h"

namespace {

using namespace sluice::noticing;

constexpr std::uint32_t kDays = 30;
constexpr std::uint32_t kOwnerDays = 21;

struct KindTotals {
  std::uint32_t accounts = 0;
  std::uint64_t recipients = 0;
  std::uint32_t largest_day = 0;
  std::array<std::uint32_t, 5> worst{};  // accounts by the highest step
  std::uint64_t slowed = 0;
  float highest_score = 0;
  std::string reasons;
  std::size_t known_bytes = 0;
};

void add_account(KindTotals& totals, OrdinaryAccount& ordinary) {
  ++totals.accounts;
  totals.recipients += ordinary.recipients();
  totals.largest_day = std::max(totals.largest_day, ordinary.largest_day());
  ++totals.worst[static_cast<std::size_t>(ordinary.account().worst())];
  totals.slowed += ordinary.account().messages_slowed();
  totals.known_bytes += ordinary.account().state().known.bytes();
  if (ordinary.account().highest_score() <= totals.highest_score) return;
  totals.highest_score = ordinary.account().highest_score();
  totals.reasons = ordinary.account().reasons();
}

void print_population(Route route, std::uint32_t accounts) {
  std::array<KindTotals, kKinds> kinds;
  for (std::uint32_t number = 0; number < accounts; ++number) {
    OrdinaryAccount ordinary(kind_of(number), number, route);
    for (std::uint32_t day = 0; day < kDays; ++day) ordinary.run_day(day);
    add_account(kinds[static_cast<std::size_t>(ordinary.kind())], ordinary);
  }
  std::printf("\n%u ordinary accounts, %u days, %s; the relay knew nothing of them on the first day\n\n", accounts,
              kDays, route == Route::mx ? "mx routes" : "behind a smart host");
  std::printf("%-11s %8s %10s %8s | %6s %6s %6s %6s %7s | %8s %8s\n", "kind", "accounts", "recipients", "largest",
              "pass", "tell", "slow", "hold", "suspend", "messages", "highest");
  std::printf("%-11s %8s %10s %8s | %6s %6s %6s %6s %7s | %8s %8s\n", "", "", "", "day", "", "", "", "", "", "slowed",
              "score");
  for (std::size_t i = 0; i < kKinds; ++i) {
    const KindTotals& totals = kinds[i];
    std::printf("%-11s %8u %10llu %8u | %6u %6u %6u %6u %7u | %8llu %8.0f\n",
                std::string(kind_name(static_cast<Kind>(i))).c_str(), totals.accounts,
                static_cast<unsigned long long>(totals.recipients), totals.largest_day, totals.worst[0],
                totals.worst[1], totals.worst[2], totals.worst[3], totals.worst[4],
                static_cast<unsigned long long>(totals.slowed), static_cast<double>(totals.highest_score));
  }
  std::size_t known = 0;
  for (const KindTotals& totals : kinds) known += totals.known_bytes;
  std::printf("\nknown recipients: %zu bytes an account\n", known / std::max<std::size_t>(1, accounts));
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (kinds[i].reasons.empty()) continue;
    std::printf("highest of %s: %s\n", std::string(kind_name(static_cast<Kind>(i))).c_str(), kinds[i].reasons.c_str());
  }
}

void print_school() {
  std::printf("\nA school's mail to 2,000 parents, class list_server, 4 %% dead addresses, mx routes\n\n");
  for (const std::uint32_t group : {1U, 50U, 100U}) {
    const SchoolResult result = run_school(group, group);
    std::printf("%4u recipients a message: highest step %s, score %.0f, %u recipients went out%s%s\n", group,
                std::string(step_name(result.worst)).c_str(), static_cast<double>(result.highest_score),
                result.recipients_out, result.reasons.empty() ? "" : "; ", result.reasons.c_str());
  }
}

// Recipients: the bound that the defaults were chosen for.
std::uint32_t bound_of(Route route) { return route == Route::mx ? 200 : 500; }

struct ThiefTotals {
  std::vector<std::uint32_t> recipients;
  std::vector<std::uint32_t> in_a_week;
  std::vector<double> hours;
  std::uint32_t uncontained = 0;
  std::uint32_t over = 0;  // of the bound
  std::string reasons;
};

ThiefTotals run_thefts(const ThiefHabits& habits, Route route, bool countries, std::uint32_t thefts,
                       std::uint32_t owner_days) {
  constexpr std::array kOwners = {Kind::person, Kind::office, Kind::commuter, Kind::newsletter};
  ThiefTotals totals;
  std::uint32_t most = 0;
  for (std::uint32_t theft = 0; theft < thefts; ++theft) {
    const Containment found =
        run_thief(habits, kOwners[theft % kOwners.size()], route, countries, owner_days, 1'000'000 + theft);
    totals.recipients.push_back(found.recipients);
    totals.in_a_week.push_back(found.in_a_week);
    totals.hours.push_back(found.hours);
    if (!found.contained) ++totals.uncontained;
    if (found.recipients > bound_of(route)) ++totals.over;
    if (found.recipients < most) continue;
    most = found.recipients;
    totals.reasons = found.reasons;
  }
  std::ranges::sort(totals.recipients);
  std::ranges::sort(totals.in_a_week);
  std::ranges::sort(totals.hours);
  return totals;
}

void print_thefts(Route route, bool countries, std::uint32_t thefts, std::uint32_t owner_days) {
  std::printf("\nStolen accounts, %u of each kind, after %u days of their owners' mail, %s, %s of countries\n", thefts,
              owner_days, route == Route::mx ? "mx routes" : "behind a smart host",
              countries ? "a database" : "no database");
  std::printf("recipients that mail went to until it was held; the bound is %u\n\n", bound_of(route));
  std::printf("%-54s %7s %7s %10s %8s | %9s | %8s\n", "habits", "median", "most", "over bound", "not held", "in a week",
              "hours");
  for (const ThiefHabits& habits : thieves()) {
    const ThiefTotals totals = run_thefts(habits, route, countries, thefts, owner_days);
    const std::size_t middle = totals.recipients.size() / 2;
    std::printf("%-54s %7u %7u %10u %8u | %9u | %8.1f\n", std::string(habits.name).c_str(), totals.recipients[middle],
                totals.recipients.back(), totals.over, totals.uncontained, totals.in_a_week.back(),
                totals.hours[middle]);
    if (std::getenv("REASONS") != nullptr) std::printf("    %s\n", totals.reasons.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [argc, argv](int place, std::uint32_t fallback) {
    return argc > place ? static_cast<std::uint32_t>(std::strtoul(argv[place], nullptr, 10)) : fallback;
  };
  const std::uint32_t accounts = number(1, 10'000);
  const std::uint32_t thefts = std::max(1U, number(2, 100));
  if (accounts > 0) {
    print_population(Route::mx, accounts);
    print_population(Route::smart_host, accounts);
  }
  print_school();
  for (const Route route : {Route::mx, Route::smart_host}) {
    for (const bool countries : {true, false}) print_thefts(route, countries, thefts, kOwnerDays);
    print_thefts(route, false, thefts, 0);
  }
  return 0;
}

#include "engine/server/usage.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "auth/text.h"

namespace sluice::server {

namespace {

std::string noticed_reasons(const noticing::AccountNotice& notice) {
  std::string reasons = noticing::reasons_text(notice.verdict);
  if (!notice.imposed.empty()) reasons.append(reasons.empty() ? "" : "; ").append(notice.imposed);
  return reasons;
}

constexpr std::string_view kAccount = policy::subject_name(policy::Subject::account);

// Whose use is asked for.
class UsageFilter {
 public:
  explicit UsageFilter(const control::UsageRequest& request)
      : account_(auth::login_key(request.account)), customer_(request.customer) {}
  [[nodiscard]] bool all() const { return account_.empty() && customer_.empty(); }
  [[nodiscard]] bool account(std::string_view name) const { return !account_.empty() && name == account_; }
  // "ACCOUNT/DEVICE", of that account.
  [[nodiscard]] bool device(std::string_view name) const {
    return !account_.empty() && name.starts_with(account_) && name.substr(account_.size()).starts_with('/');
  }
  [[nodiscard]] bool customer(std::string_view name) const {
    return !customer_.empty() && auth::equal_ignoring_case(name, customer_);
  }

 private:
  std::string account_;
  std::string customer_;
};

void add_up(control::SenderRow& customer, const control::SenderRow& account) {
  customer.answered += account.answered;
  customer.unknown += account.unknown;
  customer.large_messages += account.large_messages;
  customer.refused += account.refused;
  customer.held += account.held;
}

// Accounts, and behind them the customers that all accounts are wanted of.
std::vector<control::SenderRow> sender_rows(const UsageSources& sources, const UsageFilter& filter, Instant now) {
  std::vector<control::SenderRow> rows;
  absl::flat_hash_map<std::string, control::SenderRow> customers;
  for (SenderActivity& activity : sources.activities.list()) {
    const bool of_customer = filter.all() || filter.customer(activity.customer);
    if (!of_customer && !filter.account(activity.account)) continue;
    control::SenderRow row{.subject = kAccount,
                           .name = std::move(activity.account),
                           .customer = std::move(activity.customer),
                           .large_messages = activity.large_messages,
                           .refused = activity.refused,
                           .held = activity.held};
    if (const auto figures = sources.watch.figures(row.name, now)) {
      row.networks = figures->networks;
      row.answered = figures->answered;
      row.unknown = figures->unknown;
    }
    if (of_customer) add_up(customers[row.customer], row);
    rows.push_back(std::move(row));
  }
  for (auto& [name, row] : customers) {
    row.subject = policy::subject_name(policy::Subject::customer);
    row.name = name;
    row.customer = name;
    rows.push_back(std::move(row));
  }
  return rows;
}

using WantedMeter = std::function<bool(const policy::MeterKey&)>;

// Which meters a request is about.
WantedMeter wanted_meters(const UsageFilter& filter, const control::UsageRequest& request,
                          const std::vector<control::SenderRow>& senders) {
  absl::flat_hash_set<std::string> accounts;  // of that customer
  if (request.top > 0 && !request.customer.empty())
    for (const control::SenderRow& row : senders)
      if (row.subject == kAccount) accounts.insert(row.name);
  return [&filter, accounts = std::move(accounts)](const policy::MeterKey& key) {
    if (filter.all()) return true;
    if (key.subject == policy::Subject::customer) return filter.customer(key.name);
    if (key.subject == policy::Subject::device) return filter.device(key.name);
    return key.subject == policy::Subject::account && (filter.account(key.name) || accounts.contains(key.name));
  };
}

std::uint64_t less(std::uint64_t from, std::uint64_t what) { return from - std::min(from, what); }

control::UsageRow window_row(const policy::MeterKey& key, std::size_t span) {
  return {.subject = policy::subject_name(key.subject),
          .name = key.name,
          .quantity = policy::quantity_name(key.quantity),
          .window = policy::span_name(static_cast<policy::Span>(span))};
}

// Of what cores have leased and not reserved, and of what waits for cores to lease it, nothing is used.
void add_windows(const policy::MeterUse& use, const UsageReadings& readings, std::vector<control::UsageRow>& rows) {
  const auto unreserved = readings.unreserved.find(use.key);
  const std::uint64_t free = unreserved == readings.unreserved.end() ? 0 : std::min(use.held, unreserved->second);
  const policy::ClusterUse* all = nullptr;
  if (readings.cluster)
    if (const auto found = readings.cluster->uses.find(use.key); found != readings.cluster->uses.end())
      all = &found->second;
  for (std::size_t i = 0; i < policy::kSpans; ++i) {
    if (!use.used[i]) continue;
    control::UsageRow row = window_row(use.key, i);
    row.used_here = less(*use.used[i], free);
    row.used = row.used_here;
    row.limit = use.limits[i];
    row.of_cluster = all != nullptr;
    row.left_unknown = readings.cluster && all == nullptr;
    if (all != nullptr)
      row.used = std::max(row.used, all->spent[i] + all->others + less(all->own, use.upper_free + free));
    rows.push_back(std::move(row));
  }
}

std::vector<control::UsageRow> window_rows(policy::Budgets& budgets, const WantedMeter& wanted,
                                           const UsageReadings& readings) {
  std::vector<control::UsageRow> rows;
  absl::flat_hash_set<policy::MeterKey> known;
  for (const policy::MeterUse& use : budgets.shared.list(budgets.clock.now(), wanted)) {
    add_windows(use, readings, rows);
    if (readings.cluster) known.insert(use.key);
  }
  if (!readings.cluster) return rows;
  // Used by other relays alone.
  for (const auto& [key, use] : readings.cluster->uses) {
    if (known.contains(key)) continue;
    for (std::size_t i = 0; i < policy::kSpans; ++i) {
      if (use.spent[i] + use.others == 0) continue;
      control::UsageRow row = window_row(key, i);
      row.used = use.spent[i] + use.others;
      row.of_cluster = true;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

// In thousandths of the limit that is fullest.
std::uint64_t fullness(const policy::MeterUse& use) {
  constexpr std::uint64_t kWhole = 1000;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < policy::kSpans; ++i)
    if (use.used[i] && use.limits[i]) most = std::max(most, *use.used[i] * kWhole / *use.limits[i]);
  return most;
}

}  // namespace

control::NoticedAccount noticed_account(noticing::AccountWatch& watch, const std::string& account, Instant now) {
  const auto found = watch.look(auth::login_key(account), now);
  if (!found) return {};
  return {.known = true,
          .policy_class = found->policy_class,
          .step = noticing::step_name(found->verdict.step),
          .effect = noticing::step_name(found->taken),
          .score = static_cast<std::uint64_t>(std::lround(found->verdict.score)),
          .strikes = found->verdict.strikes,
          .recipients = found->recipients,
          .first_time_recipients = found->first_time_recipients,
          .networks = found->networks,
          .answered = found->answered,
          .unknown = found->unknown,
          .spam_replies = found->spam_replies,
          .reasons = noticed_reasons(*found),
          .until = found->until};
}

std::vector<policy::MeterKey> usage_meters(const UsageSources& sources, const control::UsageRequest& request,
                                           Instant now) {
  const UsageFilter filter(request);
  // Of which only a customer's accounts are of use here.
  const auto senders = request.customer.empty() ? std::vector<control::SenderRow>() : sender_rows(sources, filter, now);
  const WantedMeter wanted = wanted_meters(filter, request, senders);
  std::vector<policy::MeterUse> uses = sources.budgets.shared.list(sources.budgets.clock.now(), wanted);
  if (uses.size() > kClusterMetersMax) {
    const auto end = uses.begin() + static_cast<std::ptrdiff_t>(kClusterMetersMax);
    std::ranges::nth_element(uses, end, std::ranges::greater{}, fullness);
    uses.erase(end, uses.end());
  }
  std::vector<policy::MeterKey> keys;
  // Who is asked for may have sent by other relays alone.
  for (std::size_t i = 0; i < policy::kQuantities; ++i) {
    const auto quantity = static_cast<policy::Quantity>(i);
    if (!request.account.empty())
      keys.push_back(
          {.subject = policy::Subject::account, .quantity = quantity, .name = auth::login_key(request.account)});
    if (!request.customer.empty())
      keys.push_back({.subject = policy::Subject::customer, .quantity = quantity, .name = request.customer});
  }
  for (policy::MeterUse& use : uses)
    if (std::ranges::find(keys, use.key) == keys.end()) keys.push_back(std::move(use.key));
  return keys;
}

control::Usage find_usage(const UsageSources& sources, const UsageReadings& readings,
                          const control::UsageRequest& request, Instant now) {
  const UsageFilter filter(request);
  control::Usage usage;
  usage.senders = sender_rows(sources, filter, now);
  usage.windows = window_rows(sources.budgets, wanted_meters(filter, request, usage.senders), readings);
  if (readings.cluster) usage.cluster_fault = readings.cluster->fault;
  usage.decisions = sources.decisions.last(
      control::kUsageDecisionsMax, [&filter](std::string_view account, std::string_view customer) {
        return !account.empty() && (filter.all() || filter.account(account) || filter.customer(customer));
      });
  return usage;
}

}  // namespace sluice::server

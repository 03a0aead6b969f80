#include "engine/server/usage.h"

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

std::vector<control::UsageRow> window_rows(policy::Budgets& budgets,
                                           const std::function<bool(const policy::MeterKey&)>& wanted) {
  std::vector<control::UsageRow> rows;
  for (const policy::MeterUse& use : budgets.shared.list(budgets.clock.now(), wanted)) {
    for (std::size_t i = 0; i < policy::kSpans; ++i) {
      if (!use.used[i]) continue;
      rows.push_back({.subject = policy::subject_name(use.key.subject),
                      .name = use.key.name,
                      .quantity = policy::quantity_name(use.key.quantity),
                      .window = policy::span_name(static_cast<policy::Span>(i)),
                      .used = *use.used[i],
                      .limit = use.limits[i]});
    }
  }
  return rows;
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

control::Usage find_usage(const UsageSources& sources, const control::UsageRequest& request, Instant now) {
  const UsageFilter filter(request);
  control::Usage usage;
  absl::flat_hash_set<std::string> accounts;  // of that customer
  usage.senders = sender_rows(sources, filter, now);
  if (request.top > 0 && !request.customer.empty())
    for (const control::SenderRow& row : usage.senders)
      if (row.subject == kAccount) accounts.insert(row.name);
  const auto wanted = [&](const policy::MeterKey& key) {
    if (filter.all()) return true;
    if (key.subject == policy::Subject::customer) return filter.customer(key.name);
    return key.subject == policy::Subject::account && (filter.account(key.name) || accounts.contains(key.name));
  };
  usage.windows = window_rows(sources.budgets, wanted);
  usage.decisions = sources.decisions.last(
      control::kUsageDecisionsMax, [&filter](std::string_view account, std::string_view customer) {
        return !account.empty() && (filter.all() || filter.account(account) || filter.customer(customer));
      });
  return usage;
}

}  // namespace sluice::server

#include "engine/server/usage.h"

#include <cmath>

#include "auth/text.h"

namespace sluice::server {

namespace {

std::string noticed_reasons(const noticing::AccountNotice& notice) {
  std::string reasons = noticing::reasons_text(notice.verdict);
  if (!notice.imposed.empty()) reasons.append(reasons.empty() ? "" : "; ").append(notice.imposed);
  return reasons;
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
          .reasons = noticed_reasons(*found)};
}

std::vector<control::UsageRow> usage_rows(policy::Budgets& budgets, const control::UsageRequest& request) {
  const std::string account = auth::login_key(request.account);
  const bool all = account.empty() && request.customer.empty();
  const auto wanted = [&](const policy::MeterKey& key) {
    return all || (key.subject == policy::Subject::account && key.name == account) ||
           (key.subject == policy::Subject::customer && !request.customer.empty() &&
            auth::equal_ignoring_case(key.name, request.customer));
  };
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

}  // namespace sluice::server

#include "engine/cli/account_limits.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::cli {
namespace {

std::unexpected<auth::StoreError> no_limit(std::string_view text, const std::string& why) {
  return auth::store_error(auth::StoreError::Kind::invalid,
                           absl::StrCat(text::in_quotes(text), " ", why,
                                        "; a limit is QUANTITY/WINDOW=AMOUNT, such as recipients/day=1000, or without "
                                        "AMOUNT to remove it; see: sluicectl account limit --help"));
}

auth::StoreResult<auth::LimitChange> parse_limit_change(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t equals = text.find('=');
  if (slash == std::string_view::npos || equals == std::string_view::npos || equals < slash)
    return no_limit(text, "is no limit");
  const auto quantity = auth::parse_quantity(text.substr(0, slash));
  if (!quantity)
    return no_limit(text,
                    "has a quantity that is none of recipients, messages, bytes, sessions and first_time_recipients");
  const auto span = auth::parse_span(text.substr(slash + 1, equals - slash - 1));
  if (!span) return no_limit(text, "has a window that is none of minute, hour, day and month");
  auth::LimitChange change{.quantity = *quantity, .span = *span, .amount = {}};
  const std::string_view digits = text.substr(equals + 1);
  if (digits.empty()) return change;
  std::uint64_t amount = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
  if (error != std::errc() || end != digits.data() + digits.size() || amount == 0 || amount > auth::kLimitAmountMax)
    return no_limit(text, absl::StrCat("has no amount of 1 to ", auth::kLimitAmountMax));
  change.amount = amount;
  return change;
}

}  // namespace

auth::StoreResult<std::vector<auth::LimitChange>> parse_limit_changes(std::span<const std::string> texts) {
  std::vector<auth::LimitChange> changes;
  for (const std::string& each : texts) {
    const auto change = parse_limit_change(each);
    if (!change) return std::unexpected(change.error());
    const bool twice = std::ranges::any_of(changes, [&](const auth::LimitChange& other) {
      return other.quantity == change->quantity && other.span == change->span;
    });
    if (twice) return no_limit(each, "is there twice");
    changes.push_back(*change);
  }
  return changes;
}

auth::StoreResult<> check_class(const AccountSettings& settings, const std::string& policy_class) {
  if (policy_class.empty() || settings.classes.empty() ||
      std::ranges::find(settings.classes, policy_class) != settings.classes.end())
    return {};
  const std::vector<std::string_view> names(settings.classes.begin(), settings.classes.end());
  const std::string_view meant = text::did_you_mean(policy_class, names);
  return auth::store_error(
      auth::StoreError::Kind::not_found,
      absl::StrCat("there is no class ", text::in_quotes(policy_class), " in the configuration",
                   meant.empty() ? "" : absl::StrCat(", did you mean ", text::in_quotes(meant), "?"),
                   "; there are: ", text::list_in_quotes(settings.classes, std::identity())));
}

}  // namespace sluice::cli

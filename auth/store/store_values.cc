#include "auth/store/store_values.h"

#include <utility>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "auth/domain_list.h"
#include "auth/secret.h"
#include "auth/store/public_suffix.h"
#include "auth/text.h"
#include "engine/base/domain_name.h"

namespace sluice::auth {
namespace {

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

}  // namespace

StoreResult<std::string> stored_customer_name(std::string_view text) {
  if (text.empty() || text.size() > kCustomerNameBytesMax || !is_clean_text(text) || text.front() == ' ' ||
      text.back() == ' ' || text.front() == '-') {
    return store_error(
        StoreError::Kind::invalid,
        absl::StrCat(in_quotes(text), " cannot be a customer's name: it takes 1 to ", kCustomerNameBytesMax,
                     " bytes of UTF-8, without control characters, blanks at the ends or \"-\" in front"));
  }
  return std::string(text);
}

StoreResult<std::string> stored_account_name(std::string_view text) {
  if (!Name::make(text) || text.front() == '-' || text.find(' ') != std::string_view::npos) {
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat(in_quotes(text), " cannot be an account's name: it takes 1 to ", kNameBytesMax,
                                    " bytes of UTF-8, without control characters, blanks or \"-\" in front; for "
                                    "example user@example.com"));
  }
  return login_key(text);
}

StoreResult<std::string> stored_domain_entry(std::string_view text) {
  std::optional<std::string> entry = canonical_domain_entry(text);
  if (entry) return *std::move(entry);
  return store_error(
      StoreError::Kind::invalid,
      absl::StrCat(in_quotes(text), " is not a domain of two labels or more, such as example.com, nor \"*.\" and one"));
}

StoreResult<std::string> stored_new_domain_entry(std::string_view text) {
  StoreResult<std::string> entry = stored_domain_entry(text);
  if (!entry) return entry;
  // RFC 3696 2: "the top-level domain names ... will not be all-numeric".
  if (std::ranges::all_of(entry->substr(entry->rfind('.') + 1), [](char c) { return c >= '0' && c <= '9'; }))
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat(in_quotes(text), " is no domain: the last label of one is no number"));
  const std::string_view below = "*.";
  if (!entry->starts_with(below) && is_registry_suffix(*entry))
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat(in_quotes(*entry),
                                    " cannot be one customer's: names below it are registered by anybody "
                                    "(publicsuffix.org)"));
  if (has_true_a_labels(entry->starts_with(below) ? entry->substr(below.size()) : *entry)) return entry;
  return store_error(StoreError::Kind::invalid,
                     absl::StrCat(in_quotes(text),
                                  " has a label xn--... that no name is written as (RFC 5890); "
                                  "give the name itself"));
}

StoreResult<std::string> stored_reason(std::string_view text) {
  if (text.size() > kReasonBytesMax || !std::ranges::all_of(text, is_printable)) {
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat("a reason takes up to ", kReasonBytesMax,
                                    " printable ASCII characters, as it is shown to mail programs"));
  }
  return std::string(text);
}

StoreResult<std::string> stored_class(std::string_view text) {
  if (text.empty() || is_class_name(text)) return std::string(text);
  return store_error(StoreError::Kind::invalid,
                     absl::StrCat(in_quotes(text), " cannot be a class's name: it takes 1 to ", kClassNameBytesMax,
                                  " letters, digits, \"-\" and \"_\", without \"-\" in front"));
}

std::int64_t stored_status(AccountStatus status) {
  switch (status) {
    case AccountStatus::active:
      return 0;
    case AccountStatus::held:
      return 1;
    case AccountStatus::suspended:
      break;
  }
  return 2;
}

AccountStatus status_from_store(std::int64_t stored) {
  switch (stored) {
    case 0:
      return AccountStatus::active;
    case 1:
      return AccountStatus::held;
    default:
      return AccountStatus::suspended;
  }
}

std::string in_quotes(std::string_view text) {
  std::string shown(text.substr(0, kNameBytesMax));
  if (!shows_as_it_is(shown)) std::ranges::replace_if(shown, [](char c) { return !is_printable(c); }, '?');
  return absl::StrCat("\"", shown, text.size() > shown.size() ? "..." : "", "\"");
}

std::string suspension_text(const std::string& reason) { return reason.empty() ? "this account is suspended" : reason; }

Answer unless_suspended(IdentityRef identity, const std::string& customer_reason) {
  if (identity->customer_status != AccountStatus::suspended) return Answer::granted(std::move(identity));
  return Answer::suspended(suspension_text(customer_reason), std::move(identity));
}

}  // namespace sluice::auth

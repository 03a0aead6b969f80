#include "auth/store/account_store.h"

#include "absl/strings/str_cat.h"

namespace sluice::auth {

Answer AccountStore::check(const Name& name, const Secret& secret) {
  const StoreResult<std::optional<StoredPassword>> found = find(name);
  if (!found) return Answer::unavailable(found.error().what);
  const StoredPassword* const password = found->has_value() ? &**found : nullptr;
  const Matched matched = match(password, secret);
  if (password == nullptr || matched.match == PasswordMatch::wrong) return Answer::wrong();
  if (matched.match == PasswordMatch::unknown) return Answer::unavailable(unmatched_text(name, matched.reason));
  return admit(*password, matched.renewed);
}

std::string unmatched_text(const Name& name, std::string_view reason) {
  return absl::StrCat("the password of account ", name.text(), " could not be checked: ", std::string(reason));
}

}  // namespace sluice::auth

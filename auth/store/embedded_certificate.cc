// The part of EmbeddedStore about client certificates (auth/certificate_login.h): which account one stands for.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "auth/store/embedded_store.h"

namespace sluice::auth {
namespace {

struct ListedAccount {
  std::int64_t id = 0;
  std::string name;
};

// By the certificate's own addresses, which name accounts in the store's spelling.  Nothing: `why` it is none.
std::optional<std::string> named_account(const CertificateLogin& login, std::string& why) {
  std::vector<std::string> names;
  for (const Name& name : login.names)
    if (std::string folded = name.folded(); std::ranges::find(names, folded) == names.end())
      names.push_back(std::move(folded));
  if (login.authorization) {
    std::string wanted = login.authorization->folded();
    if (std::ranges::find(names, wanted) != names.end()) return wanted;
    why = "it is not of the account that the client asks for";
  } else if (names.size() == 1) {
    return names.front();
  } else {
    why = names.empty() ? "no account has it" : "it is for several addresses, and the client asks for none of them";
  }
  return std::nullopt;
}

Answer no_account(const CertificateLogin& login, std::string_view why) {
  Answer answer = Answer::wrong();
  answer.reason = "certificate " + login.fingerprint + ": " + std::string(why);
  return answer;
}

}  // namespace

// The account that the operator has given the certificate to goes first: where the client asks for another one, the
// certificate's addresses may still name that.
Answer EmbeddedStore::admit_certificate(const CertificateLogin& login) {
  std::optional<ListedAccount> account;
  const auto take = [&account](const Row& row) { account = {.id = row.integer(0), .name = row.text(1)}; };
  {
    const std::lock_guard lock(mutex_);
    if (database_ == nullptr) return Answer::unavailable(failure(replaced()));
    StoreResult<> read = database_->query(
        "SELECT a.id, a.name FROM certificate c JOIN account a ON a.id = c.account WHERE c.fingerprint = $1",
        {login.fingerprint}, take);
    if (read && account && login.authorization && login.authorization->folded() != account->name) account.reset();
    std::string why;
    if (read && !account) {
      const auto name = named_account(login, why);
      if (name) read = database_->query("SELECT id, name FROM account WHERE name = $1", {*name}, take);
      if (name && !account) why = "there is no account of its address";
    }
    if (!read) return Answer::unavailable(failure(read.error()));
    if (!account) return no_account(login, why);
  }
  return answer_for(account->id);
}

}  // namespace sluice::auth

#include "auth/store/certificate_admin.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/certificate_login.h"
#include "auth/store/store_values.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

StoreResult<std::string> stored_fingerprint(std::string_view text) {
  if (auto fingerprint = certificate_fingerprint(text)) return *std::move(fingerprint);
  return store_error(StoreError::Kind::invalid,
                     absl::StrCat(in_quotes(text),
                                  " is not the SHA-256 fingerprint of a certificate, which has 64 hexadecimal digits; "
                                  "see it with: openssl x509 -in FILE -noout -fingerprint -sha256"));
}

}  // namespace

StoreResult<std::unique_ptr<CertificateAdmin>> CertificateAdmin::open(const StoreAddress& address) {
  auto database = open_store(address, IfMissing::fail, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<CertificateAdmin>(new CertificateAdmin(*std::move(database)));
}

CertificateAdmin::~CertificateAdmin() { static_cast<void>(database_->settle()); }

StoreResult<> CertificateAdmin::add(std::string_view account, std::string_view fingerprint, WallMillis now) {
  const auto name = stored_account_name(account);
  if (!name) return std::unexpected(name.error());
  const auto stored = stored_fingerprint(fingerprint);
  if (!stored) return std::unexpected(stored.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  std::optional<std::int64_t> id;
  std::int64_t count = 0;
  std::string owner;
  StoreResult<> done = database_->query(
      "SELECT id, (SELECT count(*) FROM certificate WHERE account = account.id) FROM account WHERE name = $1", {*name},
      [&](const Row& row) {
        id = row.integer(0);
        count = row.integer(1);
      });
  if (done)
    done =
        database_->query("SELECT a.name FROM certificate c JOIN account a ON a.id = c.account WHERE c.fingerprint = $1",
                         {*stored}, [&](const Row& row) { owner = row.text(0); });
  if (!done) return done;
  if (!id)
    return store_error(StoreError::Kind::not_found, absl::StrCat("there is no account ", in_quotes(*name),
                                                                 "; see them with: sluicectl account list"));
  if (!owner.empty())
    return store_error(StoreError::Kind::exists,
                       absl::StrCat("account ", in_quotes(owner), " has that certificate already"));
  if (count >= static_cast<std::int64_t>(kCertificatesMax))
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("account ", in_quotes(*name), " has ", count,
                                    " certificates, which is all it may have; revoke one of them first"));
  done = database_->run("INSERT INTO certificate (fingerprint, account, created_ms) VALUES ($1, $2, $3)",
                        {*stored, *id, now});
  if (!done) return done;
  return (*transaction)->commit();
}

StoreResult<std::vector<CertificateRecord>> CertificateAdmin::list(std::optional<std::string_view> account) {
  std::optional<std::string> key;
  if (account) key = login_key(*account);
  std::vector<CertificateRecord> records;
  StoreResult<> read = database_->query(
      "SELECT a.name, t.fingerprint, c.name, t.created_ms FROM certificate t JOIN account a ON a.id = t.account"
      " JOIN customer c ON c.id = a.customer WHERE $1 IS NULL OR a.name = $1 ORDER BY a.name, t.created_ms,"
      " t.fingerprint",
      {Bound::or_null(key)}, [&](const Row& row) {
        records.push_back(
            {.account = row.text(0), .fingerprint = row.text(1), .customer = row.text(2), .created = row.integer(3)});
      });
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<> CertificateAdmin::revoke(std::string_view account, std::string_view fingerprint) {
  const auto stored = stored_fingerprint(fingerprint);
  if (!stored) return std::unexpected(stored.error());
  const std::string key = login_key(account);
  StoreResult<> done = database_->run(
      "DELETE FROM certificate WHERE fingerprint = $1 AND account = (SELECT id FROM account WHERE name = $2)",
      {*stored, key});
  if (!done || database_->rows_changed() > 0) return done;
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("account ", in_quotes(key),
                                  " has no such certificate; see them with: sluicectl account certificate list ", key));
}

}  // namespace sluice::auth

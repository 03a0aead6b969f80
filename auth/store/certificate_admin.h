// What the operator does with accounts' client certificates in the store.  Used by sluicectl, in a process of its own,
// while relays have the same file or database open.  One thread.  Calls block.  As in account_admin.h, every change is
// one transaction.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/database.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

inline constexpr std::size_t kCertificatesMax = 50;  // of one account

struct CertificateRecord {
  std::string account;
  std::string fingerprint;  // SHA-256, in hexadecimal digits, lower case
  std::string customer;
  WallMillis created = 0;
};

class CertificateAdmin {
 public:
  [[nodiscard]] static StoreResult<std::unique_ptr<CertificateAdmin>> open(const StoreAddress& address);
  ~CertificateAdmin();
  CertificateAdmin(const CertificateAdmin&) = delete;
  CertificateAdmin& operator=(const CertificateAdmin&) = delete;

  // `fingerprint`: as people write it (auth/certificate_login.h).  A certificate is of one account.
  [[nodiscard]] StoreResult<> add(std::string_view account, std::string_view fingerprint, WallMillis now);
  // Of one account, or all.
  [[nodiscard]] StoreResult<std::vector<CertificateRecord>> list(std::optional<std::string_view> account);
  [[nodiscard]] StoreResult<> revoke(std::string_view account, std::string_view fingerprint);

 private:
  explicit CertificateAdmin(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  std::unique_ptr<Database> database_;
};

}  // namespace sluice::auth

// What the operator does with device passwords in the store.  Used by sluicectl, in a process of its own, while relays
// have the same file or database open.  One thread.  Calls block.  As in account_admin.h, every change is one
// transaction.
#pragma once

#include <cstdint>
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

// Where a mailbox is not in the store, and no back end tells when the mailbox is gone.
inline constexpr WallMillis kDeviceLifeMax = WallMillis{366} * 24 * 3600 * 1000;

struct DeviceRecord {
  std::string account;
  std::string name;
  std::string customer;
  WallMillis created = 0;
  std::optional<WallMillis> expires;
  std::vector<std::string> networks;
  std::vector<std::string> senders;
  std::optional<WallMillis> used;
  std::string used_from;
  std::string dead;  // why it is worth nothing; empty: it is not
  bool cram_md5 = false;
  std::string policy_class;  // empty: none
};

struct NewDevice {
  std::string account;
  std::string name;
  std::optional<std::string> customer;  // needed where the account is not in the store and no customer has its domain
  std::optional<WallMillis> expires;    // needed, and at most kDeviceLifeMax away, where nobody tells when it is gone
  std::vector<std::string> networks;
  std::vector<std::string> senders;
  bool backends_known = true;         // else `mailbox_is_asked_for` is not known either
  bool mailbox_is_asked_for = false;  // back ends are asked daily whether it is there, where it is not in the store
  bool cram_md5 = false;              // good for CRAM-MD5, too
  std::string policy_class;           // empty: none
};

class DeviceAdmin {
 public:
  [[nodiscard]] static StoreResult<std::unique_ptr<DeviceAdmin>> open(const StoreAddress& address);
  ~DeviceAdmin();
  DeviceAdmin(const DeviceAdmin&) = delete;
  DeviceAdmin& operator=(const DeviceAdmin&) = delete;

  // `password`: see auth/device_password.h.
  [[nodiscard]] StoreResult<> add(const NewDevice& device, std::string_view password, WallMillis now);
  // Of one account, or all.
  [[nodiscard]] StoreResult<std::vector<DeviceRecord>> list(std::optional<std::string_view> account);
  [[nodiscard]] StoreResult<> revoke(std::string_view account, std::string_view name);

 private:
  explicit DeviceAdmin(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  [[nodiscard]] StoreResult<std::int64_t> customer_of(const NewDevice& device, const std::string& account,
                                                      WallMillis now);
  [[nodiscard]] StoreResult<std::int64_t> customer_elsewhere(const NewDevice& device, const std::string& account,
                                                             WallMillis now);
  std::unique_ptr<Database> database_;
};

}  // namespace sluice::auth

#include "auth/store/device_admin.h"

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "auth/device_password.h"
#include "auth/store/device_cram_md5.h"
#include "auth/store/domain_owner.h"
#include "auth/store/known_names.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"
#include "auth/text.h"
#include "engine/base/network.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kBoundsMax = 100;  // networks, and senders

std::unexpected<StoreError> invalid(std::string what) {
  return store_error(StoreError::Kind::invalid, std::move(what));
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream all(text);
  std::vector<std::string> words;
  for (std::string each; all >> each;) words.push_back(each);
  return words;
}

StoreResult<std::string> stored_networks(const std::vector<std::string>& networks) {
  std::vector<std::string> stored;
  for (const std::string& each : networks) {
    const auto network = Network::parse(each);
    if (!network) return invalid(absl::StrCat("network ", in_quotes(each), " ", network.error()));
    stored.push_back(network->to_string());
  }
  if (stored.size() > kBoundsMax) return invalid(absl::StrCat("a device takes up to ", kBoundsMax, " networks"));
  return absl::StrJoin(stored, " ");
}

StoreResult<std::string> stored_senders(const std::vector<std::string>& senders) {
  std::vector<std::string> stored;
  for (const std::string& each : senders) {
    const auto name = stored_account_name(each);
    if (!name || name->find('@') == std::string::npos)
      return invalid(absl::StrCat(in_quotes(each), " is no address to send as, such as printer@example.com"));
    stored.push_back(*name);
  }
  if (stored.size() > kBoundsMax) return invalid(absl::StrCat("a device takes up to ", kBoundsMax, " senders"));
  return absl::StrJoin(stored, " ");
}

}  // namespace

StoreResult<std::unique_ptr<DeviceAdmin>> DeviceAdmin::open(const StoreAddress& address) {
  auto database = open_store(address, IfMissing::fail, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<DeviceAdmin>(new DeviceAdmin(*std::move(database)));
}

DeviceAdmin::~DeviceAdmin() { static_cast<void>(database_->settle()); }

StoreResult<> DeviceAdmin::add(const NewDevice& device, std::string_view password, WallMillis now) {
  const auto account = stored_account_name(device.account);
  if (!account) return std::unexpected(account.error());
  const auto name = stored_customer_name(device.name);
  if (!name) return invalid(absl::StrCat(in_quotes(device.name), " cannot be a device's name"));
  const auto networks = stored_networks(device.networks);
  if (!networks) return std::unexpected(networks.error());
  const auto senders = stored_senders(device.senders);
  if (!senders) return std::unexpected(senders.error());
  const auto policy_class = stored_class(device.policy_class);
  if (!policy_class) return std::unexpected(policy_class.error());
  if (device.expires && *device.expires <= now) return invalid("a device password cannot expire before it is made");
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto customer = customer_of(device, *account, now);
  if (!customer) return std::unexpected(customer.error());
  std::int64_t count = 0;
  std::string key;
  StoreResult<> done = database_->query(
      "SELECT (SELECT count(*) FROM device WHERE account = $1), (SELECT value FROM setting WHERE key = 'device_key')",
      {*account}, [&](const Row& row) {
        count = row.integer(0);
        key = row.text(1);
      });
  if (!done) return done;
  if (count >= static_cast<std::int64_t>(kDevicesMax))
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("account ", in_quotes(*account), " has ", count,
                                    " device passwords, which is all it may have; revoke one of them first"));
  done = database_->run(
      "INSERT INTO device (account, name, customer, secret, created_ms, expires_ms, networks, senders, cram_md5,"
      " class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
      {*account, *name, *customer, device_hash(key, password), now, Bound::or_null(device.expires), *networks, *senders,
       device.cram_md5 ? device_cram_md5(password) : std::string(), *policy_class});
  if (already_exists(done))
    return store_error(StoreError::Kind::exists, absl::StrCat("account ", in_quotes(*account), " has a device ",
                                                              in_quotes(*name), " already; revoke it first"));
  if (!done) return done;
  return (*transaction)->commit();
}

StoreResult<std::int64_t> DeviceAdmin::customer_of(const NewDevice& device, const std::string& account,
                                                   WallMillis now) {
  std::optional<std::int64_t> customer;
  std::string customer_name;
  StoreResult<> read =
      database_->query("SELECT c.id, c.name FROM account a JOIN customer c ON c.id = a.customer WHERE a.name = $1",
                       {account}, [&](const Row& row) {
                         customer = row.integer(0);
                         customer_name = row.text(1);
                       });
  if (!read) return std::unexpected(read.error());
  if (!customer) return customer_elsewhere(device, account, now);
  if (device.customer && !equal_ignoring_case(*device.customer, customer_name))
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("account ", in_quotes(account), " is of customer ", in_quotes(customer_name)));
  return *customer;
}

// Of a mailbox that another back end has.
StoreResult<std::int64_t> DeviceAdmin::customer_elsewhere(const NewDevice& device, const std::string& account,
                                                          WallMillis now) {
  const bool too_long = !device.expires || *device.expires > now + kDeviceLifeMax;
  if (too_long && !device.mailbox_is_asked_for)
    return store_error(
        StoreError::Kind::refused,
        absl::StrCat("account ", in_quotes(account),
                     device.backends_known
                         ? " is not in the store, and no back end tells when that mailbox is gone"
                         : " is not in the store, and with --store the back ends are not known, of which "
                           "one may tell when that mailbox is gone (go by the configuration for that, "
                           "with --config or without either option)",
                     ": its device password has to expire, within 366 days; give --expires DAYS"));
  if (device.customer) return customer_of_name(*database_, *device.customer);
  const auto owner = owner_of_domain(*database_, login_domain(account));
  if (!owner) return std::unexpected(owner.error());
  if (*owner) return **owner;
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("account ", in_quotes(account),
                                  " is not in the store, and no customer has its domain; say whose it "
                                  "is with --customer NAME"));
}

StoreResult<std::vector<DeviceRecord>> DeviceAdmin::list(std::optional<std::string_view> account) {
  std::optional<std::string> key;
  if (account) key = login_key(*account);
  std::vector<DeviceRecord> records;
  StoreResult<> read = database_->query(
      "SELECT d.account, d.name, c.name, d.created_ms, d.expires_ms, d.networks, d.senders, d.used_ms, d.used_from,"
      " d.dead, CASE WHEN d.cram_md5 = '' THEN 0 ELSE 1 END, d.class"
      " FROM device d JOIN customer c ON c.id = d.customer WHERE $1 IS NULL OR d.account = $1"
      " ORDER BY d.account, lower(d.name)",
      {Bound::or_null(key)}, [&](const Row& row) {
        DeviceRecord& record = records.emplace_back();
        record.account = row.text(0);
        record.name = row.text(1);
        record.customer = row.text(2);
        record.created = row.integer(3);
        if (!row.is_null(4)) record.expires = row.integer(4);
        record.networks = words_of(row.text(5));
        record.senders = words_of(row.text(6));
        if (!row.is_null(7)) record.used = row.integer(7);
        record.used_from = row.text(8);
        record.dead = row.text(9);
        record.cram_md5 = row.integer(10) != 0;
        record.policy_class = row.text(11);
      });
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<> DeviceAdmin::revoke(std::string_view account, std::string_view name) {
  const std::string key = login_key(account);
  StoreResult<> done =
      database_->run({"DELETE FROM device WHERE account = $1 AND name = $2",
                      "DELETE FROM device WHERE account = $1 AND lower(name) = lower($2 COLLATE \"C\")"},
                     {key, name});
  if (!done || database_->rows_changed() > 0) return done;
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("account ", in_quotes(key), " has no device ", in_quotes(name),
                                  "; see them with: sluicectl account device list ", key));
}

}  // namespace sluice::auth

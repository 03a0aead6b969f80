// The part of the embedded store that knows device passwords (auth/device_password.h).
#include <sstream>
#include <utility>

#include "auth/device_password.h"
#include "auth/store/device_cram_md5.h"
#include "auth/store/embedded_store.h"

namespace sluice::auth {
namespace {

// A use is noted once in so much, as each is a write to the disk.
constexpr WallMillis kNotedEvery = 60'000;
static_assert(kDevicesMax == 50);  // the LIMIT below

}  // namespace

struct EmbeddedStore::Device {
  std::int64_t id = 0;
  std::string account;
  std::string customer;
  WallMillis used = 0;
  DeviceBounds bounds;
  std::string policy_class;
  // As they are stored.
  std::string networks;
  std::string senders;

  // Of a row of id, account, name, customer's name, networks, senders, used_ms, class.
  static Device of(const Row& row) {
    return {.id = row.integer(0),
            .account = row.text(1),
            .customer = row.text(3),
            .used = row.integer(6),
            .bounds = {.name = row.text(2), .networks = {}, .senders = {}},
            .policy_class = row.text(7),
            .networks = row.text(4),
            .senders = row.text(5)};
  }
  StoreResult<> read_bounds() {
    std::istringstream each_network(networks);
    for (std::string each; each_network >> each;) {
      const auto network = Network::parse(each);
      if (!network) return store_error(StoreError::Kind::damaged, "has a device password with a network that is none");
      bounds.networks.push_back(*network);
    }
    std::istringstream each_sender(senders);
    for (std::string each; each_sender >> each;) bounds.senders.push_back(each);
    return {};
  }
};

StoreResult<std::optional<Answer>> EmbeddedStore::find_device(const Credentials& credentials, WallMillis now) {
  auto password = device_password(credentials.secret.reveal());
  if (!password) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  auto device = device_of(credentials.name, *password, now);
  wipe_bytes(password->data(), password->size());
  return answer_of(std::move(device), credentials.client.ip, now);
}

StoreResult<std::optional<Answer>> EmbeddedStore::find_device(const CramMd5Login& login, WallMillis now) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  return answer_of(device_of(login, now), login.client.ip, now);
}

StoreResult<std::optional<Answer>> EmbeddedStore::answer_of(StoreResult<std::optional<Device>> found,
                                                            const std::string& client_ip, WallMillis now) {
  StoreResult<> read = without_value(found);
  if (read && *found) read = (*found)->read_bounds();
  if (!read) return store_error(read.error().kind, failure(read.error()));
  if (!*found) return std::nullopt;
  Device& device = **found;
  auto answer = identify_locked({.account = device.account,
                                 .customer = device.customer,
                                 .domains = {},
                                 .customer_from = CustomerFrom::fixed,
                                 .unknown_customer = UnknownCustomer::refuse,
                                 .now = now});
  if (!answer) return store_error(answer.error().kind, failure(answer.error()));
  if (answer->identity == nullptr) return *std::move(answer);
  auto identity = std::make_shared<Identity>(*answer->identity);
  identity->device = std::make_shared<const DeviceBounds>(std::move(device.bounds));
  if (!device.policy_class.empty()) identity->policy_class = device.policy_class;
  const bool noted = device.used + kNotedEvery > now || !identity->admits(client_ip);
  answer->identity = std::move(identity);
  // Where that cannot be written the login is none the worse.
  if (!noted)
    static_cast<void>(
        database_->run("UPDATE device SET used_ms = $1, used_from = $2 WHERE id = $3", {now, client_ip, device.id}));
  return *std::move(answer);
}

StoreResult<std::optional<EmbeddedStore::Device>> EmbeddedStore::device_of(const Name& name, std::string_view password,
                                                                           WallMillis now) {
  std::string key;
  StoreResult<> read = database_->query("SELECT value FROM setting WHERE key = 'device_key'", {},
                                        [&](const Row& row) { key = row.text(0); });
  if (!read) return std::unexpected(read.error());
  if (key.empty()) return store_error(StoreError::Kind::damaged, "has no key for device passwords");
  std::optional<Device> device;
  read = database_->query(
      "SELECT d.id, d.account, d.name, c.name, d.networks, d.senders, d.used_ms, d.class FROM device d"
      " JOIN customer c ON c.id = d.customer"
      " WHERE d.secret = $1 AND d.account = $2 AND d.dead = '' AND (d.expires_ms IS NULL OR d.expires_ms > $3)",
      {device_hash(key, password), name.folded(), now}, [&](const Row& row) { device = Device::of(row); });
  if (!read) return std::unexpected(read.error());
  return device;
}

// As many digests are computed and compared for each name: for one without devices, of states that are nobody's.
StoreResult<std::optional<EmbeddedStore::Device>> EmbeddedStore::device_of(const CramMd5Login& login, WallMillis now) {
  std::optional<Device> device;
  std::size_t tried = 0;
  StoreResult<> read = database_->query(
      "SELECT d.id, d.account, d.name, c.name, d.networks, d.senders, d.used_ms, d.class, d.cram_md5 FROM device d"
      " JOIN customer c ON c.id = d.customer"
      " WHERE d.account = $1 AND d.cram_md5 <> '' AND d.dead = '' AND (d.expires_ms IS NULL OR d.expires_ms > $2)"
      " ORDER BY d.id LIMIT 50",
      {login.name.folded(), now}, [&](const Row& row) {
        ++tried;
        if (answers_cram_md5(row.text(8), login.challenge, login.digest)) device = Device::of(row);
      });
  if (!read) return std::unexpected(read.error());
  for (; tried < kDevicesMax; ++tried)
    static_cast<void>(answers_cram_md5(kNobodysCramMd5, login.challenge, login.digest));
  return device;
}

}  // namespace sluice::auth

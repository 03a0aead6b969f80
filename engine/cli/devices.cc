#include "engine/cli/devices.h"

#include <array>
#include <ostream>

#include "auth/backend/kinds.h"
#include "auth/device_password.h"
#include "auth/store/device_admin.h"
#include "auth/text.h"
#include "engine/cli/account_limits.h"
#include "engine/cli/account_report.h"

namespace sluice::cli {
namespace {

constexpr WallMillis kDayMillis = WallMillis{24} * 3600 * 1000;

auth::StoreResult<> add_device(const AccountRequest& request, const AccountCommandWorld& world,
                               auth::DeviceAdmin& admin) {
  if (auto known = check_class(world.settings, request.policy_class); !known) return known;
  std::array<std::byte, auth::kDevicePasswordBytes> random{};
  world.random.fill(random);
  std::string password = auth::make_device_password({reinterpret_cast<const char*>(random.data()), random.size()});
  const WallMillis now = world.clock.wall();
  auth::NewDevice device{.account = request.operand,
                         .name = request.device_name,
                         .customer = request.customer,
                         .expires = {},
                         .networks = request.networks,
                         .senders = request.senders,
                         .backends_known = world.settings.backends_known,
                         .mailbox_is_asked_for = auth::tells_mailboxes(
                             world.settings.backends, auth::login_domain(auth::login_key(request.operand))),
                         .cram_md5 = request.has(kOptionCramMd5),
                         .policy_class = request.policy_class};
  if (request.expires_days) device.expires = now + WallMillis{*request.expires_days} * kDayMillis;
  auth::StoreResult<> added = admin.add(device, password, now);
  if (added) {
    world.out << "device " << request.device_name << " of " << request.operand << ": added\n";
    world.out << "password: " << auth::shown_device_password(password) << "\n";
  }
  auth::wipe_bytes(password.data(), password.size());
  return added;
}

auth::StoreResult<> list_devices(const AccountRequest& request, const AccountCommandWorld& world,
                                 auth::DeviceAdmin& admin) {
  const auto records =
      admin.list(request.operand.empty() ? std::nullopt : std::optional<std::string_view>(request.operand));
  return print_found(world.out, records, request.has(kOptionJson), request.time);
}

auth::StoreResult<> run_verb(const AccountRequest& request, const AccountCommandWorld& world,
                             auth::DeviceAdmin& admin) {
  if (request.command->verb == AccountVerb::add) return add_device(request, world, admin);
  if (request.command->verb == AccountVerb::list) return list_devices(request, world, admin);
  auth::StoreResult<> revoked = admin.revoke(request.operand, request.device_name);
  if (revoked) world.out << "device " << request.device_name << " of " << request.operand << ": revoked\n";
  return revoked;
}

}  // namespace

int run_device_command(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto store = configured_store(world);
  const auto admin =
      store ? auth::DeviceAdmin::open(*store) : auth::store_error(auth::StoreError::Kind::refused, store.error());
  const auth::StoreResult<> done = admin ? run_verb(request, world, **admin) : auth::without_value(admin);
  return finish_command(world, done);
}

}  // namespace sluice::cli

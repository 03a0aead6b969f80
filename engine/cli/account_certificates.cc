#include "engine/cli/account_certificates.h"

#include <ostream>

#include "auth/store/certificate_admin.h"
#include "engine/cli/account_report.h"

namespace sluice::cli {
namespace {

auth::StoreResult<> list_certificates(const AccountRequest& request, const AccountCommandWorld& world,
                                      auth::CertificateAdmin& admin) {
  const auto records =
      admin.list(request.operand.empty() ? std::nullopt : std::optional<std::string_view>(request.operand));
  return print_found(world.out, records, request.has(kOptionJson), request.time);
}

auth::StoreResult<> run_on_certificates(const AccountRequest& request, const AccountCommandWorld& world,
                                        auth::CertificateAdmin& admin) {
  if (request.command->verb == AccountVerb::list) return list_certificates(request, world, admin);
  const bool adds = request.command->verb == AccountVerb::add;
  auth::StoreResult<> done = adds ? admin.add(request.operand, request.fingerprint, world.clock.wall())
                                  : admin.revoke(request.operand, request.fingerprint);
  if (done) world.out << "certificate of " << request.operand << ": " << (adds ? "added" : "revoked") << "\n";
  return done;
}

}  // namespace

int run_certificate_command(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto store = configured_store(world);
  const auto admin =
      store ? auth::CertificateAdmin::open(*store) : auth::store_error(auth::StoreError::Kind::refused, store.error());
  const auth::StoreResult<> done = admin ? run_on_certificates(request, world, **admin) : auth::without_value(admin);
  return finish_command(world, done);
}

}  // namespace sluice::cli

#include "engine/cli/store_copies.h"

#include <ostream>

#include "auth/store/store_copy.h"
#include "engine/cli/progress.h"

namespace sluice::cli {
namespace {

auth::StoreResult<auth::StoreCounts> copied_counts(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto refused = [](const std::string& why) { return auth::store_error(auth::StoreError::Kind::refused, why); };
  // Both are found while we are still who we are.
  const auto from = world.stores.find(request.from);
  if (!from) return refused(from.error());
  const auto to = world.stores.find(request.to);
  if (!to) return refused(to.error());
  for (const auth::StoreAddress* store : {&*to, &*from})
    if (const auto entered = world.stores.enter(*store); !entered) return refused(entered.error());
  Progress progress(world, "copied", 0);
  return auth::copy_store(
      *from, *to,
      {.replace = request.has(kOptionForce), .on_progress = [&progress](std::size_t rows) { progress.at(rows); }});
}

}  // namespace

int run_store_copy(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto copied = copied_counts(request, world);
  if (!copied) {
    world.err << "sluicectl: " << copied.error().what << "\n";
    return kCtlFailed;
  }
  world.out << "copied: " << copied->customers << " customers, " << copied->domains << " domains, " << copied->accounts
            << " accounts, " << copied->devices << " device passwords\n";
  world.out.flush();
  if (world.out.good()) return kCtlDone;
  world.err << "sluicectl: the output could not be written; what was asked for is done\n";
  return kCtlFailed;
}

}  // namespace sluice::cli

// The account commands of sluicectl: customers, domains and accounts in the embedded store's file,
// which running relays have open too and follow within a second. Blocking; the control program's
// only thread.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/options.h"
#include "auth/store/password_hash.h"
#include "engine/cli/account_grammar.h"
#include "engine/io/platform.h"

namespace sluice::cli {

inline constexpr int kCtlDone = 0;
inline constexpr int kCtlFailed = 1;  // the reason and the remedy are on `err`
inline constexpr int kCtlUsage = 2;   // the command line was not understood

// `args` begins with "customer", "domain" or "account" (see is_account_object()); --store and
// --config have been taken out, and `store_path` and `backends` are what they named. Returns the exit status.
int run_account_command(std::span<const std::string_view> args, const std::string& store_path,
                        const std::vector<auth::BackendOptions>& backends, std::istream& in, std::ostream& out,
                        std::ostream& err);

// The same with everything from outside: for tests.
struct AccountCommandWorld {
  std::string store_path;
  std::vector<auth::BackendOptions> backends = {};  // that the relay has; none: not known
  auth::HashCost hash_cost = auth::kDefaultHashCost;
  io::Clock& clock;
  io::Random& random;
  int terminal = -1;      // where to ask for passwords; -1: nowhere
  bool progress = false;  // whether `err` is a terminal, to show on how far a long command is
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};
int run_account_command(std::span<const std::string_view> args, const AccountCommandWorld& world);

}  // namespace sluice::cli

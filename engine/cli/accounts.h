// The account commands of sluicectl: customers, domains and accounts in the store's file or
// database, which running relays have open too and follow within a second. Blocking; the control program's
// only thread.
#pragma once

#include <cstdint>
#include <expected>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/options.h"
#include "auth/store/account_admin.h"
#include "auth/store/password_hash.h"
#include "auth/store/store_address.h"
#include "engine/cli/account_grammar.h"
#include "engine/config/domain_keys.h"
#include "engine/io/platform.h"
#include "engine/io/real_dns.h"

namespace sluice::cli {

inline constexpr int kCtlDone = 0;
inline constexpr int kCtlFailed = 1;  // the reason and the remedy are on `err`
inline constexpr int kCtlUsage = 2;   // the command line was not understood

// The stores that are named on the command line.  The errors are sentences.
class StoreFinder {
 public:
  virtual ~StoreFinder() = default;
  // `text`: as AccountRequest::from.
  [[nodiscard]] virtual std::expected<auth::StoreAddress, std::string> find(const std::string& text) = 0;
  // Before one is opened: becomes the user who may.  Behind it no other is found.
  [[nodiscard]] virtual std::expected<void, std::string> enter(const auth::StoreAddress& store) = 0;
};

// What the configuration says that the commands go by.
struct AccountSettings {
  std::uint32_t scram_iterations = 0;               // AccountAdmin::set_scram_iterations()
  std::vector<auth::BackendOptions> backends = {};  // that the relay has
  bool backends_known = true;                       // false: the store was named in place of the configuration
  std::vector<std::string> classes = {};            // the policy classes that there are; none: they are not known
  io::RealDnsOptions dns = {};                      // whom the DNS is asked of
  std::string hostname = {};                        // the relay's name
  bool makes_domain_keys = false;                   // for each domain that is added: dkim.enabled
  config::DomainKeysConfig domain_keys = {};
};

// `args` begins with "customer", "domain", "account" or "store" (see is_account_object()); --store and
// --config have been taken out. Returns the exit status.
int run_account_command(std::span<const std::string_view> args, StoreFinder& stores, const AccountSettings& settings,
                        std::istream& in, std::ostream& out, std::ostream& err);

// The same with everything from outside: for tests.
struct AccountCommandWorld {
  StoreFinder& stores;
  AccountSettings settings = {};
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

// The error; where one of the names that were given is unknown, with one that is like it and is there.
[[nodiscard]] std::unexpected<auth::StoreError> with_name_meant(const AccountRequest& request,
                                                                auth::AccountAdmin& admin,
                                                                const auth::StoreError& error);

// Says what went wrong, if anything; the exit status.
[[nodiscard]] int finish_command(const AccountCommandWorld& world, const auth::StoreResult<>& done);

// The configured one, entered.
[[nodiscard]] std::expected<auth::StoreAddress, std::string> configured_store(const AccountCommandWorld& world);

}  // namespace sluice::cli

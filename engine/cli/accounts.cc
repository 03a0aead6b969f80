#include "engine/cli/accounts.h"

#include <iostream>
#include <memory>
#include <utility>

#include "auth/store/account_admin.h"
#include "auth/store/domain_state_admin.h"
#include "auth/text.h"
#include "engine/base/check.h"
#include "engine/cli/account_certificates.h"
#include "engine/cli/account_import.h"
#include "engine/cli/account_limits.h"
#include "engine/cli/account_report.h"
#include "engine/cli/devices.h"
#include "engine/cli/domain_check.h"
#include "engine/cli/domain_claims.h"
#include "engine/cli/domain_keys.h"
#include "engine/cli/password.h"
#include "engine/cli/store_copies.h"
#include "engine/io/real_platform.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::cli {
namespace {

using auth::AccountAdmin;
using auth::AccountStatus;

class AccountCommandRun {
 public:
  AccountCommandRun(const AccountRequest& request, const AccountCommandWorld& world, const auth::StoreAddress& store,
                    AccountAdmin& admin)
      : request_(request), world_(world), store_(store), admin_(admin) {}

  auth::StoreResult<> run() {
    switch (request_.command->object) {
      case AccountObject::customer:
        return run_on_customer();
      case AccountObject::account:
        return run_on_account();
      case AccountObject::domain:       // domain_keys.cc
      case AccountObject::certificate:  // account_certificates.cc
      case AccountObject::device:       // devices.cc
      case AccountObject::store:        // store_copies.cc
        break;
    }
    return auth::store_error(auth::StoreError::Kind::failed, "no such object");
  }

 private:
  auth::StoreResult<> run_on_customer() {
    const std::string& name = request_.operand;
    switch (request_.command->verb) {
      case AccountVerb::add:
        return done(admin_.add_customer(name, world_.clock.wall()), "added");
      case AccountVerb::list:
        return list(admin_.customers());
      case AccountVerb::show:
        return show_customer();
      case AccountVerb::suspend:
        return set_customer(AccountStatus::suspended, "suspended");
      case AccountVerb::hold:
        return set_customer(AccountStatus::held, "held");
      case AccountVerb::activate:
        return set_customer(AccountStatus::active, "active");
      case AccountVerb::set:
        return request_.has(kOptionSignAs) ? set_sign_as() : set_class(&AccountAdmin::set_customer_class);
      case AccountVerb::limit:
        return change_limits(&AccountAdmin::change_customer_limits);
      case AccountVerb::remove:
        return done(admin_.remove_customer(name, request_.has(kOptionRecursive)), "removed");
      case AccountVerb::narrow:
      case AccountVerb::password:
      case AccountVerb::revoke:
      case AccountVerb::import_file:
      case AccountVerb::copy:
      case AccountVerb::check_dns:
      case AccountVerb::records:
      case AccountVerb::zone:
      case AccountVerb::rotate:
      case AccountVerb::rewrap:
      case AccountVerb::import_keys:
      case AccountVerb::prove:
        break;
    }
    return auth::store_error(auth::StoreError::Kind::failed, "no such command");
  }

  auth::StoreResult<> run_on_account() {
    const std::string& name = request_.operand;
    switch (request_.command->verb) {
      case AccountVerb::add:
        return add_account();
      case AccountVerb::list:
        return list(admin_.accounts(request_.customer));
      case AccountVerb::show:
        return show(admin_.account(name));
      case AccountVerb::suspend:
        return set_account(AccountStatus::suspended, "suspended");
      case AccountVerb::hold:
        return set_account(AccountStatus::held, "held");
      case AccountVerb::activate:
        return set_account(AccountStatus::active, "active");
      case AccountVerb::narrow:
        return done(admin_.set_narrowing(name, narrowing()), "narrowed anew");
      case AccountVerb::password:
        return set_password();
      case AccountVerb::set:
        return set_class(&AccountAdmin::set_account_class);
      case AccountVerb::limit:
        return change_limits(&AccountAdmin::change_account_limits);
      case AccountVerb::remove:
        return done(admin_.remove_account(name), "removed");
      case AccountVerb::revoke:
      case AccountVerb::copy:
      case AccountVerb::check_dns:
      case AccountVerb::records:
      case AccountVerb::zone:
      case AccountVerb::rotate:
      case AccountVerb::rewrap:
      case AccountVerb::import_keys:
      case AccountVerb::prove:
        break;
      case AccountVerb::import_file:
        return import_accounts(request_, world_, admin_);
    }
    return auth::store_error(auth::StoreError::Kind::failed, "no such command");
  }

  auth::StoreResult<> done(auth::StoreResult<> status, std::string_view how) {
    if (status) {
      world_.out << request_.command->object_name << " " << request_.operand << ": " << how << "\n";
    }
    return status;
  }

  template <typename Records>
  auth::StoreResult<> list(const auth::StoreResult<Records>& records) {
    return print_found(world_.out, records, request_.has(kOptionJson), request_.time);
  }

  template <typename Record>
  auth::StoreResult<> show(const auth::StoreResult<Record>& record) {
    if (record) print_one(world_.out, *record, request_.has(kOptionJson), request_.time);
    return without_value(record);
  }

  auth::StoreResult<> show_customer() {
    const auto record = admin_.customer(request_.operand);
    if (!record) return std::unexpected(record.error());
    auto domains = admin_.domains(record->name);
    if (!domains) return std::unexpected(domains.error());
    const auto states = auth::DomainStateAdmin::open(store_);
    if (!states) return std::unexpected(states.error());
    const auto claims = (*states)->claims(std::nullopt, record->name);
    if (!claims) return std::unexpected(claims.error());
    add_claims(*claims, *domains);
    const auto accounts = admin_.accounts(record->name);
    if (!accounts) return std::unexpected(accounts.error());
    print_one(world_.out, *record, *domains, *accounts, request_.has(kOptionJson), request_.time);
    return auth::StoreResult<>();
  }

  auth::StoreResult<> set_customer(AccountStatus status, std::string_view how) {
    return done(admin_.set_customer_status(request_.operand, status, request_.reason), how);
  }

  auth::StoreResult<> set_account(AccountStatus status, std::string_view how) {
    return done(admin_.set_account_status(request_.operand, status, request_.reason), how);
  }

  auth::StoreResult<> set_class(auth::StoreResult<> (AccountAdmin::*set)(std::string_view, std::string_view)) {
    if (auto known = check_class(world_.settings, request_.policy_class); !known) return known;
    return done((admin_.*set)(request_.operand, request_.policy_class),
                request_.policy_class.empty() ? "no class of its own" : "class " + request_.policy_class);
  }

  auth::StoreResult<> set_sign_as() {
    const bool none = request_.sign_as == "none";
    return done(admin_.set_customer_sign_as(request_.operand, none ? std::string_view() : request_.sign_as),
                none ? "no domain signs for it" : "signed as " + request_.sign_as);
  }

  auth::StoreResult<> change_limits(auth::StoreResult<> (AccountAdmin::*change)(std::string_view,
                                                                                std::span<const auth::LimitChange>)) {
    const auto changes = parse_limit_changes(request_.limits);
    if (!changes) return std::unexpected(changes.error());
    return done((admin_.*change)(request_.operand, *changes), "limits set");
  }

  AccountAdmin::Narrowing narrowing() const {
    if (!request_.has(kOptionOnly)) return std::nullopt;
    return request_.only;
  }

  auth::StoreResult<> add_account() {
    // Before a password is asked for in vain.
    if (const auto owner = admin_.customer(*request_.customer); !owner) return std::unexpected(owner.error());
    return with_password([this](const auth::Secret& secret) {
      return done(admin_.add_account(request_.operand, *request_.customer, secret, narrowing(), world_.clock.wall()),
                  "added");
    });
  }

  auth::StoreResult<> set_password() {
    if (const auto known = admin_.account(request_.operand); !known) return std::unexpected(known.error());
    return with_password([this](const auth::Secret& secret) {
      return done(admin_.set_password(request_.operand, secret, world_.clock.wall()), "password set");
    });
  }

  // `use` gets the password; one that was made is printed once it is known to be in force.
  template <typename Use>
  auth::StoreResult<> with_password(Use use) {
    if (!request_.has(kOptionGenerate)) {
      const auth::StoreResult<auth::Secret> secret = given_password();
      return secret ? use(*secret) : auth::without_value(secret);
    }
    std::string generated = generate_password(world_.random);
    const std::optional<auth::Secret> secret = auth::Secret::make(generated);
    CHECK(secret.has_value());
    auth::StoreResult<> used = use(*secret);
    if (used) world_.out << "password: " << generated << "\n";
    auth::wipe_bytes(generated.data(), generated.size());
    return used;
  }

  auth::StoreResult<auth::Secret> given_password() {
    if (request_.has(kOptionPasswordStdin)) return read_password_line(world_.in);
    if (world_.terminal >= 0) return ask_password(world_.terminal, "Password for " + request_.operand);
    return auth::store_error(auth::StoreError::Kind::refused,
                             "there is no terminal to ask for the password on; use --password-stdin or --generate");
  }

  const AccountRequest& request_;
  const AccountCommandWorld& world_;
  const auth::StoreAddress& store_;
  AccountAdmin& admin_;
};

// "; did you mean ...?" where one of the names that were given is none's, and like one that is; else nothing.
std::string meant_instead(const AccountRequest& request, AccountAdmin& admin) {
  constexpr std::size_t kNamesCompared = 100'000;
  using Names = auth::StoreResult<std::vector<std::string>> (AccountAdmin::*)(std::size_t most);
  const Names of_object = request.command->object == AccountObject::customer ? &AccountAdmin::customer_names
                          : request.command->object == AccountObject::domain ? &AccountAdmin::domain_names
                                                                             : &AccountAdmin::account_names;
  // The customer first: what is added is none's yet.
  const std::pair<std::string, Names> given[] = {{request.customer.value_or(""), &AccountAdmin::customer_names},
                                                 {request.operand, of_object}};
  for (const auto& [name, names_of] : given) {
    if (name.empty()) continue;
    const auto names = (admin.*names_of)(kNamesCompared);
    if (!names) continue;
    const std::vector<std::string_view> known(names->begin(), names->end());
    const std::string_view meant = text::did_you_mean(name, known);
    if (!meant.empty() && !auth::equal_ignoring_case(meant, name))
      return "; did you mean " + text::in_quotes(meant) + "?";
  }
  return "";
}

int failed(const AccountCommandWorld& world, const auth::StoreError& error) {
  world.err << "sluicectl: " << error.what << "\n";
  return kCtlFailed;
}

}  // namespace

int run_account_command(std::span<const std::string_view> args, const AccountCommandWorld& world) {
  const ParsedAccountCommand parsed = parse_account_command(args);
  switch (parsed.kind) {
    case ParsedAccountCommand::Kind::help:
      world.out << parsed.text;
      return kCtlDone;
    case ParsedAccountCommand::Kind::error:
      world.err << parsed.text;
      return kCtlUsage;
    case ParsedAccountCommand::Kind::request:
      break;
  }
  const AccountCommand& command = *parsed.request.command;
  if (command.object == AccountObject::device) return run_device_command(parsed.request, world);
  if (command.object == AccountObject::certificate) return run_certificate_command(parsed.request, world);
  if (command.object == AccountObject::store) return run_store_copy(parsed.request, world);
  if (command.verb == AccountVerb::check_dns) return run_domain_check(parsed.request, world);
  if (is_domain_key_command(command)) return run_domain_key_command(parsed.request, world);
  const bool is_first = command.object == AccountObject::customer && command.verb == AccountVerb::add;
  const auto if_missing = is_first ? auth::IfMissing::create : auth::IfMissing::fail;
  const auto store = configured_store(world);
  if (!store) return failed(world, {.what = store.error()});
  const auto admin = AccountAdmin::open(*store, if_missing, world.hash_cost);
  if (!admin) return failed(world, admin.error());
  (*admin)->set_scram_iterations(world.settings.scram_iterations);
  auth::StoreResult<> done = AccountCommandRun(parsed.request, world, *store, **admin).run();
  if (!done) done = with_name_meant(parsed.request, **admin, done.error());
  return finish_command(world, done);
}

std::unexpected<auth::StoreError> with_name_meant(const AccountRequest& request, auth::AccountAdmin& admin,
                                                  const auth::StoreError& error) {
  if (error.kind != auth::StoreError::Kind::not_found) return std::unexpected(error);
  return auth::store_error(error.kind, error.what + meant_instead(request, admin));
}

int finish_command(const AccountCommandWorld& world, const auth::StoreResult<>& done) {
  if (!done) return failed(world, done.error());
  world.out.flush();
  if (world.out.good()) return kCtlDone;
  return failed(world, {.what = "the output could not be written; what was asked for is done"});
}

std::expected<auth::StoreAddress, std::string> configured_store(const AccountCommandWorld& world) {
  auto store = world.stores.find("");
  if (!store) return store;
  if (auto entered = world.stores.enter(*store); !entered) return std::unexpected(std::move(entered.error()));
  return store;
}

int run_account_command(std::span<const std::string_view> args, StoreFinder& stores, const AccountSettings& settings,
                        std::istream& in, std::ostream& out, std::ostream& err) {
  constexpr int kStandardInput = 0;
  constexpr int kStandardError = 2;
  const std::unique_ptr<io::Clock> clock = io::make_real_clock();
  const std::unique_ptr<io::Random> random = io::make_real_random();
  const bool can_ask = &in == &std::cin && is_terminal(kStandardInput);
  return run_account_command(args, AccountCommandWorld{.stores = stores,
                                                       .settings = settings,
                                                       .clock = *clock,
                                                       .random = *random,
                                                       .terminal = can_ask ? kStandardInput : -1,
                                                       .progress = &err == &std::cerr && is_terminal(kStandardError),
                                                       .in = in,
                                                       .out = out,
                                                       .err = err});
}

}  // namespace sluice::cli

#include "engine/cli/domain_keys.h"

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/store_values.h"
#include "engine/cli/domain_check.h"
#include "engine/cli/domain_claims.h"
#include "engine/cli/domain_import.h"
#include "engine/cli/domain_report.h"
#include "engine/cli/domain_work.h"
#include "engine/cli/domain_zone.h"
#include "engine/text/time_text.h"

namespace sluice::cli {
namespace {

using dkim::Algorithm;
using domain_keys::Keys;

// The next keys of these algorithms, in the slots that are free for them.
auth::StoreResult<std::vector<auth::NewSigningKey>> make_keys(const std::string& domain, Keys keys,
                                                              std::span<const Algorithm> algorithms,
                                                              const KeyStore& store, const AccountCommandWorld& world) {
  std::vector<auth::NewSigningKey> made;
  for (const Algorithm algorithm : algorithms) {
    const auto selector = domain_keys::next_selector(keys, algorithm, life_rules(world), world.clock.wall());
    if (!selector) return key_refusal(std::string(dkim::name(algorithm)) + ": " + selector.error());
    auto key = domain_keys::make_key_for_store(domain, *selector, algorithm, store.storage(world));
    if (!key) return key_refusal(key.error());
    made.push_back(*std::move(key));
  }
  return made;
}

// What becomes of the keys when these are made.
auth::StoreResult<auth::KeyChanges> next_keys(const std::string& domain, Keys keys,
                                              std::span<const Algorithm> algorithms, const KeyStore& store,
                                              const AccountCommandWorld& world) {
  auth::KeyChanges changes{.keys = {}, .states = domain_keys::due_changes(keys, life_rules(world), world.clock.wall())};
  auto made = make_keys(domain, domain_keys::changed(keys, changes.states), algorithms, store, world);
  if (!made) return std::unexpected(made.error());
  changes.keys = *std::move(made);
  return changes;
}

// Makes them before the transaction, which others wait for; in it they are taken where the slots are still free.
// Returns their selectors.
auth::StoreResult<std::vector<std::string>> add_next_keys(const std::string& domain,
                                                          std::span<const Algorithm> algorithms, const KeyStore& store,
                                                          const AccountCommandWorld& world) {
  const auto admin = auth::SigningKeyAdmin::open(store.address);
  if (!admin) return std::unexpected(admin.error());
  const auto present = (*admin)->keys_of(domain);
  if (!present) return std::unexpected(present.error());
  auto made = next_keys(domain, *present, algorithms, store, world);
  if (!made) return std::unexpected(made.error());
  std::vector<std::string> selectors;
  for (const auth::NewSigningKey& key : made->keys) selectors.push_back(key.record.selector);
  const auto done = (*admin)->change(domain, [&](Keys keys) -> auth::StoreResult<auth::KeyChanges> {
    made->states = domain_keys::due_changes(keys, life_rules(world), world.clock.wall());
    const auto after = domain_keys::changed(keys, made->states);
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
      const auto selector = domain_keys::next_selector(after, algorithms[i], life_rules(world), world.clock.wall());
      if (!selector || *selector != selectors[i])
        return key_refusal("the domain's keys have changed meanwhile; try again");
    }
    return *std::move(made);
  });
  if (!done) return std::unexpected(done.error());
  return selectors;
}

// All that lies below a domain has none of its own.
bool may_have_keys(const auth::StoreResult<std::string>& entry) { return entry && !entry->starts_with("*."); }

auth::StoreResult<> add_domain(const AccountRequest& request, const AccountCommandWorld& world) {
  if (request.has(kOptionProve)) return add_claim(request, world);
  const auto domain = auth::stored_domain_entry(request.operand);
  const bool makes_keys = world.settings.makes_domain_keys && !request.has(kOptionNoKeys) && may_have_keys(domain);
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (makes_keys)
    if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto admin = auth::AccountAdmin::open(store->address, auth::IfMissing::fail, world.hash_cost);
  if (!admin) return std::unexpected(admin.error());
  if (auto added = (*admin)->add_domain(request.operand, *request.customer, world.clock.wall()); !added)
    return with_name_meant(request, **admin, added.error());
  if (!prints_records_alone(request)) {
    world.out << "domain " << request.operand << ": added\n";
    if (world.settings.makes_domain_keys && domain && !may_have_keys(domain))
      world.out << "Mail of the names below it is signed with the keys of " << domain->substr(2)
                << ", where the customer has that, too; add those by themselves that are to have keys of their own\n";
  }
  if (!makes_keys) return {};
  if (auto made = make_first_keys(*domain, *store, world); !made) return made;
  if (!prints_records_alone(request)) world.out << "\nTo be published by the customer:\n";
  return print_domain_records(*domain, std::nullopt, store->address, request, world);
}

auth::StoreResult<> show_domain(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  const auto admins = open_domain_admins(*address, world);
  if (!admins) return std::unexpected(admins.error());
  const auto meant = domain_meant(request, *admins);
  if (!meant) return std::unexpected(meant.error());
  if (!meant->domain) {
    const auto claim = claim_meant(*meant);
    if (!claim) return std::unexpected(claim.error());
    print_domain(world.out, record_of_claim(*claim), {}, life_rules(world), world.clock.wall(), request);
    return {};
  }
  const auto keys_admin = auth::SigningKeyAdmin::open(*address);
  if (!keys_admin) return std::unexpected(keys_admin.error());
  const auto keys = (*keys_admin)->keys_of(request.operand);
  if (!keys) return std::unexpected(keys.error());
  print_domain(world.out, *meant->domain, *keys, life_rules(world), world.clock.wall(), request);
  return {};
}

auth::StoreResult<> show_records(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  const auto admins = open_domain_admins(*address, world);
  if (!admins) return std::unexpected(admins.error());
  const auto meant = domain_meant(request, *admins);
  if (!meant) return std::unexpected(meant.error());
  if (!meant->domain) {
    const auto claim = claim_meant(*meant);
    return claim ? print_claim_records(*claim, request, world) : auth::without_value(claim);
  }
  const auth::DomainRecord& domain = *meant->domain;
  if (domain.ownership != "proven") return print_domain_records(domain.name, std::nullopt, *address, request, world);
  const auto token = admins->states->proof_token(domain.customer);
  if (!token) return std::unexpected(token.error());
  const auto proof = proof_record(domain.name, *token, world);
  if (!proof) return std::unexpected(proof.error());
  return print_domain_records(domain.name, *proof, *address, request, world);
}

auth::StoreResult<> rotate_keys(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto domain = auth::stored_domain_entry(request.operand);
  if (!domain) return std::unexpected(domain.error());
  if (!may_have_keys(domain)) return key_refusal("keys are of one domain, not of all that lies below one");
  std::vector<Algorithm> algorithms;
  for (const Algorithm each : dkim::kAlgorithms)
    if (!request.has(kOptionAlgorithm) || request.algorithm == dkim::name(each)) algorithms.push_back(each);
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto selectors = add_next_keys(*domain, algorithms, *store, world);
  if (!selectors) return std::unexpected(selectors.error());
  world.out << "domain " << *domain << ": made";
  for (const std::string& selector : *selectors) world.out << " " << selector;
  world.out << "; once their records are in the DNS: sluicectl domain activate " << *domain << "\n";
  return {};
}

auth::StoreResult<> activate_keys(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto admin = open_key_admin(world);
  if (!admin) return std::unexpected(admin.error());
  if (!request.has(kOptionSeen)) {
    const auto domain = auth::stored_domain_entry(request.operand);
    const auto keys = domain ? (*admin)->keys_of(*domain) : std::unexpected(domain.error());
    if (!keys) return std::unexpected(keys.error());
    if (auto there = check_published_keys(*domain, *keys, world); !there) return there;
  }
  std::string report;
  auto done = (*admin)->change(request.operand, [&](Keys keys) -> auth::StoreResult<auth::KeyChanges> {
    std::vector<std::string> seen;
    for (const auth::SigningKeyRecord& key : keys)
      if (key.state == auth::KeyState::published) seen.push_back(key.selector);
    if (seen.empty())
      return key_refusal(
          "the domain has no key that is published and does not sign yet; the next ones are made by: "
          "sluicectl domain rotate " +
          request.operand);
    const WallMillis now = world.clock.wall();
    auth::KeyChanges changes{.keys = {}, .states = domain_keys::activation(keys, seen, life_rules(world), now)};
    for (const auth::KeyStateChange& change : changes.states)
      report += "key " + change.selector + ": " + std::string(auth::key_state_name(change.state)) + " from " +
                text::time_string(change.since) + "\n";
    return changes;
  });
  if (done) world.out << report;
  return done;
}

auth::StoreResult<> reseal_keys(const AccountRequest& request, const AccountCommandWorld& world) {
  domain_keys::KeyWrapper old;
  if (request.has(kOptionOldKeyFile)) {
    auto read = domain_keys::KeyWrapper::read(request.old_key_file);
    if (!read) return key_refusal(read.error());
    old = *std::move(read);
  }
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto admin = auth::SigningKeyAdmin::open(store->address);
  if (!admin) return std::unexpected(admin.error());
  const auto resealed =
      (*admin)->reseal([&](const auth::SigningKeyRecord& key,
                           const auth::StoredPrivateKey& stored) -> auth::StoreResult<auth::StoredPrivateKey> {
        // One that is sealed with the new key already, by a run that was cut off, or since.
        auto der = store->wrapper.unwrap(key.domain, key.selector, stored);
        if (!der && request.has(kOptionOldKeyFile)) der = old.unwrap(key.domain, key.selector, stored);
        if (!der) return key_refusal(der.error());
        return store->wrapper.wrap(key.domain, key.selector, *der, world.random);
      });
  if (!resealed) return std::unexpected(resealed.error());
  world.out << *resealed << " keys " << (store->wrapper.seals() ? "sealed anew" : "kept as they are, not sealed")
            << "\n";
  return {};
}

struct Run {
  AccountVerb verb;
  auth::StoreResult<> (*run)(const AccountRequest& request, const AccountCommandWorld& world);
};
constexpr std::array kRuns{Run{AccountVerb::add, add_domain},       Run{AccountVerb::show, show_domain},
                           Run{AccountVerb::records, show_records}, Run{AccountVerb::zone, write_zone},
                           Run{AccountVerb::rotate, rotate_keys},   Run{AccountVerb::activate, activate_keys},
                           Run{AccountVerb::rewrap, reseal_keys},   Run{AccountVerb::import_keys, import_domain_keys},
                           Run{AccountVerb::list, list_domains},    Run{AccountVerb::remove, remove_domain},
                           Run{AccountVerb::prove, prove_domain}};

const Run* run_of(const AccountCommand& command) {
  if (command.object != AccountObject::domain) return nullptr;
  const auto* const found = std::ranges::find(kRuns, command.verb, &Run::verb);
  return found == kRuns.end() ? nullptr : found;
}

}  // namespace

auth::StoreResult<> make_first_keys(const std::string& domain, const KeyStore& store,
                                    const AccountCommandWorld& world) {
  const auto made = add_next_keys(domain, dkim::kAlgorithms, store, world);
  if (made) return {};
  return key_refusal("the domain is added, and has no keys: " + made.error().what +
                     "; try again with: sluicectl domain rotate " + domain);
}

auth::StoreResult<> print_domain_records(const std::string& domain,
                                         const std::optional<domain_keys::PublishedRecord>& proof,
                                         const auth::StoreAddress& store, const AccountRequest& request,
                                         const AccountCommandWorld& world) {
  const auto admin = auth::SigningKeyAdmin::open(store);
  if (!admin) return std::unexpected(admin.error());
  const auto keys = (*admin)->keys_of(domain);
  if (!keys) return std::unexpected(keys.error());
  auto records = domain_keys::customer_records(domain, *keys, record_rules(world));
  if (!records) return key_refusal(records.error());
  if (proof) records->insert(records->begin(), *proof);
  print_records(world.out, *records, request);
  return {};
}

bool is_domain_key_command(const AccountCommand& command) { return run_of(command) != nullptr; }

int run_domain_key_command(const AccountRequest& request, const AccountCommandWorld& world) {
  return finish_command(world, run_of(*request.command)->run(request, world));
}

}  // namespace sluice::cli

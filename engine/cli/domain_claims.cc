#include "engine/cli/domain_claims.h"

#include <algorithm>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "auth/store/signing_key_admin.h"
#include "auth/store/store_values.h"
#include "auth/text.h"
#include "engine/cli/account_report.h"
#include "engine/cli/domain_check.h"
#include "engine/cli/domain_keys.h"
#include "engine/cli/domain_report.h"
#include "engine/cli/domain_work.h"
#include "engine/io/real_dns.h"
#include "engine/sender_dns/domain_check.h"
#include "engine/text/quoted.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

using auth::StoreError;

auth::StoreResult<DomainAdmins> open_configured_admins(const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  return open_domain_admins(*address, world);
}

auth::StoreResult<DomainMeant> find_meant(const AccountRequest& request, const DomainAdmins& admins) {
  auto domain = admins.accounts->domain(request.operand);
  if (!domain && domain.error().kind != StoreError::Kind::not_found) return std::unexpected(domain.error());
  if (domain && (!request.customer || auth::equal_ignoring_case(domain->customer, *request.customer)))
    return DomainMeant{.domain = *std::move(domain), .claims = {}};
  auto claims = admins.states->claims(request.operand, request.customer);
  if (!claims) return std::unexpected(claims.error());
  if (!claims->empty()) return DomainMeant{.domain = {}, .claims = *std::move(claims)};
  if (!domain) return std::unexpected(domain.error());
  return auth::store_error(StoreError::Kind::not_found, "domain " + text::in_quotes(request.operand) +
                                                            " is not that customer's, who does not want to prove it "
                                                            "either");
}

// Why there is nothing to look for.
std::unexpected<StoreError> nothing_to_prove(const AccountRequest& request, const DomainAdmins& admins) {
  const auto meant = domain_meant(request, admins);
  if (!meant) return std::unexpected(meant.error());
  if (!meant->domain) return key_refusal("the claim to " + text::in_quotes(request.operand) + " has just been made");
  return auth::store_error(StoreError::Kind::exists,
                           "domain " + meant->domain->name + " is " + meant->domain->ownership + ", of customer " +
                               text::in_quotes(meant->domain->customer) +
                               "; its records are checked by: sluicectl domain check " + meant->domain->name);
}

// All claims are to one domain, and so one name was asked for.
std::unexpected<StoreError> not_proven(std::span<const auth::DomainClaim> claims, const sender_dns::Finding& found) {
  std::string text = "domain " + claims.front().domain + " is not proven: " + found.name + ": ";
  text += text::printable(found.what);
  if (found.verdict == sender_dns::Verdict::not_asked) return key_refusal(text + "; nothing is changed");
  if (!found.there.empty()) text += "; there is " + text::list_in_quotes(found.there, std::identity());
  for (const auth::DomainClaim& claim : claims)
    text += std::string(&claim == &claims.front() ? "; there should be " : ", or ") +
            text::in_quotes(sender_dns::proof_text(claim.token)) + " of customer " + text::in_quotes(claim.customer);
  return key_refusal(text + "; " + found.remedy);
}

std::unexpected<StoreError> has_another_owner(const auth::DomainClaim& claim, auth::AccountAdmin& admin) {
  const std::string begin = "customer " + text::in_quotes(claim.customer) + " has proven that " + claim.domain +
                            " is its own, and another customer has ";
  const auto owned = admin.domain(claim.domain);
  if (!owned) return auth::store_error(StoreError::Kind::exists, begin + "all below a domain that it lies in");
  return auth::store_error(StoreError::Kind::exists,
                           begin + "it, " + text::in_quotes(owned->customer) + " (" + owned->ownership +
                               "); remove it first, with: " + "sluicectl domain remove " + claim.domain);
}

}  // namespace

auth::StoreResult<DomainAdmins> open_domain_admins(const auth::StoreAddress& address,
                                                   const AccountCommandWorld& world) {
  auto accounts = auth::AccountAdmin::open(address, auth::IfMissing::fail, world.hash_cost);
  if (!accounts) return std::unexpected(accounts.error());
  auto states = auth::DomainStateAdmin::open(address);
  if (!states) return std::unexpected(states.error());
  return DomainAdmins{.accounts = *std::move(accounts), .states = *std::move(states)};
}

auth::StoreResult<DomainMeant> domain_meant(const AccountRequest& request, const DomainAdmins& admins) {
  auto found = find_meant(request, admins);
  if (!found) return with_name_meant(request, *admins.accounts, found.error());
  return found;
}

auth::StoreResult<auth::DomainClaim> claim_meant(const DomainMeant& meant) {
  if (meant.claims.size() == 1) return meant.claims.front();
  return key_refusal("several customers want to prove " + meant.claims.front().domain + ": " +
                     text::list_in_quotes(meant.claims, &auth::DomainClaim::customer) +
                     "; say which is meant with --customer");
}

auth::DomainRecord record_of_claim(const auth::DomainClaim& claim) {
  return {.name = claim.domain, .customer = claim.customer, .ownership = "claimed", .created = claim.created};
}

void add_claims(std::span<const auth::DomainClaim> claims, std::vector<auth::DomainRecord>& domains) {
  for (const auth::DomainClaim& claim : claims) domains.push_back(record_of_claim(claim));
  std::ranges::sort(domains, {}, [](const auth::DomainRecord& record) {
    return std::tuple(std::string_view(record.name), record.ownership == "claimed", std::string_view(record.customer));
  });
}

auth::StoreResult<domain_keys::PublishedRecord> proof_record(const std::string& domain, const std::string& token,
                                                             const AccountCommandWorld& world) {
  domain_keys::PublishedRecord record{.purpose = "proof",
                                      .name = sender_dns::proof_name(domain, proof_label(world)),
                                      .type = "TXT",
                                      .value = sender_dns::proof_text(token)};
  if (!sender_dns::can_be_asked(record.name))
    return key_refusal("the DNS has no names longer than 253 bytes, as " + record.name + " would be");
  return record;
}

auth::StoreResult<> print_claim_records(const auth::DomainClaim& claim, const AccountRequest& request,
                                        const AccountCommandWorld& world) {
  auto proof = proof_record(claim.domain, claim.token, world);
  if (!proof) return std::unexpected(proof.error());
  domain_keys::RecordRules rules = record_rules(world);
  rules.keys_to_come = world.settings.makes_domain_keys;
  auto records = domain_keys::customer_records(claim.domain, {}, rules);
  if (!records) return key_refusal(records.error());
  records->insert(records->begin(), *std::move(proof));
  print_records(world.out, *records, request);
  if (rules.keys_to_come && rules.zone.empty() && !prints_records_alone(request))
    world.out << "\nThe records of its keys follow once it is proven: sluicectl domain records " << claim.domain
              << "\n";
  return {};
}

auth::StoreResult<> add_claim(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto admins = open_configured_admins(world);
  if (!admins) return std::unexpected(admins.error());
  // Before there is one that nothing could be published for.
  const auto entry = auth::stored_domain_entry(request.operand);
  const auto can_be = entry ? auth::without_value(proof_record(*entry, "", world)) : auth::without_value(entry);
  if (!can_be) return can_be;
  const auto claim = admins->states->add_claim(request.operand, *request.customer, world.clock.wall());
  if (!claim) return with_name_meant(request, *admins->accounts, claim.error());
  if (!prints_records_alone(request))
    world.out << "domain " << request.operand << ": to be proven by its customer, then: sluicectl domain prove "
              << claim->domain << "\n\nTo be published by the customer, the proof for good:\n";
  return print_claim_records(*claim, request, world);
}

auth::StoreResult<> list_domains(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto admins = open_configured_admins(world);
  if (!admins) return std::unexpected(admins.error());
  auto records = admins->accounts->domains(request.customer);
  if (!records) return with_name_meant(request, *admins->accounts, records.error());
  const auto claims = admins->states->claims(std::nullopt, request.customer);
  if (!claims) return std::unexpected(claims.error());
  add_claims(*claims, *records);
  if (!request.state.empty())
    std::erase_if(*records, [&request](const auto& record) { return domain_state(record) != request.state; });
  return print_found(world.out, records, request.has(kOptionJson), request.time);
}

auth::StoreResult<> remove_domain(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto address = configured_store(world);
  if (!address) return key_refusal(address.error());
  const auto admins = open_domain_admins(*address, world);
  if (!admins) return std::unexpected(admins.error());
  const auto meant = domain_meant(request, *admins);
  if (!meant) return std::unexpected(meant.error());
  auth::StoreResult<> removed;
  bool had_keys = false;
  if (meant->domain) {
    const auto keys = auth::SigningKeyAdmin::open(*address);
    if (!keys) return std::unexpected(keys.error());
    const auto its_own = (*keys)->keys_of(meant->domain->name);
    if (!its_own) return std::unexpected(its_own.error());
    had_keys = !its_own->empty();
    removed = admins->accounts->remove_domain(request.operand);
  } else {
    const auto claim = claim_meant(*meant);
    removed = claim ? admins->states->remove_claim(claim->domain, claim->customer) : auth::without_value(claim);
  }
  if (!removed) return removed;
  world.out << "domain " << request.operand << ": removed\n";
  const config::DomainKeysConfig& settings = world.settings.domain_keys;
  if (had_keys && !settings.zone.empty() && settings.zone_file.empty() && settings.zone_update.empty())
    world.out << "The records of its keys stay in " << settings.zone << " until: sluicectl domain zone\n";
  return {};
}

auth::StoreResult<> prove_domain(const AccountRequest& request, const AccountCommandWorld& world, io::Dns& dns) {
  const bool makes_keys = world.settings.makes_domain_keys;
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (makes_keys)
    if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto admins = open_domain_admins(store->address, world);
  if (!admins) return std::unexpected(admins.error());
  const auto claims = admins->states->claims(request.operand, request.customer);
  if (!claims) return with_name_meant(request, *admins->accounts, claims.error());
  if (claims->empty()) return nothing_to_prove(request, *admins);
  const std::vector<sender_dns::Finding> found = look_for_proofs(*claims, world, dns);
  const auto right = std::ranges::find(found, sender_dns::Verdict::right, &sender_dns::Finding::verdict);
  if (right == found.end()) return not_proven(*claims, found.front());
  const auth::DomainClaim& claim = (*claims)[static_cast<std::size_t>(right - found.begin())];
  const auto proven = admins->states->prove(claim.domain, claim.customer, world.clock.wall());
  if (!proven) return std::unexpected(proven.error());
  if (*proven == auth::DomainStateAdmin::Proof::has_owner) return has_another_owner(claim, *admins->accounts);
  world.out << "domain " << claim.domain << ": proven, of customer " << claim.customer << "\n";
  if (!makes_keys) return {};
  auto proof = proof_record(claim.domain, claim.token, world);
  if (!proof) return std::unexpected(proof.error());
  if (auto made = make_first_keys(claim.domain, *store, world); !made) return made;
  world.out << "\nTo be published by the customer:\n";
  return print_domain_records(claim.domain, *proof, store->address, request, world);
}

auth::StoreResult<> prove_domain(const AccountRequest& request, const AccountCommandWorld& world) {
  const auto dns = io::make_real_dns(world.settings.dns);
  if (!dns) return key_refusal("dns: " + dns.error());
  return prove_domain(request, world, **dns);
}

}  // namespace sluice::cli

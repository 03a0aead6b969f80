#include "engine/cli/domain_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <utility>

#include "auth/store/account_admin.h"
#include "auth/store/domain_state_admin.h"
#include "engine/base/domain_name.h"
#include "engine/cli/domain_check_report.h"
#include "engine/cli/domain_work.h"
#include "engine/cli/progress.h"
#include "engine/domain_upkeep/configured_rules.h"
#include "engine/domain_upkeep/record_checks.h"
#include "engine/io/files.h"
#include "engine/io/interfaces.h"
#include "engine/io/parallel.h"
#include "engine/io/real_dns.h"
#include "engine/mx/special_purpose.h"
#include "engine/sender_dns/domain_check.h"
#include "engine/text/quoted.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kChecksAtOnce = 64;

// A wrong word of the command line, or what has failed.
struct CheckFailure {
  std::string what;
  int status = kCtlFailed;
};

std::expected<std::string, CheckFailure> domain_of(const std::string& word) {
  std::string domain = io::fold_dns_name(domain_key(word));
  if (io::dns_host_name(domain) && domain.contains('.')) return domain;
  const bool any = word.starts_with("*.");
  return std::unexpected(
      CheckFailure{.what = text::in_quotes(word) + (any ? ": name the domains that are meant by it" : ": is no domain"),
                   .status = kCtlUsage});
}

// Those that others can reach.
std::vector<IpBytes> own_addresses() {
  std::vector<IpBytes> addresses;
  for (const io::Address& address : io::machine_addresses()) {
    const auto bytes = address.ip_bytes();
    if (bytes.empty() || mx::in_networks(bytes, mx::special_purpose_networks())) continue;
    IpBytes own{.size = static_cast<std::uint8_t>(bytes.size())};
    std::ranges::copy(bytes, own.bytes.begin());
    addresses.push_back(own);
  }
  return addresses;
}

std::expected<sender_dns::SendingFacts, CheckFailure> facts_of(const AccountRequest& request,
                                                               const AccountCommandWorld& world) {
  constexpr std::int64_t kMillisPerSecond = 1000;
  constexpr std::size_t kKeyFileBytesMax = 65'536;
  sender_dns::SendingFacts facts{.helo = world.settings.hostname, .now_s = world.clock.wall() / kMillisPerSecond};
  for (const std::string& word : request.addresses) {
    const auto address = parse_ip(word);
    if (!address) return std::unexpected(CheckFailure{text::in_quotes(word) + ": is no IP address", kCtlUsage});
    facts.addresses.push_back(*address);
  }
  if (request.addresses.empty()) facts.addresses = domain_upkeep::sending_addresses(world.settings.domain_keys);
  if (facts.addresses.empty()) facts.addresses = own_addresses();
  for (const SelectorOption& option : request.selectors) {
    if (!io::dns_host_name(option.selector + "._domainkey.example"))
      return std::unexpected(CheckFailure{text::in_quotes(option.selector) + ": is no selector", kCtlUsage});
    sender_dns::ExpectedKey expected{.selector = io::fold_dns_name(option.selector)};
    if (!option.public_key_file.empty()) {
      const auto pem = io::read_file(option.public_key_file, kKeyFileBytesMax);
      if (!pem) return std::unexpected(CheckFailure{.what = pem.error()});
      auto key = sender_dns::read_public_key(*pem);
      if (!key) return std::unexpected(CheckFailure{.what = option.public_key_file + ": " + key.error()});
      expected.key = *std::move(key);
    }
    facts.keys.push_back(std::move(expected));
  }
  for (const auto& [word, place] : {std::pair{&request.mail_from, &facts.mail_from_domain},
                                    std::pair{&request.signing_domain, &facts.signing_domain}}) {
    if (word->empty()) continue;
    auto domain = domain_of(*word);
    if (!domain) return std::unexpected(domain.error());
    *place = *std::move(domain);
  }
  return facts;
}

std::expected<std::vector<std::string>, CheckFailure> domains_of(const AccountRequest& request,
                                                                 const AccountCommandWorld& world,
                                                                 DomainTotals& totals) {
  std::vector<std::string> domains;
  if (!request.has(kOptionAll)) {
    for (const std::string& word : request.domains) {
      auto domain = domain_of(word);
      if (!domain) return std::unexpected(domain.error());
      domains.push_back(*std::move(domain));
    }
    return domains;
  }
  const auto store = configured_store(world);
  if (!store) return std::unexpected(CheckFailure{.what = store.error()});
  const auto admin = auth::AccountAdmin::open(*store, auth::IfMissing::fail, world.hash_cost);
  if (!admin) return std::unexpected(CheckFailure{.what = admin.error().what});
  auto records = (*admin)->domains(std::nullopt);
  if (!records) return std::unexpected(CheckFailure{.what = records.error().what});
  for (auth::DomainRecord& record : *records) {
    if (record.name.starts_with("*."))
      totals.skip();
    else
      domains.push_back(std::move(record.name));
  }
  return domains;
}

// The keys that the store has of domains, whose records are to be there.
using KeysByDomain = std::map<std::string, std::vector<sender_dns::ExpectedKey>, std::less<>>;

// What the command line says of keys goes before the store.  Without [dkim] there may be no store, and nothing is said.
KeysByDomain keys_of_store(const std::vector<std::string>& domains, const AccountRequest& request,
                           const AccountCommandWorld& world) {
  KeysByDomain all;
  const bool others = !request.selectors.empty() || !request.signing_domain.empty();
  if (others || !world.settings.makes_domain_keys) return all;
  const auto admin = open_key_admin(world);
  if (!admin) {
    world.err << "sluicectl: domain check: looks at no keys: " << text::printable(admin.error().what) << "\n";
    return all;
  }
  const auto add = [&all](const std::string& domain, const auth::SigningKeyRecord& key) {
    if (auto expected = domain_upkeep::expected_key(key)) all[domain].push_back(*std::move(expected));
  };
  if (request.has(kOptionAll)) {
    const auto read = (*admin)->each_key([&add](const auth::SigningKeyRecord& key) { add(key.domain, key); });
    if (!read) world.err << "sluicectl: domain check: looks at no keys: " << text::printable(read.error().what) << "\n";
    return all;
  }
  for (const std::string& domain : domains) {
    const auto keys = (*admin)->keys_of(domain);
    // It need not be one of the store.
    if (!keys) continue;
    for (const auth::SigningKeyRecord& key : *keys) add(domain, key);
  }
  return all;
}

// What the proof of each proven domain says.
using TokensByDomain = std::map<std::string, std::string, std::less<>>;

// There may be no store.
TokensByDomain proofs_of_store(const std::vector<std::string>& domains, const AccountRequest& request,
                               const AccountCommandWorld& world) {
  TokensByDomain all;
  const auto store = configured_store(world);
  if (!store) return all;
  const auto admin = auth::DomainStateAdmin::open(*store);
  if (!admin) return all;
  if (request.has(kOptionAll)) {
    const auto read = (*admin)->each_proof(
        [&all](std::string domain, std::string token) { all.emplace(std::move(domain), std::move(token)); });
    if (!read)
      world.err << "sluicectl: domain check: looks at no proofs: " << text::printable(read.error().what) << "\n";
    return all;
  }
  for (const std::string& domain : domains) {
    const auto state = (*admin)->state(domain);
    if (!state || !state->proven) continue;
    if (auto token = (*admin)->proof_token(state->customer)) all.emplace(domain, *std::move(token));
  }
  return all;
}

struct CheckParts {
  sender_dns::SendingFacts facts;
  KeysByDomain keys;
  TokensByDomain proofs;
  std::string proof_label;
  io::Dns& dns;
};

sender_dns::DomainReport check_one(const std::string& domain, const CheckParts& parts) {
  domain_upkeep::TimedDns timed(parts.dns);
  sender_dns::RememberedDns remembered(timed);
  sender_dns::SendingFacts facts = parts.facts;
  if (const auto keys = parts.keys.find(domain); keys != parts.keys.end()) facts.keys = keys->second;
  sender_dns::DomainReport report = sender_dns::check_domain(domain, facts, remembered);
  if (const auto proof = parts.proofs.find(domain); proof != parts.proofs.end())
    report.findings.push_back(sender_dns::check_proof_record(domain, parts.proof_label, proof->second, remembered));
  return report;
}

int finish(const AccountCommandWorld& world, bool all_right) {
  world.out.flush();
  if (!world.out.good()) {
    world.err << "sluicectl: the output could not be written\n";
    return kCtlFailed;
  }
  return all_right ? kCtlDone : kCtlFailed;
}

int failed_check(const AccountCommandWorld& world, const CheckFailure& failure) {
  world.err << "sluicectl: domain check: " << text::printable(failure.what) << "\n";
  return failure.status;
}

int check_all(const std::vector<std::string>& domains, const CheckParts& parts, bool json, DomainTotals& totals,
              const AccountCommandWorld& world) {
  {
    std::vector<sender_dns::DomainReport> reports(domains.size());
    Progress progress(world, "checked", domains.size());
    std::size_t ended = 0;
    io::run_in_threads(
        domains.size(), kChecksAtOnce, [&](std::size_t at) { reports[at] = check_one(domains[at], parts); },
        [&](std::size_t at) {
          totals.add(std::exchange(reports[at], {}));
          progress.at(++ended);
        });
  }
  world.out << (json ? totals.json() : totals.text());
  return finish(world, totals.all_right());
}

int check_named(const std::vector<std::string>& domains, const CheckParts& parts, bool json,
                const AccountCommandWorld& world) {
  bool all_right = true;
  std::string list;
  for (const std::string& domain : domains) {
    const sender_dns::DomainReport report = check_one(domain, parts);
    all_right = all_right && report.verdict() == sender_dns::Verdict::right;
    if (json)
      list += (list.empty() ? "" : ",") + report_json(report);
    else
      world.out << (domain == domains.front() ? "" : "\n") << report_text(report);
  }
  if (json) world.out << "[" << list << "]\n";
  return finish(world, all_right);
}

}  // namespace

int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world, io::Dns& dns) {
  const bool json = request.has(kOptionJson);
  // Files of keys are the caller's, and are read before we become the owner of the store.
  const auto facts = facts_of(request, world);
  if (!facts) return failed_check(world, facts.error());
  DomainTotals totals(json);
  const auto domains = domains_of(request, world, totals);
  if (!domains) return failed_check(world, domains.error());
  const CheckParts parts{.facts = *facts,
                         .keys = keys_of_store(*domains, request, world),
                         .proofs = proofs_of_store(*domains, request, world),
                         .proof_label = proof_label(world),
                         .dns = dns};
  if (request.has(kOptionAll)) return check_all(*domains, parts, json, totals, world);
  return check_named(*domains, parts, json, world);
}

int run_domain_check(const AccountRequest& request, const AccountCommandWorld& world) {
  io::RealDnsOptions options = world.settings.dns;
  options.ask_authenticated = true;
  const auto dns = io::make_real_dns(options);
  if (!dns) return failed_check(world, {.what = "dns: " + dns.error()});
  return run_domain_check(request, world, **dns);
}

std::vector<sender_dns::Finding> look_for_proofs(std::span<const auth::DomainClaim> claims,
                                                 const AccountCommandWorld& world, io::Dns& dns) {
  domain_upkeep::TimedDns timed(dns);
  sender_dns::RememberedDns remembered(timed);
  std::vector<sender_dns::Finding> found;
  for (const auth::DomainClaim& claim : claims)
    found.push_back(
        sender_dns::check_proof_record(io::fold_dns_name(claim.domain), proof_label(world), claim.token, remembered));
  return found;
}

auth::StoreResult<> check_published_keys(const std::string& domain, std::span<const auth::SigningKeyRecord> keys,
                                         const AccountCommandWorld& world) {
  const auto dns = io::make_real_dns(world.settings.dns);
  if (!dns) return key_refusal("dns: " + dns.error());
  domain_upkeep::TimedDns timed(**dns);
  sender_dns::RememberedDns remembered(timed);
  const std::string folded = io::fold_dns_name(domain);
  for (const auth::SigningKeyRecord& key : keys) {
    if (key.state != auth::KeyState::published) continue;
    const auto expected = domain_upkeep::expected_key(key);
    if (!expected) return key_refusal("key " + key.selector + ": its public half in the store is no base64");
    const sender_dns::Finding found = sender_dns::check_dkim_record(folded, *expected, remembered).finding;
    if (found.verdict != sender_dns::Verdict::right)
      return key_refusal("key " + key.selector + ": " + found.name + ": " + found.what +
                         (found.remedy.empty() ? "" : "; " + found.remedy));
  }
  return {};
}

}  // namespace sluice::cli

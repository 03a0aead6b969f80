// [dkim]: which mail is signed, with which keys, and how.
#include <algorithm>
#include <expected>
#include <string>

#include "engine/base/domain_name.h"
#include "engine/config/sections.h"

namespace sluice::config {
namespace {

constexpr std::int64_t kSigningThreadsMax = 256;
constexpr std::int64_t kKeysKeptMax = 1'000'000;
constexpr std::int64_t kLifetimeMaxS = 365 * kDayS;
constexpr std::string_view kAlgorithmsAllowed = "\"rsa-sha256\" and \"ed25519-sha256\"";

std::expected<std::string, std::string> check_signing_algorithm(std::string_view name) {
  for (const auto algorithm : dkim::kAlgorithms)
    if (name == dkim::name(algorithm)) return std::string(name);
  return std::unexpected("is no algorithm that signs");
}

void read_forms(ConfigSection& section, signing::SigningRules& rules) {
  using dkim::Canonicalization;
  constexpr auto kRelaxed = Canonicalization::relaxed;
  constexpr auto kSimple = Canonicalization::simple;
  using Forms = ConfigSection::Choice<signing::CanonicalForms>;
  const Forms forms[] = {{"relaxed/relaxed", {.header = kRelaxed, .body = kRelaxed}},
                         {"relaxed/simple", {.header = kRelaxed, .body = kSimple}},
                         {"simple/relaxed", {.header = kSimple, .body = kRelaxed}},
                         {"simple/simple", {.header = kSimple, .body = kSimple}}};
  section.about(
      "What of header and body may change on the way without harm (RFC 6376 section 3.4): white space (\"relaxed\") or "
      "nothing (\"simple\").");
  section.choice("canonicalization", rules.forms, forms);
}

// Nothing: none of its own.
std::optional<signing::Unsigned> rule_for_failing(Failing failing) {
  switch (failing) {
    case Failing::sign:
    case Failing::as_without_key:
      break;
    case Failing::send:
      return signing::Unsigned::send;
    case Failing::isp:
      return signing::Unsigned::isp;
    case Failing::refuse:
      return signing::Unsigned::refuse;
  }
  return std::nullopt;
}

}  // namespace

void read_dkim(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics, DkimConfig& dkim) {
  using Without = ConfigSection::Choice<signing::Unsigned>;
  signing::SigningRules& rules = dkim.rules;
  ConfigSection section(table, "dkim", "dkim", diagnostics);
  section.heading(
      "DKIM signatures (RFC 6376, RFC 8463), by which receivers know that mail is from its author's domain.");
  section.about(
      "Sign all mail that goes on, but where a route says sign = false: with the keys of the author's domain (From), "
      "one signature for each algorithm. Where that has none, and the store's customer has both example.com and "
      "*.example.com, those of example.com sign for the names below it (the nearest that has keys); where there are "
      "none either, those of the domain that the customer has chosen (sluicectl customer set --sign-as).");
  section.boolean("enabled", dkim.enabled);
  section.about(
      "A directory of private keys, DOMAIN/SELECTOR.pem or DOMAIN/SELECTOR.der, the public half of each in the DNS at "
      "SELECTOR._domainkey.DOMAIN. International domains are written in their ASCII form (xn--...). Nobody but the "
      "relay's user may read a key (chown, chmod 600): one that others may read is not used. What changes there counts "
      "within a minute. Default: \"dkim\" in server.state_dir.");
  dkim.key_directory = server.state_dir + "/dkim";
  section.text("key_directory", dkim.key_directory, kPathRule);
  section.about(
      "Of how many domains, and choices of customers, the keys are kept ready, at some 7 KB each: those that have sent "
      "last.");
  section.integer("domains_kept", dkim.domains_kept, 1, kKeysKeptMax);
  section.about(
      "Threads that make RSA signatures, some 1,000 to 4,000 a second each, of the CPU that nothing else wants. "
      "Ed25519 needs none.",
      Change::restart);
  section.integer("threads", dkim.threads, 1, kSigningThreadsMax);
  const std::vector<std::string> all{std::string(dkim::name(dkim::Algorithm::rsa_sha256)),
                                     std::string(dkim::name(dkim::Algorithm::ed25519_sha256))};
  std::vector<std::string> algorithms;
  if (!section.has("algorithms")) algorithms = all;
  section.about("Which keys are used, of those that a domain has. Not every receiver knows Ed25519 yet.");
  section.list("algorithms", algorithms, kAlgorithmsAllowed, check_signing_algorithm);
  const auto has = [&](const std::string& name) { return std::ranges::find(algorithms, name) != algorithms.end(); };
  rules.rsa = has(all[0]);
  rules.ed25519 = has(all[1]);
  if (dkim.enabled && !section.fills("algorithms") && section.has("algorithms"))
    section.error("algorithms", "has none: nothing can be signed", kAlgorithmsAllowed);
  read_forms(section, rules);
  section.about(
      "Say in a signature when it was made (t=), and for how many seconds it is good (x=; 0: it does not end).");
  section.boolean("timestamp", rules.has_time);
  section.integer("lifetime_s", rules.lifetime_s, 0, kLifetimeMaxS);
  section.about(
      "Your own domain, which signs all mail besides (as for the feedback loops of receivers), and DSNs alone. Its "
      "keys "
      "are where all keys are.");
  section.example("\"example.net\"");
  section.text("isp_domain", rules.isp_domain, kHostNameRule);
  rules.isp_domain = domain_key(rules.isp_domain);
  section.about(
      "What becomes of mail for which there is no key, of none of these domains: \"send\" it unsigned, sign it with "
      "isp_domain's alone "
      "(\"isp\"), or \"refuse\" it with 550 5.7.1. Where a key cannot be read or used, \"refuse\" keeps the mail until "
      "it can, and the log says why (message_not_signed).");
  section.choice("unsigned", rules.without_key,
                 {Without{"send", signing::Unsigned::send}, Without{"isp", signing::Unsigned::isp},
                  Without{"refuse", signing::Unsigned::refuse}});
  if (rules.without_key == signing::Unsigned::isp && rules.isp_domain.empty())
    section.error("unsigned", "is \"isp\", and there is no isp_domain", "\"send\", \"refuse\", or an isp_domain");
  read_domain_keys(section, dkim.domain_keys);
  rules.kept_back = rule_for_failing(dkim.domain_keys.failing);
  if (rules.kept_back == signing::Unsigned::isp && rules.isp_domain.empty())
    section.error("failing", "is \"isp\", and there is no isp_domain", "another word, or an isp_domain");
}

}  // namespace sluice::config

#include <algorithm>
#include <string>

#include "auth/oauth/algorithm.h"
#include "auth/oauth/http_client.h"
#include "engine/config/sections.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::size_t kTextBytesMax = 255;

std::expected<std::string, std::string> check_word(std::string_view text) {
  if (text.size() > kTextBytesMax) return std::unexpected("is longer than " + std::to_string(kTextBytesMax) + " bytes");
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }))
    return std::unexpected("has a byte that is no printable ASCII, or a space");
  return std::string(text);
}
constexpr TextRule kWordRule{check_word, "printable ASCII without spaces, up to 255 bytes"};

std::expected<std::string, std::string> check_endpoint(std::string_view text) {
  if (text.empty()) return std::string();
  std::string url(text);
  if (std::string fault = auth::url_fault(url); !fault.empty()) return std::unexpected(std::move(fault));
  return url;
}
constexpr TextRule kEndpointRule{check_endpoint, "https://HOST/PATH, or http:// at a loopback address"};

std::expected<std::string, std::string> check_algorithm(std::string_view text) {
  if (auth::find_signature_algorithm(text) != nullptr) return std::string(text);
  return std::unexpected("is no algorithm that a token may be signed with");
}

std::string algorithms_text() {
  return text::list_in_quotes(auth::signature_algorithms(), &auth::SignatureAlgorithm::name);
}

void read_sources(ConfigSection& section, auth::OauthOptions& oauth) {
  constexpr std::int64_t kRefreshMinS = 60;
  constexpr std::int64_t kWeekS = 7 * kDayS;
  section.about(
      "One of three: a file with the issuer's keys (a JWK Set, read again when it changes); where they are fetched; or "
      "the issuer's introspection endpoint (RFC 7662), which is asked about each token. https, with a certificate by "
      "the system's authorities or those in ca_file; http at loopback addresses alone. No redirect is followed.",
      Change::restart);
  section.text("jwks_file", oauth.jwks_file, kAnyPathRule);
  section.example("\"https://login.example.net/keys\"");
  section.text("jwks_url", oauth.jwks_url, kEndpointRule);
  section.text("introspection_url", oauth.introspection_url, kEndpointRule);
  section.text("ca_file", oauth.ca_file, kAnyPathRule);
  section.about("Who we are to the introspection endpoint, and the file that our secret is in.", Change::restart);
  section.text("client_id", oauth.client_id, kWordRule);
  section.text("client_secret_file", oauth.client_secret_file, kAnySecretRule);
  section.about(
      "Keys are asked for again when they are so old, and when a token names one that is not among them, but not "
      "within "
      "jwks_retry_s. While they cannot be had, the old ones go on for jwks_keep_s; then logins get 454.",
      Change::restart);
  section.seconds("jwks_refresh_s", oauth.jwks_refresh, kRefreshMinS, kDayS);
  section.seconds("jwks_retry_s", oauth.jwks_retry, 1, kDayS);
  section.seconds("jwks_keep_s", oauth.jwks_keep, kRefreshMinS, kWeekS);
}

void read_rules(ConfigSection& section, auth::TokenRules& rules) {
  constexpr std::int64_t kSkewMaxS = 300;
  section.about(
      "What a token must say: its issuer (iss), one of these audiences (aud), and this word in its scope, if one is "
      "given. Without issuer and audience only an introspection endpoint can be asked.",
      Change::restart);
  section.example("\"https://login.example.net/\"");
  section.text("issuer", rules.issuer, kWordRule);
  section.example(R"(["smtp.example.net"])");
  section.list("audience", rules.audiences, kWordRule.allowed, check_word);
  section.example("\"smtp\"");
  section.text("scope", rules.scope, kWordRule);
  section.about("The algorithms that it may be signed with, of " + algorithms_text() + ".", Change::restart);
  std::vector<std::string> algorithms;
  section.example(R"(["RS256", "PS256", "ES256"])");
  section.list("algorithms", algorithms, algorithms_text(), check_algorithm);
  if (section.fills("algorithms")) rules.algorithms = std::move(algorithms);
  section.about(
      "The claim that names the user. It must be the login name, as [login] has rewritten that; a different case of "
      "letters is the same name.",
      Change::restart);
  section.text("user_claim", rules.user_claim, kWordRule);
  section.about(
      "The claims that name the customer (customer_from = \"answer\") and the domains that the account may send from "
      "(a "
      "list, or one text).",
      Change::restart);
  section.text("customer_claim", rules.customer_claim, kWordRule);
  section.text("domains_claim", rules.domains_claim, kWordRule);
  section.about("How far the issuer's clock may be from ours (exp, nbf).", Change::restart);
  section.seconds("clock_skew_s", rules.clock_skew, 0, kSkewMaxS);
}

void read_threads(ConfigSection& section, auth::BackendOptions& backend) {
  constexpr std::int64_t kTimeoutMaxS = 120;
  constexpr std::int64_t kThreadsMax = 256;
  constexpr std::int64_t kFailuresMax = 1000;
  section.about(
      "How long a login waits; threads that check tokens; and after how many failures in a row the issuer is left "
      "alone "
      "for a while.",
      Change::restart);
  section.seconds("timeout_s", backend.timeout, 2, kTimeoutMaxS);
  section.integer("threads", backend.connections, 1, kThreadsMax);
  section.integer("failures", backend.failures, 1, kFailuresMax);
}

// Whether the file gives the key, and not as an empty text or list; what it gives may be wrong.
bool says(const ConfigNode& table, std::string_view key) {
  return std::ranges::any_of(table.table, [key](const ConfigMember& member) {
    const ConfigNode& value = member.value;
    return member.key == key && !(value.kind == ConfigNode::Kind::text && value.text.empty()) &&
           !(value.kind == ConfigNode::Kind::list && value.list.empty());
  });
}

// The example's table, with all keys at their defaults, is no wish for anything.
bool wants_tokens(const ConfigNode& table) {
  for (const std::string_view key :
       {"jwks_file", "jwks_url", "introspection_url", "issuer", "audience", "scope", "client_id", "client_secret_file"})
    if (says(table, key)) return true;
  return false;
}

void check_together(const ConfigNode& table, const ConfigSection& section, const auth::OauthBackendOptions& options) {
  const auth::OauthOptions& oauth = options.oauth;
  const bool introspection = says(table, "introspection_url");
  int sources = 0;
  for (const std::string_view key : {"jwks_file", "jwks_url", "introspection_url"}) sources += says(table, key) ? 1 : 0;
  if (sources != 1)
    section.error("jwks_url", sources == 0 ? "is missing" : "is one of several places where tokens are checked",
                  "one of jwks_file, jwks_url and introspection_url");
  if (sources == 1 && !introspection) {
    if (!says(table, "issuer")) section.error("issuer", "is missing", kWordRule.allowed);
    if (!says(table, "audience")) section.error("audience", "is missing", kWordRule.allowed);
  }
  for (const std::string_view key : {"client_id", "client_secret_file"})
    if (introspection != says(table, key))
      section.error(key, introspection ? "is missing" : "is only for introspection_url",
                    introspection ? "who we are to the introspection endpoint" : "no such key");
  if (section.has("algorithms") && !section.fills("algorithms"))
    section.error("algorithms", "is empty", algorithms_text());
  if (oauth.rules.user_claim.empty()) section.error("user_claim", "is empty", kWordRule.allowed);
  if (oauth.jwks_keep < oauth.jwks_refresh)
    section.error("jwks_keep_s", "is less than jwks_refresh_s", "jwks_refresh_s or more");
  const bool answers = options.backend.customer_from == auth::CustomerFrom::answer;
  if (answers == oauth.rules.customer_claim.empty())
    section.error("customer_claim", answers ? "is missing" : "is only for customer_from = \"answer\"",
                  answers ? "the claim that names the customer" : "no such key");
}

}  // namespace

void read_oauth(const ConfigNode* table, ConfigDiagnostics& diagnostics,
                std::optional<auth::OauthBackendOptions>& oauth) {
  ConfigSection section(table, "oauth", "oauth", diagnostics);
  section.heading(
      "Logins with access tokens: OAUTHBEARER and XOAUTH2, offered where it is said here how they are checked, but "
      "not on listeners that take device passwords alone.");
  auth::OauthBackendOptions options;
  read_sources(section, options.oauth);
  read_rules(section, options.oauth.rules);
  read_owner(section, options.backend);
  read_threads(section, options.backend);
  if (table == nullptr || !wants_tokens(*table)) return;
  check_together(*table, section, options);
  oauth = std::move(options);
}

}  // namespace sluice::config

// The part of [dkim] about keys that are kept with domains in the accounts' store.
#include "engine/config/domain_keys.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/base/network.h"
#include "engine/config/sections.h"

namespace sluice::config {
namespace {

constexpr std::size_t kSelectorPrefixMax = 40;
constexpr std::int64_t kRecordTtlMaxS = kDayS;
constexpr std::int64_t kRetireAfterMinS = kHourS;
constexpr std::int64_t kRetireAfterMaxS = 90 * kDayS;
constexpr std::int64_t kCheckEveryMaxS = 30 * kDayS;
constexpr std::int64_t kRotateEveryMaxS = 3650 * kDayS;

std::expected<std::string, std::string> check_selector_prefix(std::string_view text) {
  const bool fits =
      !text.empty() && text.size() <= kSelectorPrefixMax && text.front() != '-' &&
      std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (!fits) return std::unexpected("is no beginning of a selector");
  return std::string(text);
}
constexpr TextRule kSelectorPrefixRule{check_selector_prefix, "small letters, digits and \"-\", 1 to 40 of them"};

// RFC 8552: an underscored name is no host's, and so nobody else's.
std::expected<std::string, std::string> check_proof_label(std::string_view text) {
  constexpr std::size_t kLabelBytesMax = 63;
  const bool fits = text.size() >= 2 && text.size() <= kLabelBytesMax && text.front() == '_' && text.back() != '-' &&
                    std::ranges::all_of(text.substr(1), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
                    });
  if (!fits) return std::unexpected("is no label with \"_\" in front");
  return std::string(text);
}
constexpr TextRule kProofLabelRule{check_proof_label,
                                   "\"_\" and small letters, digits, \"-\" and \"_\", 2 to 63 of them together"};

std::expected<std::string, std::string> parse_name_server(std::string_view text) {
  if (text.empty()) return std::unexpected("is empty");
  return kHostNameRule.check(text);
}

std::expected<std::string, std::string> check_update_server(std::string_view text) {
  if (text.empty()) return std::string();
  if (const auto server = parse_dns_server(text); !server) return std::unexpected(server.error());
  return std::string(text);
}
constexpr TextRule kUpdateServerRule{check_update_server, kDnsServerAllowed};

void read_zone_keeping(ConfigSection& section, DomainKeysConfig& keys) {
  section.about(
      "The file of the zone, which the relay writes anew when keys have changed: your name server is to load it then. "
      "Its directory has to be writable by server.user.");
  section.example("\"/var/lib/sluice/dkim.isp.example.zone\"");
  section.text("zone_file", keys.zone_file, kPathRule);
  section.about(
      "Or the zone's primary name server, \"IP\" or \"IP:PORT\", which the relay sends updates (RFC 2136) when keys "
      "have changed. In the zone the TXT records v=DKIM1 are the relay's, but for those below a label _domainkey; "
      "others stay as they are. Messages are signed (TSIG) with the key in the file, as tsig-keygen or keymgr -t "
      "writes it, for "
      "hmac-sha256 or hmac-sha512; it may be \"credential:NAME\". The server has to let that key transfer and update "
      "the zone. A reload looks anew at what is there.");
  section.example("\"192.0.2.53:53\"");
  section.text("zone_update", keys.zone_update, kUpdateServerRule);
  section.example("\"/etc/sluice/zone-update.key\"");
  section.text("zone_update_key", keys.zone_update_key, kAnySecretRule);
  if (!keys.zone_file.empty() && (keys.zone.empty() || keys.zone_name_servers.empty()))
    section.error("zone_file", "is there, and zone or zone_name_servers is not", "no zone_file, or both of them");
  if (!keys.zone_update.empty() && (keys.zone.empty() || keys.zone_update_key.empty()))
    section.error("zone_update", "is there, and zone or zone_update_key is not", "no zone_update, or both of them");
  if (!keys.zone_update.empty() && !keys.zone_file.empty())
    section.error("zone_update", "is there, and zone_file, too", "one of them");
  if (keys.zone_update.empty() && !keys.zone_update_key.empty())
    section.error("zone_update_key", "is there, and zone_update is not", "no zone_update_key, or both of them");
}

constexpr std::string_view kAddressesAllowed = "IP addresses, such as \"192.0.2.25\"";

std::expected<std::string, std::string> check_sending_address(std::string_view text) {
  if (!parse_ip(text)) return std::unexpected("is no IP address");
  return std::string(text);
}

constexpr std::string_view kRecordsAllowed = "\"dkim\", \"spf\", \"dmarc\" and \"mx\"";

std::expected<std::string, std::string> check_record(std::string_view text) {
  if (text != "dkim" && text != "spf" && text != "dmarc" && text != "mx")
    return std::unexpected("is none of the records that are checked");
  return std::string(text);
}

void read_failing(ConfigSection& section, DomainKeysConfig& keys) {
  section.about(
      "The addresses from which mail of your customers leaves to the world, your mail farm's, say: SPF is evaluated "
      "for them, by the relay and by sluicectl domain check. Without them, and without spf_include, the relay does not "
      "judge SPF; with spf_include alone, whether there is one record that is well formed.");
  section.example(R"(["192.0.2.25", "2001:db8::25"])");
  section.list("sending_addresses", keys.sending_addresses, kAddressesAllowed, check_sending_address);
  section.about(
      "A domain is failing once two checks in a row, half an hour apart, have found one of these records wrong, or the "
      "proof of one that was proven; the log says so (domain_failing). What is wrong with others is said by sluicectl "
      "domain check.");
  const auto by_default = std::exchange(keys.failing_records, {});
  if (!section.has("failing_records")) keys.failing_records = by_default;
  section.list("failing_records", keys.failing_records, kRecordsAllowed, check_record);
  section.about(
      "Mail of a domain that is failing is signed by those of its keys that fit their records (\"sign\"), or, where "
      "its "
      "keys are in the store, goes as that of a domain without key does (\"as_without_key\", see unsigned), or "
      "otherwise than that: \"send\" it unsigned, sign it with isp_domain's key alone (\"isp\"), or \"refuse\" it with "
      "550 5.7.1. Whatever this and failing_records say, a key in the store signs nothing once two checks in a row, "
      "half "
      "an hour apart, have not found its record, or found another key's, until one finds the right one "
      "(signing_key_kept_back, signing_key_fits): the domain's others sign; where there is none, its mail goes as this "
      "says, and with \"sign\" as that of a domain without key. Where all keys of a domain are kept back, no other "
      "domain's of its customer are in their place.");
  using Choice = ConfigSection::Choice<Failing>;
  section.choice("failing", keys.failing,
                 {Choice{"sign", Failing::sign}, Choice{"as_without_key", Failing::as_without_key},
                  Choice{"send", Failing::send}, Choice{"isp", Failing::isp}, Choice{"refuse", Failing::refuse}});
}

void read_upkeep(ConfigSection& section, DomainKeysConfig& keys) {
  section.about(
      "The relay looks by itself once in so many seconds whether each domain's records in the DNS are right, makes a "
      "claim a domain once its proof is seen, has keys sign whose records it has seen, and revokes the old ones. "
      "Relays on one store share the work. 0: it does none of this, and keeps no key back.");
  section.seconds("check_every_s", keys.check_every, 0, kCheckEveryMaxS);
  section.about(
      "The next key is made when one has signed for so long, for one algorithm at a time: 7776000 is 90 days. 0: by "
      "hand, with `sluicectl domain rotate`.");
  section.seconds("rotate_every_s", keys.rotate_every, 0, kRotateEveryMaxS);
  read_zone_keeping(section, keys);
  read_failing(section, keys);
  const bool checks = keys.check_every > Duration::zero();
  if (!checks && keys.rotate_every > Duration::zero())
    section.error("rotate_every_s", "is more than 0, and check_every_s is 0: no key would be seen", "0");
  if (!checks && keys.failing != Failing::sign)
    section.error("failing", "is not \"sign\", and check_every_s is 0: no domain is checked", "\"sign\"");
  if (keys.zone.empty() && keys.rotate_every > Duration::zero())
    section.error("rotate_every_s", "is more than 0, and there is no zone: customers would have to publish each key",
                  "0, or a zone");
}

}  // namespace

void read_domain_keys(ConfigSection& section, DomainKeysConfig& keys) {
  section.about(
      "Keys that are kept with domains in the store of accounts: with enabled, `sluicectl domain add` makes them, and "
      "`domain rotate` the next ones. A domain with keys in key_directory is signed with those alone. A file with 32 "
      "bytes, as they are or as base64 (openssl rand -base64 32), with which private keys are sealed there, or "
      "\"credential:NAME\". Needed where the store is in PostgreSQL. Once it has changed: `sluicectl domain "
      "rewrap`.");
  section.text("wrapping_key_file", keys.wrapping_key_file, kAnySecretRule);
  section.about(
      "A zone of yours, such as dkim.isp.example, that customers' CNAMEs lead into, so that they publish each of four "
      "selectors once and never change it: `sluicectl domain zone` writes it for your name servers, which are named "
      "here and have names outside of it. Without one customers publish the keys themselves.");
  section.text("zone", keys.zone, kHostNameRule);
  keys.zone = domain_key(keys.zone);
  section.list("zone_name_servers", keys.zone_name_servers, kHostNameRule.allowed, parse_name_server);
  section.about("What the four selectors begin with: PREFIX1r, PREFIX2r (RSA), PREFIX1e, PREFIX2e (Ed25519).");
  section.text("selector_prefix", keys.selector_prefix, kSelectorPrefixRule);
  section.about(
      "How long resolvers may keep the zone's records: a new key signs that long after it was seen. And how long the "
      "record of the key before stays behind that: longer than queue.expire_s, as mail that waits keeps its signature, "
      "by the days for which other relays may keep it.");
  section.seconds("record_ttl_s", keys.record_ttl, 1, kRecordTtlMaxS);
  section.seconds("retire_after_s", keys.retire_after, kRetireAfterMinS, kRetireAfterMaxS);
  section.about("Customers are told to include this name in their SPF record, such as spf.isp.example.");
  section.text("spf_include", keys.spf_include, kHostNameRule);
  section.about(
      "That a domain is theirs customers prove (sluicectl domain add --prove) with a TXT record at this name below it, "
      "such as _isp-challenge.example.com. Once it is changed, all of them have to publish another record.");
  section.text("proof_label", keys.proof_label, kProofLabelRule);
  read_upkeep(section, keys);
}

}  // namespace sluice::config

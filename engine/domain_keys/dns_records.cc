#include "engine/domain_keys/dns_records.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "engine/text/hex.h"

namespace sluice::domain_keys {
namespace {

constexpr std::size_t kNameBytesMax = 253;    // RFC 1035 2.3.4, as text without the final dot
constexpr std::size_t kStringBytesMax = 255;  // of one character-string

bool is_wildcard(std::string_view domain) { return domain.starts_with("*."); }

// In quotes; what means something there is escaped.
std::string quoted_strings(std::string_view text) {
  std::string all;
  do {
    const std::string_view piece = text.substr(0, kStringBytesMax);
    text.remove_prefix(piece.size());
    all += all.empty() ? "\"" : " \"";
    for (const char c : piece) {
      if (c == '"' || c == '\\') all += '\\';
      all += c;
    }
    all += '"';
  } while (!text.empty());
  return all;
}

// In the ISP's zone, where the customer's CNAME leads.
std::string name_in_zone(std::string_view domain, std::string_view selector) {
  return std::string(selector).append(1, '.').append(domain);
}

std::expected<PublishedRecord, std::string> key_cname(const std::string& domain, const std::string& selector,
                                                      const RecordRules& rules) {
  PublishedRecord record{.purpose = "dkim",
                         .name = key_name(domain, selector),
                         .type = "CNAME",
                         .value = name_in_zone(domain, selector) + "." + rules.zone};
  for (const std::string& name : {record.name, record.value})
    if (name.size() > kNameBytesMax)
      return std::unexpected("the DNS has no names longer than 253 bytes, as " + name +
                             " would be; this domain's mail cannot be signed");
  return record;
}

}  // namespace

std::string key_record(const auth::SigningKeyRecord& key) {
  // RFC 6376 3.6.1: the tag k= is the first part of the algorithm's name.
  const std::string_view algorithm(key.algorithm);
  std::string text = "v=DKIM1; k=";
  text.append(algorithm.substr(0, algorithm.find('-'))).append("; p=");
  return key.state == auth::KeyState::revoked ? text : text + key.public_key;
}

std::string key_name(std::string_view domain, std::string_view selector) {
  return std::string(selector).append("._domainkey.").append(domain);
}

std::optional<PublishedRecord> zone_record(const auth::SigningKeyRecord& key, const std::string& zone) {
  PublishedRecord record{.purpose = "dkim",
                         .name = name_in_zone(key.domain, key.selector) + "." + zone,
                         .type = "TXT",
                         .value = key_record(key)};
  if (record.name.size() > kNameBytesMax) return std::nullopt;
  return record;
}

std::expected<std::vector<PublishedRecord>, std::string> customer_records(const std::string& domain, Keys keys,
                                                                          const RecordRules& rules) {
  std::vector<PublishedRecord> records;
  if (is_wildcard(domain)) return records;
  std::vector<std::string> in_zone;
  if (!rules.zone.empty() && (rules.keys_to_come || !keys.empty())) in_zone = slots(rules.selector_prefix);
  for (const std::string& selector : in_zone) {
    auto record = key_cname(domain, selector, rules);
    if (!record) return std::unexpected(record.error());
    records.push_back(*std::move(record));
  }
  for (const auth::SigningKeyRecord& key : keys) {
    if (std::ranges::find(in_zone, key.selector) != in_zone.end()) continue;
    records.push_back(
        {.purpose = "dkim", .name = key_name(domain, key.selector), .type = "TXT", .value = key_record(key)});
  }
  if (!rules.spf_include.empty())
    records.push_back(
        {.purpose = "spf", .name = domain, .type = "TXT", .value = "v=spf1 include:" + rules.spf_include + " ~all"});
  // RFC 9989: nothing is asked of receivers yet but reports.
  records.push_back({.purpose = "dmarc", .name = "_dmarc." + domain, .type = "TXT", .value = "v=DMARC1; p=none"});
  return records;
}

std::string zone_lines(std::span<const PublishedRecord> records) {
  std::string text;
  for (const PublishedRecord& record : records)
    text += record.name + ". IN " + record.type + " " +
            (record.type == "TXT" ? quoted_strings(record.value) : record.value + ".") + "\n";
  return text;
}

std::expected<IspZone, std::string> IspZone::make(const RecordRules& rules,
                                                  const std::vector<std::string>& name_servers) {
  if (rules.zone.empty()) return std::unexpected("dkim.zone is not set: there is no zone of yours to write");
  if (name_servers.empty())
    return std::unexpected("dkim.zone_name_servers is not set, and a zone has to name its name servers");
  for (const std::string& server : name_servers)
    if (server == rules.zone || server.ends_with("." + rules.zone))
      return std::unexpected("dkim.zone_name_servers: " + server +
                             " is in the zone itself, which has no addresses; give it a name outside");
  return IspZone(rules, name_servers);
}

// RFC 1035 3.3.13, RFC 1912 2.2: how often secondaries look.  The last of the SOA's numbers is how long a name that is
// not there is remembered (RFC 2308 4): as long as one that is there, as the life of keys has it (LifeRules).
std::string IspZone::head(std::uint32_t serial) const {
  const std::string ttl = std::to_string(ttl_s_);
  std::string text = "$ORIGIN " + zone_ + ".\n$TTL " + ttl + "\n";
  text += "@ IN SOA " + name_servers_.front() + ". hostmaster." + zone_ + ". ( " + std::to_string(serial) +
          " 3600 900 1209600 " + ttl + " )\n";
  for (const std::string& server : name_servers_) text += "@ IN NS " + server + ".\n";
  return text;
}

void IspZone::add(const auth::SigningKeyRecord& key) {
  if (is_wildcard(key.domain)) return;
  const std::string name = name_in_zone(key.domain, key.selector);
  const auto record = zone_record(key, zone_);
  if (record)
    keys_ += name + " IN TXT " + quoted_strings(record->value) + "\n";
  else
    left_out_.push_back(name);
}

std::string IspZone::digest() const {
  CHECK(sodium_init() >= 0);
  std::array<std::byte, crypto_generichash_BYTES> hash;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  const std::string top = head(0);
  for (const std::string_view part : {std::string_view(top), std::string_view(keys_)})
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  return text::hex(hash);
}

std::string IspZone::text(std::uint32_t serial) const { return head(serial) + keys_; }

}  // namespace sluice::domain_keys

// The DNS records that belong to a domain's signing keys: what its customer publishes, once, and what the ISP's name
// servers answer with.  Values and pure functions.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/signing_key.h"
#include "engine/domain_keys/key_life.h"

namespace sluice::domain_keys {

struct RecordRules {
  std::string selector_prefix;
  // The ISP's own zone, which customers' CNAMEs lead into; empty: customers publish the keys themselves.
  std::string zone;
  std::string spf_include;  // empty: nothing is said of SPF
  std::uint32_t ttl_s = 0;  // of the zone's records
  // A domain without keys gets some: with a zone, the CNAMEs of all slots are known before.
  bool keys_to_come = false;
  friend bool operator==(const RecordRules&, const RecordRules&) = default;
};

struct PublishedRecord {
  std::string purpose;  // "dkim", "spf", "dmarc"; "proof" is the caller's own
  std::string name;     // absolute, without the final dot
  std::string type;     // "CNAME" or "TXT"
  std::string value;    // a name without the final dot; a text, however long
};

// "v=DKIM1; k=rsa; p=..." (RFC 6376 3.6.1, RFC 8463 4).
[[nodiscard]] std::string key_record(const auth::SigningKeyRecord& key);
// Where the record of a key of `domain` is: SELECTOR._domainkey.DOMAIN.
[[nodiscard]] std::string key_name(std::string_view domain, std::string_view selector);

// The record of `key` in the ISP's zone.  Nothing: its name would be too long.
[[nodiscard]] std::optional<PublishedRecord> zone_record(const auth::SigningKeyRecord& key, const std::string& zone);

// What the customer publishes for `domain`, an entry of the store: with a zone a CNAME for each slot, and else a TXT
// for each key that was made; as TXT, too, keys that were brought along under selectors of their own.  For an entry of
// all that lies below a domain nothing.  The error is a sentence: a name is too long.
[[nodiscard]] std::expected<std::vector<PublishedRecord>, std::string> customer_records(const std::string& domain,
                                                                                        Keys keys,
                                                                                        const RecordRules& rules);
// As lines of a zone file (RFC 1035 5.1) with absolute names; texts in strings of 255 bytes at most.
[[nodiscard]] std::string zone_lines(std::span<const PublishedRecord> records);

// The ISP's zone, a key at a time.  One thread.
class IspZone {
 public:
  // The error is a sentence that names the setting.
  static std::expected<IspZone, std::string> make(const RecordRules& rules,
                                                  const std::vector<std::string>& name_servers);

  void add(const auth::SigningKeyRecord& key);
  // Names that are too long to be names, "SELECTOR.DOMAIN", which are left out.
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }
  // Of all but the serial.
  [[nodiscard]] std::string digest() const;
  [[nodiscard]] std::string text(std::uint32_t serial) const;

 private:
  IspZone(const RecordRules& rules, const std::vector<std::string>& name_servers)
      : zone_(rules.zone), ttl_s_(rules.ttl_s), name_servers_(name_servers) {}
  [[nodiscard]] std::string head(std::uint32_t serial) const;
  std::string zone_;
  std::uint32_t ttl_s_;
  std::vector<std::string> name_servers_;
  std::string keys_;
  std::vector<std::string> left_out_;
};

}  // namespace sluice::domain_keys

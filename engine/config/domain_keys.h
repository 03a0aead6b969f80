// What [dkim] says of keys that are kept with domains in the accounts' store.  A value.  Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace sluice::config {

// What becomes of mail of a domain that is failing.
enum class Failing : std::uint8_t {
  sign,
  as_without_key,
  send,  // not signed; and the next two as the rule for mail without a key has them
  isp,
  refuse,
};

struct DomainKeysConfig {
  std::string wrapping_key_file;  // empty: keys are kept as they are
  std::string selector_prefix = "sl";
  std::string zone;  // the ISP's own, which customers' CNAMEs lead into; empty: they publish the keys themselves
  std::vector<std::string> zone_name_servers;
  std::string zone_file;        // that the relay keeps; empty: none
  std::string zone_update;      // "IP:PORT" of the name server that is sent updates; empty: none is
  std::string zone_update_key;  // the file of the key that these are signed with
  Duration record_ttl = std::chrono::minutes(5);
  Duration retire_after = std::chrono::days(7);
  std::string proof_label = "_sluice-challenge";
  std::string spf_include;                                     // empty: nothing is said of SPF
  Duration check_every = std::chrono::days(1);                 // each domain, by the relay; 0: it checks none
  std::vector<std::string> sending_addresses;                  // from which mail leaves; none: they are not known
  std::vector<std::string> failing_records = {"dkim", "spf"};  // that are wrong in a domain that is failing
  Duration rotate_every{0};                                    // 0: by hand
  Failing failing = Failing::sign;
};

}  // namespace sluice::config

// What the relay's own checks of domains and those of sluicectl have in common.  One thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "auth/store/signing_key.h"
#include "engine/io/blocking_dns.h"
#include "engine/io/blocking_wait.h"
#include "engine/sender_dns/dns_source.h"
#include "engine/sender_dns/domain_check.h"

namespace sluice::domain_upkeep {

// What one domain may take, however slow its name servers are.
inline constexpr Duration kDomainTimeout = std::chrono::seconds(60);

// What is asked for one domain, for a time that begins when this is made.  Calls block.
class TimedDns final : public sender_dns::DnsSource {
 public:
  // `dns` outlives this.
  explicit TimedDns(io::Dns& dns) : dns_(dns), deadline_(kDomainTimeout) {}
  io::DnsReply ask(const std::string& name, io::DnsType type) override;

 private:
  io::BlockingDns dns_;
  io::BlockingDeadline deadline_;
};

// As the record of `key` should have it; nothing: it is revoked, or the store has what is none.
[[nodiscard]] std::optional<sender_dns::ExpectedKey> expected_key(const auth::SigningKeyRecord& key);

}  // namespace sluice::domain_upkeep

// Whether a customer's DNS fits the mail that the relay sends for it: SPF, DKIM, DMARC and MX, and what the large
// receivers make of that.  Pure but for its questions, whose number RememberedDns bounds.  One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/network.h"
#include "engine/sender_dns/dns_source.h"
#include "engine/sender_dns/finding.h"
#include "engine/sender_dns/public_key.h"
#include "engine/sender_dns/receivers.h"

namespace sluice::sender_dns {

// A key that mail is signed with, or of which the record alone is looked at.
struct ExpectedKey {
  std::string selector;
  std::optional<PublicKey> key;
};

// How mail of the domain is sent.
struct SendingFacts {
  std::vector<IpBytes> addresses;  // from which; none: SPF is looked at without them
  std::vector<ExpectedKey> keys;   // none: DKIM is not looked at
  std::string mail_from_domain;    // of MAIL FROM; empty: the domain itself
  std::string signing_domain;      // d=; empty: the domain itself
  std::string helo;                // the relay's name
  std::int64_t now_s = 0;
};

struct DomainReport {
  std::string domain;
  std::vector<Finding> findings;
  std::vector<ReceiverOpinion> receivers;
  // The worst of the findings: wrong or missing before not_asked before right.
  [[nodiscard]] Verdict verdict() const;
};

// `domain`: in A-labels, as io::fold_dns_name() gives it.
[[nodiscard]] DomainReport check_domain(const std::string& domain, const SendingFacts& facts, DnsSource& dns);

// The parts.  `domain`: whose record it is.
[[nodiscard]] Checked check_spf_record(const std::string& domain, const SendingFacts& facts, DnsSource& dns);
[[nodiscard]] Checked check_dkim_record(const std::string& domain, const ExpectedKey& key, DnsSource& dns);
[[nodiscard]] Finding check_mx_records(const std::string& domain, DnsSource& dns);

// That a domain is a customer's is proven by a TXT record at an underscored name of its own below the domain
// (draft-ietf-dnsop-domain-verification-techniques).  `label`: such as "_isp-challenge"; `token`: the
// customer's.  Others, as of other customers, may stand beside it.  A CNAME is not followed.
[[nodiscard]] std::string proof_name(std::string_view domain, std::string_view label);
[[nodiscard]] std::string proof_text(std::string_view token);
[[nodiscard]] Finding check_proof_record(const std::string& domain, const std::string& label, const std::string& token,
                                         DnsSource& dns);

}  // namespace sluice::sender_dns

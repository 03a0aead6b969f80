// What Gmail, Outlook.com and Yahoo do with mail of a domain, by the rules that they have published: Google's "Email
// sender guidelines" (enforced for bulk senders since November 2025), Microsoft's of 5 May 2025 for Outlook.com, and
// Yahoo's "Sender Best Practices" of February 2024.  Pure.  Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/sender_dns/address_names.h"
#include "engine/sender_dns/dmarc.h"
#include "engine/sender_dns/finding.h"

namespace sluice::sender_dns {

// All by which they decide, as far as the DNS has it.
struct AuthenticationFacts {
  Answer spf = Answer::unknown;  // passes
  Answer spf_aligned = Answer::unknown;
  Answer dkim = Answer::unknown;  // a signature by RSA passes: none of the three verifies Ed25519
  Answer dkim_aligned = Answer::unknown;
  Answer dmarc = Answer::unknown;  // there is a record
  DmarcPolicy policy = DmarcPolicy::none;
  AddressNames names;  // of the addresses that mail is sent from
};

struct ReceiverOpinion {
  std::string_view receiver;
  Answer takes = Answer::unknown;       // mail of senders of few messages
  Answer takes_bulk = Answer::unknown;  // of those who send it 5,000 messages a day and more
  std::string sentence;
};

[[nodiscard]] std::vector<ReceiverOpinion> receiver_opinions(const AuthenticationFacts& facts);

}  // namespace sluice::sender_dns

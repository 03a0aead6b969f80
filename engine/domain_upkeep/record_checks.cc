#include "engine/domain_upkeep/record_checks.h"

#include "engine/dkim/algorithm.h"
#include "engine/smtp/base64.h"

namespace sluice::domain_upkeep {

io::DnsReply TimedDns::ask(const std::string& name, io::DnsType type) {
  if (deadline_.is_over()) return io::dns_failure("the time for this domain is over: its name servers are slow");
  return dns_.ask(name, type);
}

std::optional<sender_dns::ExpectedKey> expected_key(const auth::SigningKeyRecord& key) {
  if (key.state == auth::KeyState::revoked) return std::nullopt;
  sender_dns::ExpectedKey expected{.selector = key.selector, .key = sender_dns::PublicKey()};
  const bool rsa = key.algorithm == dkim::name(dkim::Algorithm::rsa_sha256);
  expected.key->type = rsa ? sender_dns::KeyType::rsa : sender_dns::KeyType::ed25519;
  if (!smtp::decode_base64(key.public_key, expected.key->bytes)) return std::nullopt;
  return expected;
}

}  // namespace sluice::domain_upkeep

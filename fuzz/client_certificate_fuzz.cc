// Checks that whatever bytes a client shows for its certificate:
//   - no authority that has not signed them makes them good, and none of their names comes out then;
//   - the names that are read in them are few, printable ASCII, have "@" and no "*", and stand in them as they are.
// Input: a certificate in DER.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/tls/client_authority.h"

namespace {

// One that nobody has the key of.
constexpr std::string_view kAuthority = R"(-----BEGIN CERTIFICATE-----
MIIBaTCCAQ6gAwIBAgIUfUmfYw9e8dKuwbdLCLn7xaeoS6EwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyODE4MzYwNFoYDzIxMjYxMTA0MTgz
NjA0WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATmhAJQc0BzIz1cZNOHX5U2WidwfZ8KPorXqX40ga9cad7Fqf2k2yZXipVb/o1u
Yy3LO2k3cnddai3k9Iul03L5o0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB
/wQEAwIBBjAdBgNVHQ4EFgQUIpZG62/vcwDxyd3Kiz4Lfb+KogMwCgYIKoZIzj0E
AwIDSQAwRgIhAJ4OtbDQjtCMTbXcgY3WLRBd58kIH6XBS6K9J1hloJdPAiEA8fOz
PXsXvYR8/EVh86GNRmgXYU2gv5uXtGu0wf7KWUI=
-----END CERTIFICATE-----
)";

constexpr sluice::WallMillis kNow = 1'800'000'000'000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto authority = sluice::tls::ClientAuthority::make(kAuthority);
  CHECK(authority.has_value());
  const std::string_view der(reinterpret_cast<const char*>(data), size);
  const sluice::tls::ClientCertificate shown = (*authority)->check(der, kNow);
  CHECK(!shown.fault.empty() && shown.addresses.empty());
  CHECK(shown.fingerprint.size() == 64);
  std::vector<std::string> addresses;
  static_cast<void>(sluice::tls::read_client_certificate(der, addresses));
  CHECK(addresses.size() <= sluice::tls::kClientAddressesMax);
  for (const std::string& address : addresses) {
    CHECK(address.find('@') != std::string::npos && address.find('*') == std::string::npos);
    for (const char c : address) CHECK(c > ' ' && c < 0x7f);
    CHECK(der.find(address) != std::string_view::npos);
  }
  return 0;
}

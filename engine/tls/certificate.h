// One pair of certificate and key, loaded, and the pairs of one host.  Values that never change; shared by all cores.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/tls/hello.h"

namespace sluice::tls {

// The pairs that a host may have, as their files are called: HOST/fullchain.pem with HOST/privkey.pem,
// HOST/fullchain.ecdsa.pem with HOST/privkey.ecdsa.pem, and the same with .rsa.  The kind of key is read from a
// pair's content alone.
inline constexpr std::array<std::string_view, 3> kPairSuffixes{"", ".ecdsa", ".rsa"};
inline constexpr std::size_t kPairsMax = kPairSuffixes.size();

// What is in the two files of a pair, and what to call them in a complaint.
struct CertificateFiles {
  std::string chain_pem;
  std::string key_pem;
  std::string chain_name;
  std::string key_name;
};

// "RSA", "ECDSA", "Ed25519".
std::string_view key_kind_name(KeyKind kind);

// Kept as small as can be, so that tens of thousands fit: DER without any state of the library's.
struct Certificate {
  std::string chain_name;  // what to call its file in a complaint
  // Seconds since 1970: the leaf's notBefore and notAfter.
  std::int64_t begins = 0;
  std::int64_t expires = 0;
  KeyKind kind = KeyKind::rsa;
  bool covers_host = false;  // the leaf is for the name of the host that it belongs to
  std::string leaf;
  std::shared_ptr<const std::string> intermediates;  // in their order; the same object for the same bytes
  std::string key;

  Certificate() = default;
  ~Certificate();  // wipes the key
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

// What clients of one host are shown.
struct HostCertificates {
  std::string host;                                       // as the source calls it
  std::string policy_url;                                 // of the host's own; empty: it has none
  std::vector<std::shared_ptr<const Certificate>> pairs;  // at least one

  // The pair for a client that takes the kinds in `offered`: of those in common the first of KeyKind's order, which
  // has RSA last; without one in common an RSA pair if there is one, and the client decides.
  [[nodiscard]] const std::shared_ptr<const Certificate>& choose(KeyKinds offered) const;
  // `name` is this host's, or one that its wildcard stands for: not one that gets it for want of another.
  [[nodiscard]] bool is_for(std::string_view name) const;
};

// Makes a certificate of the files of `host`, which may be `_.` and a name: the key must be the first certificate's.
// Dates and names are not checked: a certificate that has expired is better than none for the many clients that do not
// look.
std::expected<std::shared_ptr<Certificate>, std::string> load_certificate(std::string_view host,
                                                                          const CertificateFiles& files);
// "2026-11-28", in UTC.
std::string date_text(std::int64_t seconds_since_1970);
// Why a certificate is not one to show at `now`: it has expired, or its time has not come; or why it is not
// one for `host`.  Empty: it is.
std::string date_fault(const Certificate& certificate, WallMillis now);
std::string name_fault(const Certificate& certificate, std::string_view host);

}  // namespace sluice::tls

// Makes a self-signed certificate, for trying Sluice out and for tests.  Pure but for the random
// bytes that wolfCrypt takes from the kernel.  Any thread.
#pragma once

#include <chrono>
#include <expected>
#include <span>
#include <string>

#include "engine/base/time.h"

namespace sluice::tls {

struct SelfSigned {
  std::string certificate_pem;
  std::string key_pem;
};

struct SelfSignedOptions {
  std::chrono::days life = std::chrono::days(825);  // the longest that common clients take
};

// Valid from a day before `now`, for clocks that are slow.  ECDSA on P-256.  `names` become
// subjectAltNames: host names (or `*.` and a host name), IPv4 and IPv6 addresses.  The first is the
// subject as well.  The error is a sentence.
std::expected<SelfSigned, std::string> make_self_signed(std::span<const std::string> names, WallMillis now,
                                                        const SelfSignedOptions& options = {});

}  // namespace sluice::tls

// What an operator asks of the certificates in a directory: whose they are, how long they are good, what does not fit.
// Reads files: blocking.  Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/tls/certificates_directory.h"

namespace sluice::tls {

struct PairReview {
  std::string file;     // of the chain
  bool loaded = false;  // false: what follows could not be read
  KeyKind kind = KeyKind::rsa;
  std::string issuer;               // from outside
  std::vector<std::string> names;   // likewise
  std::int64_t expires = 0;         // seconds since 1970
  std::int64_t days_left = 0;       // whole ones; negative: since it has expired
  std::vector<std::string> faults;  // sentences that name a file
};

struct HostReview {
  std::string host;
  std::vector<PairReview> pairs;
  std::vector<std::string> faults;  // of no pair alone
};

// A host that the directory has.  What expires within `days` is a fault.
HostReview review_host(CertificateDirectory& directory, const std::string& host, WallMillis now, std::int64_t days);

}  // namespace sluice::tls

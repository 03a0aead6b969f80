// A certificate as wolfCrypt takes it apart.  Of its owner, one thread.
#pragma once

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn.h>

#include <string_view>

#include "engine/tls/library.h"

namespace sluice::tls {

// Some 5 KB, for the heap.  Points into `der`.
struct DecodedCertificate {
  explicit DecodedCertificate(std::string_view der) {
    wc_InitDecodedCert(&certificate, raw(der), static_cast<word32>(der.size()), nullptr);
    status = wc_ParseCert(&certificate, CERT_TYPE, NO_VERIFY, nullptr);
  }
  ~DecodedCertificate() { wc_FreeDecodedCert(&certificate); }
  DecodedCertificate(const DecodedCertificate&) = delete;
  DecodedCertificate& operator=(const DecodedCertificate&) = delete;
  DecodedCert certificate{};
  int status = 0;  // 0: it could be read
};

}  // namespace sluice::tls

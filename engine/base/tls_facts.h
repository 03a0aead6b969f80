// What is known of a connection's TLS.  A value.  Any thread.
#pragma once

#include <string>

namespace sluice {

struct TlsFacts {
  std::string version;    // "TLSv1.3"; empty: no TLS
  std::string group;      // of the key exchange, by IANA's name: "x25519"; empty: none, or a resumed session of TLS 1.2
  bool verified = false;  // the peer's certificate was checked for its name, and is good
};

}  // namespace sluice

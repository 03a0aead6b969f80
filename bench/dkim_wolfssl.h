// RSA by wolfSSL, for bench_dkim, which measures it beside libcrypto: in a file of its own, as the headers of the two
// define the same names.  One thread at a time.
#pragma once

#include <memory>
#include <string_view>

#include "engine/dkim/sha256.h"

namespace sluice::bench {

class WolfsslRsa {
 public:
  // DER of PKCS #1.
  explicit WolfsslRsa(std::string_view der);
  ~WolfsslRsa();
  bool sign(const dkim::Digest& digest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::bench

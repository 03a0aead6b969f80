// Which wolfSSL is in the program.  Any thread.
#pragma once

#include <string>

namespace sluice::tls {

// "5.7.2"
[[nodiscard]] std::string tls_library_version();

}  // namespace sluice::tls

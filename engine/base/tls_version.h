// The versions of TLS that are spoken here.  A value.  Any thread.
#pragma once

#include <cstdint>

namespace sluice {

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

}  // namespace sluice

// The bounds that TLS keeps, all in one place.  Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::tls {

// RFC 8446 section 5.1 and 5.2: what one record may carry, and what it may measure on the wire.
inline constexpr std::size_t kTlsPlaintextBytesMax = 16'384;
inline constexpr std::size_t kTlsRecordHeaderBytes = 5;
inline constexpr std::size_t kTlsRecordBodyBytesMax = kTlsPlaintextBytesMax + 2'048;  // TLS 1.2's is the larger

// A ClientHello with every extension that is in use is under 2 KB; post-quantum key shares make
// it 4.
inline constexpr std::size_t kTlsClientHelloBytesMax = 16'384;
// Everything that a client sends until the handshake is done.
inline constexpr std::size_t kTlsClientHandshakeBytesMax = 32'768;
// The same from a server, whose certificate chain is the bulk of it.
inline constexpr std::size_t kTlsServerHandshakeBytesMax = 131'072;
// The same counted in records, so that it cannot come in pieces of a byte.
inline constexpr std::uint32_t kTlsHandshakeRecordsMax = 256;
// Records in a row that bring no plaintext: empty ones, KeyUpdates, tickets, warnings.
inline constexpr std::uint32_t kTlsIdleRecordsMax = 32;
// The same over the whole life of a session, so that one byte in between does not reset the count.
inline constexpr std::uint32_t kTlsIdleRecordsTotalMax = 4'096;

// The groups for key exchange (RFC 8446 section 4.2.7), by IANA's numbers, the preferred one first.
inline constexpr std::array<std::uint16_t, 3> kTlsGroups{29, 23, 24};  // X25519, P-256, P-384

inline constexpr int kTlsChainDepthMax = 9;  // certificates in a peer's chain

static_assert(kTlsClientHelloBytesMax < kTlsClientHandshakeBytesMax);
static_assert(kTlsIdleRecordsMax < kTlsIdleRecordsTotalMax);

}  // namespace sluice::tls

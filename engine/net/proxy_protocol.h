// Reads the header that a load balancer puts in front of a connection to give the client's address:
// PROXY protocol versions 1 and 2 (HAProxy's doc/proxy-protocol.txt).  Pure.  Any thread. Whether a
// peer may send one is the caller's to decide by its address: from anyone else these bytes are a
// client that talks too early, and a peer that must send one and does not is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/io/address.h"

namespace sluice::net {

// Section 2.1: the longest line, with its CRLF.
inline constexpr std::size_t kProxyV1BytesMax = 107;
inline constexpr std::size_t kProxyV2HeaderBytes = 16;
// Section 2.2 allows 65,535 bytes behind the header.  An AF_UNIX pair is 216; what balancers append is some hundreds
// (TLS details, unique ids, cloud end points), and some thousands with a client's certificate.  It is skipped; a longer
// header closes the connection.
inline constexpr std::size_t kProxyV2BodyBytesMax = 16'384;
inline constexpr std::size_t kProxyBytesMax = kProxyV2HeaderBytes + kProxyV2BodyBytesMax;

enum class ProxyResult : std::uint8_t { need_more, done, bad };

struct ProxyHeader {
  ProxyResult result = ProxyResult::need_more;
  std::size_t consumed = 0;  // when done: what follows is the connection's own
  // When done: `source` is the client.  Otherwise (LOCAL, UNKNOWN, UNSPEC, a UNIX socket) the
  // connection's real addresses stay in force.
  bool has_addresses = false;
  io::Address source;
  io::Address destination;
  const char* error = "";  // when bad
};

// `bytes` is all that has arrived so far, from the first byte on; call again with more while it is
// need_more.
ProxyHeader parse_proxy(std::string_view bytes);

// Whether the connection's own bytes begin with a second header, which no honest balancer sends.
bool starts_like_proxy(std::string_view bytes);

}  // namespace sluice::net

// Checks of the PROXY header, for any bytes: the answer does not depend on how they are cut; what
// is done consumes no more than there is and no more than the bound; a bad beginning stays bad; an
// address is there exactly when it is said.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/net/proxy_protocol.h"

using sluice::net::parse_proxy;
using sluice::net::ProxyHeader;
using sluice::net::ProxyResult;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader whole = parse_proxy(bytes);
  for (std::size_t cut = 0; cut < size; ++cut) {
    const ProxyHeader part = parse_proxy(bytes.substr(0, cut));
    if (part.result == ProxyResult::need_more) continue;
    // Decided early: more bytes do not change it.
    CHECK(part.result == whole.result && part.consumed == whole.consumed);
    CHECK(part.source.to_string() == whole.source.to_string());
    break;
  }
  if (whole.result == ProxyResult::need_more) CHECK(size < sluice::net::kProxyBytesMax);
  if (whole.result == ProxyResult::bad) CHECK(whole.error[0] != '\0');
  if (whole.result != ProxyResult::done) {
    CHECK(!whole.has_addresses && whole.consumed == 0);
    return 0;
  }
  CHECK(whole.consumed > 0 && whole.consumed <= size);
  CHECK(whole.consumed <= sluice::net::kProxyBytesMax);
  CHECK(whole.has_addresses == !whole.source.empty());
  CHECK(whole.source.family() == whole.destination.family());
  CHECK(parse_proxy(bytes.substr(0, whole.consumed)).result == ProxyResult::done);
  return 0;
}

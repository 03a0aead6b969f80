// Checks of what a name server answers to an update and to a transfer, for any bytes: nothing crashes, and nothing is
// taken for done or for a record that is not signed with the key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/zone_update/message.h"
#include "engine/zone_update/tsig_key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::zone_update;
  if (size < 3) return 0;
  static const TsigKey key{.name = "relay.example",
                           .algorithm = "hmac-sha256",
                           .secret = *sluice::auth::Secret::make_token("Zm9yIHRlc3RzIG9ubHkgZm9yIHRlc3Rz")};
  const std::string_view wire(reinterpret_cast<const char*>(data), size);
  const auto id = static_cast<std::uint16_t>(data[0] << 8U | data[1]);
  const auto update = make_update("isp.example", {}, 1, key, id);
  CHECK(update.has_value());
  CHECK(!check_update_answer(wire, *update, key).has_value());
  const auto transfer = make_transfer("isp.example", key, id);
  CHECK(transfer.has_value());
  TransferReader reader(*transfer, key, [](const ZoneText& /*text*/) { CHECK(false); });
  CHECK(!reader.take(wire).has_value());
  static_cast<void>(parse_tsig_key(wire));
  return 0;
}

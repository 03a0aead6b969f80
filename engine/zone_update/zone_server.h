// The name server that is the primary of a zone of ours: the zone is read from it and changed there, over TCP.  Calls
// block, each step of them for a bounded time.  One thread; another one may have it given up.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "engine/io/address.h"
#include "engine/io/blocking_stream.h"
#include "engine/io/platform.h"
#include "engine/zone_update/message.h"
#include "engine/zone_update/tsig_key.h"
#include "engine/zone_update/zone_texts.h"

namespace sluice::zone_update {

// Errors are sentences that name the server.
class ZoneServer {
 public:
  // What is referred to outlives it.
  struct Parts {
    io::Address server;
    std::string zone;
    const TsigKey& key;
    io::Random& random;
    const std::atomic<bool>& given_up;
  };
  explicit ZoneServer(Parts parts) : parts_(std::move(parts)) {}

  // All TXT records of the zone.
  [[nodiscard]] std::expected<void, std::string> read(const std::function<void(const ZoneText&)>& on_text);
  // In messages of a bounded size; an error leaves those before it done.
  [[nodiscard]] std::expected<void, std::string> change(std::span<const TextChange> changes, std::uint32_t ttl_s);

 private:
  [[nodiscard]] std::expected<io::BlockingStream, std::string> connect() const;
  [[nodiscard]] std::unexpected<std::string> fault(const std::string& what) const;
  [[nodiscard]] std::uint16_t next_id() const { return static_cast<std::uint16_t>(parts_.random.number()); }
  const Parts parts_;
};

}  // namespace sluice::zone_update

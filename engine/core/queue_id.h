// Queue ids: milliseconds since 1970, core and a running number, in 16 letters and digits that sort by time.
// Unique for one relay as long as its clock does not go back over a restart.  One core's.
#pragma once

#include <cstdint>
#include <string>

#include "engine/io/door.h"
#include "engine/session/services.h"

namespace sluice::core {

class QueueIds final : public session::IdSource {
 public:
  QueueIds(io::Clock& clock, std::uint32_t core) : clock_(clock), core_(core) {}

  std::string next() override {
    // Crockford's base 32: no letters that are taken for digits.
    static constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const auto millis = static_cast<std::uint64_t>(clock_.wall());
    // 45 bits of time (to the year 3084), 10 of core, 25 of count.
    std::string id(16, '0');
    put(id, 0, 9, millis, kDigits);
    put(id, 9, 2, core_, kDigits);
    put(id, 11, 5, count_++, kDigits);
    return id;
  }

 private:
  static void put(std::string& id, std::size_t at, std::size_t digits, std::uint64_t value,
                  const char* alphabet) {
    for (std::size_t i = digits; i-- > 0; value >>= 5) id[at + i] = alphabet[value & 31];
  }
  io::Clock& clock_;
  std::uint32_t core_;
  std::uint64_t count_ = 0;
};

}  // namespace sluice::core

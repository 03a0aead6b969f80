// Bytes that do not check, and messages that cannot be read, kept for the operator under DIRECTORY/quarantine:
// NAME.txt says why, NAME.octets is what lay there, NAME.1.octets and so on are more of the same message.
// Blocking: on a worker or at start-up.  Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/io/disk.h"

namespace sluice::spool {

inline constexpr const char* kQuarantine = "quarantine";

// Bytes of a segment's open file.
struct Place {
  int file = -1;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

enum class Kept : std::uint8_t {
  whole,
  in_part,  // something could not be read, or was too long
  before,   // an earlier start has kept it
};

[[nodiscard]] io::DiskResult<Kept> keep_in_quarantine(io::Disk& disk, const std::string& directory,
                                                      const std::string& name, const std::string& why,
                                                      std::span<const Place> places);

}  // namespace sluice::spool

#include "engine/spool/quarantine.h"

#include <algorithm>

namespace sluice::spool {
namespace {

constexpr std::uint32_t kPlaceBytesMax = 8U << 20;

}  // namespace

io::DiskResult<Kept> keep_in_quarantine(io::Disk& disk, const std::string& directory, const std::string& name,
                                        const std::string& why, std::span<const Place> places) {
  const std::string folder = directory + "/" + kQuarantine;
  const std::string path = folder + "/" + name;
  if (auto made = disk.make_directory(folder); !made) return std::unexpected(made.error());
  // Written last: where it is, all is there.
  if (disk.look(path + ".txt")) return Kept::before;
  Kept kept = Kept::whole;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    const auto bytes = disk.read(place.file, place.offset, std::min(place.bytes, kPlaceBytesMax));
    if (!bytes || bytes->size() < place.bytes) kept = Kept::in_part;
    if (!bytes) continue;
    const std::string number = i == 0 ? "" : "." + std::to_string(i);
    if (auto written = disk.write_small(path + number + ".octets", *bytes); !written)
      return std::unexpected(written.error());
  }
  if (auto said = disk.write_small(path + ".txt", why + "\n"); !said) return std::unexpected(said.error());
  return kept;
}

}  // namespace sluice::spool

#include "engine/spool/segments.h"

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr std::string_view kFree = "free-";
constexpr std::size_t kDigits = 8;
constexpr std::string_view kHex = "0123456789abcdef";

std::string hex(std::uint32_t number) {
  std::string text(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; number >>= 4) text[i] = kHex[number & 15];
  return text;
}

}  // namespace

std::string segment_name(std::uint32_t number) { return hex(number).append(kSuffix); }

std::optional<std::uint32_t> parse_segment_name(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint32_t number = 0;
  for (const char digit : name.substr(0, kDigits)) {
    const std::size_t value = kHex.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    number = number << 4 | static_cast<std::uint32_t>(value);
  }
  if (number == 0) return std::nullopt;
  return number;
}

std::string free_name(std::uint32_t number) { return std::string(kFree).append(hex(number)); }

bool is_free_name(std::string_view name) { return name.starts_with(kFree); }

Segment& Segments::add(const Segment& segment) {
  const auto [at, fresh] = segments_.emplace(segment.number, segment);
  CHECK(fresh && segment.number != 0);
  bytes_ += segment.bytes;
  return at->second;
}

Segment* Segments::find(std::uint32_t number) {
  const auto at = segments_.find(number);
  return at == segments_.end() ? nullptr : &at->second;
}

Segment& Segments::get(std::uint32_t number) {
  Segment* segment = find(number);
  CHECK(segment != nullptr);
  return *segment;
}

Segment* Segments::oldest() { return segments_.empty() ? nullptr : &segments_.begin()->second; }

void Segments::remove(std::uint32_t number) {
  Segment& segment = get(number);
  CHECK(segment.needed == 0);
  bytes_ -= segment.bytes;
  segments_.erase(number);
}

void Segments::release(std::uint32_t number) {
  Segment& segment = get(number);
  CHECK(segment.needed > 0);
  --segment.needed;
}

io::DiskResult<Segment> begin_segment(io::Disk& disk, const std::string& directory, const std::string& free,
                                      const SegmentHead& head, std::uint32_t bytes) {
  const std::string source = directory + "/" + (free.empty() ? free_name(head.number) : free);
  auto file = free.empty() ? disk.create(source, bytes) : disk.open(source, /*writable=*/true);
  if (!file) return std::unexpected(file.error());
  auto done = disk.write(*file, 0, write_segment_head(head), /*durable=*/true);
  if (done) done = disk.rename(source, directory + "/" + segment_name(head.number));
  // Until its name is on the disk, nothing that is written into it would be found again.
  if (done) done = disk.sync_directory(directory);
  if (!done) {
    disk.close(*file);
    return std::unexpected(done.error());
  }
  return Segment{.number = head.number, .file = *file, .salt = head.salt, .bytes = bytes, .used = kBlockBytes};
}

io::DiskResult<void> end_segment(io::Disk& disk, const std::string& directory, std::uint32_t number, int file,
                                 bool keep) {
  if (file >= 0) disk.close(file);
  const std::string path = directory + "/" + segment_name(number);
  auto done = keep ? disk.rename(path, directory + "/" + free_name(number)) : disk.remove(path);
  // Before a later segment goes, this one must be gone for good: that one may hold the ends of its messages.
  if (done) done = disk.sync_directory(directory);
  return done;
}

}  // namespace sluice::spool

#include "engine/spool/segments.h"

#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/spool/quarantine.h"

namespace sluice::spool {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr std::string_view kFree = "free-";
constexpr std::string_view kBad = "bad-";
constexpr std::string_view kNew = "new-";
constexpr std::size_t kDigits = 8;
constexpr std::string_view kHex = "0123456789abcdef";

std::string hex(std::uint32_t number) {
  std::string text(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; number >>= 4) text[i] = kHex[number & 15];
  return text;
}

std::optional<std::uint32_t> parse_hex(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  std::uint32_t number = 0;
  for (const char digit : text) {
    const std::size_t value = kHex.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    number = number << 4 | static_cast<std::uint32_t>(value);
  }
  return number == 0 ? std::nullopt : std::optional(number);
}

// Still ours alone, and as long as it was.
bool is_as_it_was(const io::DiskEntry& entry, std::uint32_t bytes) {
  return entry.regular && entry.links == 1 && entry.own && entry.bytes == bytes;
}

}  // namespace

std::string segment_name(std::uint32_t number) { return hex(number).append(kSuffix); }

std::optional<std::uint32_t> parse_segment_name(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  return parse_hex(name.substr(0, name.size() - kSuffix.size()));
}

std::string free_name(std::uint32_t number) { return std::string(kFree).append(hex(number)); }

std::optional<std::uint32_t> parse_free_name(std::string_view name) {
  if (!name.starts_with(kFree)) return std::nullopt;
  return parse_hex(name.substr(kFree.size()));
}

std::string bad_name(std::uint32_t number) { return std::string(kBad).append(hex(number)); }

std::optional<std::uint32_t> parse_bad_name(std::string_view name) {
  if (!name.starts_with(kBad)) return std::nullopt;
  return parse_hex(name.substr(kBad.size()));
}

std::string new_name(std::uint32_t number) { return std::string(kNew).append(hex(number)); }

std::optional<std::uint32_t> parse_new_name(std::string_view name) {
  if (!name.starts_with(kNew)) return std::nullopt;
  return parse_hex(name.substr(kNew.size()));
}

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

Segment* Segments::newest() { return segments_.empty() ? nullptr : &segments_.rbegin()->second; }

Segment* Segments::after(std::uint32_t number) {
  const auto at = segments_.upper_bound(number);
  return at == segments_.end() ? nullptr : &at->second;
}

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

io::DiskResult<Segment> begin_segment(io::Disk& disk, const std::string& directory, FreeFile& free,
                                      const SegmentHead& head) {
  if (head.number == 0 || head.number > kSegmentNumberMax)
    return std::unexpected(io::DiskError{.error = EOVERFLOW,
                                         .text = directory +
                                                 ": the numbers of segments are used up; a file with a very "
                                                 "high one was put there by hand"});
  const bool fresh = free.name.empty();
  const std::string name = fresh ? new_name(head.number) : std::exchange(free.name, {});
  const std::string source = directory + "/" + name;
  const std::string place = directory + "/" + segment_name(head.number);
  if (!fresh) {
    const auto entry = disk.look(source);
    if (!entry && entry.error().error != ENOENT) free.name = name;
    if (!entry) return std::unexpected(entry.error());
    if (!is_as_it_was(*entry, free.bytes))
      return std::unexpected(
          io::DiskError{.error = EINVAL, .text = source + ": has been changed by another program; it is not used"});
  }
  auto file = fresh ? disk.create(source, free.bytes) : disk.open(source, /*writable=*/true);
  if (!file) {
    if (!fresh) free.name = name;
    return std::unexpected(file.error());
  }
  auto done = disk.write(*file, 0, write_segment_head(head), /*durable=*/true);
  bool renamed = false;
  if (done) {
    done = disk.rename(source, place);
    renamed = done.has_value();
  }
  // Until its name is on the disk, nothing that is written into it would be found again.
  if (done) done = disk.sync_directory(directory);
  if (done)
    return Segment{.number = head.number,
                   .file = *file,
                   .salt = head.salt,
                   .bytes = free.bytes,
                   .used = kBlockBytes,
                   .writable = true};
  disk.close(*file);
  const std::string& left = renamed ? place : source;
  if (fresh) {
    // It is tried again with another file: this one must not take up space until the next start.
    static_cast<void>(disk.remove(left));
  } else {
    // On a full disk there would be no other.
    free.name = renamed ? segment_name(head.number) : name;
  }
  return std::unexpected(done.error());
}

io::DiskResult<std::string> quarantine_segment(io::Disk& disk, const std::string& directory, std::uint32_t number) {
  const std::string from = directory + "/" + segment_name(number);
  const std::string folder = directory + "/" + kQuarantine;
  std::string to = folder + "/" + segment_name(number);
  auto done = disk.make_directory(folder);
  if (done) done = disk.rename(from, to);
  if (done) done = disk.sync_directory(folder);
  if (!done && io::is_full(done.error())) {
    // A name as long as the one that it has: its directory does not grow.
    to = directory + "/" + bad_name(number);
    done = disk.rename(from, to);
  }
  if (!done && done.error().error != ENOENT) return std::unexpected(done.error());  // an earlier try went so far
  if (auto synced = disk.sync_directory(directory); !synced) return std::unexpected(synced.error());
  return to;
}

io::DiskResult<void> end_segment(io::Disk& disk, const std::string& directory, std::uint32_t number, int file,
                                 SegmentEnd end) {
  if (file >= 0) disk.close(file);
  // Before a later segment goes, this one must be gone for good: that one may hold the ends of its messages.
  if (end == SegmentEnd::quarantined) {
    const auto moved = quarantine_segment(disk, directory, number);
    if (!moved) return std::unexpected(moved.error());
    return {};
  }
  const std::string path = directory + "/" + segment_name(number);
  auto done = end == SegmentEnd::removed ? disk.remove(path) : disk.rename(path, directory + "/" + free_name(number));
  if (!done && done.error().error == ENOENT) done = {};  // an earlier try went so far
  if (done) done = disk.sync_directory(directory);
  return done;
}

}  // namespace sluice::spool

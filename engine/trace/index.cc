#include "engine/trace/index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/crc32c.h"
#include "engine/trace/block.h"
#include "engine/trace/varint.h"

namespace sluice::trace {
namespace {

constexpr std::string_view kIndexMagic = "SlI1";
constexpr std::size_t kIndexHeadBytes = 28;
constexpr std::size_t kBlockEntryBytes = 32;
constexpr std::size_t kBucketEntries = 64;  // some 250 bytes
constexpr unsigned kBitsMax = 24;
constexpr std::size_t kBucketBytesMax = std::size_t{4} << 20;

unsigned bits_for(std::size_t entries) {
  unsigned bits = 0;
  while (bits < kBitsMax && (entries >> bits) > kBucketEntries) ++bits;
  return bits;
}

std::uint32_t bucket_of(std::uint32_t hash, unsigned bits) { return bits == 0 ? 0 : hash >> (32 - bits); }
std::uint32_t least_of(std::uint32_t bucket, unsigned bits) { return bits == 0 ? 0 : bucket << (32 - bits); }

// By hash; those of one hash stay in the order of their blocks.
void sort_by_hash(std::vector<KeyEntry>& entries) {
  constexpr unsigned kDigitBits = 11;
  std::vector<KeyEntry> other(entries.size());
  for (unsigned shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::uint32_t, 1U << kDigitBits> begin{};
    const auto digit = [shift](const KeyEntry& entry) { return (entry.hash >> shift) % (1U << kDigitBits); };
    for (const KeyEntry& entry : entries) ++begin[digit(entry)];
    std::uint32_t sum = 0;
    for (std::uint32_t& each : begin) sum += std::exchange(each, sum);
    for (const KeyEntry& entry : entries) other[begin[digit(entry)]++] = entry;
    entries.swap(other);
  }
}

struct Buckets {
  std::string directory;
  std::string bytes;
};

Buckets make_buckets(const std::vector<KeyEntry>& entries, unsigned bits) {
  Buckets made;
  made.directory.reserve(((std::size_t{1} << bits) + 1) * sizeof(std::uint32_t));
  made.bytes.reserve(entries.size() * 4);
  auto next = entries.begin();
  std::string pairs;
  for (std::uint32_t bucket = 0; bucket < (1U << bits); ++bucket) {
    put_fixed(made.directory, static_cast<std::uint32_t>(made.bytes.size()));
    const auto end =
        std::find_if(next, entries.end(), [&](const KeyEntry& entry) { return bucket_of(entry.hash, bits) != bucket; });
    const std::size_t room = static_cast<std::size_t>(end - next) * 2 * kVarintBytesMax;
    if (pairs.size() < room) pairs.resize(room);
    char* out = pairs.data();
    std::uint32_t before = least_of(bucket, bits);
    for (; next != end; ++next) {
      out = put_varint(out, next->hash - before);
      out = put_varint(out, next->block);
      before = next->hash;
    }
    const std::string_view written(pairs.data(), out);
    put_fixed(made.bytes, crc32c(bucket, written));
    made.bytes += written;
  }
  put_fixed(made.directory, static_cast<std::uint32_t>(made.bytes.size()));
  return made;
}

std::unexpected<std::string> damaged_index(const std::string& path) {
  return std::unexpected(path + ": is damaged, or no index of this segment");
}

}  // namespace

std::string make_index(std::span<const BlockEntry> blocks, std::vector<KeyEntry>& entries,
                       std::uint64_t segment_bytes) {
  sort_by_hash(entries);
  const unsigned bits = bits_for(entries.size());
  std::string table;
  for (const BlockEntry& block : blocks) {
    put_fixed(table, block.offset);
    put_fixed(table, block.bytes);
    put_fixed(table, block.events);
    put_fixed(table, block.first_at);
    put_fixed(table, block.last_at);
  }
  std::string rest;
  put_fixed<std::uint16_t>(rest, 1);
  put_fixed(rest, static_cast<std::uint16_t>(bits));
  put_fixed(rest, static_cast<std::uint32_t>(blocks.size()));
  put_fixed(rest, segment_bytes);
  put_fixed(rest, crc32c(0, table));
  const Buckets buckets = make_buckets(entries, bits);
  std::string index(kIndexMagic);
  put_fixed(index, crc32c(0, rest));
  return index.append(rest).append(table).append(buckets.directory).append(buckets.bytes);
}

std::expected<IndexReader, std::string> IndexReader::open(const std::string& path, std::uint64_t segment_bytes) {
  auto file = io::PlainFile::open_to_read(path);
  if (!file) return std::unexpected(file.error());
  std::string head(kIndexHeadBytes, '\0');
  const auto read = file->read_at(0, head);
  if (!read) return std::unexpected(read.error());
  NumberReader in(head);
  const std::string_view magic = in.bytes(kIndexMagic.size());
  const auto crc = in.fixed<std::uint32_t>();
  constexpr std::size_t kCovered = 8;
  if (*read != head.size() || magic != kIndexMagic || crc != crc32c(0, std::string_view(head).substr(kCovered)))
    return damaged_index(path);
  const auto version = in.fixed<std::uint16_t>();
  const auto bits = in.fixed<std::uint16_t>();
  const auto count = in.fixed<std::uint32_t>();
  const auto bytes = in.fixed<std::uint64_t>();
  const auto table_crc = in.fixed<std::uint32_t>();
  if (version != 1 || bits > kBitsMax || count > kSegmentBlocksMax || bytes != segment_bytes)
    return damaged_index(path);
  std::string table(count * kBlockEntryBytes, '\0');
  const auto table_read = file->read_at(kIndexHeadBytes, table);
  if (!table_read) return std::unexpected(table_read.error());
  if (*table_read != table.size() || crc32c(0, table) != table_crc) return damaged_index(path);
  std::vector<BlockEntry> blocks(count);
  NumberReader entries(table);
  for (BlockEntry& block : blocks) {
    block.offset = entries.fixed<std::uint64_t>();
    block.bytes = entries.fixed<std::uint32_t>();
    block.events = entries.fixed<std::uint32_t>();
    block.first_at = entries.fixed<WallMillis>();
    block.last_at = entries.fixed<WallMillis>();
  }
  return IndexReader(*std::move(file), bits, std::move(blocks));
}

// Where the bucket begins, and where it ends; shorter where that cannot be read.
std::string IndexReader::offsets_of(std::uint32_t bucket) {
  constexpr std::size_t kFindsBeforeReading = 8;
  const std::uint64_t directory = kIndexHeadBytes + blocks_.size() * kBlockEntryBytes;
  const std::uint64_t place = std::uint64_t{bucket} * sizeof(std::uint32_t);
  const auto read = [this](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    bytes.resize(file_.read_at(offset, bytes).value_or(0));
    return bytes;
  };
  if (++finds_ == kFindsBeforeReading)
    directory_ = read(directory, ((std::size_t{1} << bits_) + 1) * sizeof(std::uint32_t));
  constexpr std::size_t kBoth = 2 * sizeof(std::uint32_t);
  return place + kBoth <= directory_.size() ? directory_.substr(place, kBoth) : read(directory + place, kBoth);
}

std::optional<std::vector<std::uint32_t>> IndexReader::find(std::uint32_t hash) {
  const std::uint32_t bucket = bucket_of(hash, bits_);
  const std::uint64_t buckets =
      kIndexHeadBytes + blocks_.size() * kBlockEntryBytes + ((std::uint64_t{1} << bits_) + 1) * sizeof(std::uint32_t);
  const std::string range = offsets_of(bucket);
  NumberReader both(range);
  const auto begin = both.fixed<std::uint32_t>();
  const auto end = both.fixed<std::uint32_t>();
  if (!both.fine() || end < begin + sizeof(std::uint32_t) || end - begin > kBucketBytesMax) return std::nullopt;
  std::string bytes(end - begin, '\0');
  const auto read = file_.read_at(buckets + begin, bytes);
  NumberReader in(bytes);
  if (!read || *read != bytes.size() ||
      in.fixed<std::uint32_t>() != crc32c(bucket, std::string_view(bytes).substr(sizeof(std::uint32_t))))
    return std::nullopt;
  std::vector<std::uint32_t> found;
  std::uint64_t each = least_of(bucket, bits_);
  while (in.fine() && !in.at_end()) {
    each += in.varint();
    const std::uint64_t block = in.varint();
    if (block >= blocks_.size()) return std::nullopt;
    if (each == hash && (found.empty() || found.back() != block)) found.push_back(static_cast<std::uint32_t>(block));
  }
  return in.fine() ? std::optional(std::move(found)) : std::nullopt;
}

}  // namespace sluice::trace

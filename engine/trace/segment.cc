#include "engine/trace/segment.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <span>
#include <utility>

namespace sluice::trace {
namespace {

constexpr std::string_view kBlocksEnding = ".blocks";
constexpr std::string_view kIndexEnding = ".index";
constexpr std::size_t kDigits = 10;

std::string segment_path(const std::string& directory, std::uint64_t number, std::string_view ending) {
  std::string digits = std::to_string(number);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  return directory + "/" + digits.append(ending);
}

std::optional<std::uint64_t> number_of(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  name.remove_suffix(ending.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = error == std::errc() && end == name.data() + name.size() && name.size() >= kDigits;
  return whole ? std::optional(number) : std::nullopt;
}

// Behind bytes that are no block: where the next one may begin; nothing: there is none.
std::expected<std::optional<std::uint64_t>, std::string> next_magic(const io::PlainFile& file, std::uint64_t offset) {
  std::string piece(std::size_t{64} << 10, '\0');
  for (;;) {
    const auto read = file.read_at(offset, piece);
    if (!read) return std::unexpected(read.error());
    const std::size_t found = std::string_view(piece).substr(0, *read).find(kBlockMagic);
    if (found != std::string_view::npos) return offset + found;
    if (*read < piece.size()) return std::nullopt;
    offset += *read - (kBlockMagic.size() - 1);
  }
}

BlockEntry entry_of(std::uint64_t offset, const BlockHead& head) {
  return {.offset = offset,
          .bytes = static_cast<std::uint32_t>(head.bytes()),
          .events = head.events,
          .first_at = head.first_at,
          .last_at = head.last_at};
}

std::optional<std::vector<std::uint32_t>> keys_at(const io::PlainFile& file, const WalkedBlock& block) {
  std::string keys(block.head.keys_bytes, '\0');
  const auto read = file.read_at(block.entry.offset + kBlockHeadBytes, keys);
  if (!read || *read != keys.size()) return std::nullopt;
  return read_block_keys(block.head, keys);
}

// Hashes are spread evenly, so where one would be is known nearly.
bool has_hash(const std::vector<std::uint32_t>& sorted, std::uint32_t hash) {
  constexpr std::size_t kNear = 64;
  const auto guess = static_cast<std::size_t>(std::uint64_t{hash} * sorted.size() >> 32U);
  const std::size_t begin = guess < kNear ? 0 : guess - kNear;
  const std::size_t end = std::min(sorted.size(), guess + kNear);
  const std::span<const std::uint32_t> all(sorted);
  const bool is_near = (begin == 0 || all[begin] <= hash) && (end == all.size() || all[end] > hash);
  return std::ranges::binary_search(is_near ? all.subspan(begin, end - begin) : all, hash);
}

}  // namespace

std::string blocks_path(const std::string& directory, std::uint64_t number) {
  return segment_path(directory, number, kBlocksEnding);
}

std::string index_path(const std::string& directory, std::uint64_t number) {
  return segment_path(directory, number, kIndexEnding);
}

std::expected<std::vector<SegmentName>, std::string> list_segments(io::Disk& disk, const std::string& directory) {
  const auto entries = disk.list(directory);
  if (!entries) return std::unexpected(entries.error().text);
  std::map<std::uint64_t, SegmentName> found;
  for (const io::DiskEntry& entry : *entries) {
    if (!entry.regular) continue;
    if (const auto number = number_of(entry.name, kBlocksEnding)) {
      found[*number].number = *number;
      found[*number].bytes += entry.bytes;
    }
  }
  // An index without its blocks is none.
  for (const io::DiskEntry& entry : *entries) {
    const auto number = number_of(entry.name, kIndexEnding);
    const auto segment = number ? found.find(*number) : found.end();
    if (segment == found.end()) continue;
    segment->second.indexed = true;
    segment->second.bytes += entry.bytes;
  }
  std::vector<SegmentName> names;
  for (const auto& [number, name] : found) names.push_back(name);
  return names;
}

std::expected<Walked, std::string> walk_blocks(const io::PlainFile& file, std::uint64_t offset) {
  const auto size = file.size();
  if (!size) return std::unexpected(size.error());
  const std::uint64_t file_end = std::min(*size, kSegmentBytesMax);
  Walked walked{.blocks = {}, .end = offset, .damaged_bytes = 0};
  std::string head_bytes(kBlockHeadBytes, '\0');
  while (offset < file_end && walked.blocks.size() < kSegmentBlocksMax) {
    const auto read = file.read_at(offset, head_bytes);
    if (!read) return std::unexpected(read.error());
    const auto head = read_block_head(std::string_view(head_bytes).substr(0, *read));
    if (head && offset + head->bytes() <= file_end) {
      walked.damaged_bytes += offset - walked.end;
      walked.blocks.push_back({.entry = entry_of(offset, *head), .head = *head});
      offset += head->bytes();
      walked.end = offset;
      continue;
    }
    const auto next = next_magic(file, offset + 1);
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    offset = **next;
  }
  return walked;
}

std::expected<void, std::string> index_segment(io::Disk& disk, const std::string& directory, std::uint64_t number) {
  const auto file = io::PlainFile::open_to_read(blocks_path(directory, number));
  if (!file) return std::unexpected(file.error());
  const auto size = file->size();
  if (!size) return std::unexpected(size.error());
  const auto walked = walk_blocks(*file, 0);
  if (!walked) return std::unexpected(walked.error());
  std::vector<BlockEntry> blocks;
  std::vector<KeyEntry> entries;
  for (const WalkedBlock& block : walked->blocks) {
    const auto keys = keys_at(*file, block);
    if (!keys) continue;  // it is damaged, and found by nothing
    for (const std::uint32_t hash : *keys)
      entries.push_back({.hash = hash, .block = static_cast<std::uint32_t>(blocks.size())});
    blocks.push_back(block.entry);
  }
  const std::string index = make_index(blocks, entries, *size);
  if (auto written = disk.write_small(index_path(directory, number), index); !written)
    return std::unexpected(written.error().text);
  return {};
}

// ------------------------------------------------------------------------------------------ reading

std::expected<SegmentReader, std::string> SegmentReader::open(const std::string& directory, const SegmentName& name) {
  const std::string path = blocks_path(directory, name.number);
  auto file = io::PlainFile::open_to_read(path);
  if (!file) return std::unexpected(file.error());
  SegmentReader reader(path, name.number, *std::move(file));
  if (name.indexed) {
    const auto size = reader.file_.size();
    if (!size) return std::unexpected(size.error());
    auto index = IndexReader::open(index_path(directory, name.number), *size);
    if (index) {
      reader.index_ = *std::move(index);
      return reader;
    }
    reader.note(index.error() + "; the segment is read without it");
  }
  reader.refresh();
  return reader;
}

void SegmentReader::note(std::string fault) {
  if (std::ranges::find(faults_, fault) == faults_.end()) faults_.push_back(std::move(fault));
}

void SegmentReader::refresh() {
  if (index_) return;
  auto walked = walk_blocks(file_, walked_to_);
  if (!walked) return note(walked.error());
  if (walked->damaged_bytes > 0) note(path_ + ": " + std::to_string(walked->damaged_bytes) + " bytes are damaged");
  for (const WalkedBlock& block : walked->blocks) {
    if (walked_.size() == kSegmentBlocksMax) break;
    walked_.push_back(block.entry);
    keys_.push_back(keys_at(file_, block).value_or(std::vector<std::uint32_t>()));
  }
  walked_to_ = walked->end;
}

std::vector<std::uint32_t> SegmentReader::find(std::uint32_t hash) {
  if (index_) {
    if (auto found = index_->find(hash)) return *std::move(found);
    note(path_ + ": its index is damaged in part; all of the segment is read for that");
    std::vector<std::uint32_t> all(blocks().size());
    std::iota(all.begin(), all.end(), 0U);
    return all;
  }
  std::vector<std::uint32_t> found;
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (keys_[i].empty() || has_hash(keys_[i], hash)) found.push_back(static_cast<std::uint32_t>(i));
  return found;
}

std::shared_ptr<const UnpackedBlock> SegmentReader::unpack(std::uint32_t block) {
  const BlockEntry& entry = blocks()[block];
  std::string bytes(std::min<std::size_t>(entry.bytes, kBlockBytesMax), '\0');
  const auto read = file_.read_at(entry.offset, bytes);
  const auto head = read && *read == bytes.size() ? read_block_head(bytes) : std::nullopt;
  std::shared_ptr<const UnpackedBlock> unpacked;
  if (head && head->bytes() == bytes.size())
    unpacked = UnpackedBlock::unpack(*head, std::string_view(bytes).substr(kBlockHeadBytes + head->keys_bytes));
  if (unpacked == nullptr) note_damaged(block);
  return unpacked;
}

void SegmentReader::note_damaged(std::uint32_t block) {
  const BlockEntry& entry = blocks()[block];
  note(path_ + ": the block at " + std::to_string(entry.offset) + " is damaged, with up to " +
       std::to_string(entry.events) + " events");
}

}  // namespace sluice::trace

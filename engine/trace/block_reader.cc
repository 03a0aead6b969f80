#include <zstd.h>

#include <algorithm>
#include <chrono>

#include "engine/base/crc32c.h"
#include "engine/trace/block.h"
#include "engine/trace/varint.h"

namespace sluice::trace {

std::optional<BlockHead> read_block_head(std::string_view bytes) {
  NumberReader in(bytes.substr(0, kBlockHeadBytes));
  if (bytes.size() < kBlockHeadBytes || in.bytes(kBlockMagic.size()) != kBlockMagic) return std::nullopt;
  const auto crc = in.fixed<std::uint32_t>();
  constexpr std::size_t kCovered = 8;
  if (crc != crc32c(0, bytes.substr(kCovered, kBlockHeadBytes - kCovered))) return std::nullopt;
  if (in.fixed<std::uint16_t>() != 1) return std::nullopt;
  static_cast<void>(in.fixed<std::uint16_t>());
  BlockHead head;
  head.keys = in.fixed<std::uint32_t>();
  head.keys_bytes = in.fixed<std::uint32_t>();
  head.payload_bytes = in.fixed<std::uint32_t>();
  head.raw_bytes = in.fixed<std::uint32_t>();
  head.events = in.fixed<std::uint32_t>();
  head.first_at = in.fixed<WallMillis>();
  head.last_at = in.fixed<WallMillis>();
  head.keys_crc = in.fixed<std::uint32_t>();
  head.payload_crc = in.fixed<std::uint32_t>();
  const bool bounded = head.keys <= kBlockKeysMax && head.keys <= head.keys_bytes &&
                       head.raw_bytes <= kBlockRawBytesMax && head.events <= head.raw_bytes &&
                       head.bytes() <= kBlockBytesMax;
  return in.fine() && bounded ? std::optional(head) : std::nullopt;
}

std::optional<std::vector<std::uint32_t>> read_block_keys(const BlockHead& head, std::string_view keys) {
  if (keys.size() != head.keys_bytes || crc32c(0, keys) != head.keys_crc) return std::nullopt;
  std::vector<std::uint32_t> hashes;
  hashes.reserve(head.keys);
  NumberReader in(keys);
  std::uint64_t hash = 0;
  while (hashes.size() < head.keys && in.fine()) {
    hash += in.varint();
    if (hash > UINT32_MAX) return std::nullopt;
    hashes.push_back(static_cast<std::uint32_t>(hash));
  }
  if (!in.fine() || !in.at_end()) return std::nullopt;
  return hashes;
}

const event::Value* StoredEvent::find(std::string_view key) const {
  const auto found = std::ranges::find(type->keys, key);
  if (found == type->keys.end()) return nullptr;
  return &values[static_cast<std::size_t>(found - type->keys.begin())];
}

std::string_view StoredEvent::text(std::string_view key) const {
  const event::Value* const value = find(key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  return text == nullptr ? std::string_view() : *text;
}

std::shared_ptr<const StoredBlock> StoredBlock::read(const BlockHead& head, std::string_view payload) {
  if (payload.size() != head.payload_bytes || crc32c(0, payload) != head.payload_crc) return nullptr;
  std::shared_ptr<StoredBlock> block(new StoredBlock);
  std::size_t size = 0;
  block->raw_.resize_and_overwrite(std::min<std::size_t>(head.raw_bytes, kBlockRawBytesMax),
                                   [&](char* out, std::size_t room) {
                                     size = ZSTD_decompress(out, room, payload.data(), payload.size());
                                     return ZSTD_isError(size) != 0 ? 0 : std::min(size, room);
                                   });
  if (ZSTD_isError(size) != 0 || size != head.raw_bytes) return nullptr;
  block->events_.reserve(std::min<std::size_t>(head.events, head.raw_bytes));
  // As many as a byte each would be, and most events have.
  constexpr std::size_t kUsualValues = 40;
  block->values_.reserve(std::min<std::size_t>(head.events * kUsualValues, head.raw_bytes));
  if (!block->parse() || block->events_.size() != head.events) return nullptr;
  return block;
}

namespace {

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view raw) : in_(raw) {}
  NumberReader& numbers() { return in_; }
  std::string_view text() { return in_.bytes(in_.varint()); }

  // Nothing: there is no such value.
  std::optional<event::Value> value() {
    const std::string_view tag = in_.bytes(1);
    if (tag.empty()) return std::nullopt;
    switch (tag.front()) {
      case 0:
        return event::Value();
      case 1:
        return literals_.emplace_back(text());
      case 2: {
        const std::uint64_t number = in_.varint();
        if (number >= literals_.size()) return std::nullopt;
        return literals_[number];
      }
      case 3:
        return in_.varint();
      case 4:
        return unzigzag(in_.varint());
      case 5:
        return false;
      case 6:
        return true;
      case 7:
        return duration();
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<event::Value> duration() {
    constexpr std::int64_t kMicrosMax = std::int64_t{1} << 53U;
    const std::int64_t micros = unzigzag(in_.varint());
    if (micros > kMicrosMax || micros < -kMicrosMax) return std::nullopt;
    return event::Value(Duration(micros * 1000));
  }

  NumberReader in_;
  std::vector<std::string_view> literals_;
};

std::unique_ptr<StoredType> read_type(PayloadReader& in) {
  auto type = std::make_unique<StoredType>();
  type->name = in.text();
  type->verdict = verdict_of(type->name);
  const std::uint64_t keys = in.numbers().varint();
  if (keys > event::kKeysMax) return nullptr;
  for (std::uint64_t i = 0; i < keys; ++i) {
    const auto place = static_cast<std::uint8_t>(i);
    type->keys.push_back(in.text());
    type->roles.push_back(role_of(type->keys.back()));
    if (has_words(type->keys.back())) type->word_places.push_back(place);
    for (std::size_t kind = 0; kind < kKeyKinds; ++kind)
      if (may_have(type->roles.back(), static_cast<KeyKind>(kind))) type->places[kind].push_back(place);
  }
  return in.numbers().fine() ? std::move(type) : nullptr;
}

}  // namespace

std::size_t StoredBlock::memory_bytes() const {
  return raw_.capacity() + values_.capacity() * sizeof(event::Value) + events_.capacity() * sizeof(StoredEvent);
}

// Values are found by their place first: their array grows.
bool StoredBlock::parse() {
  constexpr std::size_t kTypesMax = 1024;
  PayloadReader in(raw_);
  NumberReader& numbers = in.numbers();
  std::vector<std::size_t> begins;
  begins.reserve(events_.capacity());
  std::uint64_t at = 0;
  while (!numbers.at_end()) {
    const std::uint64_t number = numbers.varint();
    if (number == 0) {
      auto type = read_type(in);
      if (type == nullptr || types_.size() == kTypesMax) return false;
      types_.push_back(std::move(type));
      continue;
    }
    if (number > types_.size()) return false;
    const StoredType& type = *types_[number - 1];
    at += static_cast<std::uint64_t>(unzigzag(numbers.varint()));
    const std::string_view severity = numbers.bytes(1);
    if (severity.empty() || static_cast<unsigned char>(severity.front()) > 3) return false;
    begins.push_back(values_.size());
    for (std::size_t i = 0; i < type.keys.size(); ++i) {
      auto value = in.value();
      if (!value) return false;
      values_.push_back(*value);
    }
    events_.push_back({.at = static_cast<WallMillis>(at),
                       .severity = static_cast<event::Severity>(severity.front()),
                       .type = &type,
                       .values = {}});
  }
  for (std::size_t i = 0; i < events_.size(); ++i)
    events_[i].values = std::span(values_).subspan(begins[i], events_[i].type->keys.size());
  return numbers.fine();
}

}  // namespace sluice::trace

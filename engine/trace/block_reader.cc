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

std::shared_ptr<const UnpackedBlock> UnpackedBlock::unpack(const BlockHead& head, std::string_view payload) {
  if (payload.size() != head.payload_bytes || crc32c(0, payload) != head.payload_crc) return nullptr;
  auto block = std::make_shared<UnpackedBlock>();
  block->events = head.events;
  std::size_t size = 0;
  block->raw.resize_and_overwrite(std::min<std::size_t>(head.raw_bytes, kBlockRawBytesMax),
                                  [&](char* out, std::size_t room) {
                                    size = ZSTD_decompress(out, room, payload.data(), payload.size());
                                    return ZSTD_isError(size) != 0 ? 0 : std::min(size, room);
                                  });
  if (ZSTD_isError(size) != 0 || size != head.raw_bytes) return nullptr;
  return block;
}

std::shared_ptr<const StoredBlock> StoredBlock::pick(const std::shared_ptr<const UnpackedBlock>& block,
                                                     EventFilter wanted) {
  std::shared_ptr<StoredBlock> picked(new StoredBlock);
  if (!picked->parse(*block, wanted)) return nullptr;
  picked->keep_texts(block);
  return picked;
}

std::shared_ptr<const StoredBlock> StoredBlock::read(const BlockHead& head, std::string_view payload) {
  const auto block = UnpackedBlock::unpack(head, payload);
  return block == nullptr ? nullptr : pick(block, [](const StoredEvent& /*event*/) { return true; });
}

namespace {

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view raw) : in_(raw) {}
  NumberReader& numbers() { return in_; }
  std::string_view text() { return in_.bytes(in_.varint()); }

  // False: there is no such value.
  bool value(event::Value& value) {
    const std::string_view tag = in_.bytes(1);
    if (tag.empty()) return false;
    switch (tag.front()) {
      case 0:
        value = std::monostate();
        return true;
      case 1:
        value = literals_.emplace_back(text());
        return true;
      case 2: {
        const std::uint64_t number = in_.varint();
        if (number >= literals_.size()) return false;
        value = literals_[number];
        return true;
      }
      case 3:
        value = in_.varint();
        return true;
      case 4:
        value = unzigzag(in_.varint());
        return true;
      case 5:
      case 6:
        value = tag.front() == 6;
        return true;
      case 7:
        return duration(value);
      default:
        return false;
    }
  }

 private:
  bool duration(event::Value& value) {
    constexpr std::int64_t kMicrosMax = std::int64_t{1} << 53U;
    const std::int64_t micros = unzigzag(in_.varint());
    if (micros > kMicrosMax || micros < -kMicrosMax) return false;
    value = Duration(micros * 1000);
    return true;
  }

  NumberReader in_;
  std::vector<std::string_view> literals_;
};

// So that a type needs nothing of the block that it was read from.
void keep_text(StoredType& type) {
  std::size_t size = type.name.size();
  for (const std::string_view key : type.keys) size += key.size();
  type.text.reserve(size);
  const auto keep = [&type](std::string_view& view) {
    type.text += view;
    view = std::string_view(type.text).substr(type.text.size() - view.size());
  };
  keep(type.name);
  for (std::string_view& key : type.keys) keep(key);
}

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
  if (!in.numbers().fine()) return nullptr;
  keep_text(*type);
  return type;
}

}  // namespace

// Values are found by their place first: their array grows.
bool StoredBlock::parse(const UnpackedBlock& block, EventFilter wanted) {
  constexpr std::size_t kTypesMax = 1024;
  PayloadReader in(block.raw);
  NumberReader& numbers = in.numbers();
  std::array<event::Value, event::kKeysMax> values;
  std::uint64_t at = 0;
  std::uint32_t events = 0;
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
    const std::span those = std::span(values).first(type.keys.size());
    for (event::Value& value : those)
      if (!in.value(value)) return false;
    ++events;
    const StoredEvent event{.at = static_cast<WallMillis>(at),
                            .severity = static_cast<event::Severity>(severity.front()),
                            .type = &type,
                            .values = those};
    if (!numbers.fine() || !wanted(event)) continue;
    events_.push_back(event);
    values_.insert(values_.end(), those.begin(), those.end());
  }
  std::size_t begin = 0;
  for (StoredEvent& event : events_) {
    event.values = std::span(values_).subspan(begin, event.type->keys.size());
    begin += event.type->keys.size();
  }
  return numbers.fine() && events == block.events;
}

// Few texts are copied, so that a few events of many blocks do not keep all of these in memory.
void StoredBlock::keep_texts(const std::shared_ptr<const UnpackedBlock>& block) {
  std::size_t size = 0;
  for (const event::Value& value : values_)
    if (const auto* const text = std::get_if<std::string_view>(&value)) size += text->size();
  if (size > block->raw.size() / 8) {
    unpacked_ = block;
    return;
  }
  texts_.reserve(size);
  for (event::Value& value : values_) {
    auto* const text = std::get_if<std::string_view>(&value);
    if (text == nullptr) continue;
    texts_ += *text;
    *text = std::string_view(texts_).substr(texts_.size() - text->size());
  }
}

}  // namespace sluice::trace

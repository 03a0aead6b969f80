// A block of the trace: some events that were recorded together, compressed, with the hashes of all that they are found
// by.  A file of blocks has nothing else in it (segment.h).
//
//   block   = head keys payload
//   head    = magic(4) crc(4, of the rest of the head) version(2) 0(2) keys(4) keys_bytes(4) payload_bytes(4)
//             raw_bytes(4) events(4) first_at(8) last_at(8) keys_crc(4) payload_crc(4)
//   keys    = for each hash, in rising order: varint, its distance from the one before
//   payload = zstd of: event ...
//   event   = varint type+1, or 0 and the definition of a type, which is the next number: text varint(keys) text ...
//             then zigzag(milliseconds since the event before) severity(1) value ...
//   value   = 0 (left out) | 1 text | 2 varint (a text that was there before, by its number in the block)
//             | 3 varint (count) | 4 zigzag (number) | 5 (false) | 6 (true) | 7 zigzag (microseconds)
//   text    = varint(size) bytes
//
// Types are written by name, so that a later version reads what an earlier one has written.  Numbers of the head are
// little-endian; checksums are CRC-32C.  All of it may be damaged or forged: it is read within the bounds below, or is
// not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/event/record.h"
#include "engine/trace/key.h"

struct ZSTD_CCtx_s;

namespace sluice::trace {

inline constexpr std::size_t kBlockHeadBytes = 56;
// A block is ended at this size, before it is compressed.  Of twice the size a message takes 2 % fewer bytes, and a
// search that finds 100 messages in as many blocks twice the time.
inline constexpr std::size_t kBlockRawBytes = std::size_t{128} << 10;
// Of what is read.
inline constexpr std::size_t kBlockRawBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kBlockKeysMax = std::size_t{1} << 18;
inline constexpr std::size_t kBlockBytesMax = std::size_t{4} << 20;

struct BlockHead {
  std::uint32_t keys = 0;
  std::uint32_t keys_bytes = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t events = 0;
  WallMillis first_at = 0;  // the earliest
  WallMillis last_at = 0;   // the latest
  std::uint32_t keys_crc = 0;
  std::uint32_t payload_crc = 0;
  // With the head.
  [[nodiscard]] std::uint64_t bytes() const { return std::uint64_t{kBlockHeadBytes} + keys_bytes + payload_bytes; }
};
// Of bytes that begin with a head; nothing: they do not.
[[nodiscard]] std::optional<BlockHead> read_block_head(std::string_view bytes);
inline constexpr std::string_view kBlockMagic = "SlT1";

// The hashes of a block's keys; nothing: they are damaged.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> read_block_keys(const BlockHead& head, std::string_view keys);

// Makes blocks.  One thread.
class BlockWriter {
 public:
  BlockWriter();
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  void add(const event::Event& event);
  [[nodiscard]] bool empty() const { return events_ == 0; }
  [[nodiscard]] bool full() const { return raw_size_ >= kBlockRawBytes; }
  [[nodiscard]] std::uint32_t events() const { return events_; }
  // The block; then the next one begins.
  [[nodiscard]] std::string finish();

 private:
  struct Plan {
    std::vector<KeyRole> roles;
    std::string_view verdict;
    std::uint64_t type = 0;  // number in this block + 1; 0: not defined yet
  };
  struct Literal {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t kinds = 0;  // bits: keys of these roles are in keys_ already
  };
  void make_room(std::size_t bytes);
  char* define(char* out, Plan& plan, const event::Row& row);
  char* put(char* out, std::string_view text, KeyRole role);
  char* put_value(char* out, const event::Value& value, KeyRole role);
  std::string compressed();

  std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> context_;
  std::vector<Plan> plans_;  // by kind of event
  std::size_t definition_bytes_max_ = 0;
  std::string raw_;  // its first raw_size_ bytes count
  std::size_t raw_size_ = 0;
  std::vector<Literal> literals_;
  struct Slot {
    std::uint32_t literal = 0;  // its number + 1
    std::uint32_t hash = 0;     // the rest of it: most others are told apart by that
  };
  std::vector<Slot> literal_of_;  // by hash
  std::vector<std::uint32_t> keys_;
  std::vector<std::uint32_t> sorting_;
  std::uint64_t types_ = 0;
  std::uint32_t events_ = 0;
  WallMillis at_ = 0;
  WallMillis first_at_ = 0;
  WallMillis last_at_ = 0;
};

// A type of events as a block defines it.  Its views are of its own text.
struct StoredType {
  std::string text;
  std::string_view name;
  std::string_view verdict;  // as verdict_of()
  std::vector<std::string_view> keys;
  std::vector<KeyRole> roles;
  // Which keys may have values of a kind, and which ones words that are looked for.
  std::array<std::vector<std::uint8_t>, kKeyKinds> places;
  std::vector<std::uint8_t> word_places;
};
// An event that was read.  Views of its block.
struct StoredEvent {
  WallMillis at = 0;
  event::Severity severity{};
  const StoredType* type = nullptr;
  std::span<const event::Value> values;

  // Empty: it has no such text.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] const event::Value* find(std::string_view key) const;
};

// What a payload is once it is not compressed any more: bytes that may still be forged.  Immutable; any thread.
struct UnpackedBlock {
  std::string raw;
  std::uint32_t events = 0;

  // Null: it is damaged.
  static std::shared_ptr<const UnpackedBlock> unpack(const BlockHead& head, std::string_view payload);
};

// Whether an event is to be kept; the event and its values are there for the call alone.
using EventFilter = absl::FunctionRef<bool(const StoredEvent& event)>;

// Events of a block.  Immutable; any thread.
class StoredBlock {
 public:
  // Those that `wanted` says; null: the block is damaged, though some of its events may have been asked for.
  static std::shared_ptr<const StoredBlock> pick(const std::shared_ptr<const UnpackedBlock>& block, EventFilter wanted);
  // All of them.
  static std::shared_ptr<const StoredBlock> read(const BlockHead& head, std::string_view payload);
  StoredBlock(const StoredBlock&) = delete;
  StoredBlock& operator=(const StoredBlock&) = delete;
  [[nodiscard]] const std::vector<StoredEvent>& events() const { return events_; }

 private:
  StoredBlock() = default;
  bool parse(const UnpackedBlock& block, EventFilter wanted);
  void keep_texts(const std::shared_ptr<const UnpackedBlock>& block);

  std::shared_ptr<const UnpackedBlock> unpacked_;  // what the texts are of; null: texts_
  std::string texts_;
  std::vector<std::unique_ptr<StoredType>> types_;
  std::vector<event::Value> values_;
  std::vector<StoredEvent> events_;
};

}  // namespace sluice::trace

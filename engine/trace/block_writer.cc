#include <zstd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/trace/block.h"
#include "engine/trace/varint.h"

namespace sluice::trace {
namespace {

constexpr int kCompressionLevel = 1;
constexpr std::size_t kLiteralSlots = 8192;

char* put_text(char* out, std::string_view text) { return std::ranges::copy(text, put_varint(out, text.size())).out; }

// By a byte after the other; `other` is room.
void sort_hashes(std::vector<std::uint32_t>& hashes, std::vector<std::uint32_t>& other) {
  constexpr unsigned kDigitBits = 8;
  other.resize(hashes.size());
  for (unsigned shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::uint32_t, 1U << kDigitBits> begin{};
    for (const std::uint32_t hash : hashes) ++begin[hash >> shift & 0xFFU];
    std::uint32_t sum = 0;
    for (std::uint32_t& each : begin) sum += std::exchange(each, sum);
    for (const std::uint32_t hash : hashes) other[begin[hash >> shift & 0xFFU]++] = hash;
    hashes.swap(other);
  }
}

}  // namespace

BlockWriter::BlockWriter()
    : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx), plans_(event::rows().size()), literal_of_(kLiteralSlots) {
  CHECK(context_ != nullptr);
  for (std::size_t kind = 0; kind < plans_.size(); ++kind) {
    const event::Row& row = event::rows()[kind];
    plans_[kind].verdict = verdict_of(row.name);
    std::size_t definition = 1 + 2 * kVarintBytesMax + row.name.size();
    for (const event::Key& key : row.keys) {
      plans_[kind].roles.push_back(role_of(key.name));
      definition += kVarintBytesMax + key.name.size();
    }
    definition_bytes_max_ = std::max(definition_bytes_max_, definition);
  }
}

BlockWriter::~BlockWriter() = default;

// What is added next has at most so many bytes.
void BlockWriter::make_room(std::size_t bytes) {
  constexpr std::size_t kSpare = 4096;
  if (raw_.size() - raw_size_ < bytes) raw_.resize(std::max(kBlockRawBytes + kSpare, raw_size_ + bytes + kSpare));
}

char* BlockWriter::define(char* out, Plan& plan, const event::Row& row) {
  *out++ = 0;
  out = put_text(out, row.name);
  out = put_varint(out, row.keys.size());
  for (const event::Key& key : row.keys) out = put_text(out, key.name);
  plan.type = ++types_;
  return out;
}

void BlockWriter::add(const event::Event& event) {
  std::size_t most = 1 + 3 * kVarintBytesMax + definition_bytes_max_;
  for (const event::Value& value : event.values) {
    const auto* const text = std::get_if<std::string_view>(&value);
    most += 1 + kVarintBytesMax + (text == nullptr ? 0 : text->size());
  }
  make_room(most);
  char* out = raw_.data() + raw_size_;
  Plan& plan = plans_[static_cast<std::size_t>(event.kind)];
  if (plan.type == 0) out = define(out, plan, event.row);
  first_at_ = empty() ? event.at : std::min(first_at_, event.at);
  last_at_ = empty() ? event.at : std::max(last_at_, event.at);
  out = put_varint(out, plan.type);
  out = put_varint(out, zigzag(event.at - at_));
  at_ = event.at;
  *out++ = static_cast<char>(event.severity);
  for (std::size_t i = 0; i < event.values.size(); ++i) out = put_value(out, event.values[i], plan.roles[i]);
  raw_size_ = static_cast<std::size_t>(out - raw_.data());
  if (!plan.verdict.empty()) keys_.push_back(key_hash(KeyKind::verdict, plan.verdict));
  ++events_;
}

char* BlockWriter::put_value(char* out, const event::Value& value, KeyRole role) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return put(out, *text, role);
  if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    *out++ = 3;
    return put_varint(out, *count);
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    *out++ = 4;
    return put_varint(out, zigzag(*number));
  }
  if (const auto* span = std::get_if<Duration>(&value)) {
    *out++ = 7;
    return put_varint(out, zigzag(std::chrono::duration_cast<std::chrono::microseconds>(*span).count()));
  }
  const auto* const flag = std::get_if<bool>(&value);
  *out++ = static_cast<char>(flag == nullptr ? 0 : *flag ? 6 : 5);
  return out;
}

char* BlockWriter::put(char* out, std::string_view text, KeyRole role) {
  const std::uint64_t hash = text_hash(text);
  const auto tag = static_cast<std::uint32_t>(hash >> 32U);
  Slot& slot = literal_of_[hash % kLiteralSlots];
  const Literal* const known = slot.literal == 0 || slot.hash != tag ? nullptr : &literals_[slot.literal - 1];
  if (known != nullptr && std::string_view(raw_.data() + known->begin, known->size) == text) {
    *out++ = 2;
    out = put_varint(out, slot.literal - 1);
  } else {
    *out++ = 1;
    out = put_text(out, text);
    const auto end = static_cast<std::size_t>(out - raw_.data());
    literals_.push_back(
        {.begin = static_cast<std::uint32_t>(end - text.size()), .size = static_cast<std::uint32_t>(text.size())});
    slot = {.literal = static_cast<std::uint32_t>(literals_.size()), .hash = tag};
  }
  if (role.form == KeyForm::none) return out;
  // A text that was there as such a key has its hashes in keys_.
  const std::uint32_t bit = 1U << static_cast<unsigned>(role.kind);
  std::uint32_t& kinds = literals_[slot.literal - 1].kinds;
  if ((kinds & bit) != 0) return out;
  kinds |= bit;
  KeyValues values(role, text);
  while (const auto key = values.next()) keys_.push_back(key_hash(key->kind, key->text));
  return out;
}

std::string BlockWriter::compressed() {
  std::string payload(ZSTD_compressBound(raw_size_), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), payload.data(), payload.size(), raw_.data(), raw_size_, kCompressionLevel);
  CHECK(ZSTD_isError(size) == 0);
  payload.resize(size);
  return payload;
}

std::string BlockWriter::finish() {
  sort_hashes(keys_, sorting_);
  keys_.erase(std::ranges::unique(keys_).begin(), keys_.end());
  std::string keys(keys_.size() * kVarintBytesMax, '\0');
  char* out = keys.data();
  std::uint32_t before = 0;
  for (const std::uint32_t key : keys_) {
    out = put_varint(out, key - before);
    before = key;
  }
  keys.resize(static_cast<std::size_t>(out - keys.data()));
  const std::string payload = compressed();
  std::string rest;
  put_fixed<std::uint16_t>(rest, 1);
  put_fixed<std::uint16_t>(rest, 0);
  for (const std::size_t size : {keys_.size(), keys.size(), payload.size(), raw_size_, std::size_t{events_}})
    put_fixed(rest, static_cast<std::uint32_t>(size));
  put_fixed(rest, first_at_);
  put_fixed(rest, last_at_);
  put_fixed(rest, crc32c(0, keys));
  put_fixed(rest, crc32c(0, payload));
  std::string block(kBlockMagic);
  put_fixed(block, crc32c(0, rest));
  block.append(rest).append(keys).append(payload);
  raw_size_ = 0;
  literals_.clear();
  std::ranges::fill(literal_of_, Slot());
  keys_.clear();
  for (Plan& plan : plans_) plan.type = 0;
  types_ = 0;
  events_ = 0;
  at_ = 0;
  return block;
}

}  // namespace sluice::trace

#include <zstd.h>

#include <algorithm>
#include <chrono>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/trace/block.h"
#include "engine/trace/varint.h"

namespace sluice::trace {
namespace {

constexpr int kCompressionLevel = 1;
constexpr std::size_t kLiteralSlots = 8192;

}  // namespace

BlockWriter::BlockWriter()
    : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx), plans_(event::rows().size()), literal_of_(kLiteralSlots) {
  CHECK(context_ != nullptr);
  for (std::size_t kind = 0; kind < plans_.size(); ++kind) {
    const event::Row& row = event::rows()[kind];
    plans_[kind].verdict = verdict_of(row.name);
    for (const event::Key& key : row.keys) plans_[kind].roles.push_back(role_of(key.name));
  }
}

BlockWriter::~BlockWriter() = default;

void BlockWriter::define(Plan& plan, const event::Row& row) {
  const auto put_text = [this](std::string_view text) {
    put_varint(raw_, text.size());
    raw_ += text;
  };
  raw_.push_back(0);
  put_text(row.name);
  put_varint(raw_, row.keys.size());
  for (const event::Key& key : row.keys) put_text(key.name);
  plan.type = ++types_;
}

void BlockWriter::add(const event::Event& event) {
  Plan& plan = plans_[static_cast<std::size_t>(event.kind)];
  if (plan.type == 0) define(plan, event.row);
  first_at_ = empty() ? event.at : std::min(first_at_, event.at);
  last_at_ = empty() ? event.at : std::max(last_at_, event.at);
  put_varint(raw_, plan.type);
  put_varint(raw_, zigzag(event.at - at_));
  at_ = event.at;
  raw_.push_back(static_cast<char>(event.severity));
  for (std::size_t i = 0; i < event.values.size(); ++i) put_value(event.values[i], plan.roles[i]);
  if (!plan.verdict.empty()) keys_.push_back(key_hash(KeyKind::verdict, plan.verdict));
  ++events_;
}

void BlockWriter::put_value(const event::Value& value, KeyRole role) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return put(*text, role);
  if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    raw_.push_back(3);
    put_varint(raw_, *count);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    raw_.push_back(4);
    put_varint(raw_, zigzag(*number));
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    raw_.push_back(*flag ? 6 : 5);
  } else if (const auto* span = std::get_if<Duration>(&value)) {
    raw_.push_back(7);
    put_varint(raw_, zigzag(std::chrono::duration_cast<std::chrono::microseconds>(*span).count()));
  } else {
    raw_.push_back(0);
  }
}

void BlockWriter::put(std::string_view text, KeyRole role) {
  std::uint32_t& slot = literal_of_[text_hash(text) % kLiteralSlots];
  const Literal* const known = slot == 0 ? nullptr : &literals_[slot - 1];
  if (known != nullptr && std::string_view(raw_).substr(known->begin, known->size) == text) {
    raw_.push_back(2);
    put_varint(raw_, slot - 1);
  } else {
    raw_.push_back(1);
    put_varint(raw_, text.size());
    literals_.push_back(
        {.begin = static_cast<std::uint32_t>(raw_.size()), .size = static_cast<std::uint32_t>(text.size())});
    raw_ += text;
    slot = static_cast<std::uint32_t>(literals_.size());
  }
  if (role.form == KeyForm::none) return;
  // A text that was there as such a key has its hashes in keys_.
  const std::uint32_t bit = 1U << static_cast<unsigned>(role.kind);
  std::uint32_t& kinds = literals_[slot - 1].kinds;
  if ((kinds & bit) != 0) return;
  kinds |= bit;
  KeyValues values(role, text);
  while (const auto key = values.next()) keys_.push_back(key_hash(key->kind, key->text));
}

std::string BlockWriter::compressed() {
  std::string payload(ZSTD_compressBound(raw_.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), payload.data(), payload.size(), raw_.data(), raw_.size(), kCompressionLevel);
  CHECK(ZSTD_isError(size) == 0);
  payload.resize(size);
  return payload;
}

std::string BlockWriter::finish() {
  std::ranges::sort(keys_);
  keys_.erase(std::ranges::unique(keys_).begin(), keys_.end());
  std::string keys;
  std::uint32_t before = 0;
  for (const std::uint32_t key : keys_) {
    put_varint(keys, key - before);
    before = key;
  }
  const std::string payload = compressed();
  std::string rest;
  put_fixed<std::uint16_t>(rest, 1);
  put_fixed<std::uint16_t>(rest, 0);
  for (const std::size_t size : {keys_.size(), keys.size(), payload.size(), raw_.size(), std::size_t{events_}})
    put_fixed(rest, static_cast<std::uint32_t>(size));
  put_fixed(rest, first_at_);
  put_fixed(rest, last_at_);
  put_fixed(rest, crc32c(0, keys));
  put_fixed(rest, crc32c(0, payload));
  std::string block(kBlockMagic);
  put_fixed(block, crc32c(0, rest));
  block.append(rest).append(keys).append(payload);
  raw_.clear();
  literals_.clear();
  std::ranges::fill(literal_of_, 0);
  keys_.clear();
  for (Plan& plan : plans_) plan.type = 0;
  types_ = 0;
  events_ = 0;
  at_ = 0;
  return block;
}

}  // namespace sluice::trace

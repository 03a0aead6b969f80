#include "engine/message/queue_id.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::message {
namespace {

// Crockford's base 32: no letters that are taken for digits.
constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kLetters = 13;
constexpr unsigned kCoreBits = 10;
constexpr unsigned kCountBits = 12;
constexpr WallMillis kEpoch = 1'577'836'800'000;  // 2020-01-01

}  // namespace

std::string queue_id_text(QueueId id) {
  std::string text(kLetters, '0');
  for (std::size_t i = kLetters; i-- > 0; id >>= 5) text[i] = kDigits[id & 31];
  return text;
}

std::optional<QueueId> parse_queue_id(std::string_view text) {
  if (text.size() != kLetters) return std::nullopt;
  QueueId id = 0;
  for (const char letter : text) {
    const char upper = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    const std::size_t digit = kDigits.find(upper);
    if (digit == std::string_view::npos || id >> 59 != 0) return std::nullopt;
    id = id << 5 | digit;
  }
  return id;
}

WallMillis queue_id_time(QueueId id) { return static_cast<WallMillis>(id >> (kCoreBits + kCountBits)) + kEpoch; }

QueueIdSequence::QueueIdSequence(std::uint32_t core) : core_(core) { CHECK(core < 1U << kCoreBits); }

void QueueIdSequence::stay_above(QueueId id) { last_ = std::max(last_, id >> kCoreBits); }

QueueId QueueIdSequence::next(WallMillis now) {
  const auto millis = static_cast<std::uint64_t>(std::max<WallMillis>(now - kEpoch, 0));
  last_ = std::max(millis << kCountBits, last_ + 1);
  return last_ << kCoreBits | core_;
}

}  // namespace sluice::message

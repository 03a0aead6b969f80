#include "engine/message/queue_id.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::message {
namespace {

// Crockford's base 32: no letters that are taken for digits.
constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kLetters = 13;
constexpr unsigned kCoreBits = 10;
constexpr unsigned kCountBits = 12;
constexpr WallMillis kEpoch = 1'577'836'800'000;  // 2020-01-01

// As Crockford's base 32 is to be read.
char looked_like(char letter) {
  const char upper = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  if (upper == 'O') return '0';
  if (upper == 'I' || upper == 'L') return '1';
  return upper == 'U' ? 'V' : upper;
}

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

std::vector<QueueId> queue_ids_like(std::string_view text) {
  std::vector<QueueId> ids;
  if (text.size() + 1 < kLetters || text.size() > kLetters + 1) return ids;
  const auto add = [&ids](const std::string& candidate) {
    if (const auto id = parse_queue_id(candidate)) ids.push_back(*id);
  };
  std::string letters(text);
  std::ranges::transform(letters, letters.begin(), looked_like);
  add(letters);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (letters.size() > kLetters) add(std::string(letters).erase(i, 1));
    if (i + 1 < letters.size()) {
      std::string swapped = letters;
      std::swap(swapped[i], swapped[i + 1]);
      add(swapped);
    }
    std::string other = letters;
    for (const char digit : kDigits) {
      other[i] = digit;
      add(other);
    }
  }
  for (std::size_t i = 0; i <= letters.size() && letters.size() < kLetters; ++i)
    for (const char digit : kDigits) add(std::string(letters).insert(i, 1, digit));
  std::ranges::sort(ids);
  const auto same = std::ranges::unique(ids);
  ids.erase(same.begin(), same.end());
  if (const auto itself = parse_queue_id(text)) std::erase(ids, *itself);
  return ids;
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

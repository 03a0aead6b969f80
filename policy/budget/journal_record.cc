#include "policy/budget/journal_record.h"

#include <bit>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"

namespace sluice::policy {
namespace {

constexpr std::size_t kFrameBytes = 8;
constexpr std::size_t kFixedBytes = 4 + 3 * 8 + 2;
constexpr std::size_t kBucketBytes = 5;
constexpr std::size_t kBucketsMax = SlidingWindow::kBuckets + 1;
constexpr std::size_t kPayloadBytesMax = kFixedBytes + kMeterNameBytesMax + kBucketsMax * kBucketBytes;

template <typename Number>
void put(std::string& bytes, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bytes.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xff));
}

template <typename Number>
Number take(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  bytes.remove_prefix(sizeof(Number));
  return static_cast<Number>(value);
}

bool take_buckets(std::string_view bytes, JournalRecord& record) {
  if (record.kind == JournalRecord::Kind::spent) return bytes.empty();
  if (!std::has_single_bit(record.spans) || bytes.size() % kBucketBytes != 0) return false;
  if (bytes.size() > kBucketsMax * kBucketBytes) return false;
  while (!bytes.empty()) {
    JournalRecord::Bucket bucket;
    bucket.before = take<std::uint8_t>(bytes);
    bucket.amount = take<std::uint32_t>(bytes);
    if (bucket.before >= kBucketsMax) return false;
    record.buckets.push_back(bucket);
  }
  return true;
}

std::optional<JournalRecord> parse(std::string_view payload) {
  JournalRecord record;
  const auto kind = take<std::uint8_t>(payload);
  const auto subject = take<std::uint8_t>(payload);
  const auto quantity = take<std::uint8_t>(payload);
  record.spans = take<std::uint8_t>(payload);
  record.at = take<std::int64_t>(payload);
  record.amount = take<std::uint64_t>(payload);
  record.held = take<std::uint64_t>(payload);
  const auto name_bytes = take<std::uint16_t>(payload);
  if (kind != 1 && kind != 2) return std::nullopt;
  if (subject >= kSubjects || quantity >= kQuantities || record.spans >= (1U << kSpans)) return std::nullopt;
  if (name_bytes > kMeterNameBytesMax || name_bytes > payload.size()) return std::nullopt;
  record.kind = static_cast<JournalRecord::Kind>(kind);
  record.key = {.subject = static_cast<Subject>(subject),
                .quantity = static_cast<Quantity>(quantity),
                .name = std::string(payload.substr(0, name_bytes))};
  if (!take_buckets(payload.substr(name_bytes), record)) return std::nullopt;
  return record;
}

}  // namespace

void append_record(std::string& bytes, const JournalRecord& record) {
  CHECK(record.key.name.size() <= kMeterNameBytesMax);
  const std::size_t begin = bytes.size();
  bytes.append(kFrameBytes, '\0');
  put(bytes, static_cast<std::uint8_t>(record.kind));
  put(bytes, static_cast<std::uint8_t>(record.key.subject));
  put(bytes, static_cast<std::uint8_t>(record.key.quantity));
  put(bytes, record.spans);
  put(bytes, record.at);
  put(bytes, record.amount);
  put(bytes, record.held);
  put(bytes, static_cast<std::uint16_t>(record.key.name.size()));
  bytes += record.key.name;
  for (const JournalRecord::Bucket& bucket : record.buckets) {
    put(bytes, bucket.before);
    put(bytes, bucket.amount);
  }
  const std::string_view payload = std::string_view(bytes).substr(begin + kFrameBytes);
  std::string frame;
  put(frame, static_cast<std::uint32_t>(payload.size()));
  put(frame, crc32c(0, payload));
  bytes.replace(begin, kFrameBytes, frame);
}

std::optional<JournalRecord> take_record(std::string_view& bytes) {
  if (bytes.size() < kFrameBytes) return std::nullopt;
  std::string_view rest = bytes;
  const auto size = take<std::uint32_t>(rest);
  const auto checksum = take<std::uint32_t>(rest);
  if (size < kFixedBytes || size > kPayloadBytesMax || rest.size() < size) return std::nullopt;
  const std::string_view payload = rest.substr(0, size);
  if (crc32c(0, payload) != checksum) return std::nullopt;
  std::optional<JournalRecord> record = parse(payload);
  if (record) bytes = rest.substr(size);
  return record;
}

}  // namespace sluice::policy

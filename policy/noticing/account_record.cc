#include "policy/noticing/account_record.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/base/crc32c.h"
#include "policy/noticing/fields.h"

namespace sluice::noticing {
namespace {

// Of each version, beginning with 1.
constexpr std::array<std::string_view, kRecordVersion> kHeads = {"SLUICE-NOTICED 1\n", "SLUICE-NOTICED 2\n"};
constexpr std::size_t kHeadBytes = kHeads.back().size();
constexpr std::size_t kFrameBytes = 2 * sizeof(std::uint32_t);
constexpr std::size_t kClassBytesMax = std::numeric_limits<std::uint8_t>::max();
constexpr std::size_t kPayloadBytesMin = sizeof(std::uint64_t) + sizeof(WallMillis) + sizeof(std::uint8_t);

enum class Frame : std::uint8_t { none, torn, whole };

// Whether a record begins at the front; `payload`: of one that is whole.
Frame look_at_frame(std::string_view bytes, std::string_view& payload) {
  FieldReader read(bytes, kRecordVersion);
  std::uint32_t size = 0;
  std::uint32_t checksum = 0;
  read(size, checksum);
  if (!read.fine()) return Frame::torn;
  if (size < kPayloadBytesMin || size > kRecordBytesMax) return Frame::none;
  if (size > read.left()) return Frame::torn;
  payload = bytes.substr(kFrameBytes, size);
  return crc32c(0, payload) == checksum ? Frame::whole : Frame::none;
}

}  // namespace

void append_head(std::string& bytes, const WatchKey& key) {
  const std::size_t begin = bytes.size();
  FieldWriter write(bytes);
  bytes.append(kHeads.back());
  write(key);
  const std::uint32_t checksum = crc32c(0, std::string_view(bytes).substr(begin));
  write(checksum);
}

std::optional<FileHead> take_head(std::string_view& bytes) {
  const auto found = std::ranges::find(kHeads, bytes.substr(0, kHeadBytes));
  if (found == kHeads.end()) return std::nullopt;
  FileHead head{.version = static_cast<std::uint8_t>(found - kHeads.begin() + 1)};
  FieldReader read(bytes.substr(kHeadBytes), head.version);
  std::uint32_t checksum = 0;
  read(head.key, checksum);
  if (!read.fine() || checksum != crc32c(0, bytes.substr(0, kHeadBytes + kWatchKeyBytes))) return std::nullopt;
  bytes.remove_prefix(bytes.size() - read.left());
  return head;
}

void append_record(std::string& bytes, std::uint64_t account, WallMillis at, std::string_view policy_class,
                   const AccountState& state) {
  const std::size_t begin = bytes.size();
  bytes.append(kFrameBytes, '\0');
  const std::string_view name = policy_class.substr(0, kClassBytesMax);
  FieldWriter write(bytes);
  write(account, at, static_cast<std::uint8_t>(name.size()));
  bytes.append(name);
  write(state);
  const std::string_view payload = std::string_view(bytes).substr(begin + kFrameBytes);
  std::string frame;
  FieldWriter write_frame(frame);
  write_frame(static_cast<std::uint32_t>(payload.size()), crc32c(0, payload));
  bytes.replace(begin, kFrameBytes, frame);
}

std::optional<AccountRecord> take_record(std::string_view& bytes, std::uint8_t version) {
  std::string_view payload;
  if (look_at_frame(bytes, payload) != Frame::whole) return std::nullopt;
  FieldReader read(payload, version);
  AccountRecord record;
  std::uint8_t name_bytes = 0;
  read(record.account, record.at, name_bytes);
  record.policy_class = read.text(name_bytes);
  read(record.state);
  if (!read.fine() || read.left() > 0 || record.at < 0) return std::nullopt;
  bytes.remove_prefix(kFrameBytes + payload.size());
  return record;
}

std::size_t skip_damage(std::string_view& bytes, bool end, std::uint8_t version) {
  const std::size_t before = bytes.size();
  for (; !bytes.empty(); bytes.remove_prefix(1)) {
    std::string_view payload;
    const Frame frame = look_at_frame(bytes, payload);
    if (frame == Frame::torn && !end) break;
    if (frame != Frame::whole) continue;
    std::string_view record = bytes;
    if (take_record(record, version)) break;
  }
  return before - bytes.size();
}

}  // namespace sluice::noticing

// What a file keeps of accounts that are watched, as bytes.  A file is a head and records one behind the other:
//
//   head     "SLUICE-NOTICED 2\n", the 16 bytes of the key that hashes are made with, u32 CRC32C of these
//   record   u32 length of what follows the checksum, u32 CRC32C of that, then
//            u64 hash of the account's name, i64 time in ms since 1970 at which it was written, u8 length of its class'
//            name, the name, and the fields of its AccountState, in their order
//
// All numbers are little-endian.  A later record of an account takes the place of an earlier one.  What is no record is
// left out, up to the next one that is whole.  Of version 1, which is read, too, fields are missing that have a
// constant kSomethingSince in their headers.  The key is a secret: who has it can choose addresses that are taken for
// known.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "policy/noticing/account_state.h"

namespace sluice::noticing {

inline constexpr std::size_t kWatchKeyBytes = 16;
using WatchKey = std::array<std::byte, kWatchKeyBytes>;
inline constexpr std::size_t kRecordBytesMax = 16 * 1024;
static_assert(kRecordBytesMax > kActiveBytesMax + kKnownRecipientsMax * sizeof(std::uint16_t));

inline constexpr std::uint8_t kRecordVersion = 2;  // that is written

struct FileHead {
  WatchKey key{};
  std::uint8_t version = 0;  // of the records behind it
  friend bool operator==(const FileHead&, const FileHead&) = default;
};

void append_head(std::string& bytes, const WatchKey& key);
// Reads the head from the front.  Nothing: it is of another kind or version, or is damaged.
[[nodiscard]] std::optional<FileHead> take_head(std::string_view& bytes);

struct AccountRecord {
  std::uint64_t account = 0;  // hash of its name
  WallMillis at = 0;
  std::string policy_class;
  AccountState state;
};

void append_record(std::string& bytes, std::uint64_t account, WallMillis at, std::string_view policy_class,
                   const AccountState& state);

// Reads one record from the front.  Nothing: there is no whole record, as after a crash, or none at all.
[[nodiscard]] std::optional<AccountRecord> take_record(std::string_view& bytes, std::uint8_t version = kRecordVersion);
// Leaves out what is no record, up to the next that is one, or that may be one when more is read.  How many bytes.
std::size_t skip_damage(std::string_view& bytes, bool end, std::uint8_t version = kRecordVersion);

}  // namespace sluice::noticing

// The records of the budgets' journal, as bytes.  A file is a head and records one behind the other:
//
//   head     "SLUICE-BUDGET 1\n"
//   record   u32 length of what follows the checksum, u32 CRC32C of that, then
//            u8 kind, u8 subject, u8 quantity, u8 mask of spans, i64 time in ms since 1970, u64 amount, u64 held,
//            u16 length of the name, the name
//            of `window` alone: for each bucket that is not empty u8 how many buckets before the one of `time`, u32
//            amount
//
// All numbers are little-endian.  `spent`: so much was spent at this time, in the windows of the mask, and from now on
// so much is held in all: what cores have or may take next.  `window`: all of one window, in the copy that a file
// begins with.  What is held when the records end was never told to be spent or given back: it counts as spent then.
// Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "policy/meter_key.h"
#include "policy/window.h"

namespace sluice::policy {

inline constexpr std::string_view kJournalHead = "SLUICE-BUDGET 1\n";
inline constexpr std::size_t kMeterNameBytesMax = 1024;

struct JournalRecord {
  enum class Kind : std::uint8_t { spent = 1, window = 2 };
  struct Bucket {
    std::uint8_t before = 0;  // the one of `at`
    std::uint32_t amount = 0;
    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  Kind kind = Kind::spent;
  MeterKey key;
  std::uint8_t spans = 0;  // bit i is Span i; of `window` one bit
  WallMillis at = 0;
  std::uint64_t amount = 0;     // of `spent`
  std::uint64_t held = 0;       // of `spent`
  std::vector<Bucket> buckets;  // of `window`

  friend bool operator==(const JournalRecord&, const JournalRecord&) = default;
};

void append_record(std::string& bytes, const JournalRecord& record);

// Reads one record from the front.  Nothing: the rest is no whole record, as after a crash, or none at all.
[[nodiscard]] std::optional<JournalRecord> take_record(std::string_view& bytes);

}  // namespace sluice::policy

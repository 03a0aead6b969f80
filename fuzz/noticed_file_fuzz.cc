// Checks of the file of what was noticed, for any bytes: what is read is what would be written, but for an older
// version; no record reads beyond its bytes; what is no record is left out; and accounts are judged, with any clock,
// whatever a file says of them. Input: the bytes of a file, and once more what follows a record's checksum.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "policy/noticing/account_watch.h"
#include "policy/noticing/fields.h"
#include "policy/noticing/noticer.h"

using namespace sluice;
using namespace sluice::noticing;

namespace {

// Whatever it is, a later day finds it usable.
void judge(const AccountRecord& record, WallMillis now) {
  std::string bytes;
  append_record(bytes, record.account, record.at, record.policy_class, record.state);
  std::string_view rest = bytes;
  auto copy = take_record(rest);
  CHECK(copy && rest.empty());
  const Noticer noticer(built_in_policy(record.policy_class));
  const Instant at = Instant() + std::chrono::milliseconds(now);
  noticer.set_clock(copy->state, (now - record.at) / 60'000, at);
  static_cast<void>(noticer.recipient(copy->state, record.account, at));
  static_cast<void>(noticer.message(copy->state, {.recipients = 3, .network = 7}, at));
  static_cast<void>(noticer.outcome(copy->state, {.kind = OutcomeKind::unknown, .recipient = 5}, at));
  const Verdict verdict = noticer.judge(copy->state, at + std::chrono::hours(24 * 120));
  CHECK(verdict.step < Step::hold);
  static_cast<void>(noticer.sweep(copy->state, at + std::chrono::hours(24 * 160)));
}

constexpr WallMillis kNow = 1'795'900'000'000;

void read_file(std::string_view rest) {
  const auto head = take_head(rest);
  const std::uint8_t version = head ? head->version : kRecordVersion;
  AccountWatch watch(AccountWatch::Key{}, std::chrono::milliseconds(kNow));
  const std::vector<WatchedClass> classes{{.name = "home", .policy = built_in_policy("home")}};
  WallMillis written = 0;
  while (!rest.empty()) {
    const std::string_view before = rest;
    auto record = take_record(rest, version);
    if (!record) {
      CHECK(rest == before);
      const std::size_t skipped = skip_damage(rest, /*end=*/true, version);
      CHECK(skipped > 0 && skipped == before.size() - rest.size());
      continue;
    }
    std::string again;
    append_record(again, record->account, record->at, record->policy_class, record->state);
    if (version == kRecordVersion) CHECK(again == before.substr(0, before.size() - rest.size()));
    judge(*record, kNow);
    written = std::max(written, record->at);
    watch.restore(*std::move(record), classes);
  }
  static_cast<void>(watch.restored(written, kNow));
  std::string bytes;
  for (std::size_t shard = 0; shard < AccountWatch::kShards; ++shard)
    watch.append_records(watch.take_unwritten(shard, AccountWatch::Unwritten::all), kNow, bytes);
}

// With a length and a checksum that are right, which no fuzzer finds.
std::string framed(std::string_view payload) {
  std::string bytes;
  FieldWriter write(bytes);
  write(static_cast<std::uint32_t>(payload.size()), crc32c(0, payload));
  return bytes.append(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_file(bytes);
  read_file(framed(bytes));
  return 0;
}

// Checks that whatever the other relays of a cluster send, were it sealed by our key:
//   - a message is read or refused, and what is read is within the bounds of a message and is written as it came;
//   - a shield that merges it stays within its tables, and is still only slow where no address is named;
//   - what accounts send elsewhere raises no step by itself, and stays within an account's bounds;
//   - a step lasts no longer than steps may, and of two that are heard the later one counts, in whatever order.
// Input: the bytes of a message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auth/shield.h"
#include "engine/base/check.h"
#include "policy/cluster/share_message.h"
#include "policy/cluster/step_ledger.h"
#include "policy/noticing/account_watch.h"

namespace {

using namespace sluice;
using namespace sluice::policy;

constexpr WallMillis kNow = 1'700'000'000'000;

void check_shield(const auth::ShieldNews& news) {
  auth::ShieldLimits limits;
  limits.entries = 16;
  limits.address_failures = 3;
  auth::Shield shield(limits);
  const Instant now(std::chrono::hours(100));
  static_cast<void>(shield.merge(news, now));
  CHECK(shield.size() <= 5 * limits.entries);
  const bool named = std::ranges::any_of(
      news, [](const auth::ShieldItem& item) { return item.kind == auth::ShieldItem::Kind::address; });
  for (const auth::ShieldEntry& entry : shield.list(now, news.size() + 1)) CHECK(named || !refuses(entry.rule));
}

void check_steps(const std::vector<AccountStep>& steps) {
  StepLedger forth;
  StepLedger back;
  for (const AccountStep& step : steps) static_cast<void>(forth.merge(step, kNow));
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) static_cast<void>(back.merge(*step, kNow));
  const auto known = forth.live(kNow);
  CHECK(known.size() == back.live(kNow).size());
  for (const AccountStep& step : known) {
    CHECK(step.until > kNow && step.until <= kNow + StepLedger::kLastsMax && step.at <= kNow + StepLedger::kAheadMax);
    const auto same = back.live(kNow);
    CHECK(std::ranges::any_of(same, [&step](const AccountStep& other) {
      return other.account == step.account && other.at == step.at && other.step == step.step;
    }));
  }
}

void check_sending(const std::vector<noticing::SendingNews>& sending) {
  static const noticing::WatchedClass home{.name = "home", .policy = noticing::built_in_policy("home")};
  noticing::AccountWatch watch(noticing::AccountWatch::Key{});
  const Instant now(std::chrono::hours(100));
  for (const noticing::SendingNews& news : sending) {
    watch.merge(news, home, now);
    CHECK(watch.step(news.account, home, now) == noticing::Step::pass);
    CHECK(watch.look(news.account, now)->networks <= noticing::kRecentNetworksMax);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = decode_share(bytes);
  if (!message) return 0;
  CHECK(size <= ShareMessage::kBytesMax && message->news.size() <= ShareMessage::kItemsMax);
  CHECK(message->steps.size() <= ShareMessage::kStepsMax);
  CHECK(encode_share(*message) == bytes);
  check_shield(message->news);
  check_steps(message->steps);
  CHECK(message->sending.size() <= ShareMessage::kSendingMax);
  check_sending(message->sending);
  return 0;
}

// Checks of a log for sluicectl policy replay, whatever is in it:
//   - what is read is within its bounds, and an error repeats nothing of the line;
//   - a replay of it passes no more recipients than there are, and counts none twice.
// Input: lines.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "auth/text.h"
#include "engine/base/check.h"
#include "policy/replay/event_reader.h"
#include "policy/replay/replay.h"

namespace {

using namespace sluice::policy;

const PolicyClasses& classes() {
  static const PolicyClasses made({}, "home", {{.quantity = Quantity::recipients, .span = Span::hour, .amount = 5000}});
  return made;
}

void check_event(const RecordedEvent& event) {
  if (const auto* message = std::get_if<RecordedMessage>(&event)) {
    CHECK(message->recipients <= kRecordedRecipientsMax && message->recipients_taken <= message->recipients);
    CHECK(message->bytes <= kRecordedBytesMax && message->to.size() <= message->recipients);
    CHECK(!message->id.empty());
  }
  CHECK(time_of(event) > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Replay replay({.classes = classes(),
                 .identify =
                     [](const std::string& account, const std::string& customer) {
                       return std::make_shared<const sluice::auth::Identity>(
                           sluice::auth::Identity{.account_name = account, .customer_name = customer});
                     },
                 .network_class = [](const std::string&) { return "device"; }});
  std::uint64_t offered = 0;
  for (std::string_view rest(reinterpret_cast<const char*>(data), size); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto event = read_recorded_event(line);
    if (!event) CHECK(!event.error().empty() && sluice::auth::is_clean_text(event.error()));
    if (!event || !*event) continue;
    check_event(**event);
    if (const auto* message = std::get_if<RecordedMessage>(&**event)) {
      if (message->end != RecordedEnd::otherwise) offered += message->recipients;
      CHECK(replay.judge(*message).recipients_passed <= message->recipients);
    } else {
      replay.add(**event);
    }
  }
  std::uint64_t counted = 0;
  for (const ReplayedSender* each : replay.senders()) {
    counted += each->all.recipients;
    for (const Tally& tally : each->by_effect)
      CHECK(tally.messages <= each->all.messages && tally.recipients <= each->all.recipients);
  }
  CHECK(counted == offered);
  return 0;
}

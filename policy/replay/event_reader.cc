#include "policy/replay/event_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "auth/oauth/json.h"
#include "engine/base/address_list.h"
#include "policy/noticing/reply_words.h"

namespace sluice::policy {
namespace {

using Result = std::expected<std::optional<RecordedEvent>, std::string>;

// The names that smtp::Reply has for refusals of limits and of the noticer.
constexpr std::array<std::string_view, 4> kPolicyReasons{"limit_reached", "too_many_recipients",
                                                         "sending_suspended_as_bulk", "slow_down"};
bool is_policy_reason(std::string_view reason) {
  return std::ranges::find(kPolicyReasons, reason) != kPolicyReasons.end();
}

// RFC 3339, within years in which windows can be counted.
std::optional<WallMillis> moment(std::string_view text) {
  absl::Time time;
  std::string unused;
  if (!absl::ParseTime(absl::RFC3339_full, absl::string_view(text.data(), text.size()), &time, &unused))
    return std::nullopt;
  constexpr std::int64_t kFirst = 946'684'800'000;   // 2000
  constexpr std::int64_t kLast = 4'102'444'800'000;  // 2100
  const std::int64_t millis = absl::ToUnixMillis(time);
  return millis >= kFirst && millis < kLast ? std::optional(millis) : std::nullopt;
}

// An event whose keys are taken one by one; what is missing or of another type makes it malformed.
class Fields {
 public:
  explicit Fields(const json_t* object) : object_(object) {}

  // Empty where it is missing.
  [[nodiscard]] std::string_view text(const std::string& key) {
    const json_t* const value = auth::json_member(object_, key);
    if (value == nullptr) return {};
    if (!json_is_string(value)) whole_ = false;
    return auth::json_string(object_, key).value_or(std::string_view());
  }
  [[nodiscard]] std::string_view needed(const std::string& key) {
    const std::string_view value = text(key);
    whole_ = whole_ && !value.empty();
    return value;
  }
  [[nodiscard]] std::uint64_t count(const std::string& key, std::uint64_t most) {
    const json_t* const value = auth::json_member(object_, key);
    const std::int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < 0 || static_cast<std::uint64_t>(number) > most) {
      whole_ = false;
      return 0;
    }
    return static_cast<std::uint64_t>(number);
  }
  [[nodiscard]] WallMillis time() {
    const auto at = moment(text("time"));
    whole_ = whole_ && at;
    return at.value_or(0);
  }

  // None was wrong so far.
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  const json_t* object_;
  bool whole_ = true;
};

// "a@example.com, b@example.com"; a list that was cut ends in "...", perhaps within a name.
std::vector<std::string> names(std::string_view list) {
  constexpr std::string_view kCut = "...";
  std::vector<std::string> found;
  while (!list.empty() && found.size() < kRecordedRecipientsMax) {
    const std::string_view name = take_address(list);
    if (!name.empty() && !(list.empty() && name.ends_with(kCut))) found.emplace_back(name);
  }
  return found;
}

Result malformed(std::string_view event) {
  return std::unexpected("an event " + std::string(event) + " lacks a key, or has a wrong value");
}

Result read_message(Fields fields) {
  RecordedMessage message{.at = fields.time(),
                          .id = std::string(fields.needed("id")),
                          .listener = std::string(fields.text("listener")),
                          .client = std::string(fields.text("client")),
                          .customer = std::string(fields.text("customer")),
                          .account = std::string(fields.text("account"))};
  message.recipients = static_cast<std::uint32_t>(fields.count("recipients", kRecordedRecipientsMax));
  message.recipients_taken = static_cast<std::uint32_t>(fields.count("recipients_taken", kRecordedRecipientsMax));
  message.bytes = fields.count("bytes", kRecordedBytesMax);
  message.to = names(fields.text("to"));
  const std::string_view verdict = fields.needed("verdict");
  const std::string_view reason = fields.text("reason");
  if (!fields.whole() || message.recipients_taken > message.recipients) return malformed("message");
  if (message.to.size() > message.recipients) message.to.resize(message.recipients);
  if (verdict != "taken")
    message.end = reason.empty()             ? RecordedEnd::next_hop
                  : is_policy_reason(reason) ? RecordedEnd::policy
                                             : RecordedEnd::otherwise;
  return message;
}

Result read_delivery(Fields fields) {
  RecordedDelivery delivery{
      .at = fields.time(), .id = std::string(fields.needed("id")), .account = std::string(fields.text("account"))};
  const std::string_view verdict = fields.needed("verdict");
  constexpr std::uint64_t kCodeMax = 999;
  const auto code = static_cast<int>(fields.count("code", kCodeMax));
  delivery.to = names(fields.text("to"));
  std::string reply(fields.text("enhanced"));
  reply.append(" ").append(fields.text("detail"));
  if (!fields.whole()) return malformed("delivery");
  if (verdict == "relayed" || verdict == "delivered") {
    delivery.kind = noticing::OutcomeKind::accepted;
  } else if (verdict == "refused") {
    delivery.kind = noticing::outcome_of_reply(code, reply);
  } else {
    return std::nullopt;  // not the last word, or not a next hop's
  }
  return delivery;
}

Result read_refusal(Fields fields) {
  if (fields.text("command") != "RCPT" || !is_policy_reason(fields.text("reason"))) return std::nullopt;
  RecordedRefusal refusal{.at = fields.time(),
                          .customer = std::string(fields.text("customer")),
                          .account = std::string(fields.text("account"))};
  if (!fields.whole()) return malformed("refused");
  return refusal;
}

struct Reader {
  std::string_view mark;  // as the relay writes it: most lines of a log are of other events, and need no JSON reader
  Result (*read)(Fields fields);
};
constexpr std::array kReaders = std::to_array<Reader>({{R"("event":"message")", read_message},
                                                       {R"("event":"delivery")", read_delivery},
                                                       {R"("event":"refused")", read_refusal}});

}  // namespace

std::expected<std::optional<RecordedEvent>, std::string> read_recorded_event(std::string_view line) {
  if (line.size() > kRecordedLineBytesMax) return std::unexpected("the line is too long");
  if (!line.starts_with('{')) return std::unexpected("the line is no JSON object");
  const auto reader = std::ranges::find_if(kReaders, [line](const Reader& each) { return line.contains(each.mark); });
  if (reader == kReaders.end()) return std::nullopt;
  const auto object = auth::parse_json_object(line);
  if (!object) return std::unexpected("the line " + object.error());
  return reader->read(Fields(object->get()));
}

}  // namespace sluice::policy

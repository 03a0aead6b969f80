#include "policy/cluster/lease_protocol.h"

#include <algorithm>

#include "engine/base/crc32c.h"
#include "policy/cluster/lease_script.h"
#include "policy/window.h"

namespace sluice::policy {
namespace {

constexpr std::size_t kEpochBytesMax = 64;
constexpr std::size_t kReplyFields = 10;
// Longer than any time for reports that can be set, and than any window with the bucket that is leaving: what is more
// comes from no lease function, and would be too much for those who reckon with it.
constexpr std::int64_t kWaitMaxMs = 24 * 3'600'000;
const std::int64_t kFreeMaxMs = span_ms(Span::month) + 2 * bucket_ms(Span::month);

std::optional<Subject> parse_subject(std::string_view name) {
  for (std::size_t i = 0; i < kSubjects; ++i)
    if (subject_name(static_cast<Subject>(i)) == name) return static_cast<Subject>(i);
  return std::nullopt;
}

// Spans count from one at Redis.
std::string span_number(Span span) { return std::to_string(static_cast<int>(span) + 1); }

}  // namespace

std::uint32_t group_of(const MeterKey& key) { return crc32c(0, meter_text(key)) % kGroups; }

std::string meter_text(const MeterKey& key) {
  return std::string(quantity_name(key.quantity)) + "/" + std::string(subject_name(key.subject)) + "/" + key.name;
}

std::string recall_channel(std::string_view prefix) { return std::string(prefix) + ":recall"; }

std::optional<MeterKey> parse_meter(std::string_view text) {
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto quantity = parse_quantity(text.substr(0, first));
  const auto subject = parse_subject(text.substr(first + 1, second - first - 1));
  if (!quantity || !subject) return std::nullopt;
  return MeterKey{.subject = *subject, .quantity = *quantity, .name = std::string(text.substr(second + 1))};
}

std::vector<std::string> lease_words(const LeaseCall& call) {
  const std::string tag = call.prefix + ":{g" + std::to_string(call.group) + "}:";
  std::vector<std::string> words{"FCALL", std::string(kLeaseFunction), call.meter ? "2" : "1", tag + "state"};
  const std::string text = call.meter ? meter_text(*call.meter) : std::string();
  if (call.meter) words.push_back(tag + text);
  words.insert(words.end(),
               {call.node, call.incarnation, call.epoch, call.new_epoch, std::to_string(call.number),
                std::to_string(call.answered), std::to_string(call.grace_ms), std::to_string(call.meter_answered),
                std::to_string(call.spent), std::to_string(call.held), std::to_string(call.wanted),
                std::to_string(call.least), std::to_string(call.limits.size())});
  for (const Limit& limit : call.limits)
    words.insert(words.end(), {span_number(limit.span), std::to_string(limit.amount)});
  words.push_back(std::to_string(call.windows.size()));
  for (const LeaseCall::Bucket& each : call.windows)
    words.insert(words.end(), {span_number(each.span), std::to_string(each.before), std::to_string(each.amount)});
  words.push_back(recall_channel(call.prefix));
  words.push_back(text);
  return words;
}

std::expected<LeaseReply, std::string> parse_lease_reply(const RedisReply& reply, const LeaseCall& call) {
  const auto strange = [] { return std::unexpected(std::string("sent a reply that the lease function never gives")); };
  if (reply.kind != RedisReply::Kind::array || reply.elements.size() != kReplyFields) return strange();
  for (std::size_t i = 0; i < kReplyFields; ++i) {
    const RedisReply& each = reply.elements[i];
    if (each.kind != (i == 1 ? RedisReply::Kind::text : RedisReply::Kind::integer)) return strange();
  }
  const auto number = [&reply](std::size_t i) { return reply.elements[i].integer; };
  const auto amount = [&number](std::size_t i) { return static_cast<std::uint64_t>(number(i)); };
  LeaseReply parsed{.epoch = reply.elements[1].text};
  if (parsed.epoch.size() > kEpochBytesMax) return strange();
  if (number(0) == 1) {
    if (parsed.epoch.empty() || parsed.epoch == call.epoch) return strange();
    parsed.status = LeaseReply::Status::other_epoch;
    return parsed;
  }
  if (number(0) == 3) {
    parsed.status = LeaseReply::Status::outdated;
    return parsed;
  }
  if (number(0) != 0 || parsed.epoch != call.epoch) return strange();
  for (const std::size_t i : {2U, 3U, 5U, 6U, 8U, 9U})
    if (number(i) < 0) return strange();
  parsed.granted = amount(2);
  if (parsed.granted > call.wanted || (parsed.granted > 0 && number(8) > 0)) return strange();
  if (number(8) > kWaitMaxMs) return strange();
  parsed.others = amount(3);
  parsed.wait_ms = number(8);
  parsed.lapsed = amount(9);
  if (number(4) == 0) return parsed;
  if (number(4) < 0 || number(4) > static_cast<std::int64_t>(kSpans) || number(7) < -1 || number(7) > kFreeMaxMs)
    return strange();
  parsed.full = LeaseReply::Full{.span = static_cast<Span>(number(4) - 1), .amount = amount(5), .used = amount(6)};
  if (number(7) >= 0) parsed.full->free_in_ms = number(7);
  return parsed;
}

}  // namespace sluice::policy

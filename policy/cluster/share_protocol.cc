#include "policy/cluster/share_protocol.h"

#include <algorithm>

namespace sluice::policy {
namespace {

// KEYS: the streams of news, of steps and of what accounts send, the state; all with one hash tag.  ARGV: as
// share_words() writes them. State: e: the epoch; n: how many messages were added in it.  A node that knows of more
// messages than there were has found a Redis that went back to an earlier state: an epoch begins, in which all nodes
// tell their steps anew.
constexpr std::string_view kShareBody = R"lua(
local known, fresh, seen = args[1], args[2], tonumber(args[3])
local state = load(keys[4])
local epoch, number = state.e, tonumber(state.n or '0') or 0
if not epoch or (epoch == known and number < seen) then epoch, number = fresh, 0 end
local at = 7
local function add(key, most)
  local count = tonumber(args[at])
  for i = at + 1, at + count do
    redis.call('XADD', key, 'MAXLEN', '~', most, '*', 'm', args[i])
    number = number + 1
  end
  at = at + 1 + count
end
add(keys[1], '4096')
add(keys[2], '4096')
-- A node that comes has of accounts what its file has: from now on.
local sending_from = args[6]
if sending_from == '' then
  sending_from = string.format('%.0f-0', clock())
end
add(keys[3], '1024')
redis.call('HSET', keys[4], 'e', epoch, 'n', string.format('%.0f', number))
local bytes, more = 0, 0
local function read(key, after)
  local found = {}
  local from = '-'
  if after ~= '' then from = '(' .. after end
  for _, each in ipairs(redis.call('XRANGE', key, from, '+', 'COUNT', 17)) do
    local message = each[2][2]
    if #found == 16 or bytes + #message > 12288 then
      more = 1
      break
    end
    bytes = bytes + #message
    found[#found + 1] = message
    after = each[1]
  end
  return found, after
end
local log_from, steps_from = args[4], args[5]
if epoch ~= known then log_from, steps_from = '', '' end
local steps, steps_read = read(keys[2], steps_from)
local sending, sending_read = read(keys[3], sending_from)
local log, log_read = read(keys[1], log_from)
for _, key in ipairs(keys) do redis.call('PEXPIRE', key, 2764800000) end
local reply = {epoch, number, more, log_read, steps_read, sending_read, #log, #steps}
for _, message in ipairs(log) do reply[#reply + 1] = message end
for _, message in ipairs(steps) do reply[#reply + 1] = message end
for _, message in ipairs(sending) do reply[#reply + 1] = message end
return reply
)lua";

constexpr std::string_view kShareFunction = "sluice_share_2";
constexpr std::size_t kFieldsBefore = 8;
constexpr std::size_t kShareEpochBytesMax = 64;

// An identifier of a stream's entry, "1526985685298-0"; or none yet.
bool is_stream_id(std::string_view text) {
  constexpr std::size_t kBytesMax = 41;
  if (text.empty()) return true;
  const std::size_t dash = text.find('-');
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  return text.size() <= kBytesMax && dash != std::string_view::npos && digits(text.substr(0, dash)) &&
         digits(text.substr(dash + 1));
}

}  // namespace

const RedisFunction& share_function() {
  static const RedisFunction function{.name = kShareFunction, .body = kShareBody};
  return function;
}

std::vector<std::string> share_words(const ShareCall& call) {
  const std::string tag = call.prefix + ":{share}:";
  std::vector<std::string> words{
      "FCALL", std::string(kShareFunction), "4", tag + "log", tag + "steps", tag + "sending", tag + "state"};
  words.insert(words.end(), {call.epoch, call.new_epoch, std::to_string(call.number), call.log_read, call.steps_read,
                             call.sending_read});
  for (const auto* messages : {&call.log, &call.steps, &call.sending}) {
    words.push_back(std::to_string(messages->size()));
    words.insert(words.end(), messages->begin(), messages->end());
  }
  return words;
}

std::expected<ShareReply, std::string> parse_share_reply(const RedisReply& reply) {
  const auto strange = [] { return std::unexpected(std::string("sent a reply that the share function never gives")); };
  if (reply.kind != RedisReply::Kind::array || reply.elements.size() < kFieldsBefore) return strange();
  for (std::size_t i = 0; i < reply.elements.size(); ++i) {
    const bool number = i == 1 || i == 2 || i == kFieldsBefore - 2 || i == kFieldsBefore - 1;
    if (reply.elements[i].kind != (number ? RedisReply::Kind::integer : RedisReply::Kind::text)) return strange();
    if (number && reply.elements[i].integer < 0) return strange();
  }
  const auto& parts = reply.elements;
  const std::size_t messages = parts.size() - kFieldsBefore;
  const auto log = static_cast<std::uint64_t>(parts[kFieldsBefore - 2].integer);
  const auto steps = static_cast<std::uint64_t>(parts[kFieldsBefore - 1].integer);
  ShareReply parsed{.epoch = parts[0].text,
                    .number = static_cast<std::uint64_t>(parts[1].integer),
                    .more = parts[2].integer != 0 && messages > 0,
                    .log_read = parts[3].text,
                    .steps_read = parts[4].text,
                    .sending_read = parts[5].text,
                    .log = {},
                    .steps = {},
                    .sending = {}};
  if (parsed.epoch.empty() || parsed.epoch.size() > kShareEpochBytesMax) return strange();
  if (messages > ShareReply::kMessagesMax || log > messages || steps > messages - log) return strange();
  for (const std::string* read : {&parsed.log_read, &parsed.steps_read, &parsed.sending_read})
    if (!is_stream_id(*read)) return strange();
  for (std::size_t i = 0; i < messages; ++i)
    (i < log ? parsed.log : i < log + steps ? parsed.steps : parsed.sending).push_back(parts[kFieldsBefore + i].text);
  return parsed;
}

}  // namespace sluice::policy

#include "policy/cluster/use_protocol.h"

#include "policy/cluster/lease_protocol.h"

namespace sluice::policy {
namespace {

// KEYS: the group's state, then meters; all have the group's hash tag.  ARGV: the node, its incarnation.  The fields
// are those that lease_script.cc describes, and count here as they do there.
constexpr std::string_view kUseBody = R"lua(
local node, inc = args[1], args[2]
local s = load(keys[1])
local now = math.max(clock() + num(s.o), num(s.t))
local reply = {s.e or '', math.max(0, num(s.g) - now)}
for at = 2, #keys do
  local m = load(keys[at])
  local used = {0, 0, 0, 0, 0, 0}
  local function spent(span, bucket, amount)
    if bucket >= math.floor(now / size[span]) - 60 then used[span] = used[span] + amount end
  end
  for field, value in pairs(m) do
    if field:sub(1, 1) == 'w' then
      spent(tonumber(field:sub(2, 2)), tonumber(field:sub(4)), tonumber(value))
    elseif field:sub(1, 2) == 'h:' then
      local x = field:sub(3)
      local mine = x == node and m['i:' .. x] == inc
      if s['i:' .. x] and s['i:' .. x] ~= m['i:' .. x] then
        for span = 1, 4 do spent(span, math.floor(num(s['b:' .. x]) / size[span]), num(value)) end
      elseif not mine and (not s['n:' .. x] or now - num(s['n:' .. x]) <= 61 * size[4]) then
        used[5] = used[5] + num(value)
      end
    end
  end
  if m['i:' .. node] == inc then used[6] = num(m['s:' .. node]) end
  reply[#reply + 1] = used
end
return reply
)lua";

constexpr std::string_view kUseFunction = "sluice_use_1";
constexpr std::size_t kUseEpochBytesMax = 64;
constexpr std::size_t kUseFieldsBefore = 2;
constexpr std::size_t kMeterFields = kSpans + 2;
// More than all that any limit allows.
constexpr std::int64_t kUseMax = std::int64_t{1} << 50U;

bool is_meter(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::array || reply.elements.size() != kMeterFields) return false;
  for (const RedisReply& each : reply.elements)
    if (each.kind != RedisReply::Kind::integer || each.integer < 0 || each.integer > kUseMax) return false;
  return true;
}

}  // namespace

const RedisFunction& use_function() {
  static const RedisFunction function{.name = kUseFunction, .body = kUseBody};
  return function;
}

std::vector<std::string> use_words(const UseCall& call) {
  const std::string tag = call.prefix + ":{g" + std::to_string(call.group) + "}:";
  std::vector<std::string> words{"FCALL", std::string(kUseFunction), std::to_string(1 + call.meters.size()),
                                 tag + "state"};
  for (const MeterKey& meter : call.meters) words.push_back(tag + meter_text(meter));
  words.insert(words.end(), {call.node, call.incarnation});
  return words;
}

std::expected<UseReply, std::string> parse_use_reply(const RedisReply& reply, const UseCall& call) {
  const auto strange = [] { return std::unexpected(std::string("sent a reply that the use function never gives")); };
  if (reply.kind != RedisReply::Kind::array || reply.elements.size() != kUseFieldsBefore + call.meters.size())
    return strange();
  const RedisReply& epoch = reply.elements[0];
  const RedisReply& wait = reply.elements[1];
  if (epoch.kind != RedisReply::Kind::text || epoch.text.size() > kUseEpochBytesMax) return strange();
  if (wait.kind != RedisReply::Kind::integer || wait.integer < 0) return strange();
  UseReply parsed{.epoch = epoch.text, .wait_ms = wait.integer, .meters = {}};
  for (std::size_t i = kUseFieldsBefore; i < reply.elements.size(); ++i) {
    if (!is_meter(reply.elements[i])) return strange();
    const auto field = [&](std::size_t at) {
      return static_cast<std::uint64_t>(reply.elements[i].elements[at].integer);
    };
    UseReply::Meter& meter = parsed.meters.emplace_back();
    for (std::size_t span = 0; span < kSpans; ++span) meter.spent[span] = field(span);
    meter.others = field(kSpans);
    meter.reported = field(kSpans + 1);
  }
  return parsed;
}

}  // namespace sluice::policy

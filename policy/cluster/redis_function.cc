#include "policy/cluster/redis_function.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kBegin = R"lua(
local size = {1000, 60000, 1440000, 43200000}
local function load(key)
  local flat, t = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do t[flat[i]] = flat[i + 1] end
  return t
end
local function num(text) return tonumber(text or '0') or 0 end
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
)lua";

}  // namespace

std::string RedisFunction::library() const {
  const std::string text(name);
  return "#!lua name=" + text + "\nredis.register_function('" + text + "', function(keys, args)" +
         std::string(kBegin).append(body) + "end)\n";
}

std::string RedisFunction::script() const {
  // Before Redis 7 what reads the clock may write only if its effects are replicated, rather than itself.
  return "if redis.replicate_commands then redis.replicate_commands() end\nlocal keys, args = KEYS, ARGV" +
         std::string(kBegin).append(body);
}

}  // namespace sluice::policy

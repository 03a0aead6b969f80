#include "policy/cluster/redis_function.h"

namespace sluice::policy {

std::string RedisFunction::library() const {
  const std::string text(name);
  return "#!lua name=" + text + "\nredis.register_function('" + text + "', function(keys, args)" + std::string(body) +
         "end)\n";
}

std::string RedisFunction::script() const {
  // Before Redis 7 what reads the clock may write only if its effects are replicated, rather than itself.
  return "if redis.replicate_commands then redis.replicate_commands() end\nlocal keys, args = KEYS, ARGV" +
         std::string(body);
}

}  // namespace sluice::policy

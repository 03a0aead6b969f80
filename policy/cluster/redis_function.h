// A function that runs at Redis.  Values; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::policy {

struct RedisFunction {
  std::string_view name;
  std::string_view body;  // in Lua, with the tables `keys` and `args`

  // For FUNCTION LOAD (Redis 7, Valkey).
  [[nodiscard]] std::string library() const;
  // For SCRIPT LOAD (Redis 6).
  [[nodiscard]] std::string script() const;
};

}  // namespace sluice::policy

// A function that runs at Redis.  Values; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::policy {

struct RedisFunction {
  std::string_view name;
  // In Lua, with the tables `keys` and `args`, the milliseconds `size` of each span's buckets, load(key), which gives a
  // hash as a table, num(text), 0 where there is none, and clock(), Redis' time in milliseconds.
  std::string_view body;

  // For FUNCTION LOAD (Redis 7, Valkey).
  [[nodiscard]] std::string library() const;
  // For SCRIPT LOAD (Redis 6).
  [[nodiscard]] std::string script() const;
};

}  // namespace sluice::policy

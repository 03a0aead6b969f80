// A call of the function that tells what all nodes have used of meters, and what it returns, as values and as they are
// sent.  It changes nothing at Redis.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "policy/cluster/redis_function.h"
#include "policy/cluster/redis_reply.h"
#include "policy/meter_key.h"

namespace sluice::policy {

// Its name has the version of the protocol.
[[nodiscard]] const RedisFunction& use_function();

struct UseCall {
  // Redis does nothing else while it runs: about 0.1 ms a meter that is in all its windows.
  static constexpr std::size_t kMetersMax = 16;

  std::string prefix;  // of all keys
  std::uint32_t group = 0;
  std::string node;
  std::string incarnation;       // of the node's process
  std::vector<MeterKey> meters;  // of that group
};
[[nodiscard]] std::vector<std::string> use_words(const UseCall& call);

struct UseReply {
  std::string epoch;         // empty: Redis knows nothing of the group
  std::int64_t wait_ms = 0;  // so long nodes report to a Redis that has lost its data
  struct Meter {
    std::array<std::uint64_t, kSpans> spent{};  // by all nodes, as far as they have told
    std::uint64_t others = 0;                   // what other nodes hold, and other processes of this one held
    std::uint64_t reported = 0;                 // what this process has told that it has spent
  };
  std::vector<Meter> meters;  // as in the call
};
// The error is a sentence: it is no reply to `call`.
[[nodiscard]] std::expected<UseReply, std::string> parse_use_reply(const RedisReply& reply, const UseCall& call);

}  // namespace sluice::policy

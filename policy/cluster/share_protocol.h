// A call of the function that passes messages between relays, and what it returns, as values and as they are sent.
// Pure; any thread.
//
// At Redis there are three streams of sealed messages, each of up to about 4 KiB: the latest 4096 or so with news of
// shields, as many with steps against accounts, and the latest 1024 or so with what accounts send, of which a node
// reads what comes after its start; and a hash with the epoch, a new one whenever messages were lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "policy/cluster/redis_client.h"
#include "policy/cluster/redis_reply.h"

namespace sluice::policy {

// Its name has the version of the protocol.
[[nodiscard]] const RedisFunction& share_function();

struct ShareCall {
  std::string prefix;        // of all keys
  std::string epoch;         // as the node knows it; empty: not at all
  std::string new_epoch;     // if one has to begin
  std::uint64_t number = 0;  // of the epoch's messages, as the node knows it
  std::string log_read;      // the last that was read of each stream; empty: none
  std::string steps_read;
  std::string sending_read;      // empty: what comes from now on is wanted
  std::vector<std::string> log;  // sealed messages to add
  std::vector<std::string> steps;
  std::vector<std::string> sending;
};
[[nodiscard]] std::vector<std::string> share_words(const ShareCall& call);

struct ShareReply {
  static constexpr std::size_t kMessagesMax = 48;
  std::string epoch;  // another one than the call's: what is returned begins with the oldest
  std::uint64_t number = 0;
  bool more = false;  // there are messages that this reply had no room for
  std::string log_read;
  std::string steps_read;
  std::string sending_read;
  std::vector<std::string> log;
  std::vector<std::string> steps;
  std::vector<std::string> sending;
};
// The error is a sentence: it is no reply to such a call.
[[nodiscard]] std::expected<ShareReply, std::string> parse_share_reply(const RedisReply& reply);

}  // namespace sluice::policy

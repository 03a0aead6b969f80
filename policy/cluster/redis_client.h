// Calls a function at the Redis that has a group of meters: the one server that is configured, the master that
// Sentinels name, or the node of a Redis Cluster that has the group's slot, which is learnt from its redirections.  A
// bounded number of connections; each question has one deadline for all that it takes.  Its core's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/task.h"
#include "policy/cluster/lease_protocol.h"
#include "policy/cluster/redis_connection.h"
#include "policy/cluster/redis_function.h"

namespace sluice::policy {

class RedisClient {
 public:
  static constexpr std::size_t kConnectionsMax = 8;
  static constexpr std::size_t kWaitingMax = 4096;
  static constexpr int kRedirectionsMax = 4;

  // `function`: the one that is called; outlives this.
  RedisClient(ClusterParts parts, const ClusterOptions& options, const RedisFunction& function);
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Calls the function for a group, whose keys are all in one slot: `words` as lease_words() makes them.  An error is
  // also what Redis says instead of a result.
  Task<RedisResult<RedisReply>> call(std::uint32_t group, std::vector<std::string> words);
  // A connection of its own that has logged in, for messages: any server's, as all nodes of a Redis Cluster pass
  // messages on.  The caller closes it.
  Task<RedisResult<std::unique_ptr<RedisConnection>>> open_listener();
  // Whether a server answers, and lets us log in.
  Task<RedisResult<>> try_out();
  // All idle connections.  No call is under way, and none follows.
  Task<void> close();

 private:
  struct Link {
    explicit Link(std::unique_ptr<RedisConnection> made) : connection(std::move(made)) {}
    std::unique_ptr<RedisConnection> connection;
    bool loaded = false;      // the function is known there
    std::string script_hash;  // where there are no functions (Redis 6)
  };
  using LinkResult = RedisResult<std::unique_ptr<Link>>;

  Task<RedisResult<RedisReply>> call_within(std::uint32_t group, const std::vector<std::string>& words,
                                            Instant deadline);
  Task<RedisResult<RedisReply>> call_on(Link& link, bool asking, std::vector<std::string> words, Instant deadline);
  Task<RedisResult<>> load(Link& link, Instant deadline);
  Task<LinkResult> take(std::optional<ClusterServer> server, Instant deadline);
  Task<LinkResult> connect(ClusterServer server, Instant deadline);
  Task<LinkResult> connect_to_any(Instant deadline);
  Task<RedisResult<ClusterServer>> ask_sentinels(Instant deadline);
  Task<void> put_back(std::unique_ptr<Link> link);
  Task<bool> enter();
  void leave(bool failed);

  ClusterParts parts_;
  ClusterOptions options_;
  const RedisFunction& function_;
  std::unique_ptr<tls::TlsClientContext> tls_;
  std::array<std::optional<ClusterServer>, kGroups> moved_;  // where redirections have led to
  std::optional<ClusterServer> home_;                        // the server that answered last, for all other groups
  std::size_t first_ = 0;                                    // of the servers that is tried next
  std::vector<std::unique_ptr<Link>> idle_;
  std::size_t busy_ = 0;
  std::uint64_t failures_ = 0;
  std::list<AsyncEvent*> waiting_;
};

// "MOVED 3999 192.0.2.1:6381" of `from`; none: it is no redirection, or says nothing that could be meant.
struct Redirection {
  ClusterServer server;
  bool ask = false;  // for this question alone
};
[[nodiscard]] std::optional<Redirection> parse_redirection(const RedisReply& reply, const ClusterServer& from);
// What a Sentinel answers.
[[nodiscard]] std::optional<ClusterServer> parse_master(const RedisReply& reply);

}  // namespace sluice::policy

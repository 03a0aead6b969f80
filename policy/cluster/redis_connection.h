// One connection to a Redis, which asks one question at a time: a reply belongs to the question that waits for it, and
// after one that was late, malformed or not asked for the connection is of no use any more.  That core's thread only.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/net/connection.h"
#include "engine/net/dialer.h"
#include "engine/net/resolver.h"
#include "engine/tls/client_context.h"
#include "policy/cluster/options.h"
#include "policy/cluster/redis_reply.h"

namespace sluice::policy {

template <typename Value = void>
using RedisResult = std::expected<Value, std::string>;  // the error is a sentence for the operator

// What a core gives to its client.  All outlive it.
struct ClusterParts {
  io::Loop& loop;
  net::Resolver& resolver;
  net::Dialer& dialer;
};

class RedisConnection {
 public:
  RedisConnection(std::unique_ptr<net::Connection> connection, ClusterServer server);
  // Closed before it goes.
  ~RedisConnection() = default;
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Connected and in TLS where that is set.  Nothing has been said.
  static Task<RedisResult<std::unique_ptr<RedisConnection>>> open(ClusterParts parts, const ClusterOptions& options,
                                                                  ClusterServer server, tls::TlsClientContext* tls,
                                                                  Instant deadline);
  // An error of Redis itself is a reply like others.
  Task<RedisResult<RedisReply>> ask(std::vector<std::string> words, Instant deadline);
  // The next message of a channel, or the reply to what was written.
  Task<RedisResult<RedisReply>> receive(Instant deadline);
  void write(const std::vector<std::string>& words) { connection_->write(encode_request(words)); }

  // It can be asked: nothing failed, nothing unread, and the server has not hung up.
  [[nodiscard]] bool usable() const;
  // Receives although nobody waits, so that usable() tells what the server did meanwhile.
  void watch() { connection_->watch(); }
  void terminate() { connection_->terminate(); }
  // Without waiting for the server.  Once.
  Task<void> close() { co_await connection_->close(); }
  [[nodiscard]] const ClusterServer& server() const { return server_; }

 private:
  Task<RedisResult<>> start_tls(tls::TlsClientContext& tls, std::string server_name, Instant deadline);
  [[nodiscard]] std::unexpected<std::string> fail(std::string_view what);

  std::unique_ptr<net::Connection> connection_;
  ClusterServer server_;
  RedisReader reader_;
  bool failed_ = false;
};

}  // namespace sluice::policy

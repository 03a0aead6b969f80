#include "policy/cluster/redis_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/io/local_socket.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kLate = "did not answer in time";

std::string connection_error(const net::Connection& connection, net::IoStatus status) {
  if (status == net::IoStatus::timed_out) return std::string(kLate);
  if (status == net::IoStatus::failed && connection.tls() != nullptr && !connection.tls()->error().empty())
    return std::string(connection.tls()->error());
  if (status == net::IoStatus::failed && connection.error() != 0) return std::strerror(connection.error());
  return net::io_status_text(status);
}

Task<RedisResult<std::unique_ptr<net::Connection>>> dial(ClusterParts parts, bool in_clear, ClusterServer server,
                                                         Instant deadline) {
  const std::string name = server.to_string();
  if (server.is_path()) {
    const auto socket = io::connect_local(server.host);
    if (!socket) co_return std::unexpected(name + ": " + std::strerror(socket.error()));
    co_return std::make_unique<net::Connection>(parts.loop, *socket, io::Address());
  }
  auto found = co_await parts.resolver.look_up(server.host, server.port);
  if (!found) co_return std::unexpected(name + ": " + found.error());
  if (in_clear) {
    std::erase_if(*found, [](const io::Address& address) { return !address.is_loopback(); });
    if (found->empty())
      co_return std::unexpected(name + ": is no loopback address, and what the limits say goes there in TLS alone");
  }
  const Instant now = parts.loop.now();
  if (now >= deadline) co_return std::unexpected(name + ": its name was not found in time");
  auto dialed = co_await parts.dialer.connect(*std::move(found), deadline - now);
  if (!dialed) co_return std::unexpected(name + ": cannot be reached: " + std::strerror(dialed.error()));
  co_return std::move(dialed->connection);
}

}  // namespace

RedisConnection::RedisConnection(std::unique_ptr<net::Connection> connection, ClusterServer server)
    : connection_(std::move(connection)), server_(std::move(server)) {}

std::unexpected<std::string> RedisConnection::fail(std::string_view what) {
  failed_ = true;
  return std::unexpected(server_.to_string() + ": " + std::string(what));
}

Task<RedisResult<std::unique_ptr<RedisConnection>>> RedisConnection::open(ClusterParts parts,
                                                                          const ClusterOptions& options,
                                                                          ClusterServer server,
                                                                          tls::TlsClientContext* tls,
                                                                          Instant deadline) {
  const bool in_tls = options.tls && !server.is_path();
  if (in_tls && tls == nullptr) co_return std::unexpected(server.to_string() + ": TLS: out of memory");
  auto dialed = co_await dial(parts, !in_tls, server, deadline);
  if (!dialed) co_return std::unexpected(dialed.error());
  auto connection = std::make_unique<RedisConnection>(*std::move(dialed), server);
  if (!in_tls) co_return connection;
  const std::string& name = options.server_name.empty() ? server.host : options.server_name;
  const auto done = co_await connection->start_tls(*tls, name, deadline);
  if (done) co_return connection;
  co_await connection->close();
  co_return std::unexpected(done.error());
}

Task<RedisResult<>> RedisConnection::start_tls(tls::TlsClientContext& tls, std::string server_name, Instant deadline) {
  const Instant now = connection_->loop().now();
  if (now >= deadline) co_return fail(kLate);
  const net::IoStatus status = co_await connection_->start_tls_client(tls, server_name, deadline - now);
  if (status == net::IoStatus::ok) co_return RedisResult<>();
  co_return fail("TLS: " + connection_error(*connection_, status));
}

bool RedisConnection::usable() const {
  return !failed_ && connection_->state() == net::Connection::State::open && !connection_->ended() &&
         connection_->input().empty() && reader_.empty();
}

Task<RedisResult<RedisReply>> RedisConnection::ask(std::vector<std::string> words, Instant deadline) {
  // It would be taken for the answer.
  if (!usable()) co_return fail("talked without being asked, or hung up");
  write(words);
  auto reply = co_await receive(deadline);
  if (reply && !reader_.empty()) co_return fail("sent more than one reply");
  co_return reply;
}

Task<RedisResult<RedisReply>> RedisConnection::receive(Instant deadline) {
  Chain& input = connection_->input();
  for (;;) {
    auto waiting = reader_.next({});
    if (!waiting) co_return fail(waiting.error());
    if (*waiting) co_return **std::move(waiting);
    // What has come is read in parts: the reader's bound is for each reply.
    const std::string_view seen = input.flatten_front(std::min(input.size(), RedisReader::kReplyBytesMax / 2));
    auto reply = reader_.next(seen);
    input.consume(seen.size());
    if (!reply) co_return fail(reply.error());
    if (*reply) co_return **std::move(reply);
    if (!input.empty()) continue;
    const Instant now = connection_->loop().now();
    if (now >= deadline) co_return fail(kLate);
    const net::IoStatus status = co_await connection_->more(deadline - now, "an answer of the cluster");
    if (status != net::IoStatus::ok) co_return fail(connection_error(*connection_, status));
  }
}

}  // namespace sluice::policy

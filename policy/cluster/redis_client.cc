#include "policy/cluster/redis_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::policy {
namespace {

constexpr std::size_t kErrorBytesMax = 200;

// What Redis said, for the operator: printable, and not too much of it.
std::string quoted_error(const RedisReply& reply) {
  std::string text = reply.kind == RedisReply::Kind::error ? reply.text.substr(0, kErrorBytesMax) : "answers strangely";
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::unexpected<std::string> said(const RedisConnection& connection, const RedisReply& reply) {
  return std::unexpected(connection.server().to_string() + ": " + quoted_error(reply));
}

std::optional<ClusterServer> server_of(std::string_view host, std::string_view port) {
  constexpr std::size_t kHostBytesMax = 255;
  std::uint16_t number = 0;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > kHostBytesMax || host.starts_with('/')) return std::nullopt;
  if (!std::ranges::all_of(host, [](char c) { return c > ' ' && c <= '~'; })) return std::nullopt;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || number == 0) return std::nullopt;
  return ClusterServer{.host = std::string(host), .port = number};
}

}  // namespace

std::optional<Redirection> parse_redirection(const RedisReply& reply, const ClusterServer& from) {
  const bool moved = reply.is_error("MOVED ");
  if (!moved && !reply.is_error("ASK ")) return std::nullopt;
  const std::string_view text = reply.text;
  const std::size_t space = text.rfind(' ');
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon < space) return std::nullopt;
  std::string_view host = text.substr(space + 1, colon - space - 1);
  // A node that has no name of its own yet is where it was asked.
  if (host.empty()) host = from.host;
  const auto server = server_of(host, text.substr(colon + 1));
  if (!server) return std::nullopt;
  return Redirection{.server = *server, .ask = !moved};
}

std::optional<ClusterServer> parse_master(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::array || reply.elements.size() != 2) return std::nullopt;
  return server_of(reply.elements[0].text, reply.elements[1].text);
}

RedisClient::RedisClient(ClusterParts parts, const ClusterOptions& options, const RedisFunction& function)
    : parts_(parts), options_(options), function_(function) {
  CHECK(!options_.servers.empty());
  if (!options_.tls) return;
  auto context = tls::TlsClientContext::make({.verify = tls::TlsVerify::required, .ca_pem = options_.ca_pem});
  if (context) tls_ = *std::move(context);
}

RedisClient::~RedisClient() { CHECK(busy_ == 0 && waiting_.empty() && idle_.empty()); }

// ------------------------------------------------------------------------------------------ a bounded number

Task<bool> RedisClient::enter() {
  if (busy_ < kConnectionsMax) {
    ++busy_;
    co_return true;
  }
  if (waiting_.size() >= kWaitingMax) co_return false;
  // Who waits behind a server that does not answer has waited long enough when that is known.
  const std::uint64_t failures = failures_;
  AsyncEvent event;
  waiting_.push_back(&event);
  co_await event.wait("a connection to the cluster");  // leave() has passed its place on
  if (failures == failures_) co_return true;
  leave(false);
  co_return false;
}

void RedisClient::leave(bool failed) {
  if (failed) ++failures_;
  if (waiting_.empty()) {
    --busy_;
    return;
  }
  AsyncEvent* const next = waiting_.front();
  waiting_.pop_front();
  next->set();
}

// ------------------------------------------------------------------------------------------ connections

Task<RedisResult<ClusterServer>> RedisClient::ask_sentinels(Instant deadline) {
  std::string errors;
  for (const ClusterServer& sentinel : std::vector(options_.servers)) {
    auto connection = co_await RedisConnection::open(parts_, options_, sentinel, tls_.get(), deadline);
    if (connection) {
      const auto reply =
          co_await (*connection)->ask({"SENTINEL", "get-master-addr-by-name", options_.sentinel}, deadline);
      co_await (*connection)->close();
      const auto master = reply ? parse_master(*reply) : std::nullopt;
      if (master) co_return *master;
      errors += (errors.empty() ? "" : "; ") +
                (reply ? sentinel.to_string() + ": knows no master \"" + options_.sentinel + "\"" : reply.error());
    } else {
      errors += (errors.empty() ? "" : "; ") + connection.error();
    }
    if (parts_.loop.now() >= deadline) break;
  }
  co_return std::unexpected(std::move(errors));
}

Task<RedisClient::LinkResult> RedisClient::connect(ClusterServer server, Instant deadline) {
  auto opened = co_await RedisConnection::open(parts_, options_, std::move(server), tls_.get(), deadline);
  if (!opened) co_return std::unexpected(opened.error());
  auto link = std::make_unique<Link>(*std::move(opened));
  if (options_.password.empty()) co_return link;
  std::vector<std::string> words{"AUTH"};
  if (!options_.user.empty()) words.push_back(options_.user);
  words.push_back(options_.password);
  const auto reply = co_await link->connection->ask(std::move(words), deadline);
  if (reply && reply->kind == RedisReply::Kind::status) co_return link;
  // Of an unknown command Redis repeats the words, and these are secret.
  const bool known = reply && (reply->is_error("WRONGPASS ") || reply->is_error("ERR AUTH "));
  const std::string error = !reply  ? reply.error()
                            : known ? said(*link->connection, *reply).error()
                                    : link->connection->server().to_string() + ": refuses the login";
  co_await link->connection->close();
  co_return std::unexpected(error);
}

Task<RedisClient::LinkResult> RedisClient::connect_to_any(Instant deadline) {
  if (!options_.sentinel.empty()) {
    auto master = co_await ask_sentinels(deadline);
    if (!master) co_return std::unexpected(master.error());
    auto link = co_await connect(*master, deadline);
    if (link) home_ = *master;
    co_return link;
  }
  std::string errors;
  for (std::size_t i = 0; i < options_.servers.size(); ++i) {
    const ClusterServer server = options_.servers[(first_ + i) % options_.servers.size()];
    // One that does not answer leaves time for those behind it.
    const Duration left = deadline - parts_.loop.now();
    const Duration share = left / static_cast<Duration::rep>(options_.servers.size() - i);
    auto link = co_await connect(server, parts_.loop.now() + share);
    if (link) {
      home_ = server;
      co_return link;
    }
    errors += (errors.empty() ? "" : "; ") + link.error();
    if (parts_.loop.now() >= deadline) break;
  }
  first_ = (first_ + 1) % options_.servers.size();
  co_return std::unexpected(std::move(errors));
}

Task<RedisClient::LinkResult> RedisClient::take(std::optional<ClusterServer> server, Instant deadline) {
  const std::optional<ClusterServer> wanted = server ? server : home_;
  for (std::size_t i = idle_.size(); i-- > 0;) {
    const bool usable = idle_[i]->connection->usable();
    if (usable && (!wanted || idle_[i]->connection->server() != *wanted)) continue;
    auto link = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (usable) co_return link;
    co_await link->connection->close();
    i = std::min(i, idle_.size());  // others may have taken some meanwhile
  }
  if (wanted) co_return co_await connect(*wanted, deadline);
  co_return co_await connect_to_any(deadline);
}

Task<void> RedisClient::put_back(std::unique_ptr<Link> link) {
  if (link->connection->usable() && idle_.size() < kConnectionsMax) {
    link->connection->watch();
    idle_.push_back(std::move(link));
    co_return;
  }
  co_await link->connection->close();
}

Task<RedisResult<std::unique_ptr<RedisConnection>>> RedisClient::open_listener() {
  auto link = co_await connect_to_any(parts_.loop.now() + options_.timeout);
  if (!link) co_return std::unexpected(link.error());
  co_return std::move((*link)->connection);
}

Task<RedisResult<>> RedisClient::try_out() {
  const Instant deadline = parts_.loop.now() + options_.timeout;
  auto link = co_await connect_to_any(deadline);
  if (!link) co_return std::unexpected(link.error());
  RedisConnection& connection = *(*link)->connection;
  const auto reply = co_await connection.ask({"PING"}, deadline);
  RedisResult<> result;
  if (!reply) {
    result = std::unexpected(reply.error());
  } else if (reply->kind != RedisReply::Kind::status) {
    result = said(connection, *reply);
  }
  co_await connection.close();
  co_return result;
}

Task<void> RedisClient::close() {
  while (!idle_.empty()) {
    const auto link = std::move(idle_.back());
    idle_.pop_back();
    co_await link->connection->close();
  }
}

// ------------------------------------------------------------------------------------------ calls

Task<RedisResult<>> RedisClient::load(Link& link, Instant deadline) {
  RedisConnection& connection = *link.connection;
  auto reply = co_await connection.ask({"FUNCTION", "LOAD", "REPLACE", function_.library()}, deadline);
  if (!reply) co_return std::unexpected(reply.error());
  link.script_hash.clear();
  if (reply->is_error("ERR unknown command")) {  // Redis 6
    reply = co_await connection.ask({"SCRIPT", "LOAD", function_.script()}, deadline);
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->kind == RedisReply::Kind::text) link.script_hash = reply->text;
  }
  if (reply->kind != RedisReply::Kind::text) co_return said(connection, *reply);
  link.loaded = true;
  co_return RedisResult<>();
}

// The first two of the words say how the function is called there.
Task<RedisResult<RedisReply>> RedisClient::call_on(Link& link, bool asking, std::vector<std::string> words,
                                                   Instant deadline) {
  RedisConnection& connection = *link.connection;
  for (bool again = false;; again = true) {
    words[0] = link.script_hash.empty() ? "FCALL" : "EVALSHA";
    words[1] = link.script_hash.empty() ? std::string(function_.name) : link.script_hash;
    if (asking) {
      const auto reply = co_await connection.ask({"ASKING"}, deadline);
      if (!reply) co_return std::unexpected(reply.error());
    }
    auto reply = co_await connection.ask(words, deadline);
    if (!reply) co_return reply;
    const bool unknown = reply->is_error("ERR Function not found") || reply->is_error("NOSCRIPT") ||
                         reply->is_error("ERR unknown command");
    if (!unknown || again) co_return reply;
    const auto loaded = co_await load(link, deadline);
    if (!loaded) co_return std::unexpected(loaded.error());
  }
}

Task<RedisResult<RedisReply>> RedisClient::call_within(std::uint32_t group, const std::vector<std::string>& words,
                                                       Instant deadline) {
  std::optional<ClusterServer> server = moved_[group];
  bool asking = false;
  for (int i = 0; i <= kRedirectionsMax; ++i) {
    auto link = co_await take(server, deadline);
    if (!link) {
      moved_[group].reset();
      home_.reset();
      co_return std::unexpected(link.error());
    }
    auto reply = co_await call_on(**link, asking, words, deadline);
    const ClusterServer from = (*link)->connection->server();
    co_await put_back(*std::move(link));
    if (!reply) {
      moved_[group].reset();
      home_.reset();
      co_return reply;
    }
    if (reply->kind != RedisReply::Kind::error) co_return reply;
    const auto redirection = parse_redirection(*reply, from);
    if (!redirection) {
      // A replica since a moment ago, or one that is loading: the next call looks for another.
      moved_[group].reset();
      home_.reset();
      if (reply->is_error("READONLY")) first_ = (first_ + 1) % options_.servers.size();
      co_return std::unexpected(from.to_string() + ": " + quoted_error(*reply));
    }
    asking = redirection->ask;
    server = redirection->server;
    if (!asking) moved_[group] = server;
  }
  moved_[group].reset();
  co_return std::unexpected("the cluster's nodes redirect to each other");
}

Task<RedisResult<RedisReply>> RedisClient::call(std::uint32_t group, std::vector<std::string> words) {
  if (!co_await enter()) co_return std::unexpected("too many questions wait for the cluster");
  auto reply = co_await call_within(group, words, parts_.loop.now() + options_.timeout);
  leave(!reply);
  co_return reply;
}

}  // namespace sluice::policy

#include "auth/backend/wire.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/io/local_socket.h"

namespace sluice::auth {
namespace {

std::string status_text(const net::Connection& connection, net::IoStatus status) {
  if (status == net::IoStatus::failed && connection.tls() != nullptr && !connection.tls()->error().empty())
    return std::string(connection.tls()->error());
  if (status == net::IoStatus::failed && connection.error() != 0) return std::strerror(connection.error());
  return net::io_status_text(status);
}

}  // namespace

Wire::Wire(std::unique_ptr<net::Connection> connection, std::string server, std::string server_name,
           tls::TlsClientContext* tls)
    : connection_(std::move(connection)), server_(std::move(server)), server_name_(std::move(server_name)), tls_(tls) {}

Task<WireResult<>> Wire::more(Instant deadline) {
  const Instant now = connection_->loop().now();
  if (now >= deadline) co_return std::unexpected(about("did not answer in time"));
  const net::IoStatus status = co_await connection_->more(deadline - now, "an answer of a back end");
  if (status == net::IoStatus::ok) co_return WireResult<>();
  if (status == net::IoStatus::timed_out) co_return std::unexpected(about("did not answer in time"));
  co_return std::unexpected(about(status_text(*connection_, status)));
}

Task<WireResult<std::string>> Wire::line(Instant deadline) {
  Chain& input = connection_->input();
  for (;;) {
    const std::string_view seen = input.flatten_front(std::min(input.size(), kLineBytesMax));
    const std::size_t end = seen.find('\n');
    if (end != std::string_view::npos) {
      std::string line(seen.substr(0, end > 0 && seen[end - 1] == '\r' ? end - 1 : end));
      input.consume(end + 1);
      co_return line;
    }
    if (seen.size() >= kLineBytesMax) co_return std::unexpected(about("sent a line that is too long"));
    if (auto arrived = co_await more(deadline); !arrived) co_return std::unexpected(arrived.error());
  }
}

Task<WireResult<std::string>> Wire::bytes(std::size_t size, Instant deadline) {
  Chain& input = connection_->input();
  while (input.size() < size)
    if (auto arrived = co_await more(deadline); !arrived) co_return std::unexpected(arrived.error());
  std::string bytes(input.flatten_front(size));
  input.consume(size);
  co_return bytes;
}

Task<WireResult<>> Wire::skip_to_end(std::size_t bytes_max, Instant deadline) {
  Chain& input = connection_->input();
  for (std::size_t skipped = 0;;) {
    skipped += input.size();
    input.clear();
    if (skipped > bytes_max) co_return std::unexpected(about("does not come to an end"));
    if (auto arrived = co_await more(deadline); !arrived) {
      if (connection_->ended() && connection_->error() == 0 && input.empty()) co_return WireResult<>();
      co_return std::unexpected(arrived.error());
    }
  }
}

Task<WireResult<>> Wire::start_tls(Instant deadline) {
  CHECK(tls_ != nullptr);
  // It would be taken for what the server says inside TLS (CVE-2011-0411 and its kind).
  if (!connection_->input().empty()) co_return std::unexpected(about("talked in clear behind its consent to TLS"));
  const Instant now = connection_->loop().now();
  if (now >= deadline) co_return std::unexpected(about("did not answer in time"));
  const net::IoStatus status = co_await connection_->start_tls_client(*tls_, server_name_, deadline - now);
  if (status == net::IoStatus::ok) co_return WireResult<>();
  co_return std::unexpected(about("TLS: " + status_text(*connection_, status)));
}

Task<void> Wire::close() { co_await connection_->close(); }

bool Wire::quiet() const {
  return connection_->state() == net::Connection::State::open && !connection_->ended() && connection_->input().empty();
}

// ------------------------------------------------------------------------------------------ where it is

std::expected<EndpointSource, std::string> EndpointSource::make(const BackendOptions& options) {
  EndpointSource source{.options = options, .ca_pem = {}};
  if (options.tls == BackendTls::none) return source;
  const std::string file = options.ca_file.empty() ? std::string(tls::kSystemCaFile) : options.ca_file;
  auto pem = tls::read_ca_file(file);
  if (!pem) return std::unexpected("ca_file: " + pem.error());
  source.ca_pem = *std::move(pem);
  // Each core makes its own: that this one can be made is known from here on.
  const auto context = tls::TlsClientContext::make({.verify = tls::TlsVerify::required, .ca_pem = source.ca_pem});
  if (!context) return std::unexpected("ca_file: " + context.error());
  return source;
}

Endpoint::Endpoint(const BackendParts& parts, const EndpointSource& source) : parts_(parts), options_(source.options) {
  CHECK(!options_.servers.empty());
  if (options_.tls == BackendTls::none) return;
  auto context = tls::TlsClientContext::make({.verify = tls::TlsVerify::required, .ca_pem = source.ca_pem});
  if (context) tls_ = *std::move(context);
}

Task<WireResult<std::unique_ptr<Wire>>> Endpoint::open(Instant deadline) {
  std::string errors;
  for (const BackendServer& server : options_.servers) {
    auto wire = co_await open(server, deadline);
    if (wire) co_return wire;
    errors += (errors.empty() ? "" : "; ") + wire.error();
    if (now() >= deadline) break;
  }
  co_return std::unexpected(std::move(errors));
}

Task<WireResult<std::unique_ptr<Wire>>> Endpoint::open(const BackendServer& server, Instant deadline) {
  auto connection = co_await connect(server, deadline);
  if (!connection) co_return std::unexpected(connection.error());
  const bool local = server.is_path();
  auto wire = std::make_unique<Wire>(*std::move(connection), server.to_string(),
                                     options_.server_name.empty() ? server.host : options_.server_name, tls_.get());
  if (local || options_.tls != BackendTls::implicit) co_return wire;
  std::string error;
  if (tls_ == nullptr) {
    error = wire->about("TLS: out of memory");
  } else if (auto done = co_await wire->start_tls(deadline); !done) {
    error = done.error();
  }
  if (error.empty()) co_return wire;
  co_await wire->close();
  co_return std::unexpected(std::move(error));
}

Task<WireResult<std::unique_ptr<net::Connection>>> Endpoint::connect(const BackendServer& server, Instant deadline) {
  const std::string name = server.to_string();
  if (server.is_path()) {
    const auto socket = io::connect_local(server.host);
    if (!socket) co_return std::unexpected(name + ": " + std::strerror(socket.error()));
    co_return std::make_unique<net::Connection>(parts_.loop, *socket, io::Address());
  }
  auto found = co_await parts_.resolver.look_up(server.host, server.port);
  if (!found) co_return std::unexpected(name + ": " + found.error());
  if (options_.tls == BackendTls::none) {
    std::erase_if(*found, [](const io::Address& address) { return !address.is_loopback(); });
    if (found->empty())
      co_return std::unexpected(name + ": is no loopback address, and passwords go there in TLS alone");
  }
  if (now() >= deadline) co_return std::unexpected(name + ": its name was not found in time");
  auto dialed = co_await parts_.dialer.connect(*std::move(found), deadline - now());
  if (!dialed) co_return std::unexpected(name + ": cannot be reached: " + std::strerror(dialed.error()));
  co_return std::move(dialed->connection);
}

}  // namespace sluice::auth

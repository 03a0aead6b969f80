// A conversation with a back end's server in its own protocol, on the core's ring.  An Endpoint knows where the server
// is and how it is reached; a Wire is one open connection to it.  Each wait has a deadline, each line a bound; errors
// are sentences that name the server, for the operator's log.
//
// In clear only to loopback addresses and UNIX sockets; else the server's certificate is checked.
// One per core; that core's thread only.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/backend.h"
#include "auth/backend/options.h"
#include "engine/net/connection.h"
#include "engine/tls/client_context.h"

namespace sluice::auth {

template <typename Value = void>
using WireResult = std::expected<Value, std::string>;

class Wire {
 public:
  // Of a line that a server sends, its end included.
  static constexpr std::size_t kLineBytesMax = 8192;

  Wire(std::unique_ptr<net::Connection> connection, std::string server, std::string server_name,
       tls::TlsClientContext* tls);
  // Closed before it goes.
  ~Wire() = default;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // The next line without its end (LF or CRLF).
  Task<WireResult<std::string>> line(Instant deadline);
  // So many bytes.
  Task<WireResult<std::string>> bytes(std::size_t size, Instant deadline);
  // Drops what comes until the server ends the connection, at most so many bytes.
  Task<WireResult<>> skip_to_end(std::size_t bytes_max, Instant deadline);
  // Queued; what is sent in one turn goes out together.
  void write(std::string_view text) { connection_->write(text); }
  // Goes on in TLS; what the server has said in clear behind its consent is an error.
  Task<WireResult<>> start_tls(Instant deadline);
  // Ends what waits for the server, with an error.  close() is still due.
  void terminate() { connection_->terminate(); }
  // Without waiting for the server.  Once.
  Task<void> close();

  // Nothing unread, and the server has not hung up: it can be used again.
  [[nodiscard]] bool quiet() const;
  // The server has said all that it will say, though not all of it may have been read.
  [[nodiscard]] bool ended() const { return connection_->ended(); }
  [[nodiscard]] bool in_tls() const { return connection_->tls() != nullptr; }
  [[nodiscard]] const std::string& server() const { return server_; }
  // A sentence about this server.
  [[nodiscard]] std::string about(std::string_view what) const { return server_ + ": " + std::string(what); }

 private:
  Task<WireResult<>> more(Instant deadline);
  std::unique_ptr<net::Connection> connection_;
  std::string server_;
  std::string server_name_;
  tls::TlsClientContext* tls_;
};

// What the process keeps of an endpoint: its settings and the authorities that it trusts.  Read at the start.
struct EndpointSource {
  BackendOptions options;
  std::string ca_pem;
  // The error is a sentence.
  [[nodiscard]] static std::expected<EndpointSource, std::string> make(const BackendOptions& options);
};

class Endpoint {
 public:
  Endpoint(const BackendParts& parts, const EndpointSource& source);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // A connection to the first server that takes one; in TLS where that is implicit.
  Task<WireResult<std::unique_ptr<Wire>>> open(Instant deadline);
  [[nodiscard]] const BackendOptions& options() const { return options_; }
  [[nodiscard]] Instant now() const { return parts_.loop.now(); }

 private:
  Task<WireResult<std::unique_ptr<Wire>>> open(const BackendServer& server, Instant deadline);
  Task<WireResult<std::unique_ptr<net::Connection>>> connect(const BackendServer& server, Instant deadline);

  BackendParts parts_;
  BackendOptions options_;
  std::unique_ptr<tls::TlsClientContext> tls_;
};

}  // namespace sluice::auth

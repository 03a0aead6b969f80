// What the TLS tests share: a clock that stands still, certificates in memory, two ends that talk
// without a socket, and a client made of bare wolfSSL that can be set to do what an honest one
// does not.  Tests only; one thread.
#pragma once

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/ssl.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tls/certificates.h"
#include "engine/tls/client_context.h"
#include "engine/tls/context.h"
#include "engine/tls/self_signed.h"
#include "engine/tls/tls.h"

namespace sluice::tls::testing {

// Parts of a ClientHello (RFC 8446 section 3 and 4.2): a number in network order, bytes behind their length, an
// extension.
inline std::string number(std::size_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
  return out;
}
inline std::string counted(std::string_view bytes, int length_bytes) {
  return number(bytes.size(), length_bytes).append(bytes);
}
inline std::string extension(std::size_t type, std::string_view body) { return number(type, 2) + counted(body, 2); }

// What wolfSSL checks certificates' dates by.
inline WallMillis real_now() { return WallMillis{1'000} * std::time(nullptr); }

class StoppedClock final : public io::Clock {
 public:
  Instant now() override { return now_; }
  WallMillis wall() override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }
  Instant now_{std::chrono::hours(100)};
  WallMillis wall_ = real_now();
};

class SeededRandom final : public io::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

class MemorySource final : public CertificateSource {
 public:
  struct Entry {
    CertificateFiles files;
    std::uint64_t version = 0;
    // Pair 1.
    std::optional<CertificateFiles> second;
    std::uint64_t second_version = 0;
    std::optional<std::string> policy_url;
  };
  std::expected<CertificateFiles, std::string> read(std::string_view host, std::size_t pair) override;
  std::expected<std::string, std::string> read_policy_url(std::string_view host) override;
  std::optional<HostStamp> stamp(std::string_view host) override;
  [[nodiscard]] std::vector<std::string> list() override;
  void put(const std::string& host, SelfSigned made);
  // A certificate for the host's own name (`*.` for `_.`), made once for the whole program.
  void put(const std::string& host);

  std::map<std::string, Entry, std::less<>> hosts;
  int reads = 0;
  int stamps = 0;
};

// The same certificate each time that it is asked for.
const SelfSigned& certificate_for(const std::string& name);

// One listener on one core.  Its hosts: mx.example.com (the default), a.example.com, b.example.com,
// and a wildcard for example.org.
struct Listener {
  explicit Listener(std::string name = "submission", std::uint64_t secret_seed = 1, bool tickets = true,
                    bool channel_binding = false, std::string client_ca_pem = {});
  std::unique_ptr<TlsSession> accept() { return TlsSession::server(context); }
  StoppedClock clock;
  SeededRandom random{7};
  MemorySource source;
  std::vector<std::string> faults;
  CertificateStore certificates;
  TicketKeys keys;
  TlsContext context;
};

std::string drain(Chain& chain);
// What a connection does: a server that has to look for certificates gets them at once.
TlsState feed(TlsSession& session, std::string_view bytes, Chain& plaintext);
// Gives each what the other says until both are silent; `piece` bytes at a time.  What arrives as
// plaintext is added.
struct TlsTalk {
  std::string server;
  std::string client;
};
TlsTalk talk(TlsSession& server, TlsSession& client, std::size_t piece = SIZE_MAX);

class RawClient {
 public:
  struct Options {
    int version = 0;  // WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3, or either
    std::string sni;
    const char* ciphers = nullptr;
    WOLFSSL_SESSION* resume = nullptr;
  };
  explicit RawClient(const Options& options);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // Handshakes, or goes as far as it can; then reads.  True when the handshake is done.
  bool step();
  void write(std::string_view text);
  bool resumed() const { return wolfSSL_session_reused(ssl) != 0; }
  WOLFSSL_SESSION* session() const { return wolfSSL_get1_session(ssl); }

  WOLFSSL_CTX* context = nullptr;
  WOLFSSL* ssl = nullptr;
  std::string to_server;
  std::string from_server;
  std::string heard;
  bool done = false;
};
// Returns what the server heard.
std::string talk(TlsSession& server, RawClient& client, std::size_t piece = SIZE_MAX);

}  // namespace sluice::tls::testing

// Checks of TLS, for any bytes from a stranger: the ClientHello reader gives the same answer
// however they are cut, and needs more only within its bound; a server session never opens without
// a handshake, never yields plaintext, and its answer is bounded. The first byte says where the
// rest is cut in two.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/tls/context.h"
#include "engine/tls/hello.h"
#include "engine/tls/limits.h"
#include "engine/tls/self_signed.h"
#include "engine/tls/tls.h"

namespace {

using namespace sluice::tls;  // NOLINT(google-build-using-namespace): a fuzzer is one file

constexpr sluice::WallMillis kNow = 1'800'000'000'000;

class StoppedClock final : public sluice::io::Clock {
 public:
  sluice::Instant now() override { return {}; }
  sluice::WallMillis wall() override { return kNow; }
};

class NoRandom final : public sluice::io::Random {
 public:
  void fill(std::span<std::byte> bytes) override { std::memset(bytes.data(), 1, bytes.size()); }
};

class OneHost final : public CertificateSource {
 public:
  OneHost() {
    auto made = make_self_signed(std::array{std::string("mx.example.com")}, kNow);
    CHECK(made.has_value());
    made_ = std::move(*made);
  }
  std::expected<CertificateFiles, std::string> read(std::string_view /*host*/, std::size_t /*pair*/) override {
    return CertificateFiles{made_.certificate_pem, made_.key_pem, "chain", "key"};
  }
  std::expected<std::string, std::string> read_policy_url(std::string_view /*host*/) override {
    return std::unexpected("none");
  }
  std::optional<HostStamp> stamp(std::string_view host) override {
    // What reaches a source is a clean name, whatever was asked for.
    CHECK(clean_host_name(host.starts_with("_.") ? host.substr(2) : host).has_value());
    if (host != "mx.example.com") return std::nullopt;
    return HostStamp{.pairs = {CertificateStamp{}}, .policy_url = std::nullopt};
  }

 private:
  SelfSigned made_;
};

struct World {
  StoppedClock clock;
  NoRandom random;
  OneHost source;
  CertificateStore store{source, {.default_host = "mx.example.com"}, clock, [](auto, auto) {}};
  TicketKeys keys{TicketSecret{}, clock, random};
  TlsContext context{{.listener = "fuzz"}, store, keys};
};

void check_hello(std::string_view bytes, std::size_t cut) {
  const ClientHello whole = read_client_hello(bytes);
  const ClientHello part = read_client_hello(bytes.substr(0, cut));
  if (part.result == HelloResult::bad) CHECK(whole.result == HelloResult::bad);
  if (part.result == HelloResult::done)
    CHECK(whole.result == HelloResult::done && whole.server_name == part.server_name);
  if (whole.result == HelloResult::need_more) CHECK(bytes.size() < 2 * kTlsClientHelloBytesMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t cut = bytes.size() * data[0] / 255;
  check_hello(bytes, cut);
  auto session = TlsSession::server(world.context);
  sluice::Chain plaintext;
  session->feed(bytes.substr(0, cut), plaintext);
  // The connection gets these from a worker: before the rest comes, or after it.
  const auto look_up = [&] {
    if (session->needs_certificates() && session->state() == TlsState::handshaking)
      session->certificates_found(world.store.find(session->sni()));
  };
  if ((data[0] & 1) != 0) look_up();
  session->feed(bytes.substr(cut), plaintext);
  look_up();
  CHECK(session->state() == TlsState::handshaking || session->state() == TlsState::failed);
  CHECK(plaintext.empty());
  CHECK(session->outgoing().size() < 8'192);
  CHECK((session->state() == TlsState::failed) == !session->error().empty());
  return 0;
}

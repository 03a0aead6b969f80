#include "tests/unit/tls/tls_fixture.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::tls::testing {
namespace {

TicketSecret secret_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return make_ticket_secret(random);
}

WOLFSSL_METHOD* method_of(int version) {
  if (version == WOLFSSL_TLSV1_2) return wolfTLSv1_2_client_method();
  if (version == WOLFSSL_TLSV1_3) return wolfTLSv1_3_client_method();
  return wolfSSLv23_client_method();
}

int raw_receive(WOLFSSL* /*ssl*/, char* buffer, int size, void* of) {
  std::string& bytes = static_cast<RawClient*>(of)->from_server;
  if (bytes.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const std::size_t taken = std::min(bytes.size(), static_cast<std::size_t>(size));
  std::ranges::copy_n(bytes.data(), static_cast<std::ptrdiff_t>(taken), buffer);
  bytes.erase(0, taken);
  return static_cast<int>(taken);
}

int raw_send(WOLFSSL* /*ssl*/, char* bytes, int size, void* of) {
  static_cast<RawClient*>(of)->to_server.append(bytes, static_cast<std::size_t>(size));
  return size;
}

void feed_in_pieces(TlsSession& session, std::string_view bytes, std::size_t piece, Chain& plaintext) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    feed(session, bytes.substr(0, piece), plaintext);
}

}  // namespace

TlsState feed(TlsSession& session, std::string_view bytes, Chain& plaintext) {
  const TlsState state = session.feed(bytes, plaintext);
  if (state != TlsState::handshaking || !session.needs_certificates()) return state;
  return session.certificates_found(session.certificate_store().find(session.sni()));
}

std::expected<CertificateFiles, std::string> MemorySource::read(std::string_view host, std::size_t pair) {
  ++reads;
  const auto found = hosts.find(host);
  if (found == hosts.end()) return std::unexpected(std::string(host) + ": gone");
  if (pair == 0) return found->second.files;
  if (pair == 1 && found->second.second) return *found->second.second;
  return std::unexpected(std::string(host) + ": has no such pair");
}

std::expected<std::string, std::string> MemorySource::read_policy_url(std::string_view host) {
  const auto found = hosts.find(host);
  if (found == hosts.end() || !found->second.policy_url) return std::unexpected(std::string(host) + ": gone");
  return *found->second.policy_url;
}

std::vector<std::string> MemorySource::list() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : hosts) names.push_back(name);
  return names;
}

std::optional<HostStamp> MemorySource::stamp(std::string_view host) {
  ++stamps;
  const auto found = hosts.find(host);
  if (found == hosts.end()) return std::nullopt;
  const Entry& entry = found->second;
  HostStamp stamp{.pairs = {CertificateStamp{.value = {entry.version}}}, .policy_url = std::nullopt};
  if (entry.second) stamp.pairs[1] = CertificateStamp{.value = {entry.second_version}};
  if (entry.policy_url) stamp.policy_url = CertificateStamp{.value = {std::hash<std::string>()(*entry.policy_url)}};
  return stamp;
}

void MemorySource::put(const std::string& host, SelfSigned made) {
  Entry& entry = hosts[host];
  entry.files = {.chain_pem = std::move(made.certificate_pem),
                 .key_pem = std::move(made.key_pem),
                 .chain_name = host + "/fullchain.pem",
                 .key_name = host + "/privkey.pem"};
  ++entry.version;
}

void MemorySource::put(const std::string& host) {
  put(host, certificate_for(host.starts_with("_.") ? "*" + host.substr(1) : host));
}

const SelfSigned& certificate_for(const std::string& name) {
  static std::map<std::string, SelfSigned> made;
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  auto fresh = make_self_signed(std::array{name}, real_now());
  CHECK(fresh.has_value());
  return made.emplace(name, std::move(*fresh)).first->second;
}

Listener::Listener(std::string name, std::uint64_t secret_seed, bool tickets, bool channel_binding,
                   std::string client_ca_pem)
    : certificates(source, {.default_host = "mx.example.com"}, clock,
                   [this](std::string_view host, std::string_view error) {
                     faults.push_back(std::string(host) + ": " + std::string(error));
                   }),
      keys(secret_of(secret_seed), clock, random),
      context({.listener = std::move(name),
               .tickets = tickets,
               .channel_binding = channel_binding,
               .client_ca_pem = std::move(client_ca_pem)},
              certificates, keys) {
  for (const char* host : {"mx.example.com", "a.example.com", "b.example.com", "_.example.org"}) source.put(host);
}

std::string drain(Chain& chain) {
  std::string bytes = chain.to_string();
  chain.clear();
  return bytes;
}

TlsTalk talk(TlsSession& server, TlsSession& client, std::size_t piece) {
  Chain server_heard;
  Chain client_heard;
  while (!server.outgoing().empty() || !client.outgoing().empty()) {
    feed_in_pieces(server, drain(client.outgoing()), piece, server_heard);
    feed_in_pieces(client, drain(server.outgoing()), piece, client_heard);
  }
  return {.server = server_heard.to_string(), .client = client_heard.to_string()};
}

RawClient::RawClient(const Options& options) {
  CHECK(wolfSSL_Init() == WOLFSSL_SUCCESS);
  context = wolfSSL_CTX_new(method_of(options.version));
  CHECK(context != nullptr);
  wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, nullptr);
  wolfSSL_CTX_SetIORecv(context, &raw_receive);
  wolfSSL_CTX_SetIOSend(context, &raw_send);
  if (options.ciphers != nullptr) CHECK(wolfSSL_CTX_set_cipher_list(context, options.ciphers) == WOLFSSL_SUCCESS);
  ssl = wolfSSL_new(context);
  CHECK(ssl != nullptr);
  wolfSSL_SetIOReadCtx(ssl, this);
  wolfSSL_SetIOWriteCtx(ssl, this);
  wolfSSL_UseSessionTicket(ssl);
  if (!options.sni.empty())
    CHECK(wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, options.sni.data(),
                         static_cast<unsigned short>(options.sni.size())) == WOLFSSL_SUCCESS);
  if (options.resume != nullptr) CHECK(wolfSSL_set_session(ssl, options.resume) == WOLFSSL_SUCCESS);
}

RawClient::~RawClient() {
  wolfSSL_free(ssl);
  wolfSSL_CTX_free(context);
}

bool RawClient::step() {
  if (!done) done = wolfSSL_connect(ssl) == WOLFSSL_SUCCESS;
  if (!done) return false;
  std::array<char, 20'000> buffer{};
  for (int size = 1; size > 0;) {
    size = wolfSSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()));
    if (size > 0) heard.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return true;
}

void RawClient::write(std::string_view text) {
  CHECK(wolfSSL_write(ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
}

std::string talk(TlsSession& server, RawClient& client, std::size_t piece) {
  Chain server_heard;
  client.step();
  while (!client.to_server.empty() || !server.outgoing().empty()) {
    feed_in_pieces(server, std::exchange(client.to_server, {}), piece, server_heard);
    client.from_server += drain(server.outgoing());
    client.step();
  }
  return server_heard.to_string();
}

}  // namespace sluice::tls::testing

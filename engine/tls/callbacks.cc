// What wolfSSL calls: for bytes, with bytes, and for tickets.
#include <algorithm>
#include <cstring>
#include <string>

#include "engine/tls/context.h"
#include "engine/tls/library.h"
#include "engine/tls/tls.h"

namespace sluice::tls {
namespace {

static_assert(TicketKeys::kNameBytes == WOLFSSL_TICKET_NAME_SZ);
static_assert(TicketKeys::kIvBytes == WOLFSSL_TICKET_IV_SZ);
static_assert(TicketKeys::kTagBytes == WOLFSSL_TICKET_MAC_SZ);

// What a ticket is good for.  A clean host name holds no line feed, so no two pairs read the same.
std::string ticket_scope(std::string_view name, std::string_view listener) {
  std::string scope(name);
  scope += '\n';
  scope += listener;
  return scope;
}

template <std::size_t kSize>
std::span<std::byte, kSize> bytes_of(
    unsigned char* start) {  // NOLINT(readability-non-const-parameter): its bytes are not
  return std::span<std::byte, kSize>(reinterpret_cast<std::byte*>(start), kSize);
}

}  // namespace

int TlsCallbacks::receive(WOLFSSL* /*ssl*/, char* buffer, int size, void* of) {
  auto& session = *static_cast<TlsSession*>(of);
  if (session.input_.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const std::size_t taken = std::min(session.input_.size(), static_cast<std::size_t>(size));
  std::memcpy(buffer, session.input_.data(), taken);
  session.records_.take(session.input_.substr(0, taken));
  if (session.state_ == TlsState::handshaking) session.handshake_bytes_ += static_cast<std::uint32_t>(taken);
  session.input_.remove_prefix(taken);
  if (session.over_limit() != nullptr) return WOLFSSL_CBIO_ERR_GENERAL;
  return static_cast<int>(taken);
}

// Always takes everything: what cannot be sent yet waits in the chain, and wolfSSL never has to try
// again.
int TlsCallbacks::send(WOLFSSL* /*ssl*/, char* bytes, int size, void* of) {
  Chain& outgoing = static_cast<TlsSession*>(of)->outgoing_;
  const auto count = static_cast<std::size_t>(size);
  std::memcpy(outgoing.reserve(count).data(), bytes, count);
  outgoing.commit(count);
  return size;
}

// A certificate that is good for no login is no reason to break off: its client may have come to log in by password.
// The handshake then still breaks off where the library cannot read the certificate, has no such kind of key, or finds
// the chain too long (kTlsChainDepthMax): the client could not be shown to have the key.
int TlsCallbacks::client_certificate(int /*good*/, WOLFSSL_X509_STORE_CTX* chain) {
  auto& session = *static_cast<TlsSession*>(chain->userCtx);
  session.client_chain_came_ = true;
  if (chain->error_depth == 0 && chain->totalCerts > 0)
    session.client_leaf_.assign(reinterpret_cast<const char*>(chain->certs[0].buffer), chain->certs[0].length);
  return 1;
}

int TlsCallbacks::ticket(WOLFSSL* ssl, unsigned char* name, unsigned char* iv, unsigned char* mac, int encrypt,
                         unsigned char* bytes, int size, int* size_out, void* /*unused*/) {
  auto& session = *static_cast<TlsSession*>(wolfSSL_GetIOReadCtx(ssl));
  TlsContext& context = *session.server_context_;
  if (!context.options_.tickets) return WOLFSSL_TICKET_RET_REJECT;
  const std::string scope = ticket_scope(session.sni_, context.options_.listener);
  const std::span<std::byte> body(reinterpret_cast<std::byte*>(bytes), static_cast<std::size_t>(size));
  const auto name_bytes = bytes_of<TicketKeys::kNameBytes>(name);
  const auto iv_bytes = bytes_of<TicketKeys::kIvBytes>(iv);
  const auto tag_bytes = bytes_of<TicketKeys::kTagBytes>(mac);
  *size_out = size;
  if (encrypt != 0) {
    const bool sealed = context.tickets_.seal(scope, body, name_bytes, iv_bytes, tag_bytes);
    return sealed ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_FATAL;
  }
  switch (context.tickets_.open(scope, body, name_bytes, iv_bytes, tag_bytes)) {
    case TicketKeys::Opened::good:
      return WOLFSSL_TICKET_RET_OK;
    case TicketKeys::Opened::good_but_renew:
      // TLS 1.3 sends a new one in any case, and wolfSSL would take this answer for a refusal
      // there.
      return wolfSSL_version(ssl) == TLS1_3_VERSION ? WOLFSSL_TICKET_RET_OK : WOLFSSL_TICKET_RET_CREATE;
    case TicketKeys::Opened::refused:
      return WOLFSSL_TICKET_RET_REJECT;
  }
  return WOLFSSL_TICKET_RET_REJECT;
}

}  // namespace sluice::tls

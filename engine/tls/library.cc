#include "engine/tls/library.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "engine/base/check.h"
#include "engine/tls/library_version.h"
#include "engine/tls/limits.h"
#include "engine/tls/session_memory.h"
#include "engine/tls/tickets.h"

namespace sluice::tls {
namespace {

// Forward secrecy and authenticated encryption, nothing else.  Ours is the order that counts:
// AES-128 first, the fastest where there are instructions for it.
constexpr const char* kCiphers =
    "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// wolfSSL keeps its own state for the whole process, so it is started once and never stopped.
void start_library() {
  static const bool started = [] {
    count_session_memory();
    return wolfSSL_Init() == WOLFSSL_SUCCESS;
  }();
  CHECK(started);
}

WolfsslContext configure(WOLFSSL_METHOD* method) {
  WolfsslContext context(wolfSSL_CTX_new(method));
  if (!context) return nullptr;
  WOLFSSL_CTX* raw = context.get();
  std::array<int, kTlsGroups.size()> groups{};
  std::ranges::copy(kTlsGroups, groups.begin());
  constexpr auto ticket_life = std::chrono::duration_cast<std::chrono::seconds>(2 * kTicketKeyLife);
  CHECK(wolfSSL_CTX_SetMinVersion(raw, wolfssl_version(TlsVersion::tls_1_2)) == WOLFSSL_SUCCESS);
  CHECK(wolfSSL_CTX_set_cipher_list(raw, kCiphers) == WOLFSSL_SUCCESS);
  CHECK(wolfSSL_CTX_set_groups(raw, groups.data(), groups.size()) == WOLFSSL_SUCCESS);
  // The library's own cache is one for the process, behind a lock, and keyed by neither listener nor
  // name: a session in it could be resumed anywhere.  Only our tickets resume.
  CHECK(wolfSSL_CTX_set_session_cache_mode(raw, WOLFSSL_SESS_CACHE_OFF) == WOLFSSL_SUCCESS);
  CHECK(wolfSSL_CTX_set_timeout(raw, static_cast<unsigned>(ticket_life.count())) == WOLFSSL_SUCCESS);
  wolfSSL_CTX_set_verify_depth(raw, kTlsChainDepthMax);
  wolfSSL_CTX_SetIORecv(raw, &TlsCallbacks::receive);
  wolfSSL_CTX_SetIOSend(raw, &TlsCallbacks::send);
  return context;
}

}  // namespace

WolfsslContext make_server_wolfssl() {
  start_library();
  WolfsslContext context = configure(wolfSSLv23_server_method());
  if (!context) return nullptr;
  constexpr auto hint = std::chrono::duration_cast<std::chrono::seconds>(kTicketLifeMin);
  wolfSSL_CTX_set_verify(context.get(), WOLFSSL_VERIFY_NONE, nullptr);
  CHECK(wolfSSL_CTX_set_TicketEncCb(context.get(), &TlsCallbacks::ticket) == WOLFSSL_SUCCESS);
  CHECK(wolfSSL_CTX_set_TicketHint(context.get(), static_cast<int>(hint.count())) == WOLFSSL_SUCCESS);
  return context;
}

WolfsslContext make_client_wolfssl() {
  start_library();
  return configure(wolfSSLv23_client_method());
}

int wolfssl_version(TlsVersion version) { return version == TlsVersion::tls_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2; }

std::string tls_library_version() { return wolfSSL_lib_version(); }

std::string wolfssl_error_text(int code) {
  std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(code), text.data(), text.size());
  return std::string(text.data()) + " (" + std::to_string(code) + ")";
}

std::string alert_text(int alert) {
  struct Name {
    int code;
    const char* text;
  };
  static constexpr Name kNames[] = {
      {10, "unexpected_message"},
      {20, "bad_record_mac"},
      {22, "record_overflow"},
      {40, "handshake_failure"},
      {42, "bad_certificate"},
      {43, "unsupported_certificate"},
      {44, "certificate_revoked"},
      {45, "certificate_expired"},
      {46, "certificate_unknown"},
      {47, "illegal_parameter"},
      {48, "unknown_ca"},
      {49, "access_denied"},
      {50, "decode_error"},
      {51, "decrypt_error"},
      {70, "protocol_version"},
      {71, "insufficient_security"},
      {80, "internal_error"},
      {86, "inappropriate_fallback"},
      {90, "user_canceled"},
      {100, "no_renegotiation"},
      {109, "missing_extension"},
      {110, "unsupported_extension"},
      {112, "unrecognized_name"},
      {116, "certificate_required"},
      {120, "no_application_protocol"},
  };
  for (const Name& name : kNames)
    if (name.code == alert) return name.text;
  return "alert " + std::to_string(alert);
}

}  // namespace sluice::tls

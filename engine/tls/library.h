// The one place that sets wolfSSL up: which versions and ciphers, what it calls back, how its
// errors read. Used by the TLS files only.  Any thread; what it makes belongs to the caller.
#pragma once

#include <wolfssl/options.h>
// options.h comes first.
#include <wolfssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/tls_version.h"

namespace sluice::tls {

// As wolfSSL takes bytes.
inline unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
inline const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
inline const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

struct WolfsslDeleter {
  void operator()(WOLFSSL_CTX* context) const { wolfSSL_CTX_free(context); }
};
using WolfsslContext = std::unique_ptr<WOLFSSL_CTX, WolfsslDeleter>;

// Null when memory is short.
WolfsslContext make_server_wolfssl();
WolfsslContext make_client_wolfssl();

// As wolfSSL numbers it.
int wolfssl_version(TlsVersion version);

// What an error code means, without the library's name around it.
std::string wolfssl_error_text(int code);
// RFC 8446 section 6: "unknown_ca"; "alert 200" for one without a name.
std::string alert_text(int alert);

// What wolfSSL calls; `session` below is the TlsSession of the connection.  Defined in
// tls_callbacks.cc.
struct TlsCallbacks {
  static int receive(WOLFSSL* ssl, char* buffer, int size, void* session);
  static int send(WOLFSSL* ssl, char* bytes, int size, void* session);
  static int ticket(WOLFSSL* ssl, unsigned char* name, unsigned char* iv, unsigned char* mac, int encrypt,
                    unsigned char* bytes, int size, int* size_out, void* unused);
  // Of a server that asks for certificates: takes any, as the session checks them itself (ClientAuthority).
  static int client_certificate(int good, WOLFSSL_X509_STORE_CTX* chain);
};

}  // namespace sluice::tls

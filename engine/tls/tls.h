// One TLS connection, as a machine without a socket: ciphertext is fed in, plaintext comes out, and
// what must go to the peer gathers in outgoing().  TLS 1.2 and 1.3.
// An idle session costs about 4 KB, one that shakes hands up to 12 KB, and one whose ClientHello has
// not come yet only what came of it (tests/unit/tls/memory_test.cc holds it to that).
// Owned by its Connection; the thread of its core only.  Its context must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/task.h"
#include "engine/base/tls_facts.h"
#include "engine/tls/hello.h"

// wolfSSL's own, so that none of its headers is needed to hold a TlsSession.
struct WOLFSSL;
struct WOLFSSL_CTX;

namespace sluice::tls {

class TlsContext;          // tls_context.h
class TlsClientContext;    // tls_client_context.h
class CertificateStore;    // certificates.h
struct HostCertificates;   // certificate.h
struct ClientCertificate;  // client_authority.h

enum class TlsState : std::uint8_t {
  handshaking,
  open,
  closed,  // the peer said close_notify, or close() was called; nothing more can be read or written
  failed,  // error() says why; the alert that tells the peer, if one is due, is in outgoing()
};

class TlsSession {
 public:
  // Waits for a ClientHello.  Until it is there in full nothing is allocated but the bytes
  // received.
  static std::unique_ptr<TlsSession> server(TlsContext& context);
  // The ClientHello is in outgoing() at once.  `server_name` is sent as SNI (unless it is an IP
  // address) and, where the context verifies, is what the certificate must be for.
  static std::unique_ptr<TlsSession> client(TlsClientContext& context, std::string_view server_name);

  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  // Takes all of `ciphertext`, appends the plaintext it held to `plaintext` (never more bytes than
  // were fed and not yet returned) and replies, if any, to outgoing().  Once the state is closed or
  // failed, input is dropped.
  TlsState feed(std::string_view ciphertext, Chain& plaintext);

  // Server: the ClientHello is there, and the files of the name that it asks for have to be looked at, which may block:
  // certificate_store().find(sni()) is to be called on a worker, and what it gives handed to
  // certificates_found().  What is fed meanwhile is kept.  The task that calls it is one of searches(): it may outlast
  // the session.
  [[nodiscard]] bool needs_certificates() const { return needs_certificates_; }
  [[nodiscard]] CertificateStore& certificate_store() const;
  [[nodiscard]] TaskSet& searches() const;
  // Null: there are none.  What was loaded before is taken where no worker can be had.
  TlsState certificates_found(const std::shared_ptr<const HostCertificates>& found);

  // Encrypts all of it into outgoing(), at most 16 KB to a record.  Only when open.
  TlsState write(std::string_view plaintext);

  // Says close_notify, unless it was sent or there is no peer any more.  Output only; the peer's
  // answer is not waited for.
  void close();

  // What the peer is owed.  The caller sends it, front first, and calls neither feed() nor write()
  // while more waits here than it is ready to hold: both only append.
  Chain& outgoing() { return outgoing_; }

  [[nodiscard]] TlsState state() const { return state_; }
  // Valid once open: "TLSv1.3", "TLS_AES_128_GCM_SHA256".
  [[nodiscard]] const char* version() const;
  [[nodiscard]] const char* cipher() const;
  // Whether a ticket was taken.
  [[nodiscard]] bool resumed() const;
  // Client: the peer's certificate was checked for server_name and is good.
  [[nodiscard]] bool verified() const { return verified_; }
  // For the log.  Valid once open.
  [[nodiscard]] TlsFacts facts() const;
  // Server: the name that the client asked for, lower-cased; empty when none or not a host name.
  // Client: the name that was asked for.
  [[nodiscard]] std::string_view sni() const { return sni_; }
  // For tests.  Server: the host whose certificate is shown (a name from the certificate directory).
  [[nodiscard]] std::string_view host() const;
  // Server: the host name that the client reached us by, where the certificate is one for it and none that is shown for
  // want of another; and that host's policy page.  Empty: there is none.
  [[nodiscard]] std::string_view reached_as() const;
  [[nodiscard]] std::string_view policy_url() const;
  // Server, once open in TLS 1.3, where the context has it: the channel binding tls-exporter (RFC 9266); else empty.
  [[nodiscard]] std::string_view channel_binding() const { return channel_binding_; }
  // Server, once open: what the client has shown, good or not, and proven to have the key of.  Null: nothing, or the
  // context asks for nothing.
  [[nodiscard]] const ClientCertificate* client_certificate() const { return client_certificate_.get(); }
  // Why the session failed, in words for the log; empty otherwise.  Holds no bytes of the peer's.
  [[nodiscard]] std::string_view error() const { return error_; }

 private:
  friend struct TlsCallbacks;  // what wolfSSL calls

  // Follows the record layer as bytes go by, so that what a peer may send is counted before it is
  // decrypted.
  struct RecordCounter {
    std::uint32_t header_bytes = 0;  // of the header being gathered
    std::uint32_t body_left = 0;
    std::uint32_t idle = 0;        // records since the last plaintext
    std::uint32_t idle_total = 0;  // earlier records that brought none
    std::uint8_t length_high = 0;
    void take(std::string_view bytes);
    void plaintext_came();
  };

  TlsSession();
  void start_server();
  void start_client(std::string_view server_name);
  void show_certificate();
  bool attach(WOLFSSL* session);
  bool expect_name(std::string_view server_name);
  void handshake();
  void opened();
  void take_channel_binding();
  void take_client_certificate();
  void read_all(Chain& plaintext);
  const char* over_limit() const;  // null when within all limits
  void fail(std::string why);
  void fail_with_alert(std::string why, std::uint8_t alert);
  void fail_wolfssl(int result, std::string_view doing);

  WOLFSSL* session_ = nullptr;
  TlsContext* server_context_ = nullptr;  // one of these two is set
  TlsClientContext* client_context_ = nullptr;
  std::shared_ptr<const HostCertificates> host_;  // the server's, once found
  Chain outgoing_;
  std::string_view input_;  // what the receive callback may take; empty outside feed()
  std::string hello_;       // a ClientHello still in pieces, or what came while certificates are looked for; then empty
  RecordCounter records_;
  std::uint32_t handshake_bytes_ = 0;
  KeyKinds keys_;  // server: of certificates that the client takes
  TlsState state_ = TlsState::handshaking;
  bool needs_certificates_ = false;
  bool close_sent_ = false;
  bool verified_ = false;
  bool client_chain_came_ = false;
  std::string sni_;
  std::string channel_binding_;
  std::string client_leaf_;  // the certificate as it came, until the handshake is over
  std::unique_ptr<const ClientCertificate> client_certificate_;
  std::string error_;
};

}  // namespace sluice::tls

// What the TLS sessions of one listener have in common: where their certificates come from and
// whose tickets they take. One per listener and core, so that cores share nothing; that core's
// thread only.  Outlives its sessions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/task.h"
#include "engine/base/tls_version.h"
#include "engine/tls/certificates.h"
#include "engine/tls/client_authority.h"
#include "engine/tls/tickets.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

namespace sluice::tls {

struct TlsContextOptions {
  // The listener's name, the same on every core.  Tickets are bound to it and to the name that the
  // client asked for: elsewhere they do not resume anything.
  std::string listener;
  bool tickets = true;
  bool channel_binding = false;                  // computed for each session of TLS 1.3
  TlsVersion min_version = TlsVersion::tls_1_2;  // a client that has none from here on is refused
  // Not empty: clients are asked for a certificate of one of these authorities (PEM, which ClientAuthority takes), and
  // go on without one.  Nothing is resumed then, whatever `tickets` says: a ticket would outlive the certificate.
  std::string client_ca_pem = {};
};

class TlsContext {
 public:
  // The store and the keys are the core's; both outlive the context.
  TlsContext(TlsContextOptions options, CertificateStore& certificates, TicketKeys& tickets);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();
  // What looks for certificates on a worker, which may outlast the handshake that asked for them.
  TaskSet& searches() { return searches_; }
  // Waits for these.  No session is begun any more.
  Task<void> close() { return searches_.join("certificates"); }

 private:
  friend class TlsSession;
  friend struct TlsCallbacks;
  // A session of the library's that shows `certificate`; null when memory is short.  The library has a context for each
  // kind of key, made of the first certificate of that kind, and each session its own certificate and key until its
  // handshake is over: a context for each certificate would be most of what a host costs in memory.
  WOLFSSL* make_session(const Certificate& certificate);
  WOLFSSL_CTX* context_for(const Certificate& certificate);
  // The library keeps authorities that clients send for the next handshakes.
  void forget_client_chains();

  TlsContextOptions options_;
  CertificateStore& certificates_;
  TicketKeys& tickets_;
  TaskSet searches_;
  std::unique_ptr<const ClientAuthority> client_authority_;  // null: no client is asked for a certificate
  std::array<WOLFSSL_CTX*, kKeyKinds> contexts_{};           // owned
};

}  // namespace sluice::tls

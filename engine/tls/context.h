// What the TLS sessions of one listener have in common: where their certificates come from and
// whose tickets they take. One per listener and core, so that cores share nothing; that core's
// thread only.  Outlives its sessions.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/tls_version.h"
#include "engine/tls/certificates.h"
#include "engine/tls/tickets.h"

namespace sluice::tls {

struct TlsContextOptions {
  // The listener's name, the same on every core.  Tickets are bound to it and to the name that the
  // client asked for: elsewhere they do not resume anything.
  std::string listener;
  bool tickets = true;
  bool channel_binding = false;                  // computed for each session of TLS 1.3
  TlsVersion min_version = TlsVersion::tls_1_2;  // a client that has none from here on is refused
};

class TlsContext {
 public:
  // The store and the keys are the core's; both outlive the context.
  TlsContext(TlsContextOptions options, CertificateStore& certificates, TicketKeys& tickets);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  friend struct TlsCallbacks;
  TlsContextOptions options_;
  CertificateStore& certificates_;
  TicketKeys& tickets_;
};

}  // namespace sluice::tls

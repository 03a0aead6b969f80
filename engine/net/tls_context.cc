#include "engine/net/tls_context.h"

#include <utility>

namespace sluice::net {

TlsContext::TlsContext(TlsContextOptions options, CertificateStore& certificates,
                       TicketKeys& tickets)
    : options_(std::move(options)), certificates_(certificates), tickets_(tickets) {}

}  // namespace sluice::net

#include "engine/tls/context.h"

#include <utility>

namespace sluice::tls {

TlsContext::TlsContext(TlsContextOptions options, CertificateStore& certificates, TicketKeys& tickets)
    : options_(std::move(options)), certificates_(certificates), tickets_(tickets) {}

}  // namespace sluice::tls

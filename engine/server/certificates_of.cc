#include "engine/server/certificates_of.h"

#include <algorithm>

namespace sluice::server {
namespace {

struct Owned {
  Owned(const std::string& path, io::Clock& clock, event::Emitter& events)
      : directory(path), store(directory, {}, clock, [&events](std::string_view host, std::string_view error) {
          events.emit(event::CertificateFault{.host = host, .error = error});
        }) {}
  tls::CertificateDirectory directory;
  tls::CertificateStore store;
};

}  // namespace

std::shared_ptr<tls::CertificateStore> open_certificates(const std::string& directory, io::Clock& clock,
                                                         event::Emitter& events) {
  const auto owned = std::make_shared<Owned>(directory, clock, events);
  return {owned, &owned->store};
}

tls::CertificateOptions certificate_options(const config::Config& config) {
  return {.default_host = config.tls.default_host,
          .own_name = config.server.hostname,
          .hosts_max = config.tls.hosts_loaded_max};
}

std::vector<tls::CertificateFault> certificate_faults(const config::Config& config, io::Clock& clock) {
  const auto uses_tls = [](const config::ListenerConfig& listener) {
    return listener.tls != config::ListenerTls::none;
  };
  if (std::ranges::none_of(config.listeners, uses_tls)) return {};
  tls::CertificateDirectory directory(config.tls.certificates);
  return tls::review_certificates(directory, clock.wall());
}

}  // namespace sluice::server

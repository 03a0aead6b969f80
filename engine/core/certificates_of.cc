#include "engine/core/certificates_of.h"

#include <algorithm>


namespace sluice::core {
namespace {

struct Owned {
  Owned(const std::string& path, io::Clock& clock, io::Log& log)
      : directory(path),
        store(directory, {}, clock, [&log](std::string_view host, std::string_view error) {
          log.line(io::Level::error, "certificate").field("host", host).field("error", error);
        }) {}
  net::CertificateDirectory directory;
  net::CertificateStore store;
};

}  // namespace

std::shared_ptr<net::CertificateStore> open_certificates(const std::string& directory, io::Clock& clock, io::Log& log) {
  const auto owned = std::make_shared<Owned>(directory, clock, log);
  return {owned, &owned->store};
}

net::CertificateOptions certificate_options(const Config& config) {
  return {.default_host = config.tls.default_host,
          .own_name = config.server.hostname,
          .hosts_max = config.tls.hosts_loaded_max};
}

std::vector<net::CertificateFault> certificate_faults(const Config& config, io::Clock& clock) {
  const auto uses_tls = [](const ListenerConfig& listener) { return listener.tls != ListenerTls::none; };
  if (std::ranges::none_of(config.listeners, uses_tls)) return {};
  net::CertificateDirectory directory(config.tls.certificates);
  return net::review_certificates(directory, clock.wall());
}

}  // namespace sluice::core

// The certificates that a configuration names: the store of the process, and what is wrong in their directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/event/dispatcher.h"
#include "engine/server/plan.h"
#include "engine/tls/certificates.h"
#include "engine/tls/certificates_directory.h"

namespace sluice::server {

// A store over `directory`, which it owns; what it reports goes to `events`, which are its own.
std::shared_ptr<tls::CertificateStore> open_certificates(const std::string& directory, io::Clock& clock,
                                                         event::Emitter& events);

[[nodiscard]] tls::CertificateOptions certificate_options(const config::Config& config);

// Every pair in the directory that clients cannot be shown, or that has expired.  None where no listener uses TLS.
// Reads all files: blocking, about 100 us a host.
std::vector<tls::CertificateFault> certificate_faults(const config::Config& config, io::Clock& clock);

}  // namespace sluice::server

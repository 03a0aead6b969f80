// The certificates that a configuration names: the store of the process, and what is wrong in their directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/plan.h"
#include "engine/io/log.h"
#include "engine/net/certificates.h"
#include "engine/net/certificates_directory.h"

namespace sluice::core {

// A store over `directory`, which it owns; what it reports goes to `log`, which is its own.
std::shared_ptr<net::CertificateStore> open_certificates(const std::string& directory, io::Clock& clock, io::Log& log);

[[nodiscard]] net::CertificateOptions certificate_options(const Config& config);

// Every pair in the directory that clients cannot be shown, or that has expired.  None where no listener uses TLS.
// Reads all files: blocking, about 100 us a host.
std::vector<net::CertificateFault> certificate_faults(const Config& config, io::Clock& clock);

}  // namespace sluice::core

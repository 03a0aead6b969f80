// Certificates in a directory, laid out as ACME clients write them: `DIR/HOST/fullchain.pem` and
// `DIR/HOST/privkey.pem`, a wildcard's under `_.example.com`.
// Reads files while a core waits: a few kilobytes from a local disk the first time that a host is
// asked for and when its files have changed, and otherwise two stat calls per host and second. That
// is accepted. Any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tls/certificates.h"

namespace sluice::tls {

class CertificateDirectory final : public CertificateSource {
 public:
  explicit CertificateDirectory(std::string directory) : directory_(std::move(directory)) {}
  std::expected<CertificateFiles, std::string> read(std::string_view host) override;
  std::optional<CertificateStamp> stamp(std::string_view host) override;
  // Every folder with at least one of the two files in it.
  [[nodiscard]] std::vector<std::string> list() override;

 private:
  [[nodiscard]] std::string path(std::string_view host, std::string_view file) const;
  std::string directory_;
};

}  // namespace sluice::tls

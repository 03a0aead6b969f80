// Certificates in a directory, laid out as ACME clients write them: `DIR/HOST/fullchain.pem` and
// `DIR/HOST/privkey.pem`, a wildcard's under `_.example.com`.
// A host may have a pair more for another kind of key (kPairSuffixes), and a file `policy_url` with the address of its
// policy page on the first line.
// Blocks: six stat calls where a host is looked at, and a few kilobytes to read when its files have changed. Any
// thread.
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
  std::expected<CertificateFiles, std::string> read(std::string_view host, std::size_t pair) override;
  std::expected<std::string, std::string> read_policy_url(std::string_view host) override;
  std::optional<HostStamp> stamp(std::string_view host) override;
  // Every folder with at least one file of a pair in it.
  [[nodiscard]] std::vector<std::string> list() override;

  // What a pair's two files are called.
  [[nodiscard]] std::string chain_path(std::string_view host, std::size_t pair) const;
  [[nodiscard]] std::string key_path(std::string_view host, std::size_t pair) const;

 private:
  [[nodiscard]] std::string path(std::string_view host, std::string_view file) const;
  std::string directory_;
};

}  // namespace sluice::tls

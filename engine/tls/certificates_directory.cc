#include "engine/tls/certificates_directory.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/files.h"

namespace sluice::tls {
namespace {

// A chain of RSA-4096 certificates is some 10 KB; a key of that kind 3.
constexpr std::size_t kFileBytesMax = 128 * 1024;

// Fills four numbers; false when there is no such file.
bool stamp_of(const std::string& path, std::uint64_t* out) {
  const io::FileStamp stamp = io::stamp_file(path);
  std::ranges::copy(stamp.value, out);
  return stamp.exists;
}

}  // namespace

std::string CertificateDirectory::path(std::string_view host, std::string_view file) const {
  // The store looks up cleaned names only.
  CHECK(!host.empty() && host.find('/') == std::string_view::npos && host.front() != '.');
  std::string path = directory_;
  path.append("/").append(host).append("/").append(file);
  return path;
}

std::expected<CertificateFiles, std::string> CertificateDirectory::read(std::string_view host) {
  CertificateFiles files;
  files.chain_name = path(host, "fullchain.pem");
  files.key_name = path(host, "privkey.pem");
  auto chain = io::read_file(files.chain_name, kFileBytesMax);
  if (!chain) return std::unexpected(chain.error());
  auto key = io::read_file(files.key_name, kFileBytesMax);
  if (!key) return std::unexpected(key.error());
  files.chain_pem = std::move(*chain);
  files.key_pem = std::move(*key);
  return files;
}

std::optional<CertificateStamp> CertificateDirectory::stamp(std::string_view host) {
  CertificateStamp stamp;
  const bool chain = stamp_of(path(host, "fullchain.pem"), stamp.value.data());
  const bool key = stamp_of(path(host, "privkey.pem"), stamp.value.data() + 4);
  // One without the other is a mistake that the operator should hear of.
  if (!chain && !key) return std::nullopt;
  return stamp;
}

std::vector<std::string> CertificateDirectory::list() {
  std::vector<std::string> hosts = io::list_directories(directory_);
  std::erase_if(hosts, [this](const std::string& host) { return host.front() == '.' || !stamp(host).has_value(); });
  return hosts;
}

}  // namespace sluice::tls

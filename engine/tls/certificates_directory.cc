#include "engine/tls/certificates_directory.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/files.h"

namespace sluice::tls {
namespace {

// A chain of RSA-4096 certificates is some 10 KB; a key of that kind 3.
constexpr std::size_t kFileBytesMax = 128 * 1024;

constexpr std::string_view kPolicyUrlFile = "policy_url";
constexpr std::size_t kPolicyFileBytesMax = 1024;
constexpr std::size_t kUrlBytesMax = 200;  // as of server.policy_url

// Of one file or two.  Nothing: there is none.
std::optional<CertificateStamp> stamp_of(const std::string& first, const std::string* second) {
  const io::FileStamp one = io::stamp_file(first);
  const io::FileStamp two = second != nullptr ? io::stamp_file(*second) : io::FileStamp{};
  // One without the other is a mistake that the operator should hear of.
  if (!one.exists && !two.exists) return std::nullopt;
  CertificateStamp stamp;
  std::ranges::copy(one.value, stamp.value.begin());
  std::ranges::copy(two.value, stamp.value.begin() + one.value.size());
  return stamp;
}

}  // namespace

std::string CertificateDirectory::path(std::string_view host, std::string_view file) const {
  // The store looks up cleaned names only.
  CHECK(!host.empty() && host.find('/') == std::string_view::npos && host.front() != '.');
  std::string path = directory_;
  path.append("/").append(host).append("/").append(file);
  return path;
}

std::string CertificateDirectory::chain_path(std::string_view host, std::size_t pair) const {
  return path(host, "fullchain" + std::string(kPairSuffixes.at(pair)) + ".pem");
}

std::string CertificateDirectory::key_path(std::string_view host, std::size_t pair) const {
  return path(host, "privkey" + std::string(kPairSuffixes.at(pair)) + ".pem");
}

std::expected<CertificateFiles, std::string> CertificateDirectory::read(std::string_view host, std::size_t pair) {
  CertificateFiles files;
  files.chain_name = chain_path(host, pair);
  files.key_name = key_path(host, pair);
  auto chain = io::read_file(files.chain_name, kFileBytesMax);
  if (!chain) return std::unexpected(chain.error());
  auto key = io::read_file(files.key_name, kFileBytesMax);
  if (!key) return std::unexpected(key.error());
  files.chain_pem = std::move(*chain);
  files.key_pem = std::move(*key);
  return files;
}

std::expected<std::string, std::string> CertificateDirectory::read_policy_url(std::string_view host) {
  const std::string file = path(host, kPolicyUrlFile);
  auto text = io::read_file(file, kPolicyFileBytesMax);
  if (!text) return std::unexpected(text.error());
  std::string url = text->substr(0, text->find_first_of("\r\n"));
  const auto printable = [](char c) { return c > ' ' && c < 127; };
  const bool known = url.starts_with("https://") || url.starts_with("http://") || url.starts_with("mailto:");
  if (!known || url.size() > kUrlBytesMax || !std::ranges::all_of(url, printable))
    return std::unexpected(file +
                           ": its first line must begin with https://, http:// or mailto: and be printable "
                           "ASCII without spaces, up to " +
                           std::to_string(kUrlBytesMax) + " bytes");
  return url;
}

std::optional<HostStamp> CertificateDirectory::stamp(std::string_view host) {
  HostStamp stamp;
  bool any = false;
  for (std::size_t pair = 0; pair < kPairsMax; ++pair) {
    const std::string key = key_path(host, pair);
    stamp.pairs[pair] = stamp_of(chain_path(host, pair), &key);
    any = any || stamp.pairs[pair].has_value();
  }
  if (!any) return std::nullopt;
  stamp.policy_url = stamp_of(path(host, kPolicyUrlFile), nullptr);
  return stamp;
}

std::vector<std::string> CertificateDirectory::list() {
  std::vector<std::string> hosts = io::list_directories(directory_);
  std::erase_if(hosts, [this](const std::string& host) { return host.front() == '.' || !stamp(host).has_value(); });
  return hosts;
}

}  // namespace sluice::tls

#include "engine/net/certificates.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::net {
namespace {

constexpr std::size_t kHostNameBytesMax = 253;  // RFC 1035 section 2.3.4, without the last dot
constexpr std::size_t kLabelBytesMax = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_digit(c) || is_lower(c) || c == '-'; });
}

}  // namespace

std::optional<std::string> clean_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kHostNameBytesMax) return std::nullopt;
  std::string clean(name);
  std::ranges::transform(clean, clean.begin(), lower);
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(clean.find('.', begin), clean.size());
    const std::string_view label = std::string_view(clean).substr(begin, end - begin);
    if (!is_label(label)) return std::nullopt;
    if (end == clean.size()) {
      // No top-level domain is a number, and every IPv4 address ends in one.
      if (std::ranges::all_of(label, is_digit)) return std::nullopt;
      return clean;
    }
    begin = end + 1;
  }
}

CertificateStore::CertificateStore(CertificateSource& source, CertificateOptions options,
                                   io::Clock& clock, Report report)
    : source_(source), options_(std::move(options)), clock_(clock), report_(std::move(report)) {
  CHECK(options_.hosts_max > 0);
}

CertificateStore::~CertificateStore() = default;

std::shared_ptr<const Certificate> CertificateStore::find(std::string_view name) {
  if (!name.empty()) {
    if (auto own = find_exact(std::string(name))) return own;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos)
      if (auto wildcard = find_exact("_" + std::string(name.substr(dot)))) return wildcard;
  }
  if (options_.default_host.empty() || options_.default_host == name) return nullptr;
  return find_exact(options_.default_host);
}

std::expected<void, std::string> CertificateStore::check_default() {
  const std::string& host = options_.default_host;
  if (host.empty()) return {};
  const bool wildcard = host.starts_with("_.");
  if (clean_host_name(wildcard ? host.substr(2) : host) != (wildcard ? host.substr(2) : host))
    return std::unexpected("default host '" + host + "' is not a host name in lower case");
  auto files = source_.read(host);
  if (!files) return std::unexpected(files.error());
  if (auto made = load_certificate(host, *files); !made) return std::unexpected(made.error());
  return {};
}

std::shared_ptr<const Certificate> CertificateStore::find_exact(const std::string& host) {
  auto found = hosts_.find(host);
  if (found == hosts_.end()) {
    // Names that are not there are not remembered: anyone can think of any number of them.
    const auto stamp = source_.stamp(host);
    if (!stamp) return nullptr;
    make_room();
    by_use_.push_front(host);
    found = hosts_.try_emplace(host).first;
    found->second.used = by_use_.begin();
    found->second.stamp = *stamp;
    found->second.checked = clock_.now();
    load(host, found->second);
  } else {
    by_use_.splice(by_use_.begin(), by_use_, found->second.used);
    if (!refresh(host, found->second)) return nullptr;
  }
  return found->second.certificate;
}

// False when the host is no longer there, and has been forgotten.
bool CertificateStore::refresh(const std::string& host, Host& entry) {
  const Instant now = clock_.now();
  if (now - entry.checked < options_.check_interval) return true;
  entry.checked = now;
  const auto stamp = source_.stamp(host);
  if (!stamp) {
    by_use_.erase(entry.used);
    hosts_.erase(host);
    return false;
  }
  if (*stamp != entry.stamp) {
    entry.stamp = *stamp;
    load(host, entry);
  }
  return true;
}

// The stamp was taken before, so that a file that changes while it is read is read again.
void CertificateStore::load(const std::string& host, Host& entry) {
  auto files = source_.read(host);
  if (!files) return report_(host, files.error());
  auto made = load_certificate(host, *files);
  explicit_bzero(files->key_pem.data(), files->key_pem.size());
  if (!made) return report_(host, made.error());
  entry.certificate = std::move(*made);
  if (entry.certificate->expires < clock_.wall() / 1000)
    report_(host, files->chain_name + ": the certificate has expired (it is shown all the same)");
}

void CertificateStore::make_room() {
  while (hosts_.size() >= options_.hosts_max) {
    hosts_.erase(by_use_.back());
    by_use_.pop_back();
  }
}

}  // namespace sluice::net

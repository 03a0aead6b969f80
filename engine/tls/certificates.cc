#include "engine/tls/certificates.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"
#include "engine/tls/self_signed.h"

namespace sluice::tls {
namespace {

constexpr std::size_t kHostNameBytesMax = 253;  // RFC 1035 section 2.3.4, without the last dot
constexpr std::size_t kLabelBytesMax = 63;
constexpr Duration kGoneKept = std::chrono::minutes(1);

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_digit(c) || is_lower(c) || c == '-'; });
}

}  // namespace

bool is_source_name(std::string_view host) {
  const std::string_view name = host.starts_with("_.") ? host.substr(2) : host;
  return clean_host_name(name) == name;
}

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

// What was found of a host's files, without a lock.
struct CertificateStore::Look {
  std::optional<CertificateStamp> stamp;           // nothing: there is no such host
  bool read = false;                               // false: they are as they were
  std::shared_ptr<const Certificate> certificate;  // the one before where nothing was read; null where it is at fault
  std::string fault;
};

CertificateStore::CertificateStore(CertificateSource& source, CertificateOptions options, io::Clock& clock,
                                   OnFault on_fault)
    : source_(source), clock_(clock), on_fault_(std::move(on_fault)), options_(std::move(options)) {
  CHECK(options_.hosts_max > 0);
}

CertificateStore::~CertificateStore() = default;

CertificateOptions CertificateStore::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

void CertificateStore::set_options(CertificateOptions options) {
  CHECK(options.hosts_max > 0);
  const std::lock_guard lock(mutex_);
  options_ = std::move(options);
  chosen_.reset();
  chosen_default_.clear();
}

std::size_t CertificateStore::loaded() const {
  const std::lock_guard lock(mutex_);
  return hosts_.size();
}

std::shared_ptr<const Certificate> CertificateStore::find(std::string_view name) {
  if (!name.empty()) {
    if (auto own = find_exact(std::string(name))) return own;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos)
      if (auto wildcard = find_exact("_" + std::string(name.substr(dot)))) return wildcard;
  }
  return find_default(name);
}

std::expected<void, std::string> CertificateStore::check_default() { return check_default(options().default_host); }

std::expected<void, std::string> CertificateStore::check_default(const std::string& host) {
  if (host.empty()) return {};
  if (!is_source_name(host)) return std::unexpected("default host '" + host + "' is not a host name in lower case");
  if (find_exact(host) != nullptr) return {};
  const auto files = source_.read(host);
  if (!files) return std::unexpected(files.error());
  if (auto made = load_certificate(host, *files); !made) return std::unexpected(made.error());
  return {};
}

// ------------------------------------------------------------------------------------------ one host

std::shared_ptr<const Certificate> CertificateStore::find_exact(const std::string& host) {
  std::optional<Host> known;
  {
    const std::lock_guard lock(mutex_);
    if (Host* const found = hosts_.find(host)) {
      Host& entry = *found;
      const Instant now = clock_.now();
      if (entry.looking || now - entry.checked < options_.check_interval) return entry.certificate;
      entry.checked = now;
      entry.looking = true;
      known = entry;
    }
  }
  return settle(host, look_at(host, known ? &*known : nullptr));
}

// The stamp is taken before, so that a file that changes while it is read is read again.  What is no good is tried at
// each look: its owner or mode may be right by now, or those of a directory above it.
CertificateStore::Look CertificateStore::look_at(const std::string& host, const Host* known) {
  Look look{.stamp = source_.stamp(host), .read = false, .certificate = nullptr, .fault = {}};
  if (!look.stamp) return look;
  if (known != nullptr && known->stamp == *look.stamp && known->fault.empty()) {
    look.certificate = known->certificate;
    return look;
  }
  look.read = true;
  auto files = source_.read(host);
  if (!files) {
    look.fault = files.error();
    return look;
  }
  auto made = load_certificate(host, *files);
  explicit_bzero(files->key_pem.data(), files->key_pem.size());
  if (made) {
    look.certificate = *std::move(made);
  } else {
    look.fault = made.error();
  }
  return look;
}

std::shared_ptr<const Certificate> CertificateStore::settle(const std::string& host, Look look) {
  const std::lock_guard lock(mutex_);
  Host* found = hosts_.find(host);
  if (!look.stamp) {
    // Names that are not there are not remembered: anyone can think of any number of them.
    if (found == nullptr) return nullptr;
    Host& entry = *found;
    entry.looking = false;
    const Instant now = clock_.now();
    if (!entry.gone_since) entry.gone_since = now;
    // Its folder may be replaced at this moment.
    if (entry.certificate != nullptr && now - *entry.gone_since < kGoneKept) return entry.certificate;
    hosts_.erase(host);
    return nullptr;
  }
  if (found == nullptr) {
    // Dropped meanwhile, to make room for others.
    if (!look.read) return look.certificate;
    hosts_.make_room(options_.hosts_max);
    found = &hosts_.insert(host, {});
    found->checked = clock_.now();
  }
  Host& entry = *found;
  entry.looking = false;
  entry.gone_since.reset();
  if (!look.read) return entry.certificate;
  const bool news = entry.fault != look.fault || entry.stamp != *look.stamp;
  entry.stamp = *look.stamp;
  entry.fault = std::move(look.fault);
  if (!entry.fault.empty()) {
    if (news) on_fault_(host, entry.fault);
    return entry.certificate;
  }
  // Several threads may have loaded it at once, the first time that it was asked for.
  if (news || entry.certificate == nullptr) {
    entry.certificate = std::move(look.certificate);
    if (const std::string dates = date_fault(*entry.certificate, clock_.wall()); !dates.empty())
      on_fault_(host, dates + " (it is shown all the same)");
  }
  return entry.certificate;
}

// ------------------------------------------------------------------------------------------ the default

// For a client that names no host, or none that has a certificate: `name`.
std::shared_ptr<const Certificate> CertificateStore::find_default(std::string_view name) {
  const CertificateOptions options = this->options();
  if (!options.default_host.empty()) return options.default_host == name ? nullptr : find_exact(options.default_host);
  if (options.own_name.empty()) return nullptr;
  std::string chosen;
  {
    const std::lock_guard lock(mutex_);
    const bool due = !chosen_ || clock_.now() - *chosen_ >= options.check_interval;
    if (!due && chosen_default_.empty()) return made_default_;
    chosen = chosen_default_;
  }
  if (!chosen.empty())
    if (auto certificate = find_exact(chosen)) return certificate;
  return choose_default(options);
}

std::shared_ptr<const Certificate> CertificateStore::choose_default(const CertificateOptions& options) {
  std::vector<std::string> candidates = source_.list();
  candidates.insert(candidates.begin(), options.own_name);
  for (const std::string& host : candidates) {
    if (!is_source_name(host)) continue;
    auto certificate = find_exact(host);
    if (certificate == nullptr) continue;
    const std::lock_guard lock(mutex_);
    chosen_ = clock_.now();
    chosen_default_ = host;
    return certificate;
  }
  auto made = self_signed(options.own_name);
  const std::lock_guard lock(mutex_);
  chosen_ = clock_.now();
  chosen_default_.clear();
  if (made_default_ == nullptr && made != nullptr) {
    made_default_ = std::move(made);
    on_fault_(options.own_name,
              "there is no certificate that could be shown: one that is self-signed is, until there is");
  }
  return made_default_;
}

// Null once there is one: it stays, so that clients that remember what they have seen see the same again.
std::shared_ptr<const Certificate> CertificateStore::self_signed(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (made_default_ != nullptr) return nullptr;
  }
  const auto made = make_self_signed(std::array{name}, clock_.wall());
  if (!made) return nullptr;
  auto loaded = load_certificate(name, {made->certificate_pem, made->key_pem, "self-signed", "self-signed"});
  return loaded ? *std::move(loaded) : nullptr;
}

}  // namespace sluice::tls

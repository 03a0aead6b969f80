#include "engine/tls/certificates.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "engine/base/ascii.h"
#include "engine/base/check.h"
#include "engine/tls/self_signed.h"

namespace sluice::tls {
namespace {

constexpr std::size_t kHostNameBytesMax = 253;  // RFC 1035 section 2.3.4, without the last dot
constexpr std::size_t kLabelBytesMax = 63;
constexpr Duration kGoneKept = std::chrono::minutes(1);

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

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
  std::ranges::transform(clean, clean.begin(), to_lower);
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
struct CertificateStore::PairLook {
  bool read = false;                               // false: they are as they were
  std::shared_ptr<const Certificate> certificate;  // null where it is at fault
  std::string fault;
};

struct CertificateStore::Look {
  std::optional<HostStamp> stamp;  // nothing: there is no such host
  std::array<PairLook, kPairsMax> pairs;
  bool policy_read = false;
  std::string policy_url;
  std::string policy_fault;
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

CertificateStore::Found CertificateStore::find(std::string_view name) {
  if (!name.empty()) {
    if (auto own = find_exact(std::string(name))) return own;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos)
      if (auto wildcard = find_exact("_" + std::string(name.substr(dot)))) return wildcard;
  }
  return find_default(name);
}

std::optional<CertificateStore::Found> CertificateStore::find_loaded(std::string_view name, bool however_old) {
  if (!name.empty()) {
    auto own = peek(std::string(name), however_old);
    if (!own || *own != nullptr) return own;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos)
      if (auto wildcard = peek("_" + std::string(name.substr(dot)), however_old); !wildcard || *wildcard != nullptr)
        return wildcard;
  }
  return peek_default(name, however_old);
}

// Nothing: its files have to be looked at.
std::optional<CertificateStore::Found> CertificateStore::peek(const std::string& host, bool however_old) {
  const std::lock_guard lock(mutex_);
  const auto fresh = [&](Instant looked) { return however_old || clock_.now() - looked < options_.check_interval; };
  if (const Host* const found = hosts_.find(host))
    return found->looking || fresh(found->checked) ? std::optional(found->shown) : std::nullopt;
  if (const Instant* const absent = absent_.find(host); absent != nullptr && fresh(*absent)) return Found();
  return std::nullopt;
}

std::expected<void, std::string> CertificateStore::check_default() { return check_default(options().default_host); }

std::expected<void, std::string> CertificateStore::check_default(const std::string& host) {
  if (host.empty()) return {};
  if (!is_source_name(host)) return std::unexpected("default host '" + host + "' is not a host name in to_lower case");
  if (find_exact(host) != nullptr) return {};
  std::string fault;
  for (std::size_t pair = 0; pair < kPairsMax; ++pair) {
    const auto files = source_.read(host, pair);
    const auto made = files ? load_certificate(host, *files) : std::unexpected(files.error());
    if (made) return {};
    if (fault.empty()) fault = made.error();
  }
  return std::unexpected(std::move(fault));
}

// ------------------------------------------------------------------------------------------ one host

CertificateStore::Found CertificateStore::find_exact(const std::string& host) {
  std::optional<Host> known;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = clock_.now();
    if (Host* const found = hosts_.find(host)) {
      Host& entry = *found;
      if (entry.looking || now - entry.checked < options_.check_interval) return entry.shown;
      entry.checked = now;
      entry.looking = true;
      known = entry;
    } else if (const Instant* const absent = absent_.find(host);
               absent != nullptr && now - *absent < options_.check_interval) {
      return nullptr;
    }
  }
  const Host* const before = known ? &*known : nullptr;
  return settle(host, look_at(host, before), before);
}

// The stamp is taken before, so that a file that changes while it is read is read again.  What is no good is tried at
// each look: its owner or mode may be right by now, or those of a directory above it.
CertificateStore::Look CertificateStore::look_at(const std::string& host, const Host* known) {
  Look look{.stamp = source_.stamp(host), .pairs = {}, .policy_read = false, .policy_url = {}, .policy_fault = {}};
  if (!look.stamp) return look;
  for (std::size_t pair = 0; pair < kPairsMax; ++pair) {
    const auto& stamp = look.stamp->pairs[pair];
    if (!stamp) continue;
    const Pair* const before = known != nullptr ? &known->pairs[pair] : nullptr;
    if (before != nullptr && before->stamp == stamp && before->fault.empty()) continue;
    look_at_pair(host, pair, look.pairs[pair]);
  }
  look_at_policy(host, known, look);
  return look;
}

void CertificateStore::look_at_pair(const std::string& host, std::size_t pair, PairLook& look) {
  look.read = true;
  auto files = source_.read(host, pair);
  if (!files) {
    look.fault = files.error();
    return;
  }
  auto made = load_certificate(host, *files);
  explicit_bzero(files->key_pem.data(), files->key_pem.size());
  if (!made) {
    look.fault = made.error();
    return;
  }
  (*made)->intermediates = share(std::move((*made)->intermediates));
  look.certificate = *std::move(made);
}

void CertificateStore::look_at_policy(const std::string& host, const Host* known, Look& look) {
  const auto& stamp = look.stamp->policy_url;
  if (known != nullptr && known->policy_stamp == stamp && known->policy_fault.empty()) return;
  look.policy_read = true;
  if (!stamp) return;
  if (auto url = source_.read_policy_url(host)) {
    look.policy_url = *std::move(url);
  } else {
    look.policy_fault = url.error();
  }
}

// One object for the same bytes: there are as many chains as authorities, whatever the number of hosts.
std::shared_ptr<const std::string> CertificateStore::share(std::shared_ptr<const std::string> intermediates) {
  const std::lock_guard lock(mutex_);
  if (intermediates_.size() >= intermediates_swept_at_) {
    std::erase_if(intermediates_, [](const auto& each) { return each.second.expired(); });
    intermediates_swept_at_ = 2 * intermediates_.size() + 64;
  }
  auto& kept = intermediates_[std::hash<std::string>()(*intermediates)];
  if (auto same = kept.lock(); same != nullptr && *same == *intermediates) return same;
  kept = intermediates;
  return intermediates;
}

void CertificateStore::remember_absent(const std::string& host) {
  constexpr std::size_t kAbsentMax = 1024;
  if (Instant* const known = absent_.find(host)) {
    *known = clock_.now();
    return;
  }
  absent_.make_room(kAbsentMax);
  absent_.insert(host, clock_.now());
}

CertificateStore::Found CertificateStore::settle(const std::string& host, Look look, const Host* known) {
  const std::lock_guard lock(mutex_);
  Host* found = hosts_.find(host);
  if (found == nullptr) {
    // Names that are not there are remembered for a moment only: anyone can think of any number of them.
    if (!look.stamp && known == nullptr) {
      remember_absent(host);
      return nullptr;
    }
    absent_.erase(host);
    hosts_.make_room(options_.hosts_max);
    // Dropped meanwhile, to make room for others, where it was known.
    found = &hosts_.insert(host, known != nullptr ? *known : Host{});
    found->checked = clock_.now();
  }
  Host& entry = *found;
  entry.looking = false;
  bool changed = false;
  for (std::size_t i = 0; i < kPairsMax; ++i) {
    const auto stamp = look.stamp ? look.stamp->pairs[i] : std::nullopt;
    if (settle_pair(host, entry.pairs[i], stamp, look.pairs[i])) changed = true;
  }
  if (settle_policy(host, entry, look)) changed = true;
  const auto unused = [](const Pair& pair) { return !pair.stamp && pair.certificate == nullptr; };
  if (std::ranges::all_of(entry.pairs, unused)) {
    hosts_.erase(host);
    remember_absent(host);
    return nullptr;
  }
  if (!changed) return entry.shown;
  auto shown = std::make_shared<HostCertificates>();
  shown->host = host;
  shown->policy_url = entry.policy_url;
  for (const Pair& pair : entry.pairs)
    if (pair.certificate != nullptr) shown->pairs.push_back(pair.certificate);
  entry.shown = shown->pairs.empty() ? nullptr : std::move(shown);
  return entry.shown;
}

// Whether another certificate is shown now.
bool CertificateStore::settle_pair(const std::string& host, Pair& pair, const std::optional<CertificateStamp>& stamp,
                                   PairLook& look) {
  if (!stamp) {
    if (!pair.stamp && pair.certificate == nullptr) return false;
    const Instant now = clock_.now();
    if (!pair.gone_since) pair.gone_since = now;
    // Its folder may be replaced at this moment.
    if (pair.certificate != nullptr && now - *pair.gone_since < kGoneKept) return false;
    pair = {};
    return true;
  }
  pair.gone_since.reset();
  if (!look.read) return false;
  const bool news = pair.fault != look.fault || pair.stamp != stamp;
  pair.stamp = stamp;
  pair.fault = std::move(look.fault);
  if (!pair.fault.empty()) {
    if (news) on_fault_(host, pair.fault);
    return false;
  }
  // Several threads may have loaded it at once, the first time that it was asked for.
  if (!news && pair.certificate != nullptr) return false;
  pair.certificate = std::move(look.certificate);
  for (const std::string& fault : {date_fault(*pair.certificate, clock_.wall()), name_fault(*pair.certificate, host)})
    if (!fault.empty()) on_fault_(host, fault + " (it is shown all the same)");
  return true;
}

// Whether there is another page now.  The old one stays where the new one cannot be read.
bool CertificateStore::settle_policy(const std::string& host, Host& entry, Look& look) {
  if (!look.policy_read) return false;
  const bool news = entry.policy_fault != look.policy_fault || entry.policy_stamp != look.stamp->policy_url;
  entry.policy_stamp = look.stamp->policy_url;
  entry.policy_fault = std::move(look.policy_fault);
  if (!entry.policy_fault.empty()) {
    if (news) on_fault_(host, entry.policy_fault);
    return false;
  }
  const bool other = entry.policy_url != look.policy_url;
  entry.policy_url = std::move(look.policy_url);
  return other;
}

// ------------------------------------------------------------------------------------------ the default

// For a client that names no host, or none that has a certificate: `name`.
CertificateStore::Found CertificateStore::find_default(std::string_view name) {
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

// The same of what is in memory.
std::optional<CertificateStore::Found> CertificateStore::peek_default(std::string_view name, bool however_old) {
  std::string host;
  {
    const std::lock_guard lock(mutex_);
    if (options_.default_host.empty() && options_.own_name.empty()) return Found();
    if (options_.default_host.empty() && chosen_default_.empty()) {
      const bool due = !chosen_ || clock_.now() - *chosen_ >= options_.check_interval;
      return due && !(however_old && made_default_ != nullptr) ? std::nullopt : std::optional(made_default_);
    }
    host = options_.default_host.empty() ? chosen_default_ : options_.default_host;
    if (host == options_.default_host && host == name) return Found();
  }
  auto found = peek(host, however_old);
  // One that was chosen and is gone has to be chosen anew.
  if (found && *found == nullptr && !however_old) found.reset();
  return found;
}

CertificateStore::Found CertificateStore::choose_default(const CertificateOptions& options) {
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
CertificateStore::Found CertificateStore::self_signed(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (made_default_ != nullptr) return nullptr;
  }
  const auto made = make_self_signed(std::array{name}, clock_.wall());
  if (!made) return nullptr;
  auto loaded = load_certificate(name, {made->certificate_pem, made->key_pem, "self-signed", "self-signed"});
  if (!loaded) return nullptr;
  auto shown = std::make_shared<HostCertificates>();
  shown->host = name;
  shown->pairs.push_back(*std::move(loaded));
  return shown;
}

}  // namespace sluice::tls

// The certificates that we show, one per host name, chosen by SNI: loaded when first asked for,
// kept (a bounded number of them), read again when their files change.  A new certificate that is
// no good is reported and the old one stays in use. One store per core, shared by that core's
// listeners; that core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/time.h"
#include "engine/io/door.h"

struct WOLFSSL_CTX;

namespace sluice::net {

// A name that may be looked up: letters, digits and hyphens in labels of 1 to 63, no hyphen at
// either end of one (RFC 1123 section 2.1), 253 in all, not an IPv4 address, one trailing dot
// dropped, lower-cased.  Whatever comes from the network passes through here before it goes
// anywhere near a path.
std::optional<std::string> clean_host_name(std::string_view name);

// What is in `HOST/fullchain.pem` and `HOST/privkey.pem`, and what to call them in a complaint.
struct CertificateFiles {
  std::string chain_pem;
  std::string key_pem;
  std::string chain_name;
  std::string key_name;
};

// Changes when either file does.  Opaque; made of times, sizes and inode numbers.
struct CertificateStamp {
  std::array<std::uint64_t, 8> value{};
  bool operator==(const CertificateStamp&) const = default;
};

// Where certificates come from.  `host` is a cleaned name, or `_.` and a cleaned name for a
// wildcard.
class CertificateSource {
 public:
  virtual ~CertificateSource() = default;
  // The error is a sentence that names the file.
  virtual std::expected<CertificateFiles, std::string> read(std::string_view host) = 0;
  // Nothing when the source has no such host.
  virtual std::optional<CertificateStamp> stamp(std::string_view host) = 0;
};

struct CertificateOptions {
  std::string
      default_host;  // shown when SNI is missing or unknown; empty: such clients are refused
  std::size_t hosts_max = 10'000;  // kept loaded; the least recently used goes first
  Duration check_interval = std::chrono::seconds(1);  // how often a host's files are looked at
};

// A loaded certificate with its key.  Counted: a session that shows it keeps it alive.
struct Certificate {
  std::string host;          // as the source calls it
  std::int64_t expires = 0;  // seconds since 1970; the leaf's notAfter
  WOLFSSL_CTX* context = nullptr;
  explicit Certificate(WOLFSSL_CTX* owned) : context(owned) {}
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

class CertificateStore {
 public:
  // Told of a certificate that could not be loaded, or has expired: once per change of its files.
  using Report = std::function<void(std::string_view host, std::string_view error)>;

  CertificateStore(CertificateSource& source, CertificateOptions options, io::Clock& clock,
                   Report report);
  ~CertificateStore();
  CertificateStore(const CertificateStore&) = delete;
  CertificateStore& operator=(const CertificateStore&) = delete;

  // The certificate for a cleaned name (or ""): the host's own, else its parent's wildcard
  // (`_.example.com` for `a.example.com`, one label deep), else the default.  Null when none of
  // them can be loaded.
  std::shared_ptr<const Certificate> find(std::string_view name);

  // Loads and checks the default host, for start-up and for a check of the configuration.
  std::expected<void, std::string> check_default();

  [[nodiscard]] std::size_t loaded() const { return hosts_.size(); }

 private:
  struct Host {
    std::shared_ptr<const Certificate> certificate;  // null: the files are there and are no good
    CertificateStamp stamp;
    Instant checked;
    std::list<std::string>::iterator used;
  };
  std::shared_ptr<const Certificate> find_exact(const std::string& host);
  bool refresh(const std::string& host, Host& entry);
  void load(const std::string& host, Host& entry);
  void make_room();

  CertificateSource& source_;
  CertificateOptions options_;
  io::Clock& clock_;
  Report report_;
  std::unordered_map<std::string, Host> hosts_;
  std::list<std::string> by_use_;  // most recently used first
};

// Makes a certificate of the files: the key must be the first certificate's.  Dates are not
// checked: a certificate that has expired is better than none for the many clients that do not
// look.
std::expected<std::shared_ptr<const Certificate>, std::string> load_certificate(
    std::string_view host, const CertificateFiles& files);

}  // namespace sluice::net

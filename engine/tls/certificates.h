// The certificates that we show, one per host name, chosen by SNI: loaded when first asked for,
// kept (a bounded number of them), read again when their files change.  A new certificate that is
// no good is reported and the old one stays in use until a pair that matches loads, over reloads of
// the configuration too.  One store for the process, so that all cores show the same; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/base/time.h"
#include "engine/io/platform.h"

struct WOLFSSL_CTX;

namespace sluice::tls {

// A name that may be looked up: letters, digits and hyphens in labels of 1 to 63, no hyphen at
// either end of one (RFC 1123 section 2.1), 253 in all, not an IPv4 address, one trailing dot
// dropped, lower-cased.  Whatever comes from the network passes through here before it goes
// anywhere near a path.
std::optional<std::string> clean_host_name(std::string_view name);

// A name as a source has it: a cleaned one, or `_.` and a cleaned one for a wildcard.
bool is_source_name(std::string_view host);

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
// wildcard.  Several threads may ask at once.
class CertificateSource {
 public:
  virtual ~CertificateSource() = default;
  // The error is a sentence that names the file.
  virtual std::expected<CertificateFiles, std::string> read(std::string_view host) = 0;
  // Nothing when the source has no such host.
  virtual std::optional<CertificateStamp> stamp(std::string_view host) = 0;
  // What there is, in the order of the names, cleaned or not.
  [[nodiscard]] virtual std::vector<std::string> list() { return {}; }
};

struct CertificateOptions {
  // Shown when SNI is missing or unknown.  Empty: the certificate of `own_name`, or else of the first
  // host that has a good one, or else one that is made for `own_name`.
  std::string default_host;
  std::string own_name;                               // empty: as above, but without a name such clients are refused
  std::size_t hosts_max = 10'000;                     // kept loaded; the least recently used goes first
  Duration check_interval = std::chrono::seconds(1);  // how often a host's files are looked at
};

// A loaded certificate with its key.  Counted: a session that shows it keeps it alive.
struct Certificate {
  std::string host;        // as the source calls it
  std::string chain_name;  // what to call its file in a complaint
  // Seconds since 1970: the leaf's notBefore and notAfter.
  std::int64_t begins = 0;
  std::int64_t expires = 0;
  WOLFSSL_CTX* context = nullptr;
  explicit Certificate(WOLFSSL_CTX* owned) : context(owned) {}
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
};

class CertificateStore {
 public:
  // Called for a certificate that could not be loaded, or has expired: once per change of what is wrong.
  // One thread at a time.
  using OnFault = std::function<void(std::string_view host, std::string_view error)>;

  CertificateStore(CertificateSource& source, CertificateOptions options, io::Clock& clock, OnFault on_fault);
  ~CertificateStore();
  CertificateStore(const CertificateStore&) = delete;
  CertificateStore& operator=(const CertificateStore&) = delete;

  // The certificate for a cleaned name (or ""): the host's own, else its parent's wildcard
  // (`_.example.com` for `a.example.com`, one label deep), else the default.  Null when none of
  // them can be loaded.
  std::shared_ptr<const Certificate> find(std::string_view name);

  // Other options from now on.  What is loaded stays.
  void set_options(CertificateOptions options);
  // Whether the default host, or `host` in its place, has something to show: its pair loads, or one that did is in
  // use.  Empty: it has.
  std::expected<void, std::string> check_default();
  std::expected<void, std::string> check_default(const std::string& host);

  [[nodiscard]] std::size_t loaded() const;

 private:
  struct Host {
    std::shared_ptr<const Certificate> certificate;  // null: the files are there and are no good
    CertificateStamp stamp;
    std::string fault;  // of the files as they are now; empty: `certificate` is made of them
    Instant checked;
    std::optional<Instant> gone_since;  // the files are not there
    bool looking = false;               // one thread looks at the files, others use what there is
  };
  struct Look;
  std::shared_ptr<const Certificate> find_exact(const std::string& host);
  std::shared_ptr<const Certificate> find_default(std::string_view name);
  std::shared_ptr<const Certificate> choose_default(const CertificateOptions& options);
  std::shared_ptr<const Certificate> self_signed(const std::string& name);
  [[nodiscard]] Look look_at(const std::string& host, const Host* known);
  std::shared_ptr<const Certificate> settle(const std::string& host, Look look);
  [[nodiscard]] CertificateOptions options() const;

  CertificateSource& source_;
  io::Clock& clock_;
  OnFault on_fault_;
  mutable std::mutex mutex_;  // over what follows; never held while files are read
  CertificateOptions options_;
  LruMap<Host> hosts_;
  // Without a default host: whose certificate stands in, and when it was chosen.
  std::string chosen_default_;  // empty: `made_default_`
  std::optional<Instant> chosen_;
  std::shared_ptr<const Certificate> made_default_;
};

// Makes a certificate of the files: the key must be the first certificate's.  Dates are not
// checked: a certificate that has expired is better than none for the many clients that do not
// look.
std::expected<std::shared_ptr<const Certificate>, std::string> load_certificate(std::string_view host,
                                                                                const CertificateFiles& files);
// Why a certificate is not one to show at `now`: it has expired, or its time has not come.  Empty: it is.
std::string date_fault(const Certificate& certificate, WallMillis now);

// One pair of a source that clients cannot be shown, or that they will not like.
struct CertificateFault {
  std::string host;
  std::string fault;  // a sentence that names the file
};
// Reads and tries every pair of the source.  Blocking, some 100 us for each.
std::vector<CertificateFault> review_certificates(CertificateSource& source, WallMillis now);

}  // namespace sluice::tls

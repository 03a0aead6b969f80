// The certificates that we show, some pairs per host name, chosen by SNI: loaded when first asked for,
// kept (a bounded number of hosts), read again when their files change.  A new pair that is
// no good is reported and the old one stays in use until a pair that matches loads, over reloads of
// the configuration too.  One store for the process, so that all cores show the same; any thread.
//
// Files are looked at when a name is asked for, a host's at most once in `check_interval`, and not watched: a watch
// would have to be on the folder of each host that was ever asked for, costs the kernel some 1 KB each, and sees
// nothing of an ACME client that writes elsewhere and leaves a symbolic link in the folder.
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
#include <unordered_map>
#include <vector>

#include "engine/base/lru_map.h"
#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "engine/tls/certificate.h"

namespace sluice::tls {

// A name that may be looked up: letters, digits and hyphens in labels of 1 to 63, no hyphen at
// either end of one (RFC 1123 section 2.1), 253 in all, not an IPv4 address, one trailing dot
// dropped, lower-cased.  Whatever comes from the network passes through here before it goes
// anywhere near a path.
std::optional<std::string> clean_host_name(std::string_view name);

// A name as a source has it: a cleaned one, or `_.` and a cleaned one for a wildcard.
bool is_source_name(std::string_view host);

// Changes when either file does.  Opaque; made of times, sizes and inode numbers.
struct CertificateStamp {
  std::array<std::uint64_t, 8> value{};
  bool operator==(const CertificateStamp&) const = default;
};

// Of all files of a host.
struct HostStamp {
  std::array<std::optional<CertificateStamp>, kPairsMax> pairs;  // nothing: neither file of that pair is there
  std::optional<CertificateStamp> policy_url;
  bool operator==(const HostStamp&) const = default;
};

// Where certificates come from.  `host` is a cleaned name, or `_.` and a cleaned name for a
// wildcard; `pair` a number into kPairSuffixes.  May block.  Several threads may ask at once.
class CertificateSource {
 public:
  virtual ~CertificateSource() = default;
  // The error is a sentence that names the file.
  virtual std::expected<CertificateFiles, std::string> read(std::string_view host, std::size_t pair) = 0;
  // The first line of the file in which the host names its policy page.  The error likewise.
  virtual std::expected<std::string, std::string> read_policy_url(std::string_view host) = 0;
  // Nothing when the source has no pair of such a host.
  virtual std::optional<HostStamp> stamp(std::string_view host) = 0;
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

class CertificateStore {
 public:
  // Called for a certificate that could not be loaded, or has expired: once per change of what is wrong.
  // One thread at a time.
  using OnFault = std::function<void(std::string_view host, std::string_view error)>;

  CertificateStore(CertificateSource& source, CertificateOptions options, io::Clock& clock, OnFault on_fault);
  ~CertificateStore();
  CertificateStore(const CertificateStore&) = delete;
  CertificateStore& operator=(const CertificateStore&) = delete;

  using Found = std::shared_ptr<const HostCertificates>;
  // The certificates for a cleaned name (or ""): the host's own, else its parent's wildcard
  // (`_.example.com` for `a.example.com`, one label deep), else the default.  Null when none of
  // them can be loaded.  Reads files: it may block.
  Found find(std::string_view name);
  // The same of what is in memory, without blocking.  Nothing: files have to be looked at first, for which find() is to
  // be called on a worker; with `however_old` only where they never were.
  std::optional<Found> find_loaded(std::string_view name, bool however_old = false);

  // Other options from now on.  What is loaded stays.
  void set_options(CertificateOptions options);
  // Whether the default host, or `host` in its place, has something to show: its pair loads, or one that did is in
  // use.  Empty: it has.
  std::expected<void, std::string> check_default();
  std::expected<void, std::string> check_default(const std::string& host);

  [[nodiscard]] std::size_t loaded() const;
  // The time by which certificates are judged.
  [[nodiscard]] WallMillis wall() const { return clock_.wall(); }

 private:
  struct Pair {
    std::shared_ptr<const Certificate> certificate;  // null: the files are there and are no good
    std::optional<CertificateStamp> stamp;           // of the files as they were last read
    std::string fault;                               // of these; empty: `certificate` is made of them
    std::optional<Instant> gone_since;               // the files are not there
  };
  struct Host {
    std::array<Pair, kPairsMax> pairs;
    std::optional<CertificateStamp> policy_stamp;
    std::string policy_url;
    std::string policy_fault;
    Found shown;  // made of all that; null: no pair is good
    Instant checked;
    bool looking = false;  // one thread looks at the files, others use what there is
  };
  struct Look;
  struct PairLook;
  Found find_exact(const std::string& host);
  std::optional<Found> peek(const std::string& host, bool however_old);
  std::optional<Found> peek_default(std::string_view name, bool however_old);
  Found find_default(std::string_view name);
  Found choose_default(const CertificateOptions& options);
  Found self_signed(const std::string& name);
  [[nodiscard]] Look look_at(const std::string& host, const Host* known);
  void look_at_pair(const std::string& host, std::size_t pair, PairLook& look);
  void look_at_policy(const std::string& host, const Host* known, Look& look);
  Found settle(const std::string& host, Look look, const Host* known);
  bool settle_pair(const std::string& host, Pair& pair, const std::optional<CertificateStamp>& stamp, PairLook& look);
  bool settle_policy(const std::string& host, Host& entry, Look& look);
  void remember_absent(const std::string& host);
  std::shared_ptr<const std::string> share(std::shared_ptr<const std::string> intermediates);
  [[nodiscard]] CertificateOptions options() const;

  CertificateSource& source_;
  io::Clock& clock_;
  OnFault on_fault_;
  mutable std::mutex mutex_;  // over what follows; never held while files are read
  CertificateOptions options_;
  LruMap<Host> hosts_;
  // Names that had no files, and when: a bounded number of them, for check_interval.  A client that asks for one gets
  // the default without a look at the disk.
  LruMap<Instant> absent_;
  // By their digest: all chains of one authority are alike behind the leaf.
  std::unordered_map<std::size_t, std::weak_ptr<const std::string>> intermediates_;
  std::size_t intermediates_swept_at_ = 64;
  // Without a default host: whose certificate stands in, and when it was chosen.
  std::string chosen_default_;  // empty: `made_default_`
  std::optional<Instant> chosen_;
  Found made_default_;
};

// One pair of a source that clients cannot be shown, or that they will not like.
struct CertificateFault {
  std::string host;
  std::string fault;  // a sentence that names the file
};
// Reads and tries every pair of the source.  Blocking, some 100 us for each.
std::vector<CertificateFault> review_certificates(CertificateSource& source, WallMillis now);
// Why no client can ask for a name that has a folder; empty: one can.
std::string folder_fault(const std::string& host);

}  // namespace sluice::tls

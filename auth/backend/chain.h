// The back ends of a core in their order, or those that the login's listener names in its own: each login goes to those
// that its domain is for, to the next one where the name is unknown, and never behind a wrong secret or a failure. What
// a back end grants becomes an identity of the store.  One per core; that core's thread only.
//
//   credentials -> [breaker | back end] -> unknown -> [breaker | back end] -> granted -> whose account? -> Answer
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/answer.h"
#include "auth/backend/backend.h"
#include "auth/backend/circuit_breaker.h"
#include "auth/backend/options.h"
#include "engine/base/span_histogram.h"

namespace sluice::auth {

// A configured back end: its settings, and what the process has of it.
struct ConfiguredBackend {
  BackendOptions options;
  std::shared_ptr<BackendSource> source;
};

// The only back end where none is configured.
[[nodiscard]] std::vector<ConfiguredBackend> store_alone();

// What one back end was asked about passwords and tokens, on one core.
struct BackendCounters {
  std::string name;
  std::array<std::uint64_t, Verdict::kKinds> by_kind{};
  StageTimes took;
};

// Who answers logins, by Answer::source: "none", "store", and the back ends by their names, in the order of the
// configuration.
[[nodiscard]] std::vector<std::string> source_names(std::span<const BackendCounters> backends);

class BackendChain {
 public:
  // Called when a back end is left alone (`why` says what it did last), and when it answers again (`why` is empty).
  using Notice = std::function<void(std::string_view backend, std::string_view why)>;

  // `warning` is called with what a back end warns of beside its answers.
  BackendChain(const std::vector<ConfiguredBackend>& backends, const BackendParts& parts, Notice notice,
               Notice warning = {});
  BackendChain(const BackendChain&) = delete;
  BackendChain& operator=(const BackendChain&) = delete;

  // `credentials` outlive the task.
  Task<Answer> check(const Credentials& credentials);
  // SCRAM, which is the store's alone: chain_scram.cc.  As Authenticator's; the second is of keys that were proven.
  Task<std::expected<ScramKeys, Answer>> scram_keys(const ScramLogin& login);
  Task<Answer> admit_scram(const ScramLogin& login);
  // CRAM-MD5, which is for device passwords, whatever back end has the mailbox.
  Task<Answer> check_cram_md5(const CramMd5Login& login);
  // EXTERNAL, which is for the store's own accounts, as SCRAM.
  Task<Answer> check_certificate(const CertificateLogin& login);
  // Of a mailbox that the store does not have: gone only where all back ends for its domain say so, and one of them is
  // another than the store.  `name` outlives the task.
  Task<MailboxState> look_up(const Name& name);
  [[nodiscard]] io::Workers& store_workers() const { return parts_.store_workers(); }
  // In the order of the configuration.
  [[nodiscard]] std::vector<BackendCounters> counters() const;
  Task<void> close();

 private:
  struct Link {
    BackendOptions options;
    std::unique_ptr<Backend> backend;
    CircuitBreaker breaker;
    std::uint8_t source;  // Answer::source
    BackendCounters counters;
  };
  // Which back end is at that place in a login's order: of those that the login's listener has `chosen`, by number, or
  // of all where that is empty.  Null behind the last one.
  [[nodiscard]] Link* link_of(std::span<const std::uint8_t> chosen, std::size_t at) const;
  Task<std::optional<Answer>> ask_devices(const Credentials& credentials);
  Task<Verdict> ask(Link& link, const Credentials& credentials);
  [[nodiscard]] bool asks_store(std::string_view name, std::span<const std::uint8_t> chosen) const;
  [[nodiscard]] Instant until(WallMillis end) const;
  Task<Answer> answer(const Link& link, Verdict verdict, const Credentials& credentials);

  BackendParts parts_;
  Notice notice_;
  Notice warning_;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace sluice::auth

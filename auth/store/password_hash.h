// Password hashes of a store: new ones are argon2id, in its self-describing form ("$argon2id$v=19$m=...$..."); those
// that it holds may be of any scheme (password_scheme.h). One hasher a store; its calls are thread-safe and block for
// as long as one hash costs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "auth/secret.h"
#include "auth/store/password_scheme.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

struct HashCost {
  unsigned long long passes = 0;
  std::size_t memory_bytes = 0;
};

// 14 ms and 19 MiB a check on a 2-core EPYC virtual machine. Checks that run at once each take that memory: the worker
// pool's size bounds the sum. A thread keeps it between checks (argon2_hash.h).
inline constexpr HashCost kDefaultHashCost{.passes = 2, .memory_bytes = 19'456 * 1024};
// For tests only: 0.02 ms.
inline constexpr HashCost kLeastHashCost{.passes = 1, .memory_bytes = 8192};

class PasswordHasher {
 public:
  // Makes one hash, to have something to check unknown names against.
  [[nodiscard]] static StoreResult<std::unique_ptr<PasswordHasher>> create(const HashCost& cost);

  [[nodiscard]] StoreResult<std::string> hash(const Secret& secret) const;
  [[nodiscard]] SchemeMatch match(const std::string& stored_text, const Secret& secret) const;
  // The work of match() without its answer.
  void match_nothing(const Secret& secret) const;
  // Whether `stored_text` is of another scheme, or was made at another cost, than what this hasher makes.
  [[nodiscard]] bool outdated(const std::string& stored_text) const;

  // For tests: how many checks were computed so far, and that none is left out.
  [[nodiscard]] std::uint64_t matches_computed() const { return matches_.load(std::memory_order_relaxed); }

 private:
  // A stored hash says its memory in KiB.
  explicit PasswordHasher(const HashCost& cost)
      : cost_{.passes = cost.passes, .memory_bytes = cost.memory_bytes / 1024 * 1024} {}
  HashCost cost_;
  std::string of_no_account_;
  mutable std::atomic<std::uint64_t> matches_{0};
};

}  // namespace sluice::auth

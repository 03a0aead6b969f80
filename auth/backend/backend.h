// Where an account's password is checked. One object a configured back end, made at start, owned by
// the process, used from every thread of the worker pool at once: implementations are thread-safe,
// and their calls block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/answer.h"
#include "auth/secret.h"
#include "engine/base/time.h"

namespace sluice::auth {

// What became different in a back end since it was last asked. Caches forget what is named here.
struct Changes {
  std::uint64_t upto = 0;               // to ask from next time
  bool everything = false;              // more than can be listed one by one: forget all
  std::vector<std::string> accounts;    // names, lower case
  std::vector<std::int64_t> customers;  // ids: each with all of its accounts
  std::string error;                    // not empty: could not be found out; `upto` is then what was passed in
};

class Backend {
 public:
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // For log lines and metrics, such as "embedded".
  [[nodiscard]] virtual std::string_view kind() const = 0;

  // Blocks for as long as a password hash or a remote server takes. An unknown name costs the same
  // work as a wrong password and gets the same answer. Whatever keeps the check from being made is
  // `unavailable`, never `wrong`.
  [[nodiscard]] virtual Answer check(const Name& name, const Secret& secret, WallMillis now) = 0;

  // Whether there is a customer of this name, compared without case; nothing where that cannot be found
  // out. Blocks.
  [[nodiscard]] virtual std::optional<bool> has_customer(std::string_view /*name*/) { return std::nullopt; }

  // Why it cannot be asked at this moment, a sentence; empty when it can.  Blocks.
  [[nodiscard]] virtual std::string last_error() { return {}; }

  // The file whose change is a reason to ask changes_since(). Empty: that tells nothing, and the cache's TTL is the
  // bound.
  [[nodiscard]] virtual std::string watched_file() const { return {}; }
  // Start with 0 at process start (before the first check), then with the `upto` of the answer
  // before. From 0 it names no changes, only where to go on from.
  [[nodiscard]] virtual Changes changes_since(std::uint64_t seen) { return Changes{.upto = seen}; }

 protected:
  Backend() = default;
};

}  // namespace sluice::auth

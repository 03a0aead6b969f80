// Why something about the accounts' store was not done.  Values; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace sluice::auth {

struct StoreError {
  enum class Kind : std::uint8_t {
    invalid,      // a value that cannot be stored, such as a name
    not_found,    // no customer, domain or account of that name
    exists,       // there is one already
    refused,      // it would break something, or the file is not one to be used
    unavailable,  // a lock that was not let go in time
    damaged,      // a damaged or foreign file
    failed,       // the rest: memory, the disk
  };
  Kind kind = Kind::failed;
  std::string what;  // a sentence for the operator: which thing, and what to do instead
};

template <typename Value = void>
using StoreResult = std::expected<Value, StoreError>;

[[nodiscard]] inline std::unexpected<StoreError> store_error(StoreError::Kind kind, std::string what) {
  return std::unexpected(StoreError{.kind = kind, .what = std::move(what)});
}

// Without the value that there may be: for callers that only ask whether it was done.
template <typename Value>
[[nodiscard]] StoreResult<> without_value(const StoreResult<Value>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

[[nodiscard]] inline bool already_exists(const StoreResult<>& result) {
  return !result && result.error().kind == StoreError::Kind::exists;
}

}  // namespace sluice::auth

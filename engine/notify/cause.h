// What operators and owners are notified of: causes, by the names that configuration, webhooks and mail have for them.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::notify {

enum class Cause : std::uint8_t {
  limit_near,
  limit_reached,
  noticed,
  strike,
  held,
  contained,
  released,
  refused_as_spam,
  queue_order,
  shield,
  backend,
  limits_not_recorded,
  noticed_not_recorded,
  spool,
  store,
  test,
};

struct CauseWords {
  std::string_view name;   // "limit_reached"
  std::string_view title;  // "Limit reached"
};

// Of events, in the order of Cause: all but a test.
[[nodiscard]] std::span<const CauseWords> causes();
[[nodiscard]] const CauseWords& words_of(Cause cause);
[[nodiscard]] std::optional<Cause> find_cause(std::string_view name);

// A set of causes.
class Causes {
 public:
  // All of them.
  Causes() = default;
  // None; then add().
  static Causes none() {
    Causes causes;
    causes.bits_ = 0;
    return causes;
  }
  void add(Cause cause) { bits_ |= bit(cause); }
  [[nodiscard]] bool has(Cause cause) const { return (bits_ & bit(cause)) != 0; }

 private:
  static constexpr std::uint32_t bit(Cause cause) { return std::uint32_t{1} << static_cast<unsigned>(cause); }
  std::uint32_t bits_ = ~std::uint32_t{0};
};

}  // namespace sluice::notify

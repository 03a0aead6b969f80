// What is counted and in which window, and the amounts that the store has for one account or customer in place of its
// class's.  Values without state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::auth {

// Recipients and messages are two: a message to 50 recipients is one message and 50 recipients.
enum class Quantity : std::uint8_t {
  recipients,  // of messages that were accepted, each recipient of each
  messages,    // that were accepted
  bytes,       // of those messages, as they came in, once for each message
  sessions,    // that logged in and named a recipient
  // Of those recipients the ones that the account had not written to (known_recipients.h says how this may err),
  // outside the domains of its customer.  Where accounts are not watched, and of trusted networks, each recipient.
  first_time_recipients,
};
inline constexpr std::size_t kQuantities = 5;

// Of a sliding window, which ends now.
enum class Span : std::uint8_t { minute, hour, day, month };
inline constexpr std::size_t kSpans = 4;

// As the configuration and sluicectl write it: "recipients", "day".
[[nodiscard]] std::string_view quantity_name(Quantity quantity);
[[nodiscard]] std::string_view span_name(Span span);
[[nodiscard]] std::optional<Quantity> parse_quantity(std::string_view name);
[[nodiscard]] std::optional<Span> parse_span(std::string_view name);

// Of a policy class: letters, digits, "-" and "_", not "-" in front.
inline constexpr std::size_t kClassNameBytesMax = 64;
[[nodiscard]] bool is_class_name(std::string_view text);

inline constexpr std::uint64_t kLimitAmountMax = 1'000'000'000'000'000;

// policy/classes.h says what becomes of it.
struct LimitOverride {
  Quantity quantity = Quantity::recipients;
  Span span = Span::day;
  std::uint64_t amount = 0;  // 1 to kLimitAmountMax

  bool operator==(const LimitOverride&) const = default;
};

// Each pair of quantity and span at most once.
using LimitOverrides = std::vector<LimitOverride>;

}  // namespace sluice::auth

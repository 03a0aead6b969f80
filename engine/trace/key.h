// What events of the trace are found by: the values of some of their keys, by the keys' names, so that a new event with
// such a key is found, too.  Values are compared without regard to case.  Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::trace {

enum class KeyKind : std::uint8_t {
  id,
  message_id,
  account,
  customer,
  sender,
  sender_domain,
  recipient,
  recipient_domain,
  next_hop,
  client,
  verdict,
};
inline constexpr std::size_t kKeyKinds = static_cast<std::size_t>(KeyKind::verdict) + 1;

// How a value is written.
enum class KeyForm : std::uint8_t {
  none,  // found by nothing
  plain,
  address,    // with its domain; one that is empty is none
  addresses,  // several, with ", " between
  host,       // with or without a port
  path,       // argument of MAIL or RCPT: FROM:<address> or TO:<address>
};

struct KeyRole {
  KeyForm form = KeyForm::none;
  KeyKind kind{};
};

// Whether a value of that role may have such a part.
[[nodiscard]] bool may_have(KeyRole role, KeyKind kind);
// By the name of an event's key.
[[nodiscard]] KeyRole role_of(std::string_view key);
// A key with a reply, what a next hop has said, or a reason.
[[nodiscard]] bool has_words(std::string_view key);
// Of an event whose name is its verdict; empty: of others.
[[nodiscard]] std::string_view verdict_of(std::string_view event);

// One of a value's parts that are found by.
struct KeyValue {
  KeyKind kind{};
  std::string_view text;
};
// Takes them off, one by one.
class KeyValues {
 public:
  KeyValues(KeyRole role, std::string_view value);
  [[nodiscard]] std::optional<KeyValue> next();

 private:
  [[nodiscard]] std::string_view next_address();

  KeyRole role_;
  std::string_view rest_;
  std::string_view domain_;  // of the address that was given last
};

// Of what a segment's index has; equal for values that differ in case alone, rarely for others.
[[nodiscard]] std::uint32_t key_hash(KeyKind kind, std::string_view text);
[[nodiscard]] bool same_key(std::string_view one, std::string_view other);
// Whether `part` is in it.
[[nodiscard]] bool contains_in_any_case(std::string_view text, std::string_view part);
// Of an exact text, for tables in memory.
[[nodiscard]] std::uint64_t text_hash(std::string_view text);

}  // namespace sluice::trace

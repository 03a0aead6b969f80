// What sluicectl asks of the shield against guessing, as a value and as a line for the control socket:
//
//   shield list [json]
//   shield release [json] all
//   shield release [json] subject=V
//
// The words are in this order, parted by one blank each; V as in words.h.  The answer ends as those about the queue do;
// what is listed is JSON, with the word or without. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "auth/shield.h"

namespace sluice::control {

struct ShieldRequest {
  enum class Verb : std::uint8_t { list, release };
  Verb verb = Verb::list;
  bool json = false;
  bool all = false;     // of release: everything
  std::string subject;  // of release: an address, a network or the name of an account
  friend bool operator==(const ShieldRequest&, const ShieldRequest&) = default;
};

// So many of each kind are shown at most: more than a table of the shield may have.
inline constexpr std::size_t kShieldRowsMax = 10'000'000;

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string shield_request_fault(const ShieldRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_shield_request(const ShieldRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<ShieldRequest, std::string> decode_shield_request(std::string_view line);

// A page of the list, as JSON without its end.  `first`: nothing of the list is written yet.
[[nodiscard]] std::string render_shield_page(std::span<const auth::ShieldEntry> entries, bool first);
[[nodiscard]] std::string render_released(std::size_t released, bool json);

}  // namespace sluice::control

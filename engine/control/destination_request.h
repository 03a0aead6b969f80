// What sluicectl orders about places where mail goes, as a value and as a line for the control socket:
//
//   destination VERB [json] [name=V] [for_s=N] [until_ms=N] [connections=N] [per_minute=N] [reason=V]
//
// The words are in this order, parted by one blank each; V as in words.h.  The answer ends as those about the queue do.
// The same words, with who and when behind them, are what the relay keeps over a restart: see encode_order().
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/destination_orders.h"

namespace sluice::control {

enum class DestinationVerb : std::uint8_t { list, suspend, resume, limit };
[[nodiscard]] std::string_view verb_name(DestinationVerb verb);
[[nodiscard]] std::optional<DestinationVerb> find_destination_verb(std::string_view name);

inline constexpr std::size_t kDestinationOrdersMax = 1000;  // in force at one time
inline constexpr std::size_t kDestinationReasonBytesMax = 200;
inline constexpr std::int64_t kDestinationForDefaultS = 24L * 3600;
inline constexpr std::int64_t kDestinationForMaxS = 366L * 24 * 3600;
inline constexpr std::uint32_t kDestinationLimitMax = 100'000;

struct DestinationRequest {
  DestinationVerb verb = DestinationVerb::list;
  bool json = false;
  std::string name;               // "ROUTE", "ROUTE/DOMAIN", "@DOMAIN" or "host:NAME", as it was given
  std::int64_t for_s = 0;         // 0: not given
  WallMillis until_ms = 0;        // 0: not given; neither: kDestinationForDefaultS
  std::uint32_t connections = 0;  // of limit: 0: not given
  std::uint32_t per_minute = 0;   // likewise
  std::string reason;
  friend bool operator==(const DestinationRequest&, const DestinationRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string destination_request_fault(const DestinationRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_destination_request(const DestinationRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<DestinationRequest, std::string> decode_destination_request(std::string_view line);

// The order of a request to suspend or limit, or of the name of one to resume.  The error is a sentence: its end is not
// ahead, or too far.
[[nodiscard]] std::expected<DestinationOrder, std::string> order_of(const DestinationRequest& request, WallMillis now,
                                                                    std::string by);

// An order as a line of a file, without a newline; what is no such line is nothing.
[[nodiscard]] std::string encode_order(const DestinationOrder& order);
[[nodiscard]] std::optional<DestinationOrder> decode_order(std::string_view line);

// "suspended until 2026-11-30 08:00:00 UTC by root: upgrade", as who asks why mail waits reads it.
[[nodiscard]] std::string order_words(const DestinationOrder& order);

// As a table for a reader, or JSON; in the order of their names.
[[nodiscard]] std::string render_orders(std::span<const DestinationOrder> orders, bool json, WallMillis now);

}  // namespace sluice::control

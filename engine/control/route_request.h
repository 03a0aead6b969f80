// What sluicectl route test asks, as a value and as a line for the control socket:
//
//   route test [json] [connect] to=V [from=V] [customer=V]
//
// The words are in this order, parted by one blank each; V as in words.h.  The answer ends as those about the queue do.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

struct RouteRequest {
  bool json = false;
  bool connect = false;
  std::string to;
  std::string from;      // empty: postmaster of this relay; "<>": the null reverse-path
  std::string customer;  // empty: none
  friend bool operator==(const RouteRequest&, const RouteRequest&) = default;
};

// What is wrong with a request, as a sentence for the operator; empty: nothing.
[[nodiscard]] std::string route_request_fault(const RouteRequest& request);
// The line, without a newline, of a request that has no fault.
[[nodiscard]] std::string encode_route_request(const RouteRequest& request);
// From an untrusted peer.  What is decoded has no fault.  The error is a sentence, and repeats nothing of the line.
[[nodiscard]] std::expected<RouteRequest, std::string> decode_route_request(std::string_view line);

// One step of a dialog with a next hop.
struct RouteStep {
  enum class Kind : std::uint8_t { command, reply, note };
  Kind kind = Kind::note;
  std::string text;
};
inline constexpr std::size_t kRouteStepsMax = 64;        // of one host
inline constexpr std::size_t kRouteStepBytesMax = 1024;  // of one step; more is cut, and says so

struct RouteHost {
  std::string host;  // "mx.example.com:25"
  std::uint16_t preference = 0;
  std::vector<std::string> addresses;
  std::string source;  // the address that the machine sends from to the first of them
  std::string order;   // of the operator, about it; empty: none
  std::string fault;   // why it has no addresses, or how the test of it ended; empty: well
  std::string remedy;  // what may help
  bool tried = false;
  std::vector<RouteStep> steps;
};

// What the relay would do with a recipient.
struct RouteAnswer {
  std::string from;  // reverse-path; empty: the null one
  std::string route;
  std::string rule;         // why that route
  std::string destination;  // what it shares a queue with
  std::string kind;         // "mx", "hosts" or "maildir"
  std::string mode;         // when it is passed on
  std::string tls;          // the rule, in words
  std::string order;        // of the operator, about the destination; empty: none
  std::string fault;        // why there is no host; empty: there are
  std::vector<RouteHost> hosts;
  bool connected = false;  // `connect` was asked for
  bool accepted = false;   // a host took sender and recipient
};

[[nodiscard]] std::string render_route(const RouteRequest& request, const RouteAnswer& answer);

}  // namespace sluice::control

// Where mail goes on to, as values: made from the configuration, shared read-only by all cores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/base/tls_version.h"

namespace sluice::route {

// Of a message that comes in: what it holds in memory at least, whatever others hold; it gets more in steps of this.
inline constexpr std::uint64_t kMessageMemoryStep = std::uint64_t{64} * 1024;

enum class RouteTls : std::uint8_t {
  none,
  opportunistic,  // STARTTLS where it is offered, whatever the certificate
  required,       // STARTTLS, or nothing is sent; the certificate is checked where `verify` says so
};

// When the dialog with the next hop begins.
enum class RouteDialog : std::uint8_t {
  late,   // when the message is there: the whole transaction goes out at once where the next hop allows it
  eager,  // at RCPT: each recipient is asked of the next hop before it is answered
};

enum class RouteMode : std::uint8_t {
  through,  // passed on while the client waits; what the next hop does not take now is kept for later
  store,    // kept first, passed on from there
};

// How the login is passed on to a next hop that trusts us.
enum class RouteIdentify : std::uint8_t {
  none,
  auth,     // MAIL's AUTH parameter (RFC 4954 5)
  xclient,  // Postfix, XCLIENT_README
};

// What becomes of content with bytes over 127, declared or not, at a next hop that does not offer 8BITMIME (RFC 6152).
enum class RouteEightBit : std::uint8_t {
  convert,  // made 7-bit: message/seven_bit.h
  pass,     // sent as it is, undeclared
  refuse,   // 554 5.6.3
};

struct NextHopHost {
  std::string name;  // a host name or an address, without brackets
  std::uint16_t port = 25;
  std::uint32_t weight = 1;      // of two hosts, one of weight 3 and one of 1, the first gets three quarters
  std::uint16_t preference = 0;  // the lowest first; higher ones only while all of the lower are down
  [[nodiscard]] std::string label() const {
    return name.find(':') == std::string::npos ? name + ":" + std::to_string(port)
                                               : "[" + name + "]:" + std::to_string(port);
  }
};

// A login at the next hop.
struct RouteLogin {
  std::string name;
  std::string secret;  // never in a log line
};

// A route as the operator has set it (config/route.cc reads into it: one option, one field).  Its kind: `maildir` if
// that is not empty, else `mx`, else `hosts`.
struct Route {
  std::string name = "default";  // no two routes have the same
  std::vector<NextHopHost> hosts;
  bool mx = false;                 // straight to the recipients' servers, found by DNS
  std::uint16_t port = 25;         // with `mx`: where they listen
  bool ipv6 = true;                // with `mx`: IPv6 addresses are used, too
  std::string maildir;             // mail is kept there, and no host is asked
  bool fallback = true;            // a message whose next hop fails goes to the spool; false: 451
  std::uint32_t concurrency = 20;  // transmissions at one time to a destination, per core
  std::uint32_t rate_per_s = 0;    // messages that may begin in a second, likewise; 0: no limit
  RouteTls tls = RouteTls::opportunistic;
  TlsVersion tls_min_version = TlsVersion::tls_1_2;  // with a host that has none from here on TLS fails
  bool verify = true;  // the host's certificate is checked; counts where `tls` is required: checks_certificate()
  std::string ca_pem;  // what is trusted, where certificates are checked
  std::optional<RouteLogin> login;
  RouteMode mode = RouteMode::through;
  RouteDialog dialog = RouteDialog::late;
  RouteIdentify identify = RouteIdentify::none;
  bool chunking = true;  // BDAT where the next hop offers it
  RouteEightBit eight_bit = RouteEightBit::convert;
  bool sign = true;                             // where signatures are configured; false: the next hop signs
  std::uint64_t retain_bytes_max = 1U << 20U;   // of a message that is passed through, kept in memory meanwhile
  std::uint32_t connections_per_host_max = 20;  // per core
  // 0: no limit.  Exim leaves what comes after 10 messages to its queue runner, Exchange Online closes after 20.
  std::uint32_t messages_per_connection_max = 10;
  std::uint32_t waiting_max = 1000;  // sessions that wait for a connection, per core
  Duration connect_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(60);  // a kept connection without use is closed
  // RFC 5321 4.5.3.2: greeting, MAIL and RCPT 5 min; DATA 2 min; after the dot 10 min.
  Duration command_timeout = std::chrono::minutes(5);
  Duration data_timeout = std::chrono::minutes(2);
  Duration block_timeout = std::chrono::minutes(3);
  Duration final_timeout = std::chrono::minutes(10);
};

[[nodiscard]] inline bool checks_certificate(const Route& route) {
  return route.tls == RouteTls::required && route.verify;
}

// Whether a message may go without TLS to a next hop that offers it and cannot do it.  Credentials never do.
[[nodiscard]] inline bool may_go_in_clear(const Route& route) {
  return route.tls == RouteTls::opportunistic && !route.login;
}

}  // namespace sluice::route

// What the operator has set about the way that mail takes once it is accepted: routes, spool,
// queue, reports, DNS.  Parts of Config (config.h), and values as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/io/address.h"
#include "engine/mx/selection.h"
#include "engine/route/route.h"
#include "engine/route/table.h"
#include "engine/spool/segments.h"

namespace sluice::config {

struct RouteConfig {
  std::string name = "default";       // no two routes have the same
  route::RouteConditions conditions;  // none: the last route, which takes what no other does
  // One of these three.
  std::vector<route::NextHopHost> hosts;
  bool mx = false;          // straight to the recipients' own servers
  std::string maildir;      // not empty: messages are kept there, and no host is asked
  std::uint16_t port = 25;  // with mx
  bool ipv6 = true;         // with mx
  route::RouteMode mode = route::RouteMode::through;
  route::RouteDialog dialog = route::RouteDialog::late;
  route::RouteIdentify identify = route::RouteIdentify::none;
  bool fallback = true;            // to the spool where a next hop fails; false: 451
  std::uint32_t concurrency = 20;  // to one destination, per core; with mx 10
  std::uint32_t rate_per_s = 0;    // likewise; 0: no limit
  route::RouteTls tls = route::RouteTls::opportunistic;
  TlsVersion tls_min_version = TlsVersion::tls_1_2;
  bool verify = true;         // the certificate is checked; counts where `tls` is required
  std::string ca_file;        // the CAs to trust; empty: the system's
  std::string login;          // empty: none
  std::string password_file;  // its first line is the password
  bool chunking = true;       // BDAT where it is offered
  route::RouteEightBit eight_bit = route::RouteEightBit::convert;
  std::uint32_t connections_per_host = 20;  // per core
  // 0: no limit.  Exim leaves what comes after 10 messages to its queue runner, Exchange Online closes after 20.
  std::uint32_t messages_per_connection = 10;
  std::uint32_t waiting = 1000;  // sessions that may wait for a connection, per core
  Duration connect = std::chrono::seconds(30);
  Duration idle = std::chrono::seconds(60);  // a kept connection that is idle so long is closed
  // RFC 5321 4.5.3.2.
  Duration reply = std::chrono::minutes(5);   // for the greeting, EHLO, MAIL, RCPT
  Duration data = std::chrono::minutes(2);    // for the 354
  Duration block = std::chrono::minutes(3);   // to take a piece of the message
  Duration final = std::chrono::minutes(10);  // for the word after the end of the message
};

// `concurrency` of a route with mx that does not set it.
inline constexpr std::uint32_t kMxConcurrency = 10;

enum class SpoolDurability : std::uint8_t {
  synced,    // on the disk before the 250
  unsynced,  // handed to the kernel before the 250: a power loss loses it
};

// What becomes of new mail while the spool takes none.
enum class SpoolWhenFull : std::uint8_t {
  refuse,       // 452 at MAIL
  cut_through,  // what can be passed on while the client waits is; the rest gets 452 at RCPT
};

struct SpoolConfig {
  std::string directory = "/var/lib/sluice/spool";  // else "spool" in server.state_dir
  SpoolDurability durability = SpoolDurability::synced;
  std::uint64_t segment_bytes = spool::kSegmentBytesDefault;  // a multiple of spool::kBlockBytes
  std::uint64_t free_bytes_min = std::uint64_t{512} << 20;    // less on the disk: MAIL gets 452
  SpoolWhenFull when_full = SpoolWhenFull::refuse;
  // What one message under way may hold in memory before it goes to unsynced space of the spool.
  std::uint64_t memory_bytes = std::uint64_t{1} << 20;
};

struct QueueConfig {
  // How long to wait after each try that failed; the last one repeats.  Not empty.
  std::vector<Duration> retry{std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::minutes(30),
                              std::chrono::hours(1),   std::chrono::hours(2),    std::chrono::hours(4)};
  std::uint32_t jitter_percent = 20;  // by which each wait is made longer or shorter, by chance
  Duration expire = std::chrono::hours(96);
  Duration delay_report = std::chrono::hours(4);  // zero: none
  std::uint32_t running = 500;                    // deliveries at one time, per core
  // How long a destination that fails is left alone: at first, and at most.
  Duration suspend_first = std::chrono::minutes(1);
  Duration suspend_max = std::chrono::hours(1);
};

struct ReportsConfig {
  std::string from;  // a mailbox; empty: MAILER-DAEMON at our host name
  std::uint32_t per_customer_hour = 200;
  std::string route;  // the name of theirs; empty: that of other mail with a null reverse-path
};

struct DnsConfig {
  std::vector<io::Address> servers;  // empty: the system's
  Duration timeout = std::chrono::seconds(5);
  std::uint32_t tries = 2;
  std::vector<Network> unwanted = mx::special_purpose_networks();  // no mail goes to addresses there
};

}  // namespace sluice::config

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
  route::RouteConditions conditions;  // none: the last route, which takes what no other does
  route::Route route;                 // all but `ca_pem` and `login`, for which files have to be read
  std::string ca_file;                // the authorities to trust; empty: the system's
  std::string login;                  // empty: none
  std::string password_file;          // its first line is the password
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
  // Likewise, all messages of a core, beside what each has anyhow.
  std::uint64_t memory_per_core_bytes = std::uint64_t{256} << 20;
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

// The real name service: c-ares in one thread of its own, one for the process.
// It asks recursive servers, and believes what they say: they belong on this machine or on a
// network of our own. Truncated answers are asked for again by TCP.  The hosts file is not looked
// at.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/dns.h"

namespace sluice::io {

struct RealDnsOptions {
  // "192.0.2.53:53", "[2001:db8::53]:53", in the order to ask; none: those of the system's
  // resolv.conf, as it is now.
  std::vector<std::string> servers;
  // Of the first round of the servers; each further one takes twice as long.  A query ends after at
  // most timeout * (2^tries - 1) for each server.
  Duration timeout = std::chrono::milliseconds(2500);
  unsigned tries = 2;  // rounds, 1 to 5
  // Asks, too, whether the server has checked the answer (DnsReply::authenticated).
  bool ask_authenticated = false;
  // Under way.  About as many more wait (FairQueue::admits()), those of each share in turns; then they fail at once.
  std::size_t queries_max = 2048;
};

// The error is a sentence.  The destructor answers everything that is under way with `failed`.
std::expected<std::unique_ptr<Dns>, std::string> make_real_dns(const RealDnsOptions& options);

}  // namespace sluice::io

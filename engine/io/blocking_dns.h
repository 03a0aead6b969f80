// The name service for code that may wait: a command of sluicectl, a thread of its own.  Never on a core.
// Any thread; several may ask at once.
#pragma once

#include <string>

#include "engine/io/dns.h"

namespace sluice::io {

class BlockingDns {
 public:
  // `dns` outlives this.
  explicit BlockingDns(Dns& dns) : dns_(dns) {}

  // Waits for the answer, which the Dns gives in bounded time.  Goes on with aliases where a name server stops on the
  // way; all together at most kDnsAliasesMax are followed.
  [[nodiscard]] DnsReply ask(const std::string& name, DnsType type);

 private:
  DnsReply ask_once(const std::string& name, DnsType type);
  Dns& dns_;
};

}  // namespace sluice::io

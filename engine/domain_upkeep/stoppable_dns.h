// A name service whose questions can be given up all at once: for threads that wait for answers and have to end soon.
// Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/io/dns.h"

namespace sluice::domain_upkeep {

class StoppableDns final : public io::Dns {
 public:
  // `dns` outlives every call of query(), and may go while answers are still to come.
  explicit StoppableDns(io::Dns& dns) : dns_(dns) {}

  void query(const std::string& name, io::DnsType type, CustomerShare share,
             std::function<void(io::DnsReply)> on_reply) override;
  // What is under way is answered with a failure before this returns, and what is asked from now on at once.
  void stop();

 private:
  struct Pending {
    std::mutex mutex;  // over what follows
    bool stopped = false;
    std::uint64_t last = 0;
    std::map<std::uint64_t, std::function<void(io::DnsReply)>> waiting;
  };
  io::Dns& dns_;
  // Answers that come late find it, whatever has gone.
  const std::shared_ptr<Pending> pending_ = std::make_shared<Pending>();
};

}  // namespace sluice::domain_upkeep

// One core's way to the process's name service: questions are tasks of that core, and each
// caller gets an answer in the end whatever the name service does, at once where the core is
// to stop. One per core; its thread only.  May be destroyed before the Dns has answered, once
// no caller waits here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "engine/base/fair_queue.h"
#include "engine/base/task.h"
#include "engine/base/time.h"
#include "engine/io/dns.h"
#include "engine/io/loop.h"

namespace sluice::io {

class CoreDns final : private Abortable {
 public:
  // `dns` outlives this, or at least all asking.  `timeout`: no answer takes longer.
  CoreDns(Loop& loop, Dns& dns, Duration timeout);
  ~CoreDns();
  CoreDns(const CoreDns&) = delete;
  CoreDns& operator=(const CoreDns&) = delete;

  // The Dns's reply, or a `failed` of our own.  `share`: whose mail it is for.
  Task<DnsReply> ask(std::string name, DnsType type, CustomerShare share = kOwnShare);
  // Likewise; goes on with aliases where a name server stops on the way, kDnsAliasesMax times.
  Task<DnsReply> follow(std::string name, DnsType type, CustomerShare share = kOwnShare);
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Question;
  struct Way;
  void answer(std::uint64_t id, DnsReply reply);
  void abort() override;

  Loop& loop_;
  Dns& dns_;
  Duration timeout_;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, Question*> waiting_;
  std::shared_ptr<Way> way_;  // back to this core, for answers from other threads
};

}  // namespace sluice::io

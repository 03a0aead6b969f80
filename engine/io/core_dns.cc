#include "engine/io/core_dns.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/timer_wheel.h"

namespace sluice::io {

// On the frame of its caller, which waits until it is answered.
struct CoreDns::Question {
  Question(CoreDns& asking, std::uint64_t number) : desk(asking), id(number) {}
  CoreDns& desk;
  std::uint64_t id;
  AsyncEvent answered;
  DnsReply reply;
  Timer timeout{[](void* self) {
                  auto& question = *static_cast<Question*>(self);
                  question.desk.answer(question.id, dns_failure("the name service did not answer in time"));
                },
                this};
};

// An answer may come when the desk, and even its loop, is gone.  The mutex holds the loop while it
// is posted to.
struct CoreDns::Way {
  std::mutex mutex;
  Loop* loop = nullptr;     // by the mutex; null once the desk is gone
  CoreDns* desk = nullptr;  // the core's thread only; likewise
};

CoreDns::CoreDns(Loop& loop, Dns& dns, Duration timeout)
    : Abortable(loop), loop_(loop), dns_(dns), timeout_(timeout), way_(std::make_shared<Way>()) {
  way_->loop = &loop;
  way_->desk = this;
}

CoreDns::~CoreDns() {
  CHECK(waiting_.empty());
  way_->desk = nullptr;
  const std::lock_guard lock(way_->mutex);
  way_->loop = nullptr;
}

Task<DnsReply> CoreDns::ask(std::string name, DnsType type, CustomerShare share) {
  if (loop_.aborting()) co_return dns_failure("the relay is shutting down");
  Question question(*this, asked_++);
  waiting_.emplace(question.id, &question);
  loop_.timers().arm(question.timeout, later(loop_.now(), timeout_));
  dns_.query(name, type, share, [way = way_, id = question.id](DnsReply reply) {
    const std::lock_guard lock(way->mutex);
    if (way->loop == nullptr) return;
    way->loop->post([way, id, answer = std::move(reply)]() mutable {
      if (way->desk != nullptr) way->desk->answer(id, std::move(answer));
    });
  });
  co_await question.answered.wait("name service");
  co_return std::move(question.reply);
}

Task<DnsReply> CoreDns::follow(std::string name, DnsType type, CustomerShare share) {
  std::uint32_t ttl_s = UINT32_MAX;
  std::string canonical;
  for (unsigned followed = 0; followed <= kDnsAliasesMax; ++followed) {
    DnsReply reply = co_await ask(std::move(name), type, share);
    ttl_s = std::min(ttl_s, reply.canonical_ttl_s);
    if (!reply.canonical.empty()) canonical = reply.canonical;
    const bool on_the_way = reply.status == DnsStatus::no_data && !reply.canonical.empty() && !reply.negative_ttl_s;
    if (!on_the_way) {
      reply.canonical = std::move(canonical);
      reply.canonical_ttl_s = ttl_s;
      for (DnsRecord& record : reply.records) record.ttl_s = std::min(record.ttl_s, ttl_s);
      co_return reply;
    }
    name = canonical;
  }
  co_return dns_failure("its CNAME records lead on and on");
}

// The first answer counts, the resolver's or the timer's.
void CoreDns::answer(std::uint64_t id, DnsReply reply) {
  const auto it = waiting_.find(id);
  if (it == waiting_.end()) return;
  Question& question = *it->second;
  waiting_.erase(it);
  loop_.timers().disarm(question.timeout);
  question.reply = std::move(reply);
  question.answered.set();
}

void CoreDns::abort() {
  while (!waiting_.empty()) answer(waiting_.begin()->first, dns_failure("the relay is shutting down"));
}

}  // namespace sluice::io

// The part of Server that stops: what is waited for, in which order the cores, their rings and the services end, and
// that the service manager hears of the cores until then.
#include <algorithm>

#include "engine/io/real_platform.h"
#include "engine/server/monitoring.h"
#include "engine/server/server.h"

namespace sluice::server {
namespace {

constexpr Duration kWaitMax = std::chrono::hours(1);

}  // namespace

void Server::watch_cores() {
  std::vector<const Heartbeats*> beats;
  for (const auto& thread : threads_) beats.push_back(&thread->beats);
  service_.watch(clock_->now(), beats);
}

// The rings go last: a thread that has posted to a core wakes it after that, and the core may have ended already.
void Server::join_threads() {
  domain_watch_->stop();
  for (auto& thread : threads_) {
    const auto ended = thread->ended.get_future();
    while (ended.wait_for(std::min(service_.until_watch(clock_->now()), kWaitMax)) == std::future_status::timeout)
      watch_cores();
  }
  backends_.clear();
  store_threads_ = nullptr;
  hash_threads_ = nullptr;
  signing_threads_ = nullptr;
  workers_ = nullptr;
  dns_ = nullptr;
  journal_->stop();
  watch_journal_->stop();
  no_workers_.set_value();
  for (auto& thread : threads_) thread->thread.join();
}

// Every frame, buffer and operation is accounted for when a core ends.
void Server::account(Thread& thread, const Core& core) {
  const CoreLeftOver left = core.left_over();
  const bool clean = left.frames == 0 && left.heap_blocks == 0 && left.buffers == 0 && left.operations == 0;
  if (!clean) left_over_ = true;
  thread.events->emit(event::CoreEnded{.core = thread.index,
                                       .accounted = clean,
                                       .frames = left.frames,
                                       .heap_blocks = left.heap_blocks,
                                       .buffers = left.buffers,
                                       .operations = left.operations},
                      clean ? event::Severity::info : event::Severity::error);
}

// So that what holds up a stop can be asked for until nothing does, on any core.
void Server::core_drained() {
  if (++drained_ < threads_.size()) return;
  threads_.front()->core->post([this] { all_drained_.set(); });
}

void Server::core_settled() {
  if (++settled_ < threads_.size()) return;
  // Until the last one is settled all go on turning, so that a core that asks another gets an answer.
  for (Core* core : cores()) core->loop().stop();
}

Task<void> Server::close_services() {
  co_await all_drained_.wait("all cores to be drained");
  for (Core* core : cores()) core->post([core] { core->queue().end_orders(); });
  if (monitoring_ != nullptr) monitoring_->leave_cores();
  if (address_watch_ != nullptr) address_watch_->stop();
  co_await control_->close();
  for (const auto& thread : threads_) thread->core->post([&thread = *thread] { thread.control_closed.set(); });
}

// A core that has nothing left of its own may still be asked for its queue while another one drains.
Task<void> Server::outlast_control(Thread& thread) {
  co_await thread.control_closed.wait("the control socket to be closed");
}

}  // namespace sluice::server

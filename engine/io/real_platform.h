// The real platform but for the ring: sockets, clock, randomness, workers.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::io {

// Stateless; any thread.
std::unique_ptr<Sockets> make_real_sockets();
std::unique_ptr<Clock> make_real_clock();
// Draws from the kernel in blocks; one thread.
std::unique_ptr<Random> make_real_random();
enum class WorkerPriority : std::uint8_t {
  normal,
  low,  // cores and other programs come first, but leave the workers a little
};
// What each worker that ran a job calls when no other came for so long: for what it keeps between jobs.
struct WhenIdle {
  Duration after{};
  void (*call)() = nullptr;  // null: nothing
};
// `threads` workers, at most `queue_max` jobs waiting (FairQueue::admits()); the destructor runs what was accepted,
// then joins.
std::unique_ptr<Workers> make_real_workers(unsigned threads, std::size_t queue_max,
                                           WorkerPriority priority = WorkerPriority::normal, WhenIdle when_idle = {});
// Whether a job runs on any of this process' workers.  Any thread.
[[nodiscard]] bool workers_run();

}  // namespace sluice::io

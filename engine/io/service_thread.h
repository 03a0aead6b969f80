// Threads beside the cores.
#pragma once

#include <functional>
#include <thread>

namespace sluice::io {

// Starts a thread that has `name`, of 15 bytes at most, and runs `run`.  Signals are the main thread's business: it
// takes none, so that a peer that has closed is an error like any other.  Any thread; the caller joins it.
[[nodiscard]] std::thread start_service_thread(const char* name, std::function<void()> run);

}  // namespace sluice::io

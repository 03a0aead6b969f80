// Threads beside the cores.
#pragma once

#include <functional>
#include <thread>

namespace sluice::io {

// Starts a thread that has `name`, of 15 bytes at most, and runs `run`.  Signals are the main thread's business: it
// takes none, so that a peer that has closed is an error like any other.  Any thread; the caller joins it.
[[nodiscard]] std::thread start_service_thread(const char* name, std::function<void()> run);

// A service thread between two parts of long work: a core's thread that waits for the same CPU goes on now, and the
// caller when that one waits for its clients again, or has had its share of the CPU.
void give_way();

}  // namespace sluice::io

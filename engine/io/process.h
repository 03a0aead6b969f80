// What concerns the process as a whole: limits, privileges, CPUs, signals.  At start-up, from the main
// thread, unless said otherwise.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/io/address.h"

namespace sluice::io {

// Raises the limit of open files as far as allowed.  Returns the limit.
std::uint64_t raise_file_limit();
// File descriptors that this process has open now.
std::uint64_t open_files();
// A core file would hold passwords and mail.
void forbid_core_files();

[[nodiscard]] bool running_as_root();
// Becomes `user` (and `group`, if not empty, else the user's own) for good.  Errors are sentences.
std::expected<void, std::string> drop_privileges(const std::string& user, const std::string& group);
// Makes `directory` if it is missing (mode 0750) and gives it to `user`, where we are root.
std::expected<void, std::string> make_directory_for(const std::string& directory,
                                                    const std::string& user);

// The CPUs that this process may use.
std::vector<int> allowed_cpus();
// The calling thread stays on `cpu`.  Failing is no harm but to speed.
void pin_thread(int cpu, const char* name);

// The addresses of the machine's interfaces that are up, loopback among them; without ports.  Empty where they cannot be
// told.
std::vector<Address> machine_addresses();

// The machine's full name, as its resolver tells it; "localhost" when there is none.
std::string machine_name();

enum class Signal : std::uint8_t { stop, reload };
// Before any thread starts: signals are taken by wait_signal() alone.
void take_signals();
// Blocks until SIGTERM or SIGINT (stop), or SIGHUP (reload).
Signal wait_signal();
// Any thread: makes wait_signal() return as if the signal had come.
void raise_signal(Signal signal);

// What this thread has freed goes back to the system now: once, after work that needed much.
void give_memory_back();

}  // namespace sluice::io

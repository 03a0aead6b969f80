// What concerns the process as a whole: limits, privileges, CPUs, signals.  At start-up, from the main
// thread, unless said otherwise.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace sluice::io {

// Raises the limit of open files as far as allowed.  Returns the limit.
std::uint64_t raise_file_limit();
// File descriptors that this process has open now.
std::uint64_t open_files();
// No core file, and no other process of the same user may trace this one or read its memory (prctl(2),
// PR_SET_DUMPABLE): passwords, keys and mail are in it.
void keep_memory_private();
// While the process starts, in all threads: where memory or a thread cannot be had, it ends with status 1 and a
// sentence on standard error that names the limit.  Any other exception that nothing catches aborts it, as ever.
void end_without_memory();
// Behind the start: a caller that can go on without memory does; the first failure is written there, too.
void go_on_without_memory();
// A sentence about the limit of the address space (RLIMIT_AS), to be added to another failure; empty: there is none.
[[nodiscard]] std::string address_space_note();

[[nodiscard]] bool running_as_root();
// Of the user that this process was started by, whatever it has become since.
[[nodiscard]] std::uint32_t starting_user();
// Empty: that user has none.  May block.
[[nodiscard]] std::string user_name(std::uint32_t uid);

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
// The ids of `user`, with `group` (if not empty, else the user's own).  Errors are sentences that say what to do.
std::expected<Owner, std::string> find_owner(const std::string& user, const std::string& group);
// Becomes `user` (and `group`, if not empty, else the user's own) for good.  Errors are sentences.
std::expected<void, std::string> drop_privileges(const std::string& user, const std::string& group);
// As long as it lives, a process of root is `user` (and `group`, as above) where files are opened.  For a program of
// one thread.  Does nothing in a process that is not root's.
class ActAs {
 public:
  ActAs(const std::string& user, const Owner& owner);
  ~ActAs();
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;

 private:
  bool changed_ = false;
  std::vector<std::uint32_t> groups_;
};

// What this process (as ActAs has it) may do with a path.
enum class PathState : std::uint8_t {
  missing,
  file,
  directory,
  other,    // a socket, a pipe, a device
  unknown,  // a directory above it is closed to us
};
struct PathAccess {
  PathState state = PathState::missing;
  bool readable = false;  // a directory: may be listed and entered
  bool writable = false;
};
PathAccess look_at_path(const std::string& path);

// Where we are root: becomes the owner of `directory`, which is no link, for good, with its group and no other.  So
// root looks at what a service has, and no name in there can make root do more than that.  Returns the path that it has
// for us from then on: it is entered before, as a directory above it may be root's alone.
std::expected<std::string, std::string> become_owner_of(const std::string& directory);
// Likewise of the file `path`, which is to be opened by its name; where there is none, of its directory.  Stays root
// where that is root's, and where its owner cannot reach it: then no name can be changed beneath us either.
std::expected<void, std::string> become_owner_of_file(const std::string& path);
// Makes `directory` if it is missing (mode 0750) and gives it to `user` and `group` (as above), where we are root.
std::expected<void, std::string> make_directory_for(const std::string& directory, const std::string& user,
                                                    const std::string& group);
// `directory`, if it is one that make_directory_for() has made (by its owner and mode), is given to `group`: a
// directory that was made for another group is closed to this one.
std::expected<void, std::string> give_directory_to_group(const std::string& directory, const std::string& user,
                                                         const std::string& group);
// Gives a file that we have made, under one name, to `user` and `group` (as above).  Without being root: to `group`, if
// it is not empty and one that we are in.
std::expected<void, std::string> give_file_to(const std::string& path, const std::string& user,
                                              const std::string& group);

// The CPUs that this process may use.
std::vector<int> allowed_cpus();
// The calling thread, a core's, stays on `cpu`.  It has the CPU for short times, so that one that it gives way to
// (Ring::give_way) is not far ahead of it then (Linux 6.12).  Failing is no harm but to speed.
void pin_thread(int cpu, const char* name);

// The machine's full name, as its resolver tells it; "localhost" when there is none.
std::string machine_name();

// The kernel's number for this start of the machine, the same in all its containers; empty where it is not known.
std::string boot_id();

enum class Signal : std::uint8_t { stop, reload, reopen_log, notice, none };
// First of all, before any thread starts: signals are taken by wait_signal() alone; until then they wait.
void take_signals();
// Blocks until SIGTERM or SIGINT (stop), SIGHUP (reload), or SIGUSR1 (reopen_log); or until `notices`, another
// descriptor, can be read (-1: there is none), or the time is over (none).
Signal wait_signal(int notices, Duration timeout);
// Any thread: makes wait_signal() return as if SIGTERM had come.
void raise_stop();

// What this thread has freed goes back to the system now: once, after work that needed much.
void give_memory_back();
// How much the allocator has given for what malloc() has returned; of null 0.
[[nodiscard]] std::size_t allocated_bytes(void* memory);

}  // namespace sluice::io

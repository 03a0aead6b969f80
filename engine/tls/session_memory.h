// How much memory the TLS library has for sessions, on each thread: those that are open, tickets that are kept of
// earlier ones, and what the first session of a listener makes for all that come.  Next hops' authorities and
// certificates are not in it.
#pragma once

#include <cstdint>

namespace sluice::tls {

// As the allocator gives it, with the sessions themselves; of this thread.
[[nodiscard]] std::uint64_t session_memory();

// Puts the counting in the library's place of malloc and free.  Before the library is started; any thread.
void count_session_memory();

// While one lives, what the library allocates and frees on this thread is a session's.
class CountsAsSession {
 public:
  CountsAsSession();
  // Besides, so many bytes more, or fewer, are held.
  explicit CountsAsSession(std::int64_t bytes);
  ~CountsAsSession();
  CountsAsSession(const CountsAsSession&) = delete;
  CountsAsSession& operator=(const CountsAsSession&) = delete;
};

}  // namespace sluice::tls

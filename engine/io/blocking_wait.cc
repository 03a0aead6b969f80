#include "engine/io/blocking_wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace sluice::io {
namespace {

Instant now() { return Instant(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

BlockingDeadline::BlockingDeadline(Duration timeout) : end_(later(now(), timeout)) {}

Duration BlockingDeadline::left() const { return std::max(end_ - now(), Duration::zero()); }

bool BlockingDeadline::wait(int descriptor, bool to_read, bool to_write) const {
  constexpr auto kLongest = std::chrono::hours(1);
  pollfd one{.fd = descriptor, .events = 0, .revents = 0};
  if (to_read) one.events |= POLLIN;
  if (to_write) one.events |= POLLOUT;
  for (;;) {
    const Duration left = this->left();
    if (left == Duration::zero()) return false;
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(std::min<Duration>(left, kLongest));
    const int ready = ::poll(&one, 1, static_cast<int>(rounded.count()));
    // What fails other than by a signal fails in the library's own call as well, which says why.
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

}  // namespace sluice::io

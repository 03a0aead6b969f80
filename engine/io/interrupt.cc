#include "engine/io/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;
// What the handler writes to, so that one that comes just before a wait ends it, too.
std::array<int, 2> g_interrupt_pipe{-1, -1};

void note_interrupt(int /*signal*/) {
  const int error = errno;
  g_interrupted = 1;
  [[maybe_unused]] const ssize_t written = ::write(g_interrupt_pipe[1], "", 1);
  errno = error;
}

}  // namespace

void take_interrupts() {
  CHECK(pipe2(g_interrupt_pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  struct sigaction action{};
  action.sa_handler = note_interrupt;  // without SA_RESTART
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return g_interrupted != 0; }

bool wait_unless_interrupted(std::uint32_t seconds) {
  constexpr int kMillisPerSecond = 1000;
  pollfd readable{.fd = g_interrupt_pipe[0], .events = POLLIN, .revents = 0};
  if (!interrupted()) ::poll(&readable, 1, static_cast<int>(seconds) * kMillisPerSecond);
  return !interrupted();
}

}  // namespace sluice::io

#include "engine/io/service_thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <utility>

namespace sluice::io {

// The new thread inherits the mask, so that no signal comes before it could set its own.
std::thread start_service_thread(const char* name, std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([name, run = std::move(run)] {
    pthread_setname_np(pthread_self(), name);
    run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

void give_way() { ::sched_yield(); }

}  // namespace sluice::io

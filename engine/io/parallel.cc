#include "engine/io/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/io/service_thread.h"

namespace sluice::io {

void run_in_threads(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work,
                    const std::function<void(std::size_t)>& done) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  const auto run = [&] {
    for (std::size_t at = next++; at < count; at = next++) {
      work(at);
      const std::lock_guard lock(mutex);
      done(at);
    }
  };
  std::vector<std::thread> started;
  for (std::size_t i = 0; i < std::min(count, threads); ++i)
    started.push_back(start_service_thread("sluice-check", run));
  for (std::thread& thread : started) thread.join();
}

}  // namespace sluice::io

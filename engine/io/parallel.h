// Blocking work in several threads at once, for a command that waits for all of it.  Never on a core.
#pragma once

#include <cstddef>
#include <functional>

namespace sluice::io {

// Runs `work(0)` to `work(count - 1)`, each once, in up to `threads` threads, and returns when all have ended.  `done`
// is called behind each one, with its number, one call at a time.  Both on these threads.
void run_in_threads(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work,
                    const std::function<void(std::size_t)>& done);

}  // namespace sluice::io

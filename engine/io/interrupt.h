// The keyboard's interrupt (SIGINT) as something to be asked for, for a command that goes on until then.
// Of the process; one thread.
#pragma once

#include <cstdint>

namespace sluice::io {

// From now on SIGINT ends nothing but what waits in the kernel.
void take_interrupts();
// Whether there was one.
[[nodiscard]] bool interrupted();
// False: before that time was over, or already, there was one.
[[nodiscard]] bool wait_unless_interrupted(std::uint32_t seconds);

}  // namespace sluice::io

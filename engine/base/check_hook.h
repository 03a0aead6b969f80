// What is done in the process between a failed CHECK and the abort, such as writing out what is still in memory.
#pragma once

namespace sluice {

// Called on the thread whose CHECK failed; must end in bounded time.  One for the process: the last one set; nullptr:
// none. Any thread.
using CheckHook = void (*)() noexcept;
void set_check_hook(CheckHook hook) noexcept;

}  // namespace sluice

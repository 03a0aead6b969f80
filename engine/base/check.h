// Checks that stay on in production: a broken invariant stops the process with a report rather than
// going on with corrupt state.  Any thread.
#pragma once

namespace sluice {

// Prints `file:line: check failed: text` to stderr and aborts.
[[noreturn, gnu::cold, gnu::noinline]] void check_failed(const char* file, int line, const char* text) noexcept;

// For tests: what every such report on this thread also says, such as the seed of a simulation; must stay until it is
// replaced.  nullptr: nothing.  Returns what it was.
const char* set_check_note(const char* note) noexcept;

}  // namespace sluice

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the macro is what gives file, line and text.
#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::sluice::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)

#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice {
namespace {

thread_local const char* check_note = nullptr;

}  // namespace

const char* set_check_note(const char* note) noexcept { return std::exchange(check_note, note); }

void check_failed(const char* file, int line, const char* text) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  if (check_note != nullptr) std::fprintf(stderr, "%s\n", check_note);
  std::fflush(stderr);
  std::abort();
}

}  // namespace sluice

#include "engine/base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "engine/base/check_hook.h"

namespace sluice {
namespace {

thread_local const char* check_note = nullptr;
std::atomic<CheckHook> check_hook{nullptr};

}  // namespace

const char* set_check_note(const char* note) noexcept { return std::exchange(check_note, note); }

void set_check_hook(CheckHook hook) noexcept { check_hook.store(hook); }

void check_failed(const char* file, int line, const char* text) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, text);
  if (check_note != nullptr) std::fprintf(stderr, "%s\n", check_note);
  std::fflush(stderr);
  // Once: a CHECK that fails in the hook, or on another thread meanwhile, does not call it again.
  if (const CheckHook hook = check_hook.exchange(nullptr)) hook();
  std::abort();
}

}  // namespace sluice

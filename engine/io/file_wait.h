// Waits for a read or a write of a file on a core.  The result is bytes, maybe fewer than asked for
// (a short transfer is the caller's to judge), or a negative errno.  The wait cannot be cancelled:
// operations on files end by themselves.  The memory stays where it is, and as it is, until then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/io/loop.h"

namespace sluice::io {

template <typename Start>
class FileAwaiter {
 public:
  FileAwaiter(Start start, const char* what) : start_(start), what_(what) {}
  static bool await_ready() noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) {
    waiter.promise().wait_for(what_);
    waiter_ = &waiter.promise();
    start_(&told, this);
  }
  [[nodiscard]] std::int32_t await_resume() const noexcept { return result_; }

 private:
  static void told(void* self, const Completion& completion) {
    auto* awaiter = static_cast<FileAwaiter*>(self);
    awaiter->result_ = completion.result;
    awaiter->waiter_->ready();
  }
  Start start_;
  const char* what_;
  PromiseBase* waiter_ = nullptr;
  std::int32_t result_ = 0;
};

inline auto read_file(Loop& loop, int file, std::span<std::byte> bytes, std::uint64_t offset, const char* what) {
  return FileAwaiter([&loop, file, bytes, offset](
                         Operation::Told told, void* context) { loop.read_file(file, bytes, offset, told, context); },
                     what);
}

}  // namespace sluice::io

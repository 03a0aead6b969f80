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
class FileAwaiter : public Awaiter<FileAwaiter<Start>> {
 public:
  FileAwaiter(Start start, const char* what) : Awaiter<FileAwaiter>(what), start_(start) {}
  void begin() { start_(&on_done, this); }
  [[nodiscard]] std::int32_t await_resume() const noexcept { return result_; }

 private:
  static void on_done(void* self, const Completion& completion) {
    auto* awaiter = static_cast<FileAwaiter*>(self);
    awaiter->result_ = completion.result;
    awaiter->wake();
  }
  Start start_;
  std::int32_t result_ = 0;
};

inline auto read_file(Loop& loop, int file, std::span<std::byte> bytes, std::uint64_t offset, const char* what) {
  return FileAwaiter(
      [&loop, file, bytes, offset](Operation::OnCompletion on_completion, void* context) {
        loop.read_file(file, bytes, offset, on_completion, context);
      },
      what);
}

}  // namespace sluice::io

// Files used by bare operations of the loop, and a directory of a test's own on either platform's disk.
// Owned by one test; its loop's thread only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/io/aligned.h"
#include "engine/io/disk.h"
#include "engine/io/loop.h"
#include "tests/support/platforms.h"

namespace sluice::testing {

// A host of the simulator.
inline constexpr const char* kHost = "192.0.2.1";

inline std::string filled(char with, std::size_t blocks = 1) { return std::string(blocks * io::kDiskBlockBytes, with); }

// errno; 0: there is none.
template <typename T>
int error_of(const io::DiskResult<T>& result) {
  return result ? 0 : result.error().error;
}

// One transfer and its memory.  Ends before it goes.
class RawTransfer {
 public:
  // A write of `text`, whole blocks.
  RawTransfer(io::Loop& loop, int file, std::uint64_t offset, std::string_view text, bool durable)
      : bytes(text.size()) {
    std::memcpy(bytes.data(), text.data(), text.size());
    loop.write_file(file, bytes.view(), offset, durable, &on_completion, this);
  }
  // A read.
  RawTransfer(io::Loop& loop, int file, std::uint64_t offset, std::size_t size) : bytes(size) {
    loop.read_file(file, bytes.span(), offset, &on_completion, this);
  }
  RawTransfer(const RawTransfer&) = delete;
  RawTransfer& operator=(const RawTransfer&) = delete;
  ~RawTransfer() { EXPECT_TRUE(result.has_value()); }

  [[nodiscard]] std::string_view got() const {
    return bytes.view().substr(0, static_cast<std::size_t>(std::max(result.value_or(0), 0)));
  }

  io::AlignedBytes bytes;
  std::optional<std::int32_t> result;

 private:
  static void on_completion(void* self, const io::Completion& completion) {
    static_cast<RawTransfer*>(self)->result = completion.result;
  }
};

// Goes with all that is in it.
class DiskPlace {
 public:
  explicit DiskPlace(bool simulated) : real_(!simulated) {
    if (!real_) return;
    path_ = (std::filesystem::temp_directory_path() / "sluice-disk-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  DiskPlace(const DiskPlace&) = delete;
  DiskPlace& operator=(const DiskPlace&) = delete;
  ~DiskPlace() {
    std::error_code error;
    if (real_) std::filesystem::remove_all(path_, error);
  }
  // The real one is there already; make_directory() is for both.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  bool real_;
  std::string path_ = "/var/spool/sluice";
};

}  // namespace sluice::testing

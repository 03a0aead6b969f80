// For files of this room that write with blocking calls: the loop over write(), and the sentence that names the file.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::io {

// "/path: cannot write: No space left on device", by errno.
inline std::unexpected<std::string> file_fault(const std::string& path, const char* doing) {
  return std::unexpected(path + ": " + doing + ": " + std::strerror(errno));
}

// All of it; false: errno says why, and how much was written is unknown.
inline bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace sluice::io

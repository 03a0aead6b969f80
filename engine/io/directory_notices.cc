#include "engine/io/directory_notices.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::io {

std::expected<Descriptor, std::string> open_directory_notices(const std::string& directory) {
  constexpr std::uint32_t kChanges =
      IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
  Descriptor notices(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (notices.get() >= 0 && inotify_add_watch(notices.get(), directory.c_str(), kChanges) >= 0) return notices;
  return std::unexpected(directory + ": cannot watch it: " + std::strerror(errno));
}

std::vector<std::string> read_directory_notices(int notices) {
  std::vector<std::string> names;
  alignas(inotify_event) std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t size = ::read(notices, bytes.data(), bytes.size());
    if (size <= 0) return names;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, bytes.data() + at, sizeof event);
      // An overflow, and what is about the directory itself, has no name.
      names.emplace_back(event.len > 0 ? bytes.data() + at + sizeof event : "");
      at += sizeof event + event.len;
    }
  }
}

}  // namespace sluice::io

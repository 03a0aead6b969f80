#include "engine/io/plain_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/io/write_all.h"

namespace sluice::io {
namespace {

constexpr mode_t kPlainFileMode = 0600;

}  // namespace

std::expected<PlainFile, std::string> PlainFile::open_regular(const std::string& path, int flags) {
  // Without O_NONBLOCK a pipe that lies there would be waited for.
  Descriptor file(::open(path.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kPlainFileMode));
  if (file.get() < 0) return file_fault(path, "cannot open it");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return file_fault(path, "cannot look at it");
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + ": is no regular file");
  return PlainFile(path, std::move(file));
}

std::expected<PlainFile, std::string> PlainFile::open_to_read(const std::string& path) {
  return open_regular(path, O_RDONLY);
}

std::expected<PlainFile, std::string> PlainFile::open_to_append(const std::string& path) {
  return open_regular(path, O_RDWR | O_CREAT | O_APPEND);
}

std::expected<std::uint64_t, std::string> PlainFile::size() const {
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) return file_fault(path_, "cannot look at it");
  return static_cast<std::uint64_t>(status.st_size);
}

std::expected<std::size_t, std::string> PlainFile::read_at(std::uint64_t offset, std::span<char> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_fault(path_, "cannot read it");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::expected<void, std::string> PlainFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), bytes)) return file_fault(path_, "cannot write");
  return {};
}

std::expected<void, std::string> PlainFile::truncate(std::uint64_t size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) return file_fault(path_, "cannot cut it short");
  return {};
}

}  // namespace sluice::io

#include "engine/log/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace sluice::log {
namespace {

constexpr mode_t kLogFileMode = 0640;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

enum class Kind : unsigned char { file, pipe, blocking_pipe, socket };

struct Target {
  Descriptor descriptor;
  Kind kind = Kind::file;
  std::string path;  // empty: it has no name of its own
};

std::string sentence(const std::string& what, int error) { return what + ": " + std::strerror(error); }

// Standard error is shared with other processes, for which it must stay blocking: a pipe or a
// terminal is opened once more, for us alone.  Where that is not permitted, poll() and small pieces
// have to do.
std::expected<Target, std::string> share(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::unexpected(sentence("descriptor " + std::to_string(fd), errno));
  const bool may_block = S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
  if (may_block) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    Descriptor own(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (own.is_open()) return Target{.descriptor = std::move(own), .kind = Kind::pipe, .path = {}};
  }
  Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.is_open()) return std::unexpected(sentence("descriptor " + std::to_string(fd), errno));
  const Kind kind = S_ISSOCK(status.st_mode) ? Kind::socket : may_block ? Kind::blocking_pipe : Kind::file;
  return Target{.descriptor = std::move(copy), .kind = kind, .path = {}};
}

std::expected<Target, std::string> open_target(const std::string& file) {
  if (file == "-") return share(STDERR_FILENO);
  Descriptor opened(
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kLogFileMode));
  if (!opened.is_open()) return std::unexpected(sentence(file, errno));
  return Target{.descriptor = std::move(opened), .kind = Kind::pipe, .path = file};
}

class DescriptorSink final : public LogSink {
 public:
  explicit DescriptorSink(Target target) : target_(std::move(target)) {}

  std::expected<std::size_t, int> write(std::string_view bytes) override {
    while (true) {
      const ssize_t written = write_once(bytes);
      if (written > 0) return static_cast<std::size_t>(written);
      if (written == 0) return std::unexpected(EIO);
      if (errno != EINTR) return std::unexpected(errno == EWOULDBLOCK ? EAGAIN : errno);
    }
  }

  std::expected<void, std::string> reopen(const std::string& file) override {
    auto target = open_target(file);
    if (!target) return std::unexpected(std::move(target.error()));
    target_ = std::move(*target);
    return {};
  }

  [[nodiscard]] bool moved() const override {
    if (target_.path.empty()) return false;
    struct stat ours{};
    struct stat named{};
    if (::fstat(target_.descriptor.get(), &ours) != 0) return false;
    if (::stat(target_.path.c_str(), &named) != 0) return errno == ENOENT;
    return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
  }

  [[nodiscard]] std::string file() const override { return target_.path; }
  [[nodiscard]] int descriptor() const override { return target_.descriptor.get(); }

 private:
  [[nodiscard]] ssize_t write_once(std::string_view bytes) const {
    const int fd = target_.descriptor.get();
    switch (target_.kind) {
      case Kind::file:
      case Kind::pipe:
        return ::write(fd, bytes.data(), bytes.size());
      case Kind::socket:
        return ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      case Kind::blocking_pipe:
        break;
    }
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    const int polled = ::poll(&ready, 1, 0);
    if (polled < 0) return -1;
    if (polled == 0) {
      errno = EAGAIN;
      return -1;
    }
    // A pipe that poll() calls writable takes this many bytes (pipe(7)).
    return ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
  }

  Target target_;
};

std::expected<std::unique_ptr<LogSink>, std::string> make_sink(std::expected<Target, std::string> target) {
  if (!target) return std::unexpected(std::move(target.error()));
  return std::make_unique<DescriptorSink>(std::move(*target));
}

}  // namespace

std::expected<std::unique_ptr<LogSink>, std::string> open_log_file(const std::string& file) {
  return make_sink(open_target(file));
}

std::expected<std::unique_ptr<LogSink>, std::string> open_log_descriptor(int descriptor) {
  return make_sink(share(descriptor));
}

std::expected<std::size_t, int> MemoryLogSink::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (error_ != 0) return std::unexpected(error_);
  largest_ = std::max(largest_, bytes.size());
  const std::size_t size = std::min({bytes.size(), piece_bytes_, left_bytes_});
  if (size == 0) return std::unexpected(EAGAIN);
  text_ += bytes.substr(0, size);
  left_bytes_ -= size;
  return size;
}

std::expected<void, std::string> MemoryLogSink::reopen(const std::string& file) {
  const std::lock_guard lock(mutex_);
  if (error_ != 0) return std::unexpected(sentence(file, error_));
  reopened_ = file;
  return {};
}

std::string MemoryLogSink::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

std::size_t MemoryLogSink::largest() const {
  const std::lock_guard lock(mutex_);
  return largest_;
}

void MemoryLogSink::clear() {
  const std::lock_guard lock(mutex_);
  text_.clear();
}

void MemoryLogSink::fail(int error) {
  const std::lock_guard lock(mutex_);
  error_ = error;
}

void MemoryLogSink::limit(std::size_t piece_bytes, std::size_t total_bytes) {
  const std::lock_guard lock(mutex_);
  piece_bytes_ = piece_bytes;
  left_bytes_ = total_bytes;
}

std::string MemoryLogSink::reopened() const {
  const std::lock_guard lock(mutex_);
  return reopened_;
}

}  // namespace sluice::log

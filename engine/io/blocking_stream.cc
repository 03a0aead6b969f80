#include "engine/io/blocking_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace sluice::io {
namespace {

// How soon it is noticed that the stream was given up.
constexpr Duration kGivenUpLookEvery = std::chrono::milliseconds(100);

std::unexpected<std::string> stream_fault(int error) { return std::unexpected(std::string(std::strerror(error))); }

bool is_to_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

std::expected<void, std::string> BlockingStream::wait(const BlockingDeadline& deadline, bool to_write) const {
  for (;;) {
    if (given_up_->load()) return std::unexpected("given up");
    const Duration left = deadline.left();
    if (left == Duration::zero()) return std::unexpected("no answer in time");
    if (BlockingDeadline(std::min(left, kGivenUpLookEvery)).wait(socket_.get(), !to_write, to_write)) return {};
  }
}

std::expected<BlockingStream, std::string> BlockingStream::connect(const Address& server, Duration timeout,
                                                                   const std::atomic<bool>& given_up) {
  BlockingStream stream(Descriptor(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), given_up);
  const int socket = stream.socket_.get();
  if (socket < 0) return stream_fault(errno);
  if (::connect(socket, server.data(), server.size()) == 0) return stream;
  if (errno != EINPROGRESS) return stream_fault(errno);
  if (const auto ready = stream.wait(BlockingDeadline(timeout), true); !ready) return std::unexpected(ready.error());
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return stream_fault(errno);
  if (error != 0) return stream_fault(error);
  return stream;
}

std::expected<void, std::string> BlockingStream::write(std::string_view bytes, Duration timeout) {
  const BlockingDeadline deadline(timeout);
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (!is_to_wait(errno)) return stream_fault(errno);
    if (auto ready = wait(deadline, true); !ready) return ready;
  }
  return {};
}

std::expected<std::string, std::string> BlockingStream::read(std::size_t size, Duration timeout) {
  const BlockingDeadline deadline(timeout);
  std::string bytes(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const ssize_t n = ::recv(socket_.get(), bytes.data() + have, size - have, 0);
    if (n == 0) return std::unexpected("the connection was closed");
    if (n > 0) {
      have += static_cast<std::size_t>(n);
      continue;
    }
    if (!is_to_wait(errno)) return stream_fault(errno);
    if (const auto ready = wait(deadline, false); !ready) return std::unexpected(ready.error());
  }
  return bytes;
}

}  // namespace sluice::io

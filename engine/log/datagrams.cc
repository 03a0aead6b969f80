#include "engine/log/datagrams.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/io/address.h"

namespace sluice::log {
namespace {

constexpr int kOpenAgainMs = 1000;

}  // namespace

void DatagramChannel::lose(std::size_t messages, std::string reason) {
  lost_ += messages;
  lost_reason_ = std::move(reason);
}

void DatagramChannel::add(std::string message) {
  if (messages_.size() >= options_.messages_max) return lose(1, "its queue is full");
  messages_.push_back(std::move(message));
}

event::Rest DatagramChannel::turn(Instant now) {
  while (!messages_.empty()) {
    const int error = send(messages_.front());
    if (error == EAGAIN || error == ENOBUFS)
      return {.pending = true, .timeout_ms = kOpenAgainMs, .writable = socket_.get()};
    if (error == EMSGSIZE) {
      lose(1, std::strerror(error));
    } else if (error != 0) {
      socket_ = io::Descriptor(-1);
      if (!failing_since_) failing_since_ = now;
      if (now - *failing_since_ < kWaitMax) return {.pending = true, .timeout_ms = kOpenAgainMs};
      lose(messages_.size(), std::strerror(error));
      messages_.clear();
      return {};
    } else {
      failing_since_.reset();
    }
    messages_.pop_front();
  }
  return {};
}

// An errno, or 0.
int DatagramChannel::open() {
  const std::string& place = options_.place;
  sockaddr_un local{};
  std::optional<io::Address> remote;
  const bool path = place.starts_with('/');
  if (path) {
    if (place.size() >= sizeof local.sun_path) return ENAMETOOLONG;
    local.sun_family = AF_UNIX;
    place.copy(local.sun_path, place.size());
  } else {
    remote = io::Address::parse(place);
    if (!remote) return EINVAL;
  }
  io::Descriptor opened(::socket(path ? AF_UNIX : remote->family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (opened.get() < 0) return errno;
  const auto* address = path ? reinterpret_cast<const sockaddr*>(&local) : remote->data();
  const auto size = path ? static_cast<socklen_t>(sizeof local) : remote->size();
  if (::connect(opened.get(), address, size) != 0) return errno;
  socket_ = std::move(opened);
  return 0;
}

// An errno, or 0.
int DatagramChannel::send(const std::string& message) {
  if (socket_.get() < 0)
    if (const int error = open(); error != 0) return error;
  if (::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return 0;
  if (errno == EMSGSIZE && options_.too_long == LongDatagram::in_file) return send_in_file(message);
  return errno;
}

// As systemd's "Native Journal Protocol" has it: the datagram is empty, and brings the descriptor of a file that nobody
// can change any more.  An errno, or 0.
int DatagramChannel::send_in_file(const std::string& message) const {
  const io::Descriptor file(::memfd_create("sluice-log", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.get() < 0) return errno;
  for (std::size_t written = 0; written < message.size();) {
    const ssize_t size = ::write(file.get(), message.data() + written, message.size() - written);
    if (size <= 0) return size < 0 ? errno : EIO;
    written += static_cast<std::size_t>(size);
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) return errno;
  const int descriptor = file.get();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> control{};
  msghdr header{};
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* const part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  return ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

}  // namespace sluice::log

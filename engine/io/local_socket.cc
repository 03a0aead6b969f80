#include "engine/io/local_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "engine/io/descriptor.h"

namespace sluice::io {
namespace {

std::string socket_fault(const std::string& path, const char* doing) {
  return path + ": " + doing + ": " + std::strerror(errno);
}

std::expected<sockaddr_un, std::string> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return std::unexpected(path + ": a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) +
                           " bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool connect_to(int fd, const sockaddr_un& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::expected<int, std::string> bind_and_listen(const std::string& path, const sockaddr_un& address) {
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::unexpected(socket_fault(path, "socket"));
  // The mode must be right from the first moment on.
  const mode_t before = umask(0117);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(before);
  if (bound != 0) return std::unexpected(socket_fault(path, "cannot listen there"));
  if (::listen(fd.get(), 16) != 0) return std::unexpected(socket_fault(path, "listen"));
  return fd.release();
}

// A relay that was killed a moment ago may still seem to listen: the kernel takes its rings apart, and closes its
// sockets with them, after the process is gone.
bool still_answered(const sockaddr_un& address) {
  constexpr int kTries = 100;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 20'000'000};
  for (int i = 0; i < kTries; ++i) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connect_to(probe.get(), address)) return false;
    nanosleep(&kPause, nullptr);
  }
  return true;
}

}  // namespace

std::expected<int, std::string> listen_local(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  std::error_code error;
  const auto directory = std::filesystem::path(path).parent_path();
  if (!directory.empty()) std::filesystem::create_directories(directory, error);

  struct stat info{};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return std::unexpected(path + ": exists and is not a socket");
    if (still_answered(*address)) return std::unexpected(path + ": another sluice is answering there");
    if (unlink(path.c_str()) != 0) return std::unexpected(socket_fault(path, "cannot remove it"));
  }
  return bind_and_listen(path, *address);
}

std::expected<int, int> connect_local(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(ENAMETOOLONG);
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0 || !connect_to(fd.get(), *address)) return std::unexpected(errno);
  return fd.release();
}

std::expected<LocalDialog, std::string> LocalDialog::connect(const std::string& path, int timeout_s) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = timeout_s, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!connect_to(fd.get(), *address)) {
    const char* const closed =
        "only root, server.user and members of server.group may use it, and a change of that group takes "
        "a restart of the relay";
    return std::unexpected(socket_fault(path, errno == EACCES ? closed : "is sluice running?"));
  }
  return LocalDialog(path, timeout_s, std::move(fd));
}

std::expected<void, std::string> LocalDialog::ask(std::string_view request,
                                                  const std::function<void(std::string_view)>& piece) {
  while (!request.empty()) {
    const ssize_t n = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (n <= 0) return std::unexpected(socket_fault(path_, "send"));
    request.remove_prefix(static_cast<std::size_t>(n));
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n == 0) return {};
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return std::unexpected(path_ + ": no answer within " + std::to_string(timeout_s_) + " s");
    if (n < 0) return std::unexpected(socket_fault(path_, "no answer"));
    piece(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  }
}

std::expected<void, std::string> ask_local(const std::string& path, std::string_view request, int timeout_s,
                                           const std::function<void(std::string_view)>& piece) {
  auto dialog = LocalDialog::connect(path, timeout_s);
  if (!dialog) return std::unexpected(std::move(dialog.error()));
  return dialog->ask(request, piece);
}

std::optional<std::uint32_t> peer_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(peer.uid);
}

std::optional<std::uint32_t> local_listener(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::nullopt;
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connect_to(fd.get(), *address)) return errno == EACCES ? std::optional(0U) : std::nullopt;
  ucred listener{};
  socklen_t size = sizeof listener;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) != 0) return 0;
  return static_cast<std::uint32_t>(listener.pid);
}

}  // namespace sluice::io

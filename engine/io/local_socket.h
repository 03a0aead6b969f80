// The control socket, both ends: a stream socket with a path, which only its owner and group may open.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/descriptor.h"

namespace sluice::io {

// Listens at `path` (mode 0660), replacing a stale socket that has no listener; a directory that is
// missing is made.  Errors are sentences.  At start-up.
std::expected<int, std::string> listen_local(const std::string& path);

// A connection to `path` that a ring may use; the error is an errno.  Does not wait: EAGAIN where the listener's queue
// is full.  Any thread.
std::expected<int, int> connect_local(const std::string& path);

// Connects, sends `request`, and hands what comes to `piece` until the end; blocks at most `timeout_s` for each step.
// For sluicectl.
std::expected<void, std::string> ask_local(const std::string& path, std::string_view request, int timeout_s,
                                           const std::function<void(std::string_view)>& piece);

// The user whose process has connected to the local socket that this one was accepted from, as of that moment; absent:
// it is no such socket.
std::optional<std::uint32_t> peer_user(int socket);

// For a dialog that begins before its request is known: a program that changes its user meanwhile is known to the
// listener as who it was.  Closed when it goes.
class LocalDialog {
 public:
  // As ask_local(), in two steps.
  [[nodiscard]] static std::expected<LocalDialog, std::string> connect(const std::string& path, int timeout_s);
  std::expected<void, std::string> ask(std::string_view request, const std::function<void(std::string_view)>& piece);

 private:
  LocalDialog(std::string path, int timeout_s, Descriptor socket)
      : path_(std::move(path)), timeout_s_(timeout_s), socket_(std::move(socket)) {}
  std::string path_;
  int timeout_s_;
  Descriptor socket_;
};

// The process that listens at `path`, or 0 where one may do so and we may not know which; absent: none does.
std::optional<std::uint32_t> local_listener(const std::string& path);

}  // namespace sluice::io

// The control socket, both ends: a stream socket with a path, which only its owner and group may open.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

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

// The process that listens at `path`, or 0 where one may do so and we may not know which; absent: none does.
std::optional<std::uint32_t> local_listener(const std::string& path);

}  // namespace sluice::io

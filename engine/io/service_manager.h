// The service manager that has started this process (systemd), as sd_notify(3) has its protocol: datagrams of
// "NAME=value" lines to the socket that NOTIFY_SOCKET names.  Made by the main thread, before there are others; any
// thread may notify.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/descriptor.h"

namespace sluice::io {

class ServiceManager {
 public:
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment.  Nothing: there is no such manager, or
  // its socket is of no kind that we know.
  [[nodiscard]] static std::optional<ServiceManager> of_environment();

  // Blocks for kSendTimeoutS at most; false: the manager has not taken it.
  bool notify(std::string_view lines) const;
  // What the manager waits for between two lines WATCHDOG=1; zero: it waits for none.
  [[nodiscard]] Duration watchdog() const { return watchdog_; }

 private:
  static constexpr long kSendTimeoutS = 2;
  ServiceManager(std::string address, Duration watchdog, Descriptor socket)
      : address_(std::move(address)), watchdog_(watchdog), socket_(std::move(socket)) {}

  std::string address_;  // of the socket: a path, or behind a NUL an abstract name
  Duration watchdog_;
  Descriptor socket_;
};

// "MONOTONIC_USEC=...", of this moment.
[[nodiscard]] std::string monotonic_usec_line();

}  // namespace sluice::io

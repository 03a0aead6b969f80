#include "engine/io/service_manager.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace sluice::io {
namespace {

constexpr std::uint64_t kWatchdogUsMax = 24ULL * 3600 * 1'000'000;

// Out of the environment, so that no program that is started later takes itself for the service.
std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// sd_watchdog_enabled(3): what is meant for another process is not for us.
Duration watchdog_of(const std::string& usec, const std::string& pid) {
  const auto interval = number_of(usec);
  if (!interval || *interval == 0 || *interval > kWatchdogUsMax) return {};
  if (!pid.empty() && number_of(pid) != static_cast<std::uint64_t>(getpid())) return {};
  return std::chrono::microseconds(*interval);
}

}  // namespace

std::optional<ServiceManager> ServiceManager::of_environment() {
  std::string address = take_variable("NOTIFY_SOCKET");
  const std::string usec = take_variable("WATCHDOG_USEC");
  const std::string pid = take_variable("WATCHDOG_PID");
  if (address.size() < 2 || address.size() >= sizeof sockaddr_un::sun_path) return std::nullopt;
  if (address.front() != '/' && address.front() != '@') return std::nullopt;
  if (address.front() == '@') address.front() = '\0';
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return std::nullopt;
  const timeval limit{.tv_sec = kSendTimeoutS, .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return ServiceManager(std::move(address), watchdog_of(usec, pid), std::move(socket));
}

bool ServiceManager::notify(std::string_view lines) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  return sendto(socket_.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
                size) == static_cast<ssize_t>(lines.size());
}

std::string monotonic_usec_line() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return "MONOTONIC_USEC=" + std::to_string(std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

}  // namespace sluice::io

// The protocol of sd_notify(3), with a real socket in the manager's place.
#include "engine/io/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace sluice::io {
namespace {

using ::testing::StartsWith;

// A datagram socket with a name; "@..." is an abstract one.
class Manager {
 public:
  explicit Manager(std::string name)
      : name_(std::move(name)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name_.data(), name_.size());
    if (name_.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~Manager() {
    if (name_.front() == '/') unlink(name_.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  // What has come, or nothing.
  std::string next() {
    std::array<char, 4096> bytes;
    const ssize_t count = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(count));
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string name_;
  Descriptor socket_;
};

std::string own_path() { return ::testing::TempDir() + "notify." + std::to_string(getpid()); }

void set_environment(const char* socket, const char* usec = nullptr, const char* pid = nullptr) {
  const auto set = [](const char* name, const char* value) {
    value == nullptr ? unsetenv(name) : setenv(name, value, /*overwrite=*/1);
  };
  set("NOTIFY_SOCKET", socket);
  set("WATCHDOG_USEC", usec);
  set("WATCHDOG_PID", pid);
}

TEST(ServiceManagerTest, SendsLinesToThePathOfNotifySocket) {
  Manager manager(own_path());
  set_environment(manager.name().c_str());
  const auto service = ServiceManager::of_environment();
  ASSERT_TRUE(service.has_value());
  EXPECT_TRUE(service->notify("READY=1\nSTATUS=here"));
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=here");
  EXPECT_EQ(service->watchdog(), Duration::zero());
}

TEST(ServiceManagerTest, SendsToAnAbstractName) {
  Manager manager("@sluice-notify-" + std::to_string(getpid()));
  set_environment(manager.name().c_str());
  const auto service = ServiceManager::of_environment();
  ASSERT_TRUE(service.has_value());
  EXPECT_TRUE(service->notify("STOPPING=1"));
  EXPECT_EQ(manager.next(), "STOPPING=1");
}

TEST(ServiceManagerTest, ThereIsNoneWithoutASocketThatWeKnow) {
  for (const char* socket : {static_cast<const char*>(nullptr), "", "/", "vsock:2:1234", "relative/path"}) {
    set_environment(socket);
    EXPECT_FALSE(ServiceManager::of_environment().has_value()) << (socket == nullptr ? "unset" : socket);
  }
  set_environment(("/" + std::string(200, 'x')).c_str());
  EXPECT_FALSE(ServiceManager::of_environment().has_value());
}

TEST(ServiceManagerTest, NothingIsLeftInTheEnvironment) {
  set_environment("/nowhere/notify", "1000000", "1");
  ASSERT_TRUE(ServiceManager::of_environment().has_value());
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) EXPECT_EQ(getenv(name), nullptr) << name;
}

TEST(ServiceManagerTest, TheWatchdogIsForThisProcessAlone) {
  const std::string own = std::to_string(getpid());
  const auto watchdog = [](const char* usec, const char* pid) {
    set_environment("/nowhere/notify", usec, pid);
    return ServiceManager::of_environment()->watchdog();
  };
  EXPECT_EQ(watchdog("30000000", own.c_str()), std::chrono::seconds(30));
  EXPECT_EQ(watchdog("30000000", nullptr), std::chrono::seconds(30));
  EXPECT_EQ(watchdog("30000000", "1"), Duration::zero());
  for (const char* wrong : {"", "0", "-1", "30s", "99999999999999999999"})
    EXPECT_EQ(watchdog(wrong, own.c_str()), Duration::zero()) << wrong;
}

TEST(ServiceManagerTest, AManagerThatIsGoneIsNoFault) {
  set_environment("/nowhere/notify");
  EXPECT_FALSE(ServiceManager::of_environment()->notify("READY=1"));
}

TEST(ServiceManagerTest, AReloadHasTheTimeOfTheMonotonicClock) {
  const auto line = [] { return std::stoll(monotonic_usec_line().substr(std::strlen("MONOTONIC_USEC="))); };
  EXPECT_THAT(monotonic_usec_line(), StartsWith("MONOTONIC_USEC="));
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  EXPECT_GE(line(), now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

}  // namespace
}  // namespace sluice::io

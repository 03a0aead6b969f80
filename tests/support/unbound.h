// A real recursive name server (Debian's unbound) on a free port of the loopback, with the records
// of one test; its files are in a folder of their own, and it ends with the test. Made and
// destroyed by one test; its thread only.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/io/address.h"

namespace sluice::testing {

class Unbound {
 public:
  static constexpr const char* kProgram = "/usr/sbin/unbound";

  // `zones`: lines of the server's section of its configuration: local-zone, local-data.
  explicit Unbound(const std::string& zones) {
    if (::access(kProgram, X_OK) != 0)
      throw std::runtime_error(std::string(kProgram) + " is not there: run tools/deps test");
    std::string folder = (std::filesystem::temp_directory_path() / "unbound-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no folder for unbound");
    folder_ = folder;
    for (int tries = 0; tries < 5; ++tries) {  // another process may take the port first
      if (start(zones)) return;
    }
    const std::string said = log();
    std::filesystem::remove_all(folder_);
    throw std::runtime_error("unbound does not start: " + said);
  }
  Unbound(const Unbound&) = delete;
  Unbound& operator=(const Unbound&) = delete;
  ~Unbound() {
    end();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string log() const {
    std::ifstream file(folder_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  static std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    io::Address address = *io::Address::from_ip("127.0.0.1", 0);
    socklen_t size = io::Address::capacity();
    EXPECT_EQ(::bind(fd, address.data(), address.size()), 0);
    EXPECT_EQ(::getsockname(fd, address.data(), &size), 0);
    ::close(fd);
    return address.port();
  }
  void write_config(const std::string& zones) const {
    std::ofstream file(folder_ / "unbound.conf");
    file << "server:\n"
         << "  interface: 127.0.0.1\n  port: " << port_ << "\n  access-control: 127.0.0.0/8 allow\n"
         << "  do-daemonize: no\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  directory: \"" << folder_.string()
         << "\"\n  use-syslog: no\n  module-config: \"iterator\"\n  num-threads: 1\n  "
            "do-not-query-localhost: no\n"
         << "  outgoing-range: 32\n  num-queries-per-thread: 32\n  so-rcvbuf: 0\n  msg-cache-size: "
            "1m\n"
         << "  rrset-cache-size: 1m\n  minimal-responses: yes\n"
         << zones << "remote-control:\n  control-enable: no\n";
  }
  bool start(const std::string& zones) {
    port_ = free_port();
    write_config(zones);
    const std::string config = (folder_ / "unbound.conf").string(), said = (folder_ / "log").string();
    std::array<const char*, 5> words{kProgram, "-d", "-c", config.c_str(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 2, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int error = ::posix_spawn(&id_, kProgram, &files, nullptr, const_cast<char* const*>(words.data()), environ);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) return false;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < limit) {
      if (::waitpid(id_, nullptr, WNOHANG) == id_) {
        id_ = -1;
        return false;
      }
      if (listens()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    end();
    return false;
  }
  // It binds UDP before TCP.
  [[nodiscard]] bool listens() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = *io::Address::from_ip("127.0.0.1", port_);
    const bool connected = ::connect(fd, address.data(), address.size()) == 0;
    ::close(fd);
    return connected && log().find("start of service") != std::string::npos;
  }
  void end() {
    if (id_ <= 0) return;
    ::kill(id_, SIGTERM);
    ::waitpid(id_, nullptr, 0);
    id_ = -1;
  }

  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t id_ = -1;
};

}  // namespace sluice::testing

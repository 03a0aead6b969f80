// Datagrams to syslog and the journal.
#include "engine/log/datagrams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "engine/io/address.h"

namespace sluice::log {
namespace {

constexpr std::size_t kMessagesMax = 1000;

TEST(DatagramChannel, SendsToAnAddress) {
  const int server = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  io::Address address = *io::Address::from_ip("127.0.0.1", 0);
  ASSERT_EQ(::bind(server, address.data(), address.size()), 0);
  socklen_t size = io::Address::capacity();
  ASSERT_EQ(::getsockname(server, address.data(), &size), 0);
  DatagramChannel socket({.place = address.to_string()});
  socket.add("one");
  socket.add("two");
  EXPECT_FALSE(socket.turn(Instant()).pending);
  std::array<char, 16> bytes;
  EXPECT_EQ(::recv(server, bytes.data(), bytes.size(), 0), 3);
  EXPECT_EQ(::recv(server, bytes.data(), bytes.size(), 0), 3);
  EXPECT_EQ(socket.lost(), 0U);
  ::close(server);
}

TEST(DatagramChannel, ItsQueueIsBoundedAndWhatNothingTakesIsGivenUp) {
  DatagramChannel socket({.place = "/nowhere/log", .messages_max = kMessagesMax});
  for (std::size_t i = 0; i < kMessagesMax + 5; ++i) socket.add("x");
  EXPECT_EQ(socket.lost(), 5U);
  const Instant start(std::chrono::hours(1));
  EXPECT_TRUE(socket.turn(start).pending);
  EXPECT_TRUE(socket.turn(start + DatagramChannel::kWaitMax - std::chrono::nanoseconds(1)).pending);
  EXPECT_FALSE(socket.turn(start + DatagramChannel::kWaitMax).pending);
  EXPECT_EQ(socket.lost(), kMessagesMax + 5);
}

// The journal's own socket, as a test has it.
class JournalSocket {
 public:
  JournalSocket() {
    std::string path = (std::filesystem::temp_directory_path() / "sluice-journal-XXXXXX").string();
    folder_ = ::mkdtemp(path.data());
    place_ = folder_ + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place_.copy(address.sun_path, place_.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~JournalSocket() {
    ::close(socket_);
    std::filesystem::remove_all(folder_);
  }
  JournalSocket(const JournalSocket&) = delete;
  JournalSocket& operator=(const JournalSocket&) = delete;

  [[nodiscard]] const std::string& place() const { return place_; }
  // A datagram, or the descriptor that came with an empty one.
  std::string receive(int& descriptor) const {
    std::array<char, 4096> bytes;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> control{};
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket_, &header, 0);
    descriptor = -1;
    if (const cmsghdr* came = CMSG_FIRSTHDR(&header); came != nullptr)
      std::memcpy(&descriptor, CMSG_DATA(came), sizeof descriptor);
    return {bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  std::string folder_;
  std::string place_;
};

TEST(DatagramChannel, WhatIsTooLongForTheJournalGoesAsASealedFile) {
  const JournalSocket journal;
  DatagramChannel channel({.place = journal.place(), .too_long = LongDatagram::in_file});
  const std::string text(4 * 1024 * 1024, 'x');  // more than any socket's buffer
  channel.add("short");
  channel.add(text);
  EXPECT_FALSE(channel.turn(Instant()).pending);
  int descriptor = -1;
  EXPECT_EQ(journal.receive(descriptor), "short");
  EXPECT_EQ(descriptor, -1);
  EXPECT_EQ(journal.receive(descriptor), "");
  ASSERT_GE(descriptor, 0);
  std::string came(text.size() + 1, ' ');
  EXPECT_EQ(::pread(descriptor, came.data(), came.size(), 0), static_cast<ssize_t>(text.size()));
  came.resize(text.size());
  EXPECT_TRUE(came == text);
  EXPECT_LT(::pwrite(descriptor, "y", 1, 0), 0) << "the journal takes no file that may still change";
  EXPECT_EQ(channel.lost(), 0U);
  ::close(descriptor);
}

TEST(DatagramChannel, WhatIsTooLongForSyslogIsLostAndCounted) {
  const JournalSocket syslog;
  DatagramChannel channel({.place = syslog.place()});
  channel.add(std::string(4 * 1024 * 1024, 'x'));
  channel.add("short");
  EXPECT_FALSE(channel.turn(Instant()).pending);
  EXPECT_EQ(channel.lost(), 1U);
  EXPECT_EQ(channel.lost_reason(), "Message too long");
}

}  // namespace
}  // namespace sluice::log

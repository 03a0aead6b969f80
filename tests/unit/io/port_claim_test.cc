// An address that another process listens on is not shared with it, whatever it has set on its socket.
#include "engine/io/port_claim.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "engine/io/real_platform.h"

namespace sluice::io {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PortClaimTest : public ::testing::Test {
 protected:
  ~PortClaimTest() override {
    for (const int socket : open_) ::close(socket);
  }
  // Listens, as another process would; the port is the kernel's choice where it is 0.
  Address listen(const Address& address, bool reuse_port) {
    const auto socket = sockets_->listen(address, {.reuse_port = reuse_port});
    EXPECT_TRUE(socket.has_value());
    if (!socket) return {};
    open_.push_back(*socket);
    return sockets_->local(*socket);
  }
  // How many of 100 connections each of the sockets that are open gets; they are closed.
  std::vector<int> accepted_by_each(const Address& address) {
    std::vector<int> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(::connect(clients.back(), address.data(), address.size()), 0);
    }
    std::vector<int> counts;
    for (const int socket : open_) {
      EXPECT_EQ(::fcntl(socket, F_SETFL, O_NONBLOCK), 0);
      counts.push_back(0);
      for (int one = 0; (one = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(one)) ++counts.back();
      ::close(socket);
    }
    open_.clear();
    for (const int client : clients) ::close(client);
    return counts;
  }
  static Address at(const char* ip, std::uint16_t port = 0) { return *Address::from_ip(ip, port); }

  std::unique_ptr<Sockets> sockets_ = make_real_sockets();
  std::vector<int> open_;
};

TEST_F(PortClaimTest, AnAddressInUseIsNotClaimedAndItsHolderIsNamed) {
  for (const bool reuse_port : {false, true}) {
    const Address taken = listen(at("127.0.0.1"), reuse_port);
    const auto claim = PortClaim::claim(taken);
    ASSERT_FALSE(claim.has_value()) << reuse_port;
    EXPECT_THAT(claim.error(), AllOf(HasSubstr("cannot listen on " + taken.to_string() + ": Address already in use"),
                                     HasSubstr(", by test_io (process " + std::to_string(::getpid()) + ")")));
  }
}

TEST_F(PortClaimTest, AWildcardAndASpecificAddressAreInEachOthersWay) {
  const Address taken = listen(at("127.0.0.1"), true);
  EXPECT_FALSE(PortClaim::claim(at("0.0.0.0", taken.port())).has_value());
  const Address all = listen(at("0.0.0.0"), true);
  EXPECT_FALSE(PortClaim::claim(at("127.0.0.1", all.port())).has_value());
}

TEST_F(PortClaimTest, WhileItIsHeldOursShareAndAnotherClaimFails) {
  const Address free = listen(at("127.0.0.1"), false);
  ::close(open_.back());
  open_.pop_back();
  {
    const auto claim = PortClaim::claim(free);
    ASSERT_TRUE(claim.has_value()) << claim.error();
    EXPECT_FALSE(PortClaim::claim(free).has_value());
    listen(free, true);
    listen(free, true);
  }
  EXPECT_FALSE(PortClaim::claim(free).has_value()) << "ours listen, in the claim's place";
  for (const int socket : open_) ::close(socket);
  open_.clear();
  EXPECT_TRUE(PortClaim::claim(free).has_value());
}

// Sockets of the same user with SO_REUSEPORT joined ours, and got a part of the connections.
TEST_F(PortClaimTest, OnceOursListenNoOtherJoinsThem) {
  struct Case {
    const char* ip;
    const char* covering;  // or covered
    const char* reached;
  };
  for (const Case& each : {Case{"127.0.0.1", "0.0.0.0", "127.0.0.1"}, Case{"0.0.0.0", "127.0.0.1", "127.0.0.1"},
                           Case{"::1", "::", "::1"}, Case{"::", "::1", "::1"}}) {
    SCOPED_TRACE(each.ip);
    const auto probe = sockets_->listen(at(each.ip), {});
    if (!probe) continue;  // a machine without IPv6
    const std::uint16_t port = sockets_->local(*probe).port();
    ::close(*probe);
    auto claim = PortClaim::claim(at(each.ip, port));
    ASSERT_TRUE(claim.has_value()) << claim.error();
    for (int i = 0; i < 3; ++i) listen(at(each.ip, port), true);
    claim->refuse_others();
    for (const char* other : {each.ip, each.covering})
      EXPECT_EQ(sockets_->listen(at(other, port), {.reuse_port = true}), std::unexpected(EADDRINUSE)) << other;
    EXPECT_THAT(accepted_by_each(at(each.reached, port)), Each(Gt(0))) << "ours share as before";
  }
}

TEST_F(PortClaimTest, OneOfTheOtherFamilyIsNotNamed) {
  const auto probe = sockets_->listen(at("::1"), {});
  if (!probe) GTEST_SKIP() << "no IPv6";
  open_.push_back(*probe);
  const std::uint16_t port = sockets_->local(*probe).port();
  EXPECT_THAT(listener_at(at("::", port)).text, HasSubstr("test_io"));
  EXPECT_THAT(listener_at(at("0.0.0.0", port)).text, IsEmpty());
  EXPECT_THAT(listener_at(at("127.0.0.1", port)).text, IsEmpty());
  const Address four = listen(at("0.0.0.0"), false);
  EXPECT_THAT(listener_at(at("127.0.0.1", four.port())).text, HasSubstr("test_io"));
  EXPECT_THAT(listener_at(at("::1", four.port())).text, IsEmpty());
}

TEST_F(PortClaimTest, AnAddressOfAnotherMachineIsAnErrorWithoutAClaim) {
  const AddressFault fault = address_fault(at("192.0.2.1", 2525));
  EXPECT_THAT(fault.sentence, HasSubstr("cannot listen on 192.0.2.1:2525: "));
  EXPECT_FALSE(fault.in_use);
}

// Whether that is the relay that runs already, is for the caller to say.
TEST_F(PortClaimTest, TheOwnerOfAnAddressIsNamedWithoutAClaim) {
  const AddressFault fault = address_fault(listen(at("127.0.0.1"), true));
  EXPECT_THAT(fault.sentence, HasSubstr("Address already in use, by test_io (process "));
  EXPECT_TRUE(fault.in_use);
  EXPECT_EQ(fault.holder.number, static_cast<std::uint32_t>(::getpid()));
  const Address free = sockets_->local(open_.back());
  ::close(open_.back());
  open_.pop_back();
  EXPECT_EQ(address_fault(free).sentence, "");
}

}  // namespace
}  // namespace sluice::io

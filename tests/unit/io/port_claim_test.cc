// An address that somebody else listens on is not shared with them, whatever they have set on their socket.
#include "engine/io/port_claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/io/real_door.h"

namespace sluice::io {
namespace {

using ::testing::AllOf;
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

TEST_F(PortClaimTest, AnAddressOfAnotherMachineIsToldWithoutAClaim) {
  EXPECT_THAT(address_fault(at("192.0.2.1", 2525)), HasSubstr("cannot listen on 192.0.2.1:2525: "));
  EXPECT_THAT(address_fault(listen(at("127.0.0.1"), true)), IsEmpty()) << "in use: perhaps by the relay that runs";
}

}  // namespace
}  // namespace sluice::io

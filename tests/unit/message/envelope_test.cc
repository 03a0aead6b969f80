// What an event says of a message's recipients.
#include "engine/message/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::message {
namespace {

using ::testing::ElementsAre;

// The list was cut in the midst of an address, and what came behind that was nowhere.
TEST(AddressLists, NoAddressIsCutAndNoneIsLeftOut) {
  Envelope envelope;
  for (const char* address : {"ann@example.com", "bob@example.com", "eve@example.com"})
    envelope.recipients.push_back({.forward_path = address});
  EXPECT_THAT(address_lists(envelope, 100), ElementsAre("ann@example.com, bob@example.com, eve@example.com"));
  EXPECT_THAT(address_lists(envelope, 32), ElementsAre("ann@example.com, bob@example.com", "eve@example.com"));
  EXPECT_THAT(address_lists(envelope, 31), ElementsAre("ann@example.com", "bob@example.com", "eve@example.com"));
  EXPECT_THAT(address_lists(envelope, 1), ElementsAre("ann@example.com", "bob@example.com", "eve@example.com"));
  EXPECT_THAT(address_lists(Envelope(), 100), ElementsAre());
}

}  // namespace
}  // namespace sluice::message

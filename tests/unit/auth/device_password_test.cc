#include "auth/device_password.h"

#include <gtest/gtest.h>

#include <string>

#include "auth/identity.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr const char* kPassword = "abcde23456fghij7klmn";

TEST(DevicePasswordTest, IsKnownHoweverItIsTyped) {
  for (const char* typed : {"abcde23456fghij7klmn", "ABCDE23456FGHIJ7KLMN", "abcde-23456-fghij-7klmn",
                            "abcde 23456 fghij 7klmn", " abcde23456fghij7klmn"})
    EXPECT_EQ(device_password(typed), kPassword) << typed;
}

TEST(DevicePasswordTest, OtherSecretsAreNone) {
  for (const char* other : {"", "abcde23456fghij7klm", "abcde23456fghij7klmno", "abcde23456fghij7klm1",
                            "abcde23456fghij7klm8", "abcde_23456fghij7klm", "--------------------",
                            "a - b - c - d - e - 2 - 3 - 4 - 5 - 6 - f - g", "correct horse battery"})
    EXPECT_FALSE(device_password(other)) << other;
}

TEST(DevicePasswordTest, WhatIsMadeIsOneAndIsShownInGroups) {
  std::string random;
  for (int i = 0; i < static_cast<int>(kDevicePasswordBytes); ++i) random += static_cast<char>(i * 37);
  const std::string made = make_device_password(random);
  EXPECT_EQ(device_password(made), made);
  const std::string shown = shown_device_password(made);
  EXPECT_EQ(shown.size(), kDevicePasswordBytes + 3);
  EXPECT_EQ(device_password(shown), made);
}

TEST(DevicePasswordTest, HashesOfOtherKeysAndPasswordsDiffer) {
  EXPECT_EQ(device_hash("key", kPassword).size(), 64U);
  EXPECT_EQ(device_hash("key", kPassword), device_hash("key", kPassword));
  EXPECT_NE(device_hash("key", kPassword), device_hash("kez", kPassword));
  EXPECT_NE(device_hash("key", kPassword), device_hash("key", "abcde23456fghij7klmm"));
}

TEST(IdentityTest, ADeviceIsBoundToNetworksAndSenders) {
  Identity identity;
  identity.domains = std::make_shared<DomainList>(std::vector<std::string>{"example.com"});
  EXPECT_TRUE(identity.admits("198.51.100.1"));
  EXPECT_TRUE(identity.admits(""));
  EXPECT_TRUE(identity.may_send_as("anybody", "example.com"));
  identity.device = std::make_shared<DeviceBounds>(
      DeviceBounds{.name = "printer",
                   .networks = {Network::parse("192.0.2.0/24").value(), Network::parse("2001:db8::/32").value()},
                   .senders = {"printer@example.com"}});
  EXPECT_TRUE(identity.admits("192.0.2.77"));
  EXPECT_TRUE(identity.admits("2001:db8::5"));
  EXPECT_FALSE(identity.admits("192.0.3.1"));
  EXPECT_FALSE(identity.admits(""));
  EXPECT_FALSE(identity.admits("no address"));
  EXPECT_TRUE(identity.may_send_as("Printer", "EXAMPLE.com"));
  EXPECT_FALSE(identity.may_send_as("anybody", "example.com"));
  EXPECT_FALSE(identity.may_send_as("printer", "example.org"));
}

}  // namespace
}  // namespace sluice::auth

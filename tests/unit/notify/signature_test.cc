// Signatures of webhooks: as the libraries of Standard Webhooks compute them, and secrets that are none.
#include "engine/notify/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The vector that the libraries of Standard Webhooks test themselves with.
TEST(WebhookSecret, SignsAsTheLibrariesOfStandardWebhooksDo) {
  const auto secret = WebhookSecret::make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSecret, TheSignatureIsOfIdTimeAndBody) {
  const auto secret = WebhookSecret::make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(secret);
  const std::string signature = secret->sign("msg_1", 1, "{}");
  EXPECT_NE(secret->sign("msg_2", 1, "{}"), signature);
  EXPECT_NE(secret->sign("msg_1", 2, "{}"), signature);
  EXPECT_NE(secret->sign("msg_1", 1, "[]"), signature);
}

TEST(WebhookSecret, WhatIsNoneIsRefusedAndNotRepeated) {
  for (const std::string_view text :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqr", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_", "whsec_not base64 at all, not base64 at all"}) {
    const auto secret = WebhookSecret::make(text);
    ASSERT_FALSE(secret) << text;
    EXPECT_THAT(secret.error(), Not(HasSubstr("MfKQ"))) << text;
  }
  EXPECT_FALSE(WebhookSecret::make("whsec_" + std::string(88, 'A')));  // 66 bytes
}

}  // namespace
}  // namespace sluice::notify

// What must not happen: a core asks for memory for each message that it signs.  Counted at operator new, which a
// sanitizer has for itself.
#ifndef NDEBUG_SANITIZER

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/allocations.h"

#include "engine/dkim/signing_input.h"

namespace sluice::dkim {
namespace {

using testing::allocations;

TEST(DkimAllocation, ToHashABodyAllocatesNothing) {
  const std::string body(100'000, ' ');
  BodyHashes hashes;
  const std::uint64_t before = allocations;
  for (int i = 0; i < 10; ++i) {
    hashes.reset({.simple = true, .relaxed = true}, message::BodyForm::dot_stuffed);
    for (std::size_t at = 0; at < body.size(); at += 1000) hashes.feed({body.data() + at, 1000});
    hashes.finish();
  }
  EXPECT_EQ(allocations, before);
}

TEST(DkimAllocation, ASecondMessageAllocatesNothing) {
  const Signatory signatory = *Signatory::make("example.com", "selector", "@example.com");
  const std::vector<SignatureRequest> requests{
      {.signatory = &signatory, .lifetime_s = 3600},
      {.signatory = &signatory, .algorithm = Algorithm::ed25519_sha256},
  };
  const std::string header = "From: a\r\nTo: b\r\n c\r\nSubject: " + std::string(3000, 'x') + "\r\nDate: d\r\n\r\n";
  BodyHashes hashes;
  hashes.reset(body_forms(requests), message::BodyForm::literal);
  hashes.finish();
  const auto inputs = std::make_unique<SigningInputs>();
  const MessageToSign message{.header = header, .body = &hashes.digests(), .now_s = 1'764'400'000};
  ASSERT_TRUE(inputs->prepare(message, requests));
  const std::uint64_t before = allocations;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(inputs->prepare(message, requests));
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace sluice::dkim

#endif

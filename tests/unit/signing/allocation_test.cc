// What must not happen: each piece of a message that comes in asks for memory to be hashed.  Counted at operator new,
// which a sanitizer has for itself.
#ifndef NDEBUG_SANITIZER

#include <gtest/gtest.h>

#include <string>

#include "engine/signing/hash_turns.h"
#include "engine/signing/running_hash.h"
#include "tests/support/allocations.h"

namespace sluice::signing {
namespace {

using testing::allocations;

TEST(RunningHashAllocation, APieceThatComesAllocatesNothing) {
  Chain piece;
  piece.append_copy("From: a@b\r\n\r\n" + std::string(100'000, 'x'));
  for (const auto form : {message::BodyForm::dot_stuffed, message::BodyForm::literal}) {
    RunningHash hash(form, {.simple = true, .relaxed = true});
    const std::uint64_t before = allocations;
    for (int i = 0; i < 100; ++i)
      for (HashTurns turns(piece); turns.feed(hash);) continue;
    const HashedBody body = hash.finish();
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(body.content_bytes, 100 * piece.size());
  }
}

}  // namespace
}  // namespace sluice::signing

#endif

// What must not happen: a core asks for memory to say what happens.  Counted at operator new, which a sanitizer has for
// itself.
#ifndef NDEBUG_SANITIZER

#include <gtest/gtest.h>

#include <string>

#include "engine/event/dispatcher.h"
#include "tests/support/allocations.h"
#include "tests/support/stopped_clock.h"

namespace sluice::event {
namespace {

using testing::allocations;
using testing::StoppedClock;

TEST(EventAllocation, ToEmitAllocatesNothing) {
  StoppedClock clock;
  Dispatcher dispatcher({.ring_bytes = 32 * 1024}, clock);
  Emitter& events = dispatcher.open();
  const std::string text(2000, 'x');
  const Message message{.id = "1",
                        .verdict = "taken",
                        .helo = text,
                        .recipients = 3,
                        .ms = Duration(1),
                        .reply = text,
                        .reply_sent = true};
  events.emit(message);
  const std::uint64_t before = allocations;
  for (int i = 0; i < 1000; ++i) events.emit(message);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace sluice::event

#endif

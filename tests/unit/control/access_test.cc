// Which requests of the control socket a support desk may make.
#include "engine/control/access.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/control/queue_request.h"

namespace sluice::control {
namespace {

// A request that is new is refused until its row says what it does.
TEST(Access, EveryRequestHasARow) {
  for (const QueueVerbName& verb : kQueueVerbs) {
    const std::string words = "queue " + std::string(verb.name);
    const auto access = access_of(words + " json all");
    ASSERT_TRUE(access.has_value()) << words << " has no row in access.cc";
    const bool looks =
        verb.verb == QueueVerb::list || verb.verb == QueueVerb::show || verb.verb == QueueVerb::destinations;
    EXPECT_EQ(*access == Access::look, looks) << words;
    if (changes_queue(verb.verb)) EXPECT_EQ(access, Access::act) << words;
  }
  for (const char* line :
       {"status json", "counters cores json", "usage", "usage limit=5", "sessions", "sessions json",
        "sessions account=end", "shield list", "noticed account=release", "explain id=A", "name account=x",
        "destination list", "destination list json", "route test to=a@b", "route test json to=a@b"})
    EXPECT_EQ(access_of(line), Access::look) << line;
  for (const char* line :
       {"reload", "drain", "notify test", "sessions end account=x", "shield release all", "noticed release account=x",
        "containment contain account id=1 reason=x", "destination suspend name=mx", "destination limit name=mx",
        "destination resume name=mx", "route test connect to=a@b", "route test json connect to=a@b"})
    EXPECT_EQ(access_of(line), Access::act) << line;
}

TEST(Access, WhatHasNoRowIsNone) {
  for (const char* line : {"", " ", "statu", "statuses", "queue", "queue ", "queue lists", "shield", "notify",
                           "notify tests", " status", "containmen", "queue\tlist", "QUEUE LIST"})
    EXPECT_EQ(access_of(line), std::nullopt) << line;
}

}  // namespace
}  // namespace sluice::control

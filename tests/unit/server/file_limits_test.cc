// What is left of the process' file descriptors for clients and next hops.
#include "engine/server/file_limits.h"

#include <gtest/gtest.h>

namespace sluice::server {
namespace {

TEST(FileLimitsTest, WhatIsConfiguredHoldsWhereThereAreEnough) {
  const FileLimits limits = file_limits(1'048'576, 40, 4, 20'000, 10'000);
  EXPECT_FALSE(limits.reduced);
  EXPECT_EQ(limits.sessions_per_core, 20'000U);
  EXPECT_EQ(limits.outgoing_per_core, 10'000U);
}

TEST(FileLimitsTest, ClientsAndNextHopsShareWhatTheReserveLeaves) {
  const FileLimits limits = file_limits(1024, 40, 2, 20'000, 10'000);
  EXPECT_TRUE(limits.reduced);
  EXPECT_EQ(limits.sessions_per_core, 232U);
  EXPECT_EQ(limits.outgoing_per_core, 232U);
  EXPECT_LE(40 + kFilesReserved + 2 * kFilesReservedPerCore +
                2 * std::uint64_t{limits.sessions_per_core + limits.outgoing_per_core},
            1024U);
  EXPECT_EQ(limits.wanted, 40 + kFilesReserved + 2 * kFilesReservedPerCore + 60'000);
}

TEST(FileLimitsTest, WhatOneDirectionDoesNotNeedIsTheOthers) {
  const FileLimits few_hops = file_limits(1024, 0, 1, 20'000, 10);
  EXPECT_EQ(few_hops.outgoing_per_core, 10U);
  EXPECT_EQ(few_hops.sessions_per_core, 1024 - kFilesReserved - kFilesReservedPerCore - 10);
  const FileLimits few_clients = file_limits(1024, 0, 1, 10, 20'000);
  EXPECT_EQ(few_clients.sessions_per_core, 10U);
  EXPECT_EQ(few_clients.outgoing_per_core, 1024 - kFilesReserved - kFilesReservedPerCore - 10);
}

TEST(FileLimitsTest, EachCoreGetsOneOfEachWhateverIsLeft) {
  for (const std::uint64_t files_max : {0ULL, 10ULL, 64ULL}) {
    const FileLimits limits = file_limits(files_max, 60, 8, 20'000, 10'000);
    EXPECT_EQ(limits.sessions_per_core, 1U);
    EXPECT_EQ(limits.outgoing_per_core, 1U);
    EXPECT_TRUE(limits.reduced);
  }
}

}  // namespace
}  // namespace sluice::server

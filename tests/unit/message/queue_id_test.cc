// Ids that are written down wrongly.
#include "engine/message/queue_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::message {
namespace {

using ::testing::IsEmpty;

bool is_like(const std::string& text, const std::string& id) {
  return std::ranges::count(queue_ids_like(text), *parse_queue_id(id)) == 1;
}

TEST(QueueIdsLike, HaveOneLetterThatIsWrongMissingTooManyOrInAnothersPlace) {
  const std::string id = "0DKGR2N4T0400";
  for (const char* const written : {"0DKGR2N4T0401", "1DKGR2N4T0400", "DKGR2N4T0400", "0DKGR2N4T040", "0DKGR2N4T04000",
                                    "0DKGRR2N4T0400", "0KDGR2N4T0400", "0dkgr2n4t0407", "0DKGR2N4T04*0"})
    EXPECT_TRUE(is_like(written, id)) << written;
  // As many as are written in letters that look like digits.
  EXPECT_TRUE(is_like("oDKGR2N4TO4OO", id));
  EXPECT_TRUE(is_like("0DKGR2N4T0L1I", "0DKGR2N4T0111"));
  for (const char* const written : {"0DKGR2N4T0411", "0DKGR2N4T04", "0DKGR2N4T040000", "", "x", "alice@example.com"})
    EXPECT_FALSE(is_like(written, id)) << written;
}

TEST(QueueIdsLike, AreFewAndWithoutTheOneItself) {
  EXPECT_FALSE(is_like("0DKGR2N4T0400", "0DKGR2N4T0400"));
  EXPECT_FALSE(is_like("0dkgr2n4t0400", "0DKGR2N4T0400"));
  for (const std::string text : {"0DKGR2N4T040", "0DKGR2N4T0400", "0DKGR2N4T04000", "OOOOOOOOOOOOO"}) {
    const std::vector<QueueId> ids = queue_ids_like(text);
    EXPECT_LE(ids.size(), 900U);
    EXPECT_FALSE(ids.empty());
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  }
  EXPECT_THAT(queue_ids_like(std::string(100'000, '0')), IsEmpty());
}

}  // namespace
}  // namespace sluice::message

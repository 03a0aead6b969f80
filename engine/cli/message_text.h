// Messages of the queue for a reader: all about one, and what is shown to who decides about those on hold; and what was
// noticed of an account.  What others have sent is escaped, and can be nothing but text to a terminal.
// Pure; any thread.
#pragma once

#include <string>

#include "engine/base/time.h"
#include "engine/cli/listing.h"
#include "engine/cli/moment.h"

namespace sluice::cli {

// A row of the answer to queue show.
[[nodiscard]] std::string message_text(const ViewRow& row, TimeForm form, WallMillis now);
// A row of the answer to queue review.
[[nodiscard]] std::string review_text(const ViewRow& row, TimeForm form, WallMillis now);
// The answer to noticed.
[[nodiscard]] std::string noticed_account_text(const ViewRow& row, TimeForm form, WallMillis now);

}  // namespace sluice::cli

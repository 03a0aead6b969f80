// What each command of sluicectl that lists shows of the relay's answer.
// Constants; any thread.
#pragma once

#include "engine/cli/view_options.h"

namespace sluice::cli {

extern const View kStatusView;
extern const View kPoolsView;
extern const View kCountersView;
extern const View kQueueListView;
extern const View kQueueDestinationsView;
// Shown by words of their own: a message with all about it, those on hold, and what is in one, piece by piece.
extern const View kMessageView;
extern const View kReviewView;
extern const View kContentView;
// Likewise: what was noticed of an account.
extern const View kNoticedView;
extern const View kSessionsView;
extern const View kShieldView;
// The tables of usage.
extern const View kUsageWindowsView;
extern const View kUsageSendersView;
extern const View kUsageDecisionsView;

}  // namespace sluice::cli

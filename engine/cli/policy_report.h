// What sluicectl policy prints, as text or JSON.  Pure; any thread.
#pragma once

#include <string>

#include "auth/identity.h"
#include "engine/cli/command_line.h"
#include "engine/cli/event_logs.h"
#include "policy/classes.h"
#include "policy/replay/replay.h"

namespace sluice::cli {

[[nodiscard]] std::string render_replay(const PolicyCommand& command, const EventLogs::Counts& lines,
                                        const policy::Replay& replay);

struct TestedMessage {
  const auth::Identity& identity;
  const std::string& class_source;
  const policy::PolicyClasses& classes;
  const policy::Judgement& judgement;
};
[[nodiscard]] std::string render_policy_test(const PolicyCommand& command, const TestedMessage& tested);

}  // namespace sluice::cli

// What a session is given by its core.
#pragma once

#include <string>

#include "auth/authenticator.h"
#include "engine/io/country_database.h"
#include "engine/io/loop.h"
#include "engine/message/message_sink.h"
#include "engine/session/admission.h"
#include "engine/session/observer.h"
#include "engine/session/session_counters.h"
#include "policy/noticing/account_watch.h"
#include "policy/submission_limits.h"

namespace sluice::session {

// Queue ids: unique for a relay as long as its clock does not go back over a restart.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual std::string next() = 0;
};

// One of these for each generation of a core; all that it refers to outlives the sessions.
struct Services {
  io::Loop& loop;
  auth::Authenticator& authenticator;
  message::MessageSinkFactory& sinks;
  Observer& observer;
  IdSource& ids;
  SessionCounters& counters;
  Admission& admission;
  policy::SubmissionLimits* limits = nullptr;      // null: there are none
  noticing::AccountWatch* watch = nullptr;         // null: nothing is noticed
  const io::CountryDatabase* countries = nullptr;  // null: countries are not counted
};

}  // namespace sluice::session

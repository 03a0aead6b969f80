// Checks that whatever line comes to the control socket as a request about the queue, sessions, a containment and the
// like:
//   - what is decoded has no fault, and is written as that very line;
//   - what is made of a containment for sessions and mail means its subject alone;
//   - a fault repeats nothing of the line that a terminal would not take for text.
// Input: a line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/text.h"
#include "engine/base/check.h"
#include "engine/control/containment_request.h"
#include "engine/control/explain_request.h"
#include "engine/control/name_request.h"
#include "engine/control/noticed_request.h"
#include "engine/control/queue_request.h"
#include "engine/control/sessions_request.h"
#include "engine/control/shield_request.h"
#include "engine/control/usage_request.h"

namespace {

using namespace sluice::control;

template <typename Decoded>
bool is_request(const Decoded& decoded) {
  if (!decoded) CHECK(!decoded.error().empty() && sluice::auth::is_clean_text(decoded.error()));
  return decoded.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (const auto queue = decode_queue_request(line); is_request(queue)) {
    CHECK(queue_request_fault(*queue).empty() && encode_queue_request(*queue) == line);
    CHECK(!changes_queue(queue->verb) || queue->all != queue->has_filter());
  }
  if (const auto sessions = decode_sessions_request(line); is_request(sessions))
    CHECK(sessions_request_fault(*sessions).empty() && encode_sessions_request(*sessions) == line);
  if (const auto shield = decode_shield_request(line); is_request(shield))
    CHECK(shield_request_fault(*shield).empty() && encode_shield_request(*shield) == line);
  if (const auto name = decode_name_request(line); is_request(name))
    CHECK(name_request_fault(*name).empty() && encode_name_request(*name) == line);
  if (const auto usage = decode_usage_request(line); is_request(usage))
    CHECK(usage_request_fault(*usage).empty() && encode_usage_request(*usage) == line);
  if (const auto explain = decode_explain_request(line); is_request(explain))
    CHECK(explain_request_fault(*explain).empty() && encode_explain_request(*explain) == line);
  if (const auto noticed = decode_noticed_request(line); is_request(noticed))
    CHECK(noticed_request_fault(*noticed).empty() && encode_noticed_request(*noticed) == line);
  if (const auto containment = decode_containment_request(line); is_request(containment)) {
    CHECK(containment_request_fault(*containment).empty() && encode_containment_request(*containment) == line);
    CHECK(sessions_of(*containment).has_filter());
    const QueueRequest mail = mail_of(*containment, "unknown user");
    CHECK(mail.has_filter() && !mail.all);
  }
  return 0;
}

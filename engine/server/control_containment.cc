// The part of the control socket that carries out a containment.  In this order nothing slips through: the store says
// already that nobody may log in; every core forgets what it knows, and from then on asks the store; sessions are ended
// until none is left, among them those whose login was being answered meanwhile; then no message comes in any more,
// and what is queued is held.
#include <utility>

#include "engine/io/process.h"
#include "engine/server/control.h"

namespace sluice::server {
namespace {

constexpr Duration kLookForSessionsAgain = std::chrono::milliseconds(50);
// What has not ended by then waits for a next hop.
constexpr Duration kSessionsTimeout = std::chrono::seconds(10);

Task<void> wait_a_moment(io::Loop& loop) {
  AsyncEvent over;
  io::Timer timer([](void* event) { static_cast<AsyncEvent*>(event)->set(); }, &over);
  loop.timers().arm(timer, loop.now() + kLookForSessionsAgain);
  co_await over.wait("sessions to end");
  loop.timers().disarm(timer);
}

void add_fault(control::Containment& done, std::string_view what) {
  done.fault.append(done.fault.empty() ? "" : "; ").append(what);
}

}  // namespace

Task<Actor> Control::actor_of(std::optional<std::uint32_t> uid) {
  Actor actor{.uid = uid, .name = {}};
  if (!uid) co_return actor;
  auto name = co_await io::run_on_worker<std::string>(
      home_.loop(), [uid] { return io::user_name(*uid); }, "the name of a user");
  if (name) actor.name = *std::move(name);
  co_return actor;
}

Task<std::string> Control::answer_about_containment(std::string_view line, std::optional<std::uint32_t> uid) {
  const auto request = control::decode_containment_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  const Actor actor = co_await actor_of(uid);
  // Who releases an account has looked at it.
  if (request->verb == control::ContainmentRequest::Verb::release &&
      request->kind == control::ContainmentRequest::Kind::account)
    static_cast<void>(actions_.release_noticed(request->subject));
  control::Containment done;
  co_await contain_sessions(*request, done);
  if (request->holds_mail() || request->mail) co_await contain_mail(*request, actor, done);
  emit_containment(*actions_.events, *request, actor, done);
  co_return control::render_containment(*request, done).append(control::kAnswerEnd).append("\n");
}

Task<std::optional<auth::StoreResult<auth::Contained>>> Control::contained_now() {
  co_return co_await io::run_on_worker<auth::StoreResult<auth::Contained>>(
      home_.loop(), [this] { return actions_.contained(); }, "what is contained");
}

Task<void> Control::contain_sessions(const control::ContainmentRequest& request, control::Containment& done) {
  const auto read = co_await contained_now();
  const Instant deadline = home_.loop().now() + kSessionsTimeout;
  auto networks = std::make_shared<std::optional<std::vector<Network>>>();
  if (read && *read) {
    *networks = (*read)->networks;
  } else {
    add_fault(done, read ? "the networks that are contained cannot be read: " + read->error().what
                         : std::string("too many jobs wait: the networks that are contained were not read"));
  }
  for (bool first = true;; first = false) {
    const auto met = co_await ask_all<Core::ContainedSessions>(
        [request, networks, first](Core& core) { return core.contain(request, first, *networks); });
    std::uint64_t left = 0;
    for (const Core::ContainedSessions& each : met) {
      done.sessions += each.asked;
      left += each.left;
    }
    if (!request.ends_sessions()) co_return;
    // A login that was granted a moment ago shows at the second look.
    if (left == 0 && !first) co_return;
    if (home_.loop().now() >= deadline) {
      done.sessions_left = left;
      co_return;
    }
    co_await wait_a_moment(home_.loop());
  }
}

void Control::hold_noticed(const std::string& account, const std::string& reasons) {
  if (closed_) return;
  control::QueueRequest request{.verb = control::QueueVerb::hold, .account = account};
  request.reason = "noticed: " + reasons;
  serving_.add(hold_mail_of(std::move(request)));
}

Task<void> Control::hold_mail_of(control::QueueRequest request) {
  std::uint64_t held = 0;
  for (const control::QueueAnswer& answer : co_await ask_queues(request)) held += answer.changed;
  if (held > 0) emit_queue_order(*actions_.events, request, {.uid = {}, .name = "sluice"}, held);
}

Task<void> Control::contain_mail(const control::ContainmentRequest& request, const Actor& actor,
                                 control::Containment& done) {
  control::QueueRequest mail = control::mail_of(request, actor.text());
  // Of a customer that is released an account may be contained still.
  if (request.verb == control::ContainmentRequest::Verb::release) {
    const auto read = co_await contained_now();
    if (!read || !*read) {
      add_fault(done, "what else is contained cannot be read: its held mail is not released");
      co_return;
    }
    mail.but = **read;
  }
  bool cut_short = false;
  for (const control::QueueAnswer& answer : co_await ask_queues(mail)) {
    done.messages += answer.changed;
    done.under_way += answer.under_way;
    cut_short = cut_short || answer.cut_short;
  }
  if (cut_short) add_fault(done, "the relay is being stopped: not all of the queue was looked at");
}

}  // namespace sluice::server

// The part of the control socket that lists sessions and what the shield does: page by page, as fast as it is read, so
// that of a long list a core holds one page, and no turn is longer for it.
#include <algorithm>
#include <span>
#include <utility>

#include "engine/control/queue_request.h"
#include "engine/server/control.h"

namespace sluice::server {
namespace {

constexpr Duration kListPageTimeout = std::chrono::seconds(60);
constexpr std::size_t kShieldPage = 256;

}  // namespace

// ------------------------------------------------------------------------------------------ the shield

// A worker does what looks at all of the shield's tables.
Task<void> Control::answer_about_shield(std::string_view line, net::Connection& connection) {
  constexpr std::string_view kBusy = "error: too many jobs wait\n";
  const auto request = control::decode_shield_request(line);
  if (!request) {
    connection.write("error: " + request.error() + "\n");
    co_return;
  }
  if (request->verb == control::ShieldRequest::Verb::release) {
    const auto released = co_await io::run_on_worker<std::size_t>(
        home_.loop(), [this, &request] { return actions_.release_shield(request->subject); }, "the shield's release");
    if (released) actions_.released(request->subject, *released);
    connection.write(released
                         ? control::render_released(*released, request->json).append(control::kAnswerEnd).append("\n")
                         : std::string(kBusy));
    co_return;
  }
  const auto entries = co_await io::run_on_worker<std::vector<auth::ShieldEntry>>(
      home_.loop(), [this, now = home_.loop().now()] { return actions_.list_shield(now); }, "the shield's list");
  if (!entries) {
    connection.write(std::string(kBusy));
    co_return;
  }
  std::span<const auth::ShieldEntry> left(*entries);
  for (bool first = true; !left.empty(); first = false) {
    const auto page = left.first(std::min(left.size(), kShieldPage));
    connection.write(control::render_shield_page(page, first));
    left = left.subspan(page.size());
    if (co_await connection.drained(0, kListPageTimeout, "a page of the shield's list to be read") != net::IoStatus::ok)
      co_return;
  }
  connection.write((entries->empty() ? "[\n]\n" : "\n]\n") + std::string(control::kAnswerEnd) + "\n");
}

// ------------------------------------------------------------------------------------------ sessions

Task<void> Control::answer_about_sessions(std::string_view line, net::Connection& connection,
                                          std::optional<std::uint32_t> uid) {
  const auto request = control::decode_sessions_request(line);
  if (!request) {
    connection.write("error: " + request.error() + "\n");
    co_return;
  }
  if (!request->customer.empty())
    if (const std::string fault = co_await customer_fault(request->customer); !fault.empty()) {
      connection.write("error: " + fault + "\n");
      co_return;
    }
  if (request->verb == control::SessionsRequest::Verb::list) co_return co_await list_sessions(*request, connection);
  const auto cores =
      co_await ask_all<control::CoreSessions>([&request](Core& core) { return core.end_sessions(*request); });
  std::uint64_t ended = 0;
  for (const control::CoreSessions& core : cores) ended += core.met;
  if (ended == 0 && !request->account.empty())
    if (const std::string remark = co_await account_remark(request->account);
        remark.starts_with(control::kAnswerError)) {
      connection.write(remark);
      co_return;
    }
  emit_sessions_ended(*actions_.events, *request, co_await actor_of(uid), ended);
  connection.write(control::render_sessions_ended(*request, cores).append(control::kAnswerEnd).append("\n"));
}

Task<void> Control::list_sessions(const control::SessionsRequest& request, net::Connection& connection) {
  SessionsListed listed;
  for (Core* core : cores_)
    if (!co_await list_sessions_of(*core, request, connection, listed)) co_return;
  connection.write(
      co_await ended_about_account(control::render_sessions_end(listed.shown == 0, listed.met - listed.shown),
                                   listed.met == 0 ? request.account : ""));
}

// False: nobody reads it any more.  The walk is the core's: it is made and ended there.
Task<bool> Control::list_sessions_of(Core& core, const control::SessionsRequest& request, net::Connection& connection,
                                     SessionsListed& listed) {
  const auto walk = std::make_shared<std::unique_ptr<Core::SessionWalk>>();
  for (;;) {
    const auto page = co_await ask_one<control::CoreSessions>(core, [&request, walk](Core& on) {
      if (*walk == nullptr) *walk = std::make_unique<Core::SessionWalk>(on);
      control::CoreSessions sessions = (*walk)->next(request);
      if (sessions.over) walk->reset();
      return sessions;
    });
    const std::size_t most = request.limit ? *request.limit - listed.shown : page.sessions.size();
    connection.write(control::render_sessions_page(page, most, listed.shown == 0));
    listed.shown += std::min(most, page.sessions.size());
    listed.met += page.met;
    const bool read =
        co_await connection.drained(0, kListPageTimeout, "a page of sessions to be read") == net::IoStatus::ok;
    if (page.over) co_return read;
    if (read) continue;
    static_cast<void>(co_await ask_one<bool>(core, [walk](Core& /*on*/) {
      walk->reset();
      return true;
    }));
    co_return false;
  }
}

}  // namespace sluice::server

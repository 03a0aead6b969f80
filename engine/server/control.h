// The control socket: one request line a connection, one answer, the end.  Served by one core among its
// other work; what concerns all cores is asked of them by message.
// That core's thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/shield.h"
#include "engine/control/access.h"
#include "engine/control/containment_request.h"
#include "engine/control/explain_request.h"
#include "engine/control/name_request.h"
#include "engine/control/noticed_request.h"
#include "engine/control/sessions_request.h"
#include "engine/control/shield_request.h"
#include "engine/control/usage_request.h"
#include "engine/net/listener.h"
#include "engine/notify/notifier.h"
#include "engine/server/core.h"
#include "engine/server/operator_events.h"
#include "engine/server/order_book.h"
#include "engine/server/queue_answer.h"
#include "engine/server/usage.h"

namespace sluice::server {

// What came of a reload.
struct Reloaded {
  bool adopted = false;               // the new configuration is in force
  std::vector<std::string> errors;    // sentences: what was not done
  std::vector<std::string> warnings;  // what is wrong beside it
};

// What the control socket can bring about outside its core.
struct ControlActions {
  std::function<Reloaded()> reload;               // on a worker
  std::function<void(const Reloaded&)> reloaded;  // on the core, with what came of it
  std::function<void()> stop;
  std::string operators_socket;  // its path, for those who ask for too much on the other
  // On a worker: whether there is such a customer; nothing where that cannot be found out.
  std::function<std::optional<bool>(const std::string&)> has_customer;
  std::function<std::vector<std::string>()> customers;  // on a worker: names to compare with, not all of very many
  // On a worker: names of accounts of the store about this one, as AccountStore::account_names_about() has them.
  std::function<std::optional<std::vector<std::string>>(const std::string&)> accounts_about;
  std::function<bool()> accounts_elsewhere;          // on a worker: whether other back ends have accounts, too
  std::function<std::vector<std::string>()> routes;  // on a worker: names of the configuration's routes
  std::function<std::vector<auth::ShieldEntry>(Instant)> list_shield;  // on a worker
  std::function<std::size_t(const std::string&)> release_shield;       // on a worker; "": everything
  std::function<std::vector<policy::MeterKey>(const control::UsageRequest&)> usage_meters;  // on a worker
  std::function<control::Usage(const control::UsageRequest&, const UsageReadings&)> usage;  // on a worker
  std::function<std::vector<control::DecidedEvent>(const std::string&)> explain;            // on a worker
  std::function<bool(const std::string&)> release_noticed;  // of an account: whether anything is known of it
  std::function<control::NoticedAccount(const std::string&, Instant)> noticed;
  std::function<std::vector<notify::Notifier::Tested>()> test_notifications;  // on a worker
  std::function<void(const std::string&, std::size_t)> released;              // on the core, with what came of it
  std::function<auth::StoreResult<auth::Contained>()> contained;              // on a worker
  event::Emitter* events = nullptr;                                           // the core's
  std::string orders_file;                                                    // see OrderBook
  std::vector<DestinationOrders::InForce> orders;                             // at the start
};

// What of a list of sessions has gone out.
struct SessionsListed {
  std::size_t shown = 0;
  std::uint64_t met = 0;
};

// Descriptors of sockets that listen; -1: there is none.
struct ControlSockets {
  int operators = -1;
  int support = -1;  // where requests are taken that only look: see control/access.h
};

// The account of `names` whose name is like this one: its local part within a domain, or its domain behind a local
// part; empty: none is.
[[nodiscard]] std::string account_meant(std::string_view name, std::span<const std::string> names);

class Control {
 public:
  // `cores` holds every core of the process, `home` is the one that serves.  The sockets are owned.
  Control(Core& home, std::vector<Core*> cores, ControlSockets sockets, ControlActions actions);

  // Until close(), which comes when nothing but this is left to be waited for: so what holds up a stop can be asked.
  // After close() no core is asked for anything any more; it is for the cores to outlast it.
  void start();
  Task<void> close();
  // Holds what is queued of an account that was noticed, on all cores.  On the core that serves; nothing after close().
  void hold_noticed(const std::string& account, const std::string& reasons);

 private:
  void accepted(int socket, control::Access most);
  // `uid`: whose process has connected; `most`: what it may do.
  Task<void> serve(std::unique_ptr<net::Connection> connection, std::optional<std::uint32_t> uid, control::Access most);
  Task<void> dispatch(std::string_view line, net::Connection& connection, std::optional<std::uint32_t> uid);
  Task<std::string> answer(std::string_view request);
  Task<std::string> answer_about_usage(std::string_view line);
  Task<std::optional<UsageReadings>> read_usage(const control::UsageRequest& request);
  Task<std::string> answer_about_decision(std::string_view line);
  Task<std::string> answer_about_noticed(std::string_view line, std::optional<std::uint32_t> uid);
  Task<std::string> test_notifications();

  // control_names.cc
  Task<std::string> answer_about_name(std::string_view line);
  // That the store has no such account, as a sentence; empty: it has, or that cannot be looked up.
  struct UnknownAccount {
    std::string sentence;
    bool elsewhere = false;  // another back end may have it
    bool meant = false;      // the sentence names another
  };
  Task<UnknownAccount> unknown_account(std::string name);
  // A sentence where there is no such customer, with one whose name is like it; empty: there is, or that cannot be
  // looked up.
  Task<std::string> customer_fault(std::string name);
  // A line for the reader where nothing was found of an account which the store does not have: an error where no other
  // back end may have it; empty: it is there, or that cannot be looked up.
  Task<std::string> account_remark(std::string name);
  // The end of an answer; `account`: of which it has found nothing, or empty.
  Task<std::string> ended_about_account(std::string text, std::string account);
  // Where no route has this name: which one may be meant, to end a sentence; nothing: one has, or that cannot be looked
  // up.
  Task<std::optional<std::string>> unknown_route(std::string name);

  template <typename Answer>
  Task<std::vector<Answer>> ask_all(std::function<Answer(Core&)> ask);
  template <typename Answer>
  Task<Answer> ask_one(Core& core, std::function<Answer(Core&)> ask);

  // control_lists.cc
  Task<void> answer_about_shield(std::string_view line, net::Connection& connection);
  Task<void> answer_about_sessions(std::string_view line, net::Connection& connection,
                                   std::optional<std::uint32_t> uid);
  Task<void> list_sessions(const control::SessionsRequest& request, net::Connection& connection);
  Task<bool> list_sessions_of(Core& core, const control::SessionsRequest& request, net::Connection& connection,
                              SessionsListed& listed);

  // control_containment.cc
  Task<Actor> actor_of(std::optional<std::uint32_t> uid);
  Task<std::string> answer_about_containment(std::string_view line, std::optional<std::uint32_t> uid);
  Task<void> hold_mail_of(control::QueueRequest request);
  // On a worker; none: too many jobs wait.
  Task<std::optional<auth::StoreResult<auth::Contained>>> contained_now();
  Task<void> contain_sessions(const control::ContainmentRequest& request, control::Containment& done);
  Task<void> contain_mail(const control::ContainmentRequest& request, const Actor& actor, control::Containment& done);

  // control_destination.cc
  Task<std::string> answer_about_destinations(std::string_view line, std::optional<std::uint32_t> uid);
  Task<std::optional<std::string>> unknown_place(const control::DestinationRequest& request);
  Task<std::string> answer_about_route(std::string_view line);

  // control_queue.cc
  struct PageExchange;
  class Pages;
  Task<void> answer_about_queue(std::string_view line, net::Connection& connection, std::optional<std::uint32_t> uid);
  Task<void> show_content(control::QueueRequest request, net::Connection& connection, std::optional<std::uint32_t> uid);
  Task<std::vector<control::QueueAnswer>> ask_queues(const control::QueueRequest& request);
  Task<std::string> find_like(control::QueueRequest& request);
  Task<std::string> put_into_words(const control::QueueRequest& request, std::vector<control::QueueAnswer> answers);
  Task<std::string> stream(const control::QueueRequest& request, net::Connection& connection);
  Task<control::QueueAnswer> stream_core(Core& core, const control::QueueRequest& request, bool& first,
                                         net::Connection& connection);
  Task<std::string> customer_fault(const control::QueueRequest& request,
                                   const std::vector<control::QueueAnswer>& answers);
  // What stands behind an answer in which nothing was found, as no destination or account has the name;
  // empty: nothing.
  Task<std::string> name_remark(const control::QueueRequest& request, const std::vector<control::QueueAnswer>& answers);
  Task<std::string> destination_remark(const control::QueueRequest& request,
                                       const std::vector<control::QueueAnswer>& answers);
  static Task<void> ask_queue(Core& core, control::QueueRequest request,
                              std::function<void(control::QueueAnswer)> done);
  static Task<void> produce(Core& core, Core& home, control::QueueRequest request, PageExchange& exchange);

  Core& home_;
  std::vector<Core*> cores_;
  ControlActions actions_;
  std::set<net::Connection*> silent_;  // whose request is not there yet
  TaskSet serving_;
  OrderBook orders_;
  std::size_t route_tests_ = 0;  // under way
  bool closed_ = false;
  net::Listener listener_;
  std::optional<net::Listener> support_listener_;
};

// On each core; the answers come back as messages, so nothing is written by two.
template <typename Answer>
Task<std::vector<Answer>> Control::ask_all(std::function<Answer(Core&)> ask) {
  std::vector<Answer> all(cores_.size());
  std::size_t missing = cores_.size();
  AsyncEvent event;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    Core* core = cores_[i];
    core->post([&, core, i] {
      auto answer = std::make_shared<Answer>(ask(*core));
      home_.post([&, answer, i] {
        all[i] = std::move(*answer);
        if (--missing == 0) event.set();
      });
    });
  }
  co_await event.wait("answers of all cores");
  co_return all;
}

template <typename Answer>
Task<Answer> Control::ask_one(Core& core, std::function<Answer(Core&)> ask) {
  Answer answer;
  AsyncEvent event;
  core.post([&] {
    home_.post([&, shared = std::make_shared<Answer>(ask(core))] {
      answer = std::move(*shared);
      event.set();
    });
  });
  co_await event.wait("the answer of a core");
  co_return answer;
}

}  // namespace sluice::server

#include "engine/server/control.h"

#include <utility>

#include "engine/control/queue_request.h"
#include "engine/io/local_socket.h"

namespace sluice::server {
namespace {

constexpr std::size_t kRequestBytesMax = control::kQueueRequestBytesMax + 1;  // with its newline
constexpr Duration kRequestTimeout = std::chrono::seconds(10);
constexpr Duration kAnswerTimeout = std::chrono::seconds(60);

constexpr std::string_view kUnknownRequest = "error: unknown request: sluicectl is of another version than the relay\n";

struct Word {
  std::string_view text;
  control::StatusView view;
};
constexpr Word kViews[] = {{"status json", control::StatusView::status},
                           {"pools json", control::StatusView::pools},
                           {"counters json", control::StatusView::counters},
                           {"counters cores json", control::StatusView::core_counters}};

// An answer that begins with "error:" makes sluicectl fail.
std::string render_reload(const Reloaded& done) {
  std::string lines;
  for (const std::string& error : done.errors) lines += "error: " + error + "\n";
  if (done.adopted) lines += done.errors.empty() ? "reloaded\n" : "the rest of the configuration is in force\n";
  for (const std::string& warning : done.warnings) lines += "warning: " + warning + "\n";
  return lines;
}

}  // namespace

Control::Control(Core& home, std::vector<Core*> cores, ControlSockets sockets, ControlActions actions)
    : home_(home),
      cores_(std::move(cores)),
      actions_(std::move(actions)),
      orders_({.loop = home.loop(),
               .events = *actions_.events,
               .file = actions_.orders_file,
               .changed =
                   [this](const DestinationOrders::Snapshot& orders) {
                     for (Core* core : cores_) core->post([core, orders] { core->set_orders(orders); });
                   }},
              std::move(actions_.orders)),
      listener_(home.loop(), sockets.operators, [this](int socket) { accepted(socket, control::Access::act); }) {
  if (sockets.support >= 0)
    support_listener_.emplace(home.loop(), sockets.support,
                              [this](int socket) { accepted(socket, control::Access::look); });
}

void Control::accepted(int socket, control::Access most) {
  const auto uid = io::peer_user(socket);
  serving_.add(serve(std::make_unique<net::Connection>(home_.loop(), socket, io::Address()), uid, most));
}

void Control::start() {
  listener_.start();
  if (support_listener_) support_listener_->start();
}

// A connection without a request is not waited for.
Task<void> Control::close() {
  closed_ = true;
  co_await listener_.close();
  if (support_listener_) co_await support_listener_->close();
  for (net::Connection* connection : silent_) connection->terminate();
  co_await serving_.join("answers on the control socket");
  co_await orders_.close();
}

Task<void> Control::serve(std::unique_ptr<net::Connection> connection, std::optional<std::uint32_t> uid,
                          control::Access most) {
  Chain& input = connection->input();
  std::string request;
  silent_.insert(connection.get());
  while (request.find('\n') == std::string::npos && request.size() < kRequestBytesMax) {
    if (co_await connection->more(kRequestTimeout, "a control request") != net::IoStatus::ok) break;
    request += input.to_string();
    input.clear();
  }
  silent_.erase(connection.get());
  const std::size_t end = request.find('\n');
  if (end != std::string::npos) {
    const std::string_view line = std::string_view(request).substr(0, end);
    const auto access = control::access_of(line);
    if (!access) {
      connection->write(std::string(kUnknownRequest));
    } else if (*access == control::Access::act && most != control::Access::act) {
      connection->write(
          "error: this socket is for requests that change nothing and show nothing of what is in messages; "
          "for this one use --control " +
          actions_.operators_socket + "\n");
    } else {
      co_await dispatch(line, *connection, uid);
    }
    co_await connection->drained(0, kAnswerTimeout, "a control answer to be read");
  }
  co_await connection->close();
}

Task<void> Control::dispatch(std::string_view line, net::Connection& connection, std::optional<std::uint32_t> uid) {
  const std::string_view word = line.substr(0, line.find(' '));
  if (word == "queue") {
    co_await answer_about_queue(line, connection, uid);
  } else if (word == "shield") {
    co_await answer_about_shield(line, connection);
  } else if (word == "usage") {
    connection.write(co_await answer_about_usage(line));
  } else if (word == "noticed") {
    connection.write(co_await answer_about_noticed(line, uid));
  } else if (word == "name") {
    connection.write(co_await answer_about_name(line));
  } else if (word == "explain") {
    connection.write(co_await answer_about_decision(line));
  } else if (word == "sessions") {
    co_await answer_about_sessions(line, connection, uid);
  } else if (word == "destination") {
    connection.write(co_await answer_about_destinations(line, uid));
  } else if (word == "route") {
    connection.write(co_await answer_about_route(line));
  } else if (word == "containment") {
    connection.write(co_await answer_about_containment(line, uid));
  } else {
    connection.write(co_await answer(line));
  }
}

// "status json", "pools json", "reload", "drain".
Task<std::string> Control::answer(std::string_view request) {
  for (const Word& known : kViews) {
    if (known.text != request) continue;
    const auto cores = co_await ask_all<control::CoreStatus>([](Core& core) { return core.status(); });
    co_return control::render_status(known.view, cores).append(control::kAnswerEnd).append("\n");
  }
  if (request == "notify test") co_return co_await test_notifications();
  if (request == "reload") {
    if (home_.draining()) co_return "error: the relay is being stopped\n";
    // Reading files and making a plan may block: a worker does it.
    const auto done =
        co_await io::run_on_worker<Reloaded>(home_.loop(), [this] { return actions_.reload(); }, "reload");
    if (!done) co_return "error: too many jobs wait\n";
    actions_.reloaded(*done);
    co_return render_reload(*done);
  }
  if (request == "drain") {
    actions_.stop();
    co_return "draining\n";
  }
  co_return std::string(kUnknownRequest);
}

// What is used beside what the process' budgets have.  Nothing: too many jobs wait.
Task<std::optional<UsageReadings>> Control::read_usage(const control::UsageRequest& request) {
  UsageReadings readings;
  Cluster* const cluster = home_.cluster();
  if (cluster != nullptr) {
    auto meters = co_await io::run_on_worker<std::vector<policy::MeterKey>>(
        home_.loop(), [this, &request] { return actions_.usage_meters(request); }, "which limits are in use");
    if (!meters) co_return std::nullopt;
    readings.cluster = co_await cluster->budget().look(*std::move(meters));
  }
  // What cores have leased ahead of need is not used.
  using Leases = std::vector<std::pair<policy::MeterKey, std::uint64_t>>;
  for (const Leases& of_core : co_await ask_all<Leases>([](Core& core) { return core.unreserved_leases(); }))
    for (const auto& [key, amount] : of_core) readings.unreserved[key] += amount;
  if (cluster != nullptr) cluster->budget().add_own(*readings.cluster);
  co_return readings;
}

// A worker looks at all meters and senders, and sorts them.
Task<std::string> Control::answer_about_usage(std::string_view line) {
  const auto request = control::decode_usage_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  if (!request->customer.empty())
    if (const std::string fault = co_await customer_fault(request->customer); !fault.empty())
      co_return "error: " + fault + "\n";
  const auto readings = co_await read_usage(*request);
  if (!readings) co_return "error: too many jobs wait\n";
  bool any = false;
  auto text = co_await io::run_on_worker<std::string>(
      home_.loop(),
      [this, &request, &readings, &any] {
        control::Usage usage = actions_.usage(*request, *readings);
        any = !(usage.windows.empty() && usage.senders.empty() && usage.decisions.empty());
        return control::render_usage(*request, std::move(usage));
      },
      "what is used of the limits");
  if (!text) co_return "error: too many jobs wait\n";
  co_return co_await ended_about_account(*std::move(text), any ? "" : request->account);
}

// A worker looks at all that are kept.
Task<std::string> Control::answer_about_decision(std::string_view line) {
  const auto request = control::decode_explain_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  const auto events = co_await io::run_on_worker<std::vector<control::DecidedEvent>>(
      home_.loop(), [this, &request] { return actions_.explain(request->id); }, "a decision");
  if (!events) co_return "error: too many jobs wait\n";
  co_return control::render_explanation(*request, *events).append(control::kAnswerEnd).append("\n");
}

Task<std::string> Control::answer_about_noticed(std::string_view line, std::optional<std::uint32_t> uid) {
  const auto request = control::decode_noticed_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  std::string text;
  if (request->release) {
    const bool known = actions_.release_noticed(request->account);
    if (known) emit_account_lifted(*actions_.events, request->account, co_await actor_of(uid));
    text = control::render_noticed_release(*request, known);
  } else {
    const control::NoticedAccount noticed = actions_.noticed(request->account, home_.loop().now());
    text = control::render_noticed(*request, noticed);
    if (!noticed.known) co_return co_await ended_about_account(std::move(text), request->account);
  }
  co_return text.append(control::kAnswerEnd).append("\n");
}

Task<std::string> Control::test_notifications() {
  const auto tested = co_await io::run_on_worker<std::vector<notify::Notifier::Tested>>(
      home_.loop(), [this] { return actions_.test_notifications(); }, "a test of notifications");
  if (!tested) co_return "error: too many jobs wait\n";
  if (tested->empty()) co_return "error: nobody is notified: no [[webhook]], and no operator or syslog in [notify]\n";
  std::string text;
  for (const auto& [good, line] : *tested) text += (good ? "" : "error: ") + line + "\n";
  co_return text.append(control::kAnswerEnd).append("\n");
}

}  // namespace sluice::server

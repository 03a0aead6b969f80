#include "engine/server/control.h"

#include <utility>

#include "engine/control/queue_request.h"
#include "engine/io/local_socket.h"

namespace sluice::server {
namespace {

constexpr std::size_t kRequestBytesMax = control::kQueueRequestBytesMax + 1;  // with its newline
constexpr Duration kRequestTimeout = std::chrono::seconds(10);
constexpr Duration kAnswerTimeout = std::chrono::seconds(60);

struct Word {
  std::string_view text;
  control::StatusView view;
};
constexpr Word kViews[] = {{"status", control::StatusView::status},
                           {"pools", control::StatusView::pools},
                           {"counters", control::StatusView::counters}};

// An answer that begins with "error:" makes sluicectl fail.
std::string render_reload(const Reloaded& done) {
  std::string lines;
  for (const std::string& error : done.errors) lines += "error: " + error + "\n";
  if (done.adopted) lines += done.errors.empty() ? "reloaded\n" : "the rest of the configuration is in force\n";
  for (const std::string& warning : done.warnings) lines += "warning: " + warning + "\n";
  return lines;
}

}  // namespace

Control::Control(Core& home, std::vector<Core*> cores, int socket, ControlActions actions)
    : home_(home),
      cores_(std::move(cores)),
      actions_(std::move(actions)),
      listener_(home.loop(), socket, [this](int accepted) {
        const auto uid = io::peer_user(accepted);
        serving_.add(serve(std::make_unique<net::Connection>(home_.loop(), accepted, io::Address()), uid));
      }) {}

void Control::start() { listener_.start(); }

// A connection without a request is not waited for.
Task<void> Control::close() {
  closed_ = true;
  co_await listener_.close();
  for (net::Connection* connection : silent_) connection->terminate();
  co_await serving_.join("answers on the control socket");
}

Task<void> Control::serve(std::unique_ptr<net::Connection> connection, std::optional<std::uint32_t> uid) {
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
    const std::string_view word = line.substr(0, line.find(' '));
    if (word == "queue") {
      co_await answer_about_queue(line, *connection, uid);
    } else if (word == "shield") {
      connection->write(co_await answer_about_shield(line));
    } else if (word == "usage") {
      connection->write(co_await answer_about_usage(line));
    } else if (word == "noticed") {
      connection->write(co_await answer_about_noticed(line, uid));
    } else if (word == "explain") {
      connection->write(co_await answer_about_decision(line));
    } else if (word == "sessions") {
      connection->write(co_await answer_about_sessions(line, uid));
    } else if (word == "containment") {
      connection->write(co_await answer_about_containment(line, uid));
    } else {
      connection->write(co_await answer(line));
    }
    co_await connection->drained(0, kAnswerTimeout, "a control answer to be read");
  }
  co_await connection->close();
}

// "status", "pools json", "reload", "drain".
Task<std::string> Control::answer(std::string_view request) {
  const std::size_t space = request.find(' ');
  const std::string_view word = request.substr(0, space);
  const bool json = space != std::string_view::npos && request.substr(space + 1) == "json";
  for (const Word& known : kViews) {
    if (known.text != word) continue;
    const auto cores = co_await ask_all<control::CoreStatus>([](Core& core) { return core.status(); });
    co_return control::render_status(known.view, cores, json).append(control::kAnswerEnd).append("\n");
  }
  if (request == "notify test") co_return co_await test_notifications();
  if (word == "reload") {
    if (home_.draining()) co_return "error: the relay is being stopped\n";
    // Reading files and making a plan may block: a worker does it.
    const auto done =
        co_await io::run_on_worker<Reloaded>(home_.loop(), [this] { return actions_.reload(); }, "reload");
    if (!done) co_return "error: too many jobs wait\n";
    actions_.reloaded(*done);
    co_return render_reload(*done);
  }
  if (word == "drain") {
    actions_.stop();
    co_return "draining\n";
  }
  co_return
      "error: unknown request; known: status sessions pools counters queue containment shield usage noticed explain notify "
      "reload drain\n";
}

// A worker does what looks at all of the shield's tables.
Task<std::string> Control::answer_about_shield(std::string_view line) {
  constexpr std::string_view kBusy = "error: too many jobs wait\n";
  const auto request = control::decode_shield_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  std::string text;
  if (request->verb == control::ShieldRequest::Verb::list) {
    const auto entries = co_await io::run_on_worker<std::vector<auth::ShieldEntry>>(
        home_.loop(), [this, now = home_.loop().now()] { return actions_.list_shield(now); }, "the shield's list");
    if (!entries) co_return std::string(kBusy);
    text = control::render_shield(*entries, request->json);
  } else {
    const auto released = co_await io::run_on_worker<std::size_t>(
        home_.loop(), [this, &request] { return actions_.release_shield(request->subject); }, "the shield's release");
    if (!released) co_return std::string(kBusy);
    actions_.released(request->subject, *released);
    text = control::render_released(*released, request->json);
  }
  co_return text.append(control::kAnswerEnd).append("\n");
}

// A worker looks at all meters and senders, and sorts them.
Task<std::string> Control::answer_about_usage(std::string_view line) {
  const auto request = control::decode_usage_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  auto text = co_await io::run_on_worker<std::string>(
      home_.loop(), [this, &request] { return control::render_usage(*request, actions_.usage(*request)); },
      "what is used of the limits");
  if (!text) co_return "error: too many jobs wait\n";
  co_return text->append(control::kAnswerEnd).append("\n");
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
    text = control::render_noticed(*request, actions_.noticed(request->account, home_.loop().now()));
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

Task<std::string> Control::answer_about_sessions(std::string_view line, std::optional<std::uint32_t> uid) {
  const auto request = control::decode_sessions_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  const auto cores =
      co_await ask_all<control::CoreSessions>([&request](Core& core) { return core.sessions(*request); });
  std::string text;
  if (request->verb == control::SessionsRequest::Verb::list) {
    text = control::render_sessions(*request, cores);
  } else {
    std::uint64_t ended = 0;
    for (const control::CoreSessions& core : cores) ended += core.met;
    emit_sessions_ended(*actions_.events, *request, co_await actor_of(uid), ended);
    text = control::render_sessions_ended(*request, cores);
  }
  co_return text.append(control::kAnswerEnd).append("\n");
}

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

}  // namespace sluice::server

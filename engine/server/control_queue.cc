// The part of the control socket that is about the queue: all cores are asked; a long answer goes out page by page, as
// fast as it is read, and neither is in memory as a whole nor holds up deliveries.
#include <algorithm>
#include <utility>

#include "engine/control/queue_request.h"
#include "engine/server/control.h"

namespace sluice::server {
namespace {

constexpr Duration kPageTimeout = std::chrono::seconds(60);
constexpr std::string_view kNoMoreAttempts =
    "the relay is being stopped: no delivery attempt starts any more, what waits is tried after the next start";
constexpr std::string_view kNoSuchDestination = "no message waits for a destination of this name, and no route has it";

std::string error_text(std::string_view what) {
  return std::string(control::kAnswerError) + " " + std::string(what) + "\n";
}
// An answer that is whole says so, or what is missing at its end could not be seen.
std::string ended(std::string text) {
  if (!text.starts_with(control::kAnswerError)) text.append(control::kAnswerEnd).append("\n");
  return text;
}

// With what stands behind it for the reader: an error takes its place.
std::string ended_with(std::string text, const std::string& remark) {
  if (text.starts_with(control::kAnswerError)) return text;
  return remark.starts_with(control::kAnswerError) ? remark : ended(text + remark);
}

}  // namespace

// Between the control socket's core and one that is asked.  Each event, and what it is about, belongs to one thread.
struct Control::PageExchange {
  control::QueueAnswer page;  // the control socket's core, like the next two
  bool over = false;
  AsyncEvent arrived;
  bool go_on = true;  // the other core, like the next one
  AsyncEvent taken;
};

class Control::Pages final : public QueuePages {
 public:
  Pages(Core& home, PageExchange& exchange) : home_(home), exchange_(exchange) {}
  Task<bool> page(control::QueueAnswer page) override {
    home_.post([this, shared = std::make_shared<control::QueueAnswer>(std::move(page))] {
      exchange_.page = std::move(*shared);
      exchange_.arrived.set();
    });
    co_await exchange_.taken.wait("a page of the queue to be read");
    co_return exchange_.go_on;
  }

 private:
  Core& home_;
  PageExchange& exchange_;
};

Task<void> Control::answer_about_queue(std::string_view line, net::Connection& connection,
                                       std::optional<std::uint32_t> uid) {
  auto request = control::decode_queue_request(line);
  if (!request) {
    connection.write(error_text(request.error()));
    co_return;
  }
  if (request->verb == control::QueueVerb::flush && home_.draining()) {
    connection.write(error_text(kNoMoreAttempts));
    co_return;
  }
  if (request->message) co_return co_await show_content(*std::move(request), connection, uid);
  if (const std::string fault = co_await find_like(*request); !fault.empty()) {
    connection.write(error_text(fault));
    co_return;
  }
  if (control::goes_in_pages(*request)) {
    connection.write(co_await stream(*request, connection));
    co_return;
  }
  const bool changes = control::changes_queue(request->verb);
  const Actor actor = changes ? co_await actor_of(uid) : Actor();
  // What is held says by whose order.
  control::QueueRequest order = *request;
  if (request->verb == control::QueueVerb::hold)
    order.reason = "held by " + actor.text() + (request->reason.empty() ? "" : ": " + request->reason);
  std::vector<control::QueueAnswer> answers = co_await ask_queues(order);
  if (const std::string fault = co_await customer_fault(*request, answers); !fault.empty()) {
    connection.write(error_text(fault));
    co_return;
  }
  const std::string remark = co_await name_remark(*request, answers);
  if (remark.starts_with(control::kAnswerError)) {
    connection.write(remark);
    co_return;
  }
  if (changes) {
    std::uint64_t changed = 0;
    for (const control::QueueAnswer& answer : answers) changed += answer.changed;
    emit_queue_order(*actions_.events, *request, actor, changed);
  }
  connection.write(ended_with(co_await put_into_words(*request, std::move(answers)), remark));
}

// Who reads other people's mail is named, with the reason, before anything of it is shown.
Task<void> Control::show_content(control::QueueRequest request, net::Connection& connection,
                                 std::optional<std::uint32_t> uid) {
  const Actor actor = co_await actor_of(uid);
  control::QueueRequest about{.verb = control::QueueVerb::show, .id = request.id};
  const auto answers = co_await ask_queues(about);
  const auto there = std::ranges::find_if(answers, [](const auto& answer) { return !answer.rows.empty(); });
  if (there == answers.end()) {
    connection.write(error_text(control::no_such_message(about, answers)));
    co_return;
  }
  emit_message_shown(*actions_.events, there->rows.front(), request.reason, actor);
  bool first = true;
  Core& core = *cores_[static_cast<std::size_t>(there - answers.begin())];
  const control::QueueAnswer end = co_await stream_core(core, request, first, connection);
  connection.write(end.cut_short ? error_text("the message cannot be read any further")
                                 : ended(first ? "[\n]\n" : "\n]\n"));
}

Task<std::vector<control::QueueAnswer>> Control::ask_queues(const control::QueueRequest& request) {
  std::vector<control::QueueAnswer> all(cores_.size());
  std::size_t missing = cores_.size();
  AsyncEvent event;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    Core* core = cores_[i];
    const auto done = [&, i](control::QueueAnswer answer) {
      // Back here as a message, so that nothing is written by two.
      home_.post([&, i, shared = std::make_shared<control::QueueAnswer>(std::move(answer))] {
        all[i] = std::move(*shared);
        if (--missing == 0) event.set();
      });
    };
    core->post([core, request, done] { core->services().add(ask_queue(*core, request, done)); });
  }
  co_await event.wait("answers of all cores about the queue");
  co_return all;
}

Task<void> Control::ask_queue(Core& core, control::QueueRequest request,
                              std::function<void(control::QueueAnswer)> done) {
  done(co_await answer_queue(core.loop(), core.queue(), core.spool(), core.index(), std::move(request)));
}

// Where others are to be like a message: its text, for all cores.  A sentence where there is none.
Task<std::string> Control::find_like(control::QueueRequest& request) {
  if (request.like.empty()) co_return "";
  const control::QueueRequest about{.verb = control::QueueVerb::show, .id = request.like, .like = request.like};
  const auto answers = co_await ask_queues(about);
  const auto there = std::ranges::find_if(answers, [](const auto& answer) { return !answer.rows.empty(); });
  if (there == answers.end()) co_return "--like: " + control::no_such_message(about, answers);
  if (there->sketch.empty()) co_return "--like: that message has too few words to be told from others";
  request.like_sketch = there->sketch;
  co_return "";
}

// Ten thousand messages are many words, and deliveries do not wait for them: a worker writes and clears away.
Task<std::string> Control::put_into_words(const control::QueueRequest& request,
                                          std::vector<control::QueueAnswer> answers) {
  const auto shared = std::make_shared<std::vector<control::QueueAnswer>>(std::move(answers));
  const auto text = co_await io::run_on_worker<std::string>(
      home_.loop(), [shared, request] { return control::render_queue(request, std::exchange(*shared, {})); },
      "the queue to be put into words");
  co_return text ? *text : error_text("too many jobs wait");
}

// A name that is mistyped is no customer without mail.
Task<std::string> Control::customer_fault(const control::QueueRequest& request,
                                          const std::vector<control::QueueAnswer>& answers) {
  if (request.customer.empty()) co_return "";
  for (const control::QueueAnswer& answer : answers)
    if (answer.found > 0 || !answer.rows.empty() || answer.cut_short) co_return "";
  co_return co_await customer_fault(request.customer);
}

Task<std::string> Control::name_remark(const control::QueueRequest& request,
                                       const std::vector<control::QueueAnswer>& answers) {
  std::string remark = co_await destination_remark(request, answers);
  if (!remark.empty() || request.account.empty()) co_return remark;
  for (const control::QueueAnswer& answer : answers)
    if (answer.found > 0 || !answer.rows.empty() || answer.cut_short) co_return "";
  co_return co_await account_remark(request.account);
}

// The name of a route is a destination though nothing waits for it; "ROUTE/DOMAIN" is one as long as anything is known
// of it.
Task<std::string> Control::destination_remark(const control::QueueRequest& request,
                                              const std::vector<control::QueueAnswer>& answers) {
  if (request.destination.empty()) co_return "";
  for (const control::QueueAnswer& answer : answers)
    if (answer.destination_known || answer.cut_short) co_return "";
  const auto meant = co_await unknown_route(request.destination);
  if (!meant) co_return "";
  std::string remark(kNoSuchDestination);
  remark += meant->empty() ? "; see them with: sluicectl queue destinations" : *meant;
  // An order about a name that is unknown is an error.
  if (control::changes_queue(request.verb)) co_return error_text(remark);
  co_return std::string(control::kAnswerNote) + remark + "\n";
}

// ------------------------------------------------------------------------------------------ page by page

// Returns what is still to be written.
Task<std::string> Control::stream(const control::QueueRequest& request, net::Connection& connection) {
  bool first = true;
  std::vector<control::QueueAnswer> ends;
  for (Core* core : cores_) {
    ends.push_back(co_await stream_core(*core, request, first, connection));
    if (ends.back().cut_short) co_return error_text("the relay is being stopped; there is more in the queue than this");
  }
  if (first)
    if (const std::string fault = co_await customer_fault(request, ends); !fault.empty()) co_return error_text(fault);
  const std::string remark = first ? co_await name_remark(request, ends) : std::string();
  co_return ended_with(first ? "[\n]\n" : "\n]\n", remark);
}

// What is known at the end, without rows; cut short: not all of it could be written.
Task<control::QueueAnswer> Control::stream_core(Core& core, const control::QueueRequest& request, bool& first,
                                                net::Connection& connection) {
  PageExchange exchange;
  core.post([this, &core, &exchange, request] { core.services().add(produce(core, home_, request, exchange)); });
  bool cut_short = false;
  for (;;) {
    co_await exchange.arrived.wait("a page of the queue");
    control::QueueAnswer page = std::exchange(exchange.page, {});
    connection.write(control::render_page(request, page, first));
    first = first && page.rows.empty() && page.destinations.empty() && page.content.empty();
    const bool read =
        co_await connection.drained(0, kPageTimeout, "a page of the queue to be read") == net::IoStatus::ok;
    cut_short = cut_short || page.cut_short || !read;
    if (exchange.over) {
      page.rows.clear();
      page.destinations.clear();
      page.cut_short = cut_short;
      co_return page;
    }
    core.post([&exchange, read] {
      exchange.go_on = read;
      exchange.taken.set();
    });
  }
}

Task<void> Control::produce(Core& core, Core& home, control::QueueRequest request, PageExchange& exchange) {
  Pages pages(home, exchange);
  auto last = std::make_shared<control::QueueAnswer>(
      co_await answer_queue(core.loop(), core.queue(), core.spool(), core.index(), std::move(request), &pages));
  home.post([&exchange, last] {
    exchange.page = std::move(*last);
    exchange.over = true;
    exchange.arrived.set();
  });
}

}  // namespace sluice::server

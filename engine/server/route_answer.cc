// What `sluicectl route test` asks: which way a recipient's copy goes, and whether a next hop takes it, answered by the
// core that serves the control socket with the routes, names and connections that mail goes by.
#include <algorithm>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/io/interfaces.h"
#include "engine/server/core.h"

namespace sluice::server {
namespace {

// What is waited for where a dialog is only tried: an operator waits for it.
constexpr Duration kTrialConnect = std::chrono::seconds(10);
constexpr Duration kTrialReply = std::chrono::seconds(20);
constexpr std::size_t kTrialHostsMax = 3;  // that are tried until one takes the recipient
constexpr std::size_t kHostsShownMax = 20;

using control::RouteStep;

class Steps final : public hop::Transcript {
 public:
  explicit Steps(std::vector<RouteStep>& steps) : steps_(steps) {}
  void sent(std::string_view command) override { add(RouteStep::Kind::command, std::string(command)); }
  void received(const smtp::ParsedReply& reply) override {
    add(RouteStep::Kind::reply, hop::Response::of(reply).words());
  }
  void note(std::string text) { add(RouteStep::Kind::note, std::move(text)); }

 private:
  void add(RouteStep::Kind kind, std::string text) {
    if (steps_.size() < control::kRouteStepsMax) steps_.push_back({.kind = kind, .text = std::move(text)});
  }
  std::vector<RouteStep>& steps_;
};

// "recipients = "*.example.com"", for each condition that the route has.
std::string rule_of(const config::RouteConfig& route, const control::RouteRequest& request, std::string_view from) {
  const route::RouteConditions& conditions = route.conditions;
  if (conditions.none()) return "the last route, which takes what no other does";
  std::string rule;
  const auto add = [&rule](std::string_view key, std::string_view entry) {
    rule.append(rule.empty() ? "" : ", ").append(key).append(" has \"").append(entry).append("\"");
  };
  if (!conditions.recipients.empty())
    add("recipients", route::matching_entry(conditions.recipients, route::domain_of(request.to), false));
  if (!conditions.senders.empty())
    add("senders",
        from.empty() ? route::kNullSender : route::matching_entry(conditions.senders, route::domain_of(from), false));
  if (!conditions.customers.empty())
    add("customers", route::matching_entry(conditions.customers, request.customer, true));
  return rule;
}

std::string mode_of(const route::Route& route) {
  if (!route.maildir.empty()) return "put into the Maildir " + route.maildir;
  if (route.mode == route::RouteMode::store) return "kept first, then passed on";
  return route.fallback ? "passed on while the client waits, kept if that fails"
                        : "passed on while the client waits, 451 if that fails";
}

std::string tls_rule(const route::Route& route) {
  std::string text;
  switch (route.tls) {
    case route::RouteTls::none:
      return "none";
    case route::RouteTls::opportunistic:
      text = "opportunistic: where the host offers it, whatever its certificate";
      break;
    case route::RouteTls::required:
      text = checks_certificate(route) ? "required, the certificate is checked" : "required, whatever the certificate";
      break;
  }
  return text + (route.tls_min_version == TlsVersion::tls_1_3 ? "; TLS 1.3 at least" : "; TLS 1.2 at least");
}

// By what failed; the sentence begins with the host and the step ("mx.example:25: STARTTLS: ...").
std::string_view remedy_for(const hop::Failure& failure, const route::Route& route) {
  const std::string_view what = failure.detail;
  if (failure.ours) return "raise the limit of open files, see sluicectl status";
  if (what.contains(": connect: "))
    return "see whether the host is up and reachable from this machine, and whether port 25 is open outwards";
  if (what.contains(": greeting: ")) return "the host turns this machine away: look at its words, and at block lists";
  if (what.contains(": STARTTLS: ") || what.contains(": TLS: "))
    return checks_certificate(route)
               ? "see the host's certificate and name; ca_file, verify and tls of the route decide"
               : "see tls and tls_min_version of the route; the host has to offer what they ask for";
  if (what.contains(": AUTH") || what.contains(": login: ")) return "see login and password_file of the route";
  if (failure.said.code / 100 == 4) return "for now only: the queue tries again by itself";
  if (failure.said.code / 100 == 5) return "for good: the words of the host say what it wants";
  return "see the steps above";
}

// A mailbox as it is said to this next hop; the error is a sentence.
std::expected<std::string, std::string> said_mailbox(const std::string& mailbox, const smtp::Capabilities& offered,
                                                     bool& smtputf8) {
  if (!smtp::has_eight_bit(mailbox)) return mailbox;
  if (auto ascii = ascii_address(mailbox)) return *std::move(ascii);
  if (!offered.smtputf8)
    return std::unexpected("the address is internationalised, and the host does not offer SMTPUTF8");
  smtputf8 = true;
  return mailbox;
}

// MAIL, RCPT, RSET: no message.
Task<std::optional<hop::Failure>> ask_about(hop::NextHop& hop, const std::string& from, const std::string& to,
                                            Duration timeout) {
  bool smtputf8 = false;
  const auto sender = said_mailbox(from, hop.capabilities(), smtputf8);
  const auto recipient = said_mailbox(to, hop.capabilities(), smtputf8);
  for (const auto* each : {&sender, &recipient})
    if (!*each) co_return hop::Failure{.reply = smtp::replies::kNextHopFailure, .detail = each->error()};
  std::string text;
  hop.machine().append_mail(*sender, {.smtputf8 = smtputf8}, text);
  std::optional<hop::Failure> failed = co_await hop.ask(text, timeout, "MAIL");
  if (!failed) {
    text.clear();
    hop.machine().append_recipient(*recipient, {}, text);
    failed = co_await hop.ask(text, timeout, "RCPT");
  }
  if (!failed || failed->said.code != 0) {
    text.clear();
    hop.machine().append_rset(text);
    static_cast<void>(co_await hop.ask(text, timeout, "RSET"));
  }
  co_return failed;
}

Task<void> try_host(hop::Pool& pool, hop::PoolHost host, const route::Route& route, std::string from, std::string to,
                    std::vector<io::Address> addresses, control::RouteHost& row) {
  Steps steps(row.steps);
  row.tried = true;
  auto opened = co_await pool.open_apart(std::move(host), std::move(addresses), route, steps);
  std::optional<hop::Failure> failed;
  if (opened) {
    hop::NextHop& hop = **opened;
    const TlsFacts tls = hop.tls_facts();
    steps.note("connected to " + hop.address() +
               (tls.version.empty() ? ", without TLS"
                                    : ", " + tls.version + " " + tls.group +
                                          (tls.verified ? ", certificate verified" : ", certificate not verified")));
    failed = co_await ask_about(hop, from, to, route.command_timeout);
    co_await hop.close();
  } else {
    failed = std::move(opened.error());
  }
  if (!failed) co_return;
  row.fault = failed->detail;
  row.remedy = remedy_for(*failed, route);
}

route::Route for_trial(const route::Route& route) {
  route::Route trial = route;
  trial.connect_timeout = std::min(trial.connect_timeout, kTrialConnect);
  trial.command_timeout = std::min(trial.command_timeout, kTrialReply);
  return trial;
}

}  // namespace

Task<void> Core::look_at_hosts(const relay::Destination& destination, const control::RouteRequest& request,
                               control::RouteAnswer& answer) {
  relay::Router& router = current_->router();
  const auto lease = co_await router.lease(destination);
  if (!lease) {
    answer.fault = lease.error().text;
    co_return;
  }
  hop::Pool& pool = lease->pool();
  const route::Route trial = for_trial(pool.route());
  std::size_t tried = 0;
  for (hop::PoolHost& host : pool.hosts()) {
    if (answer.hosts.size() == kHostsShownMax) break;
    control::RouteHost& row = answer.hosts.emplace_back();
    row.host = host.name.label();
    row.preference = host.name.preference;
    const auto* const order = host_memory_.orders().of_host(host.name.name, loop_.now());
    if (order != nullptr) row.order = order->words;
    const auto addresses = co_await pool.addresses_of(host);
    if (!addresses) {
      row.fault = addresses.error();
      row.remedy = "see the name in the configuration, the hosts file and the name servers ([dns] servers)";
      continue;
    }
    for (const io::Address& each : *addresses) row.addresses.push_back(each.ip());
    const auto source = co_await io::run_on_worker<io::Address>(
        loop_, [to = addresses->front()] { return io::source_address(to); }, "the address that is sent from");
    if (source && !source->empty()) row.source = source->ip();
    if (!request.connect || order != nullptr || answer.accepted || tried == kTrialHostsMax || draining_) continue;
    ++tried;
    co_await try_host(pool, std::move(host), trial, answer.from, request.to, *addresses, row);
    answer.accepted = row.fault.empty();
  }
}

Task<control::RouteAnswer> Core::test_route(control::RouteRequest request) {
  const Plan& plan = current_->plan();
  control::RouteAnswer answer;
  answer.connected = request.connect;
  answer.from = request.from;
  if (request.from.empty()) answer.from = "postmaster@" + plan.config.server.hostname;
  if (request.from == route::kNullSender) answer.from.clear();
  message::Envelope envelope;
  envelope.reverse_path = answer.from;
  const message::Recipient recipient{.forward_path = request.to};
  message::Submitter from;
  from.customer = request.customer;
  const relay::Destination destination = current_->router().destination_of(recipient, envelope, from);
  const route::Route& route = current_->router().route(destination.route);
  answer.route = route.name;
  answer.rule = rule_of(plan.config.routes[destination.route], request, answer.from);
  answer.destination = destination.key;
  answer.kind = !route.maildir.empty() ? "maildir" : route.mx ? "mx" : "hosts";
  answer.mode = mode_of(route);
  if (const auto* const order = queue_.order_about(destination.key)) answer.order = order->words;
  if (!route.maildir.empty()) co_return answer;
  answer.tls = tls_rule(route);
  co_await look_at_hosts(destination, request, answer);
  co_return answer;
}

}  // namespace sluice::server

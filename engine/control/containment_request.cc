#include "engine/control/containment_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/counted.h"
#include "engine/base/network.h"
#include "engine/control/words.h"

namespace sluice::control {
namespace {

using Containing = ContainmentRequest;

constexpr std::string_view kContainmentWord = "containment ";
constexpr std::string_view kMail = " mail";
constexpr std::string_view kId = " id=";
constexpr std::string_view kBecause = " reason=";
constexpr std::array<std::string_view, 4> kVerbNames{"contain", "suspend", "hold", "release"};
constexpr std::array<std::string_view, 3> kKinds{"account", "customer", "network"};
constexpr std::uint64_t kIdMax = INT64_MAX;

}  // namespace

std::string_view verb_name(Containing::Verb verb) { return kVerbNames[static_cast<std::size_t>(verb)]; }
std::string_view kind_name(Containing::Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string containment_request_fault(const Containing& request) {
  const bool network = request.kind == Containing::Kind::network;
  const std::size_t most = request.kind == Containing::Kind::customer ? auth::kCustomerBytesMax : auth::kNameBytesMax;
  if (request.subject.empty() || request.subject.size() > most || !auth::is_clean_text(request.subject))
    return "needs a name of up to " + std::to_string(most) + " bytes of UTF-8, without control characters";
  if (network)
    if (const auto parsed = Network::parse(request.subject); !parsed) return "network " + parsed.error();
  if (network && request.verb == Containing::Verb::hold)
    return "takes no network: what comes from one is taken or refused; contain it, or hold its queued mail with: "
           "sluicectl queue hold --client";
  if (request.id == 0 || request.id > kIdMax) return "needs an ID";
  if (request.mail && request.verb != Containing::Verb::release) return "takes no --with-mail";
  const bool printable = std::ranges::all_of(request.reason, [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable || request.reason.size() > kHoldReasonBytesMax)
    return "--reason takes up to " + std::to_string(kHoldReasonBytesMax) + " printable ASCII characters";
  return "";
}

std::string encode_containment_request(const Containing& request) {
  std::string line(kContainmentWord);
  line += verb_name(request.verb);
  if (request.json) line += kJson;
  if (request.mail) line += kMail;
  line.append(kId).append(std::to_string(request.id));
  append_escaped(line.append(" ").append(kind_name(request.kind)).append("="), request.subject);
  if (!request.reason.empty()) append_escaped(line.append(kBecause), request.reason);
  return line;
}

std::expected<Containing, std::string> decode_containment_request(std::string_view line) {
  if (line.size() > kQueueRequestBytesMax) return std::unexpected("the request is too long");
  Containing request;
  std::string_view rest = line;
  if (!take_text(rest, kContainmentWord)) return std::unexpected("this is no request about a containment");
  const auto verb = std::ranges::find_if(kVerbNames, [&](std::string_view name) { return take_text(rest, name); });
  if (verb == kVerbNames.end()) return std::unexpected("there is no such command about a containment");
  request.verb = static_cast<Containing::Verb>(verb - kVerbNames.begin());
  request.json = take_text(rest, kJson);
  request.mail = take_text(rest, kMail);
  if (!take_text(rest, kId)) return not_as_written();
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), request.id);
  if (error != std::errc()) return not_as_written();
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  const auto kind = std::ranges::find_if(
      kKinds, [&](std::string_view name) { return take_value(rest, " " + std::string(name) + "=", request.subject); });
  if (kind == kKinds.end()) return not_as_written();
  request.kind = static_cast<Containing::Kind>(kind - kKinds.begin());
  static_cast<void>(take_value(rest, kBecause, request.reason));
  return if_as_written(std::move(request), line, containment_request_fault, encode_containment_request);
}

SessionsRequest sessions_of(const Containing& request) {
  SessionsRequest sessions{.verb = SessionsRequest::Verb::end, .account = {}, .customer = {}, .address = {}};
  std::string& name = request.kind == Containing::Kind::account    ? sessions.account
                      : request.kind == Containing::Kind::customer ? sessions.customer
                                                                   : sessions.address;
  name = request.subject;
  return sessions;
}

QueueRequest mail_of(const Containing& request, std::string_view by) {
  QueueRequest mail;
  std::string& name = request.kind == Containing::Kind::account    ? mail.account
                      : request.kind == Containing::Kind::customer ? mail.customer
                                                                   : mail.client;
  name = request.subject;
  if (request.verb == Containing::Verb::release) {
    mail.verb = QueueVerb::release;
    mail.held = true;
    return mail;
  }
  mail.verb = QueueVerb::hold;
  mail.reason = std::string(request.verb == Containing::Verb::hold ? "held" : "contained") + " (" +
                std::to_string(request.id) + ") by " + std::string(by);
  if (!request.reason.empty()) mail.reason += ": " + request.reason;
  return mail;
}

std::string left_undone(const Containment& done) {
  std::string text = done.fault;
  if (done.sessions_left > 0)
    text.append(text.empty() ? "" : "; ")
        .append(counted(done.sessions_left, "session"))
        .append(" still waiting for a next hop's answer to a message, which may be delivered; give the command again");
  return text;
}

std::string render_containment(const Containing& request, const Containment& done) {
  std::string text;
  if (request.json) {
    text = "{\"sessions_ended\": " + std::to_string(done.sessions) +
           ", \"sessions_left\": " + std::to_string(done.sessions_left) +
           ", \"messages\": " + std::to_string(done.messages) + ", \"under_way\": " + std::to_string(done.under_way) +
           "}\n";
  } else {
    if (request.ends_sessions()) text += counted(done.sessions, "session") + " ended\n";
    if (request.holds_mail()) text += counted(done.messages, "message") + " held\n";
    if (request.mail) text += counted(done.messages, "message") + " released\n";
  }
  if (done.under_way > 0)
    text.append(kAnswerNote)
        .append(counted(done.under_way, "message"))
        .append(" in a delivery attempt at this moment, which may still succeed\n");
  if (const std::string left = left_undone(done); !left.empty())
    text.append(kAnswerError).append(" ").append(left).append("\n");
  return text;
}

}  // namespace sluice::control

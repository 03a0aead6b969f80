#include "engine/control/explain_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/text.h"
#include "engine/control/words.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"
#include "engine/text/time_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kExplain = "explain";
constexpr std::string_view kExplainId = " id=";

// In the order of a dialog.
constexpr std::array kRules = std::to_array<Rule>({
    {"tls_required", "The listener takes neither logins nor mail outside of TLS.",
     "STARTTLS before it; or listener.require_tls = false"},
    {"auth_required", "Mail is taken of those who have logged in, and of the listener's trusted networks.",
     "a login; or the client's network in listener.trusted"},
    {"auth_needs_tls", "A password is taken inside of TLS only.", "STARTTLS before AUTH; or listener.auth = \"clear\""},
    {"auth_failed", "Name and password belong to no account that may log in here; event login says more to operators.",
     "the right password: sluicectl account password, sluicectl account device"},
    {"auth_unavailable",
     "The password was not checked: the shield refuses the client's address or network, or no back end answers.",
     "trying again later; sluicectl shield list, and event login, say which it was"},
    {"account_suspended", "The account or its customer is suspended in the store.",
     "sluicectl account activate ACCOUNT, sluicectl customer activate CUSTOMER, or sluicectl release where it was "
     "contained"},
    {"sender_domain",
     "The reverse-path (MAIL FROM) must be in a domain of the account's customer, and one that the login may use.",
     "a sender in one of the customer's domains; or sluicectl domain add DOMAIN --customer CUSTOMER"},
    {"no_author", "The From field must name one author.", "a From field with one address"},
    {"several_authors", "The From field must name one author: no single domain answers for several.",
     "a From field with one address"},
    {"author_domain",
     "The address in From must be in a domain of the account's customer, and one that the login may use.",
     "a From address in one of the customer's domains; or sluicectl domain add DOMAIN --customer CUSTOMER"},
    {"foreign_name", "The name in From shows an address that is not the customer's, as in forgeries.",
     "a name without an address; or listener.foreign_name = \"mark\" or \"allow\""},
    {"foreign_sender", "Sender, Resent-From and Resent-Sender must be the customer's, too.",
     "a message without that field; or listener.foreign_sender = \"drop\""},
    {"too_many_recipients",
     "A message has at most so many recipients (recipients_per_message of its class, before the login of [limits]).",
     "the rest in further messages; or a class with a higher recipients_per_message"},
    {"limit_reached", "A limit of the account's class has no room in a window that ends now; detail has its figures.",
     "waiting for as long as the reply says; or sluicectl account limit, sluicectl customer limit, or another class. "
     "sluicectl usage shows what is used"},
    {"sending_suspended_as_bulk", "The account was noticed sending as spammers do, and has come to step suspend.",
     "sluicectl explain with the id of the event account_noticed says why; sluicectl noticed release ACCOUNT lifts it, "
     "as does "
     "time; or class.notice = \"hold\""},
    {"slow_down",
     "The account was noticed sending unusually much (step slow): its messages wait for their turn, and this one for "
     "too long.",
     "trying again later; sluicectl noticed release ACCOUNT; or class.notice = \"tell\""},
    {"cannot_hold",
     "The message is to be held, by a limit, the noticing or the account's status, and its route keeps no mail "
     "(route.fallback), or the spool takes none.",
     "route.fallback = true; or a limit or a class.notice that holds nothing"},
    {"sending_suspended", "The account, its customer or its network was contained while the message was on its way.",
     "sluicectl release"},
    {"message_too_big", "A message has at most limits.message_bytes.",
     "a smaller message, or a higher limits.message_bytes"},
    {"header_too_large", "A header has at most limits.header_bytes.",
     "a smaller header, or a higher limits.header_bytes"},
    {"too_many_hops", "A message with so many Received fields is in a loop (limits.received_fields).",
     "ending the loop, or a higher limits.received_fields"},
    {"malformed_header", "Readers would not agree on what the header is.", "a header as RFC 5322 has it"},
    {"nul_in_message", "A message holds no NUL (RFC 5321 2.3.8, RFC 5322 2.2).", "a message without it, or in base64"},
    {"text_line_too_long", "A line of text has at most 998 bytes (RFC 5321 4.5.3.1.6).",
     "shorter lines, or listener.long_lines = true"},
    {"bare_in_message",
     "Lines end with CRLF: next hops that take a bare CR or LF for an end can be sent a second message in the first.",
     "lines that end with CRLF, or listener.line_ends = \"normalise\" for bare LFs"},
    {"no_space", "What is accepted must be kept safely, and there is no room in the spool.",
     "room on the spool's disk, or a lower spool.free_bytes_min"},
    {"needs_smtputf8", "An address with other letters than ASCII's is for next hops that take such ones (RFC 6531).",
     "MAIL with SMTPUTF8; or an address in ASCII"},
    {"no_valid_recipients", "No recipient of the message was taken; each has its own refusal.",
     "a recipient that is taken"},
    {"goes_elsewhere",
     "A message that goes on while its client waits has one next hop; its other recipients have another.",
     "the rest in a message of its own; or route.fallback = true"},
    {"no_signing_key", "Mail of a domain without a signing key is refused (dkim.unsigned).",
     "sluicectl domain rotate DOMAIN, or dkim.unsigned = \"send\""},
    {"signing_keys_kept_back",
     "None of the domain's keys fits its record, or the domain is failing (dkim.failing): its mail is not signed.",
     "its records put right: sluicectl domain check DOMAIN"},
    {"cannot_sign_now", "The domain's signing keys cannot be read, or those who sign have too much to do.",
     "trying again later; the event message_not_signed says why"},
    {"hop_without_smtputf8", "The next hop takes no addresses or headers in UTF-8.", "a message in ASCII"},
    {"hop_without_eight_bit", "The next hop takes 7-bit content, and the message cannot be made that.",
     "a message in 7 bits; or route.eight_bit = \"convert\""},
    {"hop_size_exceeded", "The next hop takes messages up to a size that it has said.", "a smaller message"},
    {"next_hop_failure", "No next hop could be asked.", "trying again later; sluicectl queue destinations says why"},
    {"internal", "The relay could not do its part.", "trying again later; the log says what has failed"},
});

// Why a message was held, by how the reason that it has begins.
constexpr std::array kHeldRules = std::to_array<Rule>({
    {"over ", "A limit was passed beyond which messages are held (action = \"hold\").",
     "sluicectl review release ID; and for later ones a higher limit: sluicectl account limit, sluicectl customer "
     "limit"},
    {"noticed: ", "The account was noticed sending as spammers do, and has come to step hold.",
     "sluicectl review release ID; and for later ones sluicectl noticed release ACCOUNT, if the account is its "
     "owner's"},
    {"the account is held", "The account or its customer is on hold in the store.",
     "sluicectl review release ID; and for later ones sluicectl account activate ACCOUNT, sluicectl customer activate "
     "CUSTOMER, or sluicectl release where hold-outgoing was given"},
});

// What is shown beside the words above, in this order.
constexpr std::array<std::string_view, 12> kShownKeys{"account", "customer", "policy_class", "client",
                                                      "command", "argument", "from",         "to",
                                                      "step",    "effect",   "strikes",      "score"};

std::string said(const DecidedEvent& event) {
  const std::string_view code = event.value("code");
  return code.empty() ? std::string() : std::string(code).append(" ").append(event.value("reply"));
}

const Rule* rule_of(const DecidedEvent& event) {
  const std::string_view reason = event.value("reason");
  if (event.event != "message_held") return control::rule_of(reason);
  const auto found =
      std::ranges::find_if(kHeldRules, [&](const Rule& rule) { return reason.starts_with(rule.reason); });
  return found == kHeldRules.end() ? nullptr : &*found;
}

std::string_view figures(const DecidedEvent& event) {
  if (event.event == "account_noticed") return event.value("reasons");
  return event.event == "message_held" ? event.value("reason") : event.value("detail");
}

std::string_view remedy_of(const DecidedEvent& event) {
  if (event.event == "account_noticed")
    return "sluicectl noticed release ACCOUNT, if the account is its owner's; else sluicectl contain ACCOUNT";
  const Rule* const rule = rule_of(event);
  return rule != nullptr ? rule->remedy : std::string_view();
}

std::string as_json_object(const DecidedEvent& event) {
  std::string text = "{\"at\":" + text::json_string(text::time_string(event.at));
  const auto add = [&text](std::string_view key, std::string_view value) { text::append_member(text, key, value); };
  add("event", event.event);
  add("id", event.id);
  for (const auto& [key, value] : event.values) add(key, value);
  if (const Rule* const rule = rule_of(event)) add("rule", rule->rule);
  add("figures", figures(event));
  add("remedy", remedy_of(event));
  return text + "}";
}

std::string as_paragraph(const DecidedEvent& event, MomentText moment) {
  std::string text = moment(event.at).append("  ").append(event.event).append("\n");
  text::append_field(text, "reply", said(event));
  if (const Rule* const rule = rule_of(event)) text::append_field(text, "rule", rule->rule);
  text::append_field(text, "figures", figures(event));
  text::append_field(text, "would pass", remedy_of(event));
  for (const std::string_view key : kShownKeys) text::append_field(text, key, event.value(key));
  return text;
}

}  // namespace

std::string explain_request_fault(const ExplainRequest& request) {
  if (request.id.empty()) return "takes the id that is in the reply, or in the log";
  if (request.id.size() > kExplainIdBytesMax)
    return "takes an id of up to " + std::to_string(kExplainIdBytesMax) + " bytes";
  return auth::is_clean_text(request.id) ? "" : "takes an id without control characters";
}

std::string encode_explain_request(const ExplainRequest& request) {
  std::string line(kExplain);
  if (request.json) line += kJson;
  append_escaped(line += kExplainId, request.id);
  return line;
}

std::expected<ExplainRequest, std::string> decode_explain_request(std::string_view line) {
  ExplainRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kExplain)) return not_as_written();
  request.json = take_text(rest, kJson);
  static_cast<void>(take_value(rest, kExplainId, request.id));  // what cannot be read is not this line: see below
  return if_as_written(std::move(request), line, explain_request_fault, encode_explain_request);
}

std::string_view DecidedEvent::value(std::string_view key) const {
  const auto found = std::ranges::find_if(values, [key](const auto& each) { return each.first == key; });
  return found == values.end() ? std::string_view() : found->second;
}

bool decides(std::string_view event, std::string_view verdict) {
  constexpr std::array<std::string_view, 3> kDeciding{"refused", "account_noticed", "message_held"};
  if (event != "message") return std::ranges::find(kDeciding, event) != kDeciding.end();
  return !verdict.empty() && verdict != "taken";
}

std::span<const Rule> rules() { return kRules; }

const Rule* rule_of(std::string_view reason) {
  const auto found = std::ranges::find(kRules, reason, &Rule::reason);
  return found == kRules.end() ? nullptr : &*found;
}

std::string render_explanation(const ExplainRequest& request, std::span<const DecidedEvent> events, MomentText moment) {
  std::string text;
  if (request.json) {
    for (const DecidedEvent& event : events) text.append(text.empty() ? "[" : ",").append(as_json_object(event));
    return text.empty() ? "[]\n" : text + "]\n";
  }
  for (const DecidedEvent& event : events) text.append(text.empty() ? "" : "\n").append(as_paragraph(event, moment));
  return text;
}

}  // namespace sluice::control

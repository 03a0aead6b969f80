#include "engine/cli/explain_trace.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/control/explain_request.h"
#include "engine/event/value_text.h"
#include "engine/text/escape.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"
#include "engine/text/time_text.h"

namespace sluice::cli {
namespace {

using trace::StoredEvent;
using trace::TracedMessage;

// What is known of a recipient's copy: the last outcome, and the tries before it.
struct Fate {
  std::string_view recipient;
  std::string_view verdict;  // as in event delivery; empty: nothing was tried yet
  std::string reply;         // code, enhanced code and text
  std::string_view enhanced;
  std::string_view next_hop;  // empty: there was no connection
  std::string_view destination;
  bool answered = false;     // with a reply code
  bool by_operator = false;  // an order has ended it
  WallMillis at = 0;
  WallMillis since = 0;  // of the first try that put it off; 0: none did
  std::uint64_t tries = 0;
  std::uint64_t same = 0;  // tries with this answer, up to the last one
  WallMillis next_try = 0;

  [[nodiscard]] bool rejected_by_operator() const { return verdict == "refused" && by_operator; }
};

// What would change it: the first row that fits.  An empty member fits all.
struct DeliveryRemedy {
  std::string_view verdict;
  std::string_view enhanced;  // what it begins with
  std::string_view words;     // a part of the answer, in any case
  std::string_view remedy;
};
constexpr auto kDeliveryRemedies = std::to_array<DeliveryRemedy>({
    {"", "", "", "the next try, which is due; sluicectl queue show ID says when, sluicectl queue flush ID tries now"},
    {"deferred", "", "greylist",
     "a later try: a host that greylists takes the message after some minutes; sluicectl queue flush ID tries now"},
    {"deferred", "", "graylist",
     "a later try: a host that greylists takes the message after some minutes; sluicectl queue flush ID tries now"},
    {"deferred", "4.2.2", "", "room in the recipient's mailbox, which is full; sluicectl queue flush ID tries now"},
    {"deferred", "4.4", "",
     "a host that answers: whether it is up, and the way to it open; then sluicectl queue flush ID tries now"},
    {"deferred", "4.7", "",
     "what the host's answer asks for: it limits or mistrusts what comes from here; sluicectl queue flush ID tries "
     "now"},
    {"deferred", "", "",
     "what the answer asks for; sluicectl queue flush ID tries now, sluicectl queue remove ID gives up"},
    {"not_attempted", "", "", "the next try; sluicectl queue flush ID tries now"},
    {"refused", "5.1", "", "another address: the host does not know this one. The sender has to send it again"},
    {"refused", "5.2.2", "", "room in the recipient's mailbox, which is full; then the sender has to send it again"},
    {"refused", "5.2.3", "", "a smaller message"},
    {"refused", "5.3.4", "", "a smaller message"},
    {"refused", "5.7", "",
     "what the host's answer asks for: it refuses the sender, the content or this relay's address by a policy of its "
     "own"},
    {"refused", "", "", "what the host's answer asks for; then the sender has to send it again"},
    {"expired", "", "",
     "sending it again once the host takes mail; queue.expire_s says for how long a message is tried"},
    {"removed", "", "", "sending it again: an operator has removed it from the queue"},
    {"relayed", "", "", "nothing here: the host has it, and its operator finds it by that answer"},
});

std::string_view delivery_remedy(const Fate& fate) {
  if (fate.rejected_by_operator()) return "sending it again: an operator has given it up (sluicectl queue bounce)";
  const auto fits = [&fate](const DeliveryRemedy& row) {
    return row.verdict == fate.verdict && fate.enhanced.starts_with(row.enhanced) &&
           trace::contains_in_any_case(fate.reply, row.words);
  };
  const auto found = std::ranges::find_if(kDeliveryRemedies, fits);
  return found == kDeliveryRemedies.end() ? std::string_view() : found->remedy;
}

template <typename Number>
Number number_of(const StoredEvent& event, std::string_view key) {
  const event::Value* const value = event.find(key);
  const auto* const number = value == nullptr ? nullptr : std::get_if<Number>(value);
  return number == nullptr ? Number{} : *number;
}

std::string reply_of(const StoredEvent& event) {
  std::string reply;
  if (const auto code = number_of<std::uint64_t>(event, "code"); code != 0) reply = std::to_string(code);
  for (const std::string_view part : {event.text("enhanced"), event.text("detail")})
    if (!part.empty()) reply.append(reply.empty() ? "" : " ").append(part);
  return reply;
}

// The recipients of a message with their fates, in the order in which they were offered.
class Fates {
 public:
  explicit Fates(const TracedMessage& message) {
    for (const trace::TracedEvent& each : message.events) {
      const StoredEvent& event = *each.event;
      if (event.type->name == "delivery") {
        each_recipient(event, [&](Fate& fate) { take(fate, event); });
      } else if (event.type->name == "message_recipients" ||
                 (event.type->name == "message" && event.text("verdict") == "taken")) {
        each_recipient(event, [](Fate& /*fate*/) {});
      }
    }
  }
  // Those of which the same is to be said, together.
  [[nodiscard]] std::vector<std::vector<const Fate*>> groups() const {
    std::vector<std::vector<const Fate*>> groups;
    std::map<std::tuple<std::string_view, std::string_view, std::string_view, std::uint64_t, WallMillis>, std::size_t>
        known;
    for (const Fate& fate : fates_) {
      const auto [place, fresh] =
          known.try_emplace({fate.verdict, fate.reply, fate.next_hop, fate.same, fate.next_try}, groups.size());
      if (fresh) groups.emplace_back();
      groups[place->second].push_back(&fate);
    }
    return groups;
  }

 private:
  template <typename Use>
  void each_recipient(const StoredEvent& event, const Use& use) {
    trace::KeyValues values(trace::role_of("to"), event.text("to"));
    while (const auto value = values.next()) {
      if (value->kind != trace::KeyKind::recipient) continue;
      const auto [place, fresh] = by_recipient_.try_emplace(value->text, fates_.size());
      if (fresh) fates_.push_back({.recipient = value->text});
      use(fates_[place->second]);
    }
  }
  static void take(Fate& fate, const StoredEvent& event) {
    std::string reply = reply_of(event);
    const std::string_view verdict = event.text("verdict");
    const bool again = verdict == fate.verdict && reply == fate.reply && event.text("next_hop") == fate.next_hop;
    // What is not attempted, or ends without an attempt, is no try.
    const bool attempted = number_of<std::uint64_t>(event, "attempt") != 0 || event.text("by") == "cut_through";
    fate.same = again ? fate.same + 1 : 1;
    if (attempted && verdict != "expired" && verdict != "removed" && verdict != "not_attempted") ++fate.tries;
    if (fate.since == 0 && (verdict == "deferred" || verdict == "not_attempted")) fate.since = event.at;
    fate.verdict = verdict;
    fate.reply = std::move(reply);
    fate.enhanced = event.text("enhanced");
    fate.next_hop = event.text("next_hop");
    fate.destination = event.text("destination");
    fate.answered = number_of<std::uint64_t>(event, "code") != 0;
    fate.by_operator = event.text("by") == "operator";
    fate.at = event.at;
    fate.next_try = number_of<std::int64_t>(event, "next_try");
  }

  std::vector<Fate> fates_;
  absl::flat_hash_map<std::string_view, std::size_t> by_recipient_;
};

std::string times(std::uint64_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

// Who said what, how often.
std::string said_by(const Fate& fate) {
  const std::string_view who = fate.next_hop.empty() ? fate.destination : fate.next_hop;
  std::string text(who.empty() ? "the next hop" : who);
  if (fate.reply.empty()) return text + " gave no answer";
  const std::string_view did = fate.answered           ? " answered \""
                               : fate.next_hop.empty() ? " was not reached: \""
                                                       : " gave no answer: \"";
  return text.append(did).append(fate.reply).append("\"");
}

std::string sentence(const Fate& fate, TimeForm form) {
  if (fate.verdict.empty()) return "is in the queue; nothing was tried yet";
  if (fate.rejected_by_operator())
    return "was given up by an operator at " + moment_text(fate.at, form) + ": \"" + fate.reply + "\"";
  if (fate.verdict == "removed") return "was removed from the queue by an operator at " + moment_text(fate.at, form);
  std::string text;
  if (fate.verdict == "deferred" || fate.verdict == "not_attempted") {
    text = "waits since " + moment_text(fate.since, form) + ": " + said_by(fate) + " " + times(fate.same);
    if (fate.tries > fate.same) text += ", of " + std::to_string(fate.tries) + " tries";
    text += ", at last at " + moment_text(fate.at, form);
    return text + (fate.next_try > 0 ? "; next try at " + moment_text(fate.next_try, form) : std::string());
  }
  if (fate.verdict == "expired") {
    text = "was given up at " + moment_text(fate.at, form) + " after " + std::to_string(fate.tries) +
           (fate.tries == 1 ? " try" : " tries");
    if (fate.since != 0) text += " since " + moment_text(fate.since, form);
    return fate.reply.empty() ? text : text + "; the last word was \"" + fate.reply + "\"";
  }
  text = (fate.verdict == "refused" ? "was refused at " : "was taken at ") + moment_text(fate.at, form) + ": " +
         said_by(fate);
  if (fate.tries > 1)
    text += ", at try " + std::to_string(fate.tries) + "; waited since " + moment_text(fate.since, form);
  return text;
}

std::string recipients_text(const std::vector<const Fate*>& group) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < group.size() && i < kShown; ++i)
    text.append(i == 0 ? "" : ", ").append(group[i]->recipient);
  if (group.size() > kShown) text += " and " + std::to_string(group.size() - kShown) + " others";
  return text;
}

std::string group_text(const std::vector<const Fate*>& group, TimeForm form) {
  std::string text = text::printable(recipients_text(group)) + "\n";
  text::append_field(text, "state", sentence(*group.front(), form));
  text::append_field(text, "would change", delivery_remedy(*group.front()));
  return text;
}

std::string group_json(std::string_view id, const std::vector<const Fate*>& group) {
  const Fate& fate = *group.front();
  std::string text = R"({"event":"recipients","id":)" + text::json_string(id) + R"(,"recipients":[)";
  for (std::size_t i = 0; i < group.size(); ++i)
    text.append(i == 0 ? "" : ",").append(text::json_string(group[i]->recipient));
  text += "]";
  const auto add = [&text](std::string_view key, std::string_view value) { text::append_member(text, key, value); };
  add("verdict", fate.verdict.empty() ? "queued" : fate.verdict);
  add("next_hop", fate.next_hop);
  add("reply", fate.reply);
  text += R"(,"tries":)" + std::to_string(fate.tries);
  if (fate.since != 0) add("since", text::time_string(fate.since));
  if (fate.at != 0) add("at", text::time_string(fate.at));
  if (fate.next_try > 0) add("next_try", text::time_string(fate.next_try));
  add("figures", sentence(fate, TimeForm::iso));
  add("remedy", delivery_remedy(fate));
  return text + "}";
}

control::DecidedEvent decided(std::string_view id, const StoredEvent& event) {
  control::DecidedEvent decided{.at = event.at, .event = event.type->name, .id = std::string(id)};
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    std::string value = event::value_text(event.values[i], event::MillisText::whole);
    if (!value.empty() && event.type->keys[i] != "id")
      decided.values.emplace_back(event.type->keys[i], std::move(value));
  }
  return decided;
}

// Who has sent it, and what it was answered.
std::string accepted_text(const StoredEvent& event, TimeForm form) {
  std::string text = moment_text(event.at, form) + "  accepted\n";
  text::append_field(text, "reply",
                     std::to_string(number_of<std::uint64_t>(event, "code")) + " " + std::string(event.text("reply")));
  text::append_field(text, "account", event.text("account"));
  text::append_field(text, "customer", event.text("customer"));
  text::append_field(text, "client", event.text("client"));
  text::append_field(text, "from", event.text("from"));
  text::append_field(text, "Message-ID", event.text("message_id"));
  return text;
}

// A DSN that the sender got, or did not.
std::string note_text(const StoredEvent& event, TimeForm form) {
  std::string text = moment_text(event.at, form) + "  " + text::printable(event.text("what")) + "\n";
  const bool sent = event.text("what") == "report";
  text::append_field(text, sent ? "DSN" : "figures", event.text("detail"));
  if (sent) text::append_field(text, "would change", "nothing: the sender was told of it with the host's own words");
  return text;
}

std::string note_json(std::string_view id, const StoredEvent& event) {
  return R"({"at":")" + text::time_string(event.at) + R"(","event":"queue","id":)" + text::json_string(id) +
         R"(,"what":)" + text::json_string(event.text("what")) + R"(,"detail":)" +
         text::json_string(event.text("detail")) + "}";
}

}  // namespace

std::string explain_traced(const TracedMessage& message, bool json, TimeForm form) {
  std::vector<std::string> parts;
  std::vector<std::string> notes;
  for (const trace::TracedEvent& each : message.events) {
    const StoredEvent& event = *each.event;
    if (control::decides(event.type->name, event.text("verdict"))) {
      const control::DecidedEvent one = decided(message.id, event);
      std::string part = control::render_explanation({.json = json, .id = message.id}, std::span(&one, 1),
                                                     [form](WallMillis at) { return moment_text(at, form); });
      // Of an array of one its object.
      parts.push_back(json ? part.substr(1, part.size() - 3) : part);
    } else if (event.type->name == "message" && !json) {
      parts.push_back(accepted_text(event, form));
    } else if (event.type->name == "queue") {
      notes.push_back(json ? note_json(message.id, event) : note_text(event, form));
    }
  }
  const Fates fates(message);
  for (const auto& group : fates.groups())
    parts.push_back(json ? group_json(message.id, group) : group_text(group, form));
  parts.insert(parts.end(), notes.begin(), notes.end());
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : json ? "," : "\n").append(part);
  return json ? "[" + text + "]\n" : text;
}

}  // namespace sluice::cli

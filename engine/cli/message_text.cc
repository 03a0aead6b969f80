#include "engine/cli/message_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "engine/text/escape.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kReviewRecipientsMax = 10;

WallMillis moment_at(const ViewRow& row, std::string_view key) { return static_cast<WallMillis>(row.number(key)); }

// "sender       value"
std::string labelled(std::string_view label, std::string_view value) {
  constexpr std::size_t kLabelWidth = 13;
  std::string line(label);
  line.resize(std::max(line.size(), kLabelWidth), ' ');
  return line.append(value) + "\n";
}
std::string field(std::string_view label, const ViewRow& row, std::string_view key) {
  return labelled(label, text::printable(row.text(key)));
}
std::string address_of(std::string_view address) {
  return "<" + (address.empty() ? std::string() : text::printable(address)) + ">";
}
std::string reason_of(const ViewRow& row) {
  const std::string reason = row.text("hold_reason");
  return reason.empty() ? "no reason was given" : text::printable(reason);
}
std::string arrival(const ViewRow& row, TimeForm form, WallMillis now) {
  const WallMillis arrived = moment_at(row, "arrived_ms");
  return labelled("arrived", moment_text(arrived, form) + " (" + span_text(now - arrived) + " ago)");
}

std::string recipient_line(const ViewRow& status, TimeForm form) {
  std::string line = address_of(status.text("recipient")) + " " + text::printable(status.text("state"));
  if (const WallMillis at = moment_at(status, "at_ms"); at != 0) line += ", " + moment_text(at, form);
  if (const std::string code = status.text("code"); code != "0")
    line += ": " + text::printable(code) + " " + text::printable(status.text("enhanced"));
  if (const std::string words = status.text("text"); !words.empty()) line += " " + text::printable(words);
  if (const std::string hop = status.text("next_hop"); !hop.empty()) line += " (" + text::printable(hop) + ")";
  return labelled("recipient", line);
}

std::string attempt_line(const ViewRow& attempt, TimeForm form) {
  return labelled("attempt",
                  moment_text(moment_at(attempt, "at_ms"), form) + "  " + text::printable(attempt.text("next_hop")) +
                      "  " + text::printable(attempt.text("taken")) + " of " +
                      text::printable(attempt.text("recipients")) + " taken: " + text::printable(attempt.text("code")) +
                      " " + text::printable(attempt.text("text")));
}

}  // namespace

std::string message_text(const ViewRow& row, TimeForm form, WallMillis now) {
  std::string out = field("message", row, "id") + field("state", row, "state") + field("customer", row, "customer") +
                    field("account", row, "account") + labelled("sender", address_of(row.text("sender"))) +
                    field("bytes", row, "bytes") + arrival(row, form, now) +
                    labelled("next try", moment_text(moment_at(row, "due_ms"), form)) + field("tries", row, "tries");
  if (row.text("on_hold") == "yes") out += labelled("on hold", reason_of(row));
  if (const std::string waits = row.text("waits_for_room"); !waits.empty())
    out += labelled("waits", text::printable(waits));
  for (const ViewRow& status : row.children("recipients")) out += recipient_line(status, form);
  for (const ViewRow& attempt : row.children("attempts")) out += attempt_line(attempt, form);
  return out;
}

std::string review_text(const ViewRow& row, TimeForm form, WallMillis now) {
  std::string out = field("message", row, "id") + labelled("on hold", reason_of(row)) +
                    field("customer", row, "customer") + field("account", row, "account") +
                    field("client", row, "client") + labelled("sender", address_of(row.text("sender")));
  const std::vector<std::string> recipients = row.list("recipients");
  for (std::size_t i = 0; i < std::min(recipients.size(), kReviewRecipientsMax); ++i)
    out += labelled("recipient", address_of(recipients[i]));
  if (recipients.size() > kReviewRecipientsMax)
    out += labelled("", "and " + std::to_string(recipients.size() - kReviewRecipientsMax) + " more");
  out += field("bytes", row, "bytes") + arrival(row, form, now) +
         labelled("expires", moment_text(moment_at(row, "expires_ms"), form));
  for (const auto& [name, value] : row.fields("header"))
    out += "  " + text::escaped_line(name) + ": " + text::escaped_line(value) + "\n";
  for (const std::string& line : row.list("lines")) out += "  | " + text::escaped_line(line) + "\n";
  if (row.text("more_lines") == "yes") out += "  | ...\n";
  return out;
}

std::string noticed_account_text(const ViewRow& row, TimeForm form, WallMillis /*now*/) {
  constexpr std::size_t kNameWidth = 22;
  constexpr std::array<std::string_view, 13> kKeys{
      "account",  "class",    "step",    "effect",       "score",  "strikes", "recipients", "first_time_recipients",
      "networks", "answered", "unknown", "spam_replies", "reasons"};
  if (row.text("known") != "yes")
    return text::printable(row.text("account")) + " has sent nothing that is remembered\n";
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(kNameWidth - name.size(), ' ').append(value).append("\n");
  };
  for (const std::string_view key : kKeys) {
    add(key, text::printable(row.text(key)));
    if (const WallMillis until = moment_at(row, "until_ms"); key == "effect" && until != 0)
      add("until", moment_text(until, form));
  }
  return out;
}

}  // namespace sluice::cli

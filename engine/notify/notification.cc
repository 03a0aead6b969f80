#include "engine/notify/notification.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "engine/base/cut_text.h"
#include "engine/event/value_text.h"
#include "engine/log/line.h"
#include "engine/text/escape.h"

namespace sluice::notify {
namespace {

using event::Kind;

// Which of several rows of one event counts: that whose key has one of these values, between blanks.
struct Condition {
  std::string_view key;     // empty: always
  std::string_view values;  // "contain suspend hold"
};

struct NotifiedEvent {
  Kind kind;
  Cause cause;
  Condition when = {};
  // What the notification is about, "account", unless a key says that; and the key with its name.
  std::string_view subject_kind = {};
  std::string_view kind_key = {};
  std::string_view name_key = {};
  // Where the subject is an account, or a device password of the event's account, and this holds, the account's owner
  // is notified, too.
  bool owner = false;
  Condition owner_when = {};
  std::string_view owner_keys = {};  // figures that owners are shown, between blanks
};

// The table: what is notified, and of whom it is.  The first row that fits counts.  Kinds and keys are those of
// event/table.def, as a unit test checks.
constexpr NotifiedEvent kNotified[] = {
    {.kind = Kind::SubmissionLimitNear, .cause = Cause::limit_near, .kind_key = "subject", .name_key = "name"},
    {.kind = Kind::SubmissionLimitReached,
     .cause = Cause::limit_reached,
     .kind_key = "subject",
     .name_key = "name",
     .owner = true,
     .owner_when = {"effect", "refuse defer hold"},
     .owner_keys = "quantity window limit used"},
    {.kind = Kind::AccountNoticed,
     .cause = Cause::strike,
     .when = {"effect", "hold suspend"},
     .subject_kind = "account",
     .name_key = "account",
     .owner = true,
     .owner_keys = "effect"},
    {.kind = Kind::AccountNoticed, .cause = Cause::noticed, .subject_kind = "account", .name_key = "account"},
    {.kind = Kind::AccountLifted,
     .cause = Cause::released,
     .subject_kind = "account",
     .name_key = "account",
     .owner = true},
    {.kind = Kind::MessageHeld, .cause = Cause::held, .subject_kind = "account", .name_key = "account"},
    {.kind = Kind::RefusedAsSpam, .cause = Cause::refused_as_spam, .subject_kind = "next hop", .name_key = "next_hop"},
    {.kind = Kind::Containment,
     .cause = Cause::released,
     .when = {"step", "release"},
     .kind_key = "kind",
     .name_key = "subject",
     .owner = true,
     .owner_keys = "messages"},
    {.kind = Kind::Containment,
     .cause = Cause::contained,
     .kind_key = "kind",
     .name_key = "subject",
     .owner = true,
     .owner_keys = "sessions messages"},
    {.kind = Kind::QueueOrder,
     .cause = Cause::queue_order,
     .when = {"order", "hold release reject remove"},
     .subject_kind = "messages",
     .name_key = "filter"},
    {.kind = Kind::ShieldRaised, .cause = Cause::shield, .kind_key = "kind", .name_key = "subject"},
    {.kind = Kind::BackendSuspended, .cause = Cause::backend, .subject_kind = "back end", .name_key = "backend"},
    {.kind = Kind::LimitsNotRecorded, .cause = Cause::limits_not_recorded, .subject_kind = "limits"},
    {.kind = Kind::NoticedNotRecorded, .cause = Cause::noticed_not_recorded, .subject_kind = "accounts"},
    {.kind = Kind::SpoolFault, .cause = Cause::spool, .subject_kind = "spool"},
    {.kind = Kind::StoreFault, .cause = Cause::store, .subject_kind = "store"},
};

// What events have for kinds of subjects: texts that stay.
constexpr std::string_view kAccount = "account";
constexpr std::string_view kCustomer = "customer";
constexpr std::string_view kDevice = "device";
constexpr std::string_view kNetwork = "network";
constexpr std::string_view kRelay = "relay";
constexpr std::string_view kSubjectKinds[] = {kAccount, kCustomer, kDevice,   kNetwork,
                                              kRelay,   "address", "overall", "subject"};

constexpr auto kKinds = [] {
  std::array<Kind, std::size(kNotified)> kinds{};
  std::ranges::transform(kNotified, kinds.begin(), &NotifiedEvent::kind);
  return kinds;
}();

constexpr std::size_t kFigureBytesMax = 512;

bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::string_view first = list.substr(0, list.find(' '));
    if (first == item) return true;
    list.remove_prefix(std::min(list.size(), first.size() + 1));
  }
  return false;
}

// Empty: the event has no such key, or no value of it.
std::string value_of(const event::Event& event, std::string_view key) {
  const event::Value* const found = event::find_value(event, key);
  return found == nullptr ? std::string() : event::value_text(*found, event::MillisText::whole);
}

bool holds(const Condition& condition, const event::Event& event) {
  return condition.key.empty() || has_item(condition.values, value_of(event, condition.key));
}

std::string_view subject_kind_of(const NotifiedEvent& row, const event::Event& event) {
  if (row.kind_key.empty()) return row.subject_kind;
  const auto found = std::ranges::find(kSubjectKinds, value_of(event, row.kind_key));
  return found == std::end(kSubjectKinds) ? "subject" : *found;
}

// A network, a customer and the relay are no mailboxes.
std::string owner_of(const NotifiedEvent& row, std::string_view subject_kind, const event::Event& event) {
  if (subject_kind == kAccount) return value_of(event, row.name_key);
  return subject_kind == kDevice ? value_of(event, "account") : std::string();
}

std::string clean(std::string_view value) { return text::escaped_line(cut_text(value, kFigureBytesMax)); }

std::vector<Figure> figures_of(const event::Event& event, std::string_view owner_keys) {
  std::vector<Figure> figures;
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    if (std::holds_alternative<std::monostate>(event.values[i])) continue;
    const std::string_view key = event.row.keys[i].name;
    figures.push_back({.key = key,
                       .value = clean(event::value_text(event.values[i], event::MillisText::whole)),
                       .for_owner = has_item(owner_keys, key)});
  }
  return figures;
}

// A name that can be pasted into a shell as it is; else what stands for one: names come from strangers, too.
std::string command_word(const Notification& notification) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("@._+:/-").contains(c);
  };
  const std::string& name = notification.subject_name;
  if (!name.empty() && !name.starts_with('-') && std::ranges::all_of(name, plain)) return name;
  return "NAME";
}

std::string advice_on_limit(std::string_view subject_kind, const std::string& name) {
  if (subject_kind == kAccount || subject_kind == kCustomer)
    return "See what is used: sluicectl usage --" + std::string(subject_kind) + " " + name +
           "\nAllow more: sluicectl " + std::string(subject_kind) + " limit " + name +
           " QUANTITY/WINDOW=AMOUNT\nIf a password is stolen: sluicectl contain " + name;
  if (subject_kind == kDevice) {
    const std::size_t at = std::min(name.find('@'), name.size());
    const std::string account = name.substr(0, name.find('/', at));  // what is behind it may have one, too
    return "See what is used: sluicectl usage --account " + account +
           "\nIf the device's password is stolen: sluicectl " + "account device revoke " + account +
           " --name DEVICE\nAllow more: a device password of another class (sluicectl " +
           "account device add --class), or the limits of its class";
  }
  const std::string_view more = subject_kind == kNetwork
                                    ? "\nAllow more: listener.trusted_class, or the limits of that class"
                                : subject_kind == kRelay ? "\nAllow more: policy.limit"
                                                         : "";
  return std::string("See what is used: sluicectl usage").append(more);
}

}  // namespace

std::optional<Notification> notification_of(const event::Event& event) {
  const auto row = std::ranges::find_if(
      kNotified, [&](const NotifiedEvent& each) { return each.kind == event.kind && holds(each.when, event); });
  if (row == std::end(kNotified)) return std::nullopt;
  Notification made{.id = {},
                    .at = event.at,
                    .severity = event.severity,
                    .cause = row->cause,
                    .event = event.row.name,
                    .subject_kind = subject_kind_of(*row, event),
                    .subject_name = clean(value_of(event, row->name_key)),
                    .owner = {},
                    .figures = figures_of(event, row->owner_keys),
                    .json = {}};
  if (row->owner && holds(row->owner_when, event)) made.owner = owner_of(*row, made.subject_kind, event);
  made.json = log::json_text(event);
  return made;
}

Notification test_notification(WallMillis now) {
  return {.id = {},
          .at = now,
          .severity = event::Severity::info,
          .cause = Cause::test,
          .event = "test",
          .subject_kind = "sluicectl notify test",
          .subject_name = {},
          .owner = {},
          .figures = {},
          .json = R"({"event":"test"})"};
}

std::span<const event::Kind> notified_kinds() { return kKinds; }

std::string advice_for_operator(const Notification& notification) {
  const std::string name = command_word(notification);
  switch (notification.cause) {
    case Cause::limit_near:
    case Cause::limit_reached:
      return advice_on_limit(notification.subject_kind, name);
    case Cause::noticed:
    case Cause::strike:
      return "What was noticed: sluicectl noticed " + name + "\nWhat is held: sluicectl review\n" +
             "If it is right to send so: sluicectl noticed release " + name +
             "\nIf the password is stolen: sluicectl contain " + name;
    case Cause::held:
      return "See it and decide: sluicectl review";
    case Cause::refused_as_spam:
      return "Who sends it: sluicectl queue list, and account in the log.\nIf a password is stolen: sluicectl contain "
             "ACCOUNT";
    case Cause::contained:
      return "What is held: sluicectl review\nLift it: sluicectl release " + name;
    case Cause::released:
      return "What is still held: sluicectl review";
    case Cause::queue_order:
      return "What is held: sluicectl review";
    case Cause::shield:
      return "See who is refused: sluicectl shield list\nLet in again: sluicectl shield release " + name;
    case Cause::backend:
      return "Those whose passwords it checks get 454 until it answers.";
    case Cause::limits_not_recorded:
    case Cause::noticed_not_recorded:
      return "Look at the disk of server.state_dir.";
    case Cause::spool:
      return "Look at it: sluicectl spool check";
    case Cause::store:
      return "What is known of accounts stays until it can be read; see sluicectl reload.";
    case Cause::test:
      break;
  }
  return {};
}

std::string_view advice_for_owner(const Notification& notification) {
  switch (notification.cause) {
    case Cause::limit_reached:
      if (notification.subject_kind == kDevice)
        return "What this device sends over its limit is not sent for now. If it is not the device that sends\n"
               "so much, someone else may have its password: write to your provider, who can revoke it.";
      return "What is over the limit is not sent for now. If it is not you who sends so much,\n"
             "someone else may have your password: change it, and write to your provider.";
    case Cause::strike:
      return "What your account sends is held for now, as it looks like unsolicited bulk mail. If it is\n"
             "not you who sends it, someone else may have your password: change it, and write to your\n"
             "provider, who can let the mail go on.";
    case Cause::contained:
      return "Your account sends no mail for now, as someone else may have your password.\n"
             "Your provider lifts this, and may ask for a new password.";
    case Cause::released:
      return "Your account may send mail again.";
    case Cause::limit_near:
    case Cause::noticed:
    case Cause::held:
    case Cause::refused_as_spam:
    case Cause::queue_order:
    case Cause::shield:
    case Cause::backend:
    case Cause::limits_not_recorded:
    case Cause::noticed_not_recorded:
    case Cause::spool:
    case Cause::store:
    case Cause::test:
      break;
  }
  return {};
}

}  // namespace sluice::notify

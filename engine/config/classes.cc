// [policy] and [[class]]: the policy classes.
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/config/sections.h"
#include "engine/smtp/limits.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/figures.h"
#include "engine/text/quoted.h"
#include "policy/noticing/recent_networks.h"

namespace sluice::config {
namespace {

constexpr std::size_t kClassesMax = 1000;
constexpr std::int64_t kOrdinaryMax = 1'000'000;

enum class LimitOf : std::uint8_t { account, device, customer, network };

std::vector<policy::Limit>& limits_of(policy::PolicyClass& policy_class, LimitOf of) {
  switch (of) {
    case LimitOf::account:
      return policy_class.account_limits;
    case LimitOf::device:
      return policy_class.device_limits;
    case LimitOf::customer:
      return policy_class.customer_limits;
    case LimitOf::network:
      break;
  }
  return policy_class.network_limits;
}

std::string_view limit_of_name(LimitOf of) {
  constexpr std::array<std::string_view, 4> kNames{"account", "device", "customer", "network"};
  return kNames[static_cast<std::size_t>(of)];
}

std::expected<std::string, std::string> check_class_name(std::string_view text) {
  if (auth::is_class_name(text)) return std::string(text);
  return std::unexpected("is not a class's name");
}
constexpr std::string_view kClassNameAllowed = "letters, digits, \"-\" and \"_\", 1 to 64 bytes, no \"-\" in front";
std::expected<std::string, std::string> check_class_or_none(std::string_view text) {
  return text.empty() ? std::string() : check_class_name(text);
}
constexpr TextRule kClassNameRule{check_class_name, kClassNameAllowed};

// "100 recipients/hour, 2 GiB/day, 20 messages/minute (defer)"
std::string limits_text(const std::vector<policy::Limit>& limits) {
  std::string text;
  for (const policy::Limit& limit : limits) {
    text += text.empty() ? "" : ", ";
    if (limit.quantity == policy::Quantity::bytes) {
      text += text::bytes_text(static_cast<std::int64_t>(limit.amount));
    } else {
      text.append(std::to_string(limit.amount)).append(" ").append(policy::quantity_name(limit.quantity));
    }
    text.append("/").append(policy::span_name(limit.span));
    if (limit.action != policy::Action::refuse) text.append(" (").append(policy::action_name(limit.action)).append(")");
  }
  return text;
}

std::string class_heading() {
  std::string text =
      "Policy classes: how much an account, and all accounts of a customer together, may send. A login has the class "
      "of\n"
      "its device password, else of its account, else of its customer (sluicectl customer set NAME --class CLASS), "
      "else\n"
      "policy.default_class. Amounts of single accounts and customers are set with sluicectl account limit. Without "
      "any\n"
      "[[class]] there are those below; with one of your own, only yours. In the file a limit may also be written as "
      "a\n"
      "table [[class.limit]] with these keys.\n"
      "\n";
  for (const policy::PolicyClass& each : policy::built_in_classes())
    absl::StrAppend(&text, each.name, ": ", each.recipients_per_message, " recipients per message\n",
                    "  account: ", limits_text(each.account_limits), "\n",
                    "  customer: ", limits_text(each.customer_limits), "\n");
  return text;
}

// `of`: null where the place says whose limit it is.
void read_limit(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics, policy::Limit& limit,
                LimitOf* of) {
  using Of = ConfigSection::Choice<LimitOf>;
  using Quantity = ConfigSection::Choice<policy::Quantity>;
  using Span = ConfigSection::Choice<policy::Span>;
  using Action = ConfigSection::Choice<policy::Action>;
  ConfigSection section(table, of != nullptr ? "class.limit" : "policy.limit", std::move(path), diagnostics);
  if (of != nullptr)
    section.choice("of", *of,
                   {Of{"account", LimitOf::account}, Of{"device", LimitOf::device}, Of{"customer", LimitOf::customer},
                    Of{"network", LimitOf::network}});
  section.choice(
      "quantity", limit.quantity,
      {Quantity{"recipients", policy::Quantity::recipients}, Quantity{"messages", policy::Quantity::messages},
       Quantity{"bytes", policy::Quantity::bytes}, Quantity{"sessions", policy::Quantity::sessions},
       Quantity{"first_time_recipients", policy::Quantity::first_time_recipients}});
  section.choice("window", limit.span,
                 {Span{"minute", policy::Span::minute}, Span{"hour", policy::Span::hour},
                  Span{"day", policy::Span::day}, Span{"month", policy::Span::month}});
  section.integer("amount", limit.amount, 1, static_cast<std::int64_t>(policy::kLimitAmountMax));
  limit.action = policy::default_action(limit.span);
  section.choice("action", limit.action,
                 {Action{"refuse", policy::Action::refuse}, Action{"defer", policy::Action::defer},
                  Action{"slow", policy::Action::slow}, Action{"hold", policy::Action::hold},
                  Action{"tell", policy::Action::tell}});
  if (table == nullptr) return;
  for (const std::string_view key : {"of", "quantity", "window", "amount"})
    if (!section.has(key) && (key != "of" || of != nullptr))
      section.error(key, "is missing",
                    of != nullptr ? "of, quantity, window and amount" : "quantity, window and amount");
}

// Each quantity and window once.
void add_limit(const policy::Limit& limit, std::string_view whose, const ConfigSection::Element& element,
               ConfigDiagnostics& diagnostics, std::vector<policy::Limit>& limits) {
  const bool twice = std::ranges::any_of(
      limits, [&](const policy::Limit& other) { return other.quantity == limit.quantity && other.span == limit.span; });
  if (twice)
    diagnostics.error(element.node->place, element.path,
                      std::string("is there twice: ")
                          .append(policy::quantity_name(limit.quantity))
                          .append(" a ")
                          .append(policy::span_name(limit.span))
                          .append(" of the ")
                          .append(whose),
                      std::string("each quantity and window once for the ").append(whose));
  limits.push_back(limit);
}

// First-time recipients are those that the noticer does not know of the account: where accounts are not watched, and of
// hosts without a login, each would be one.
void check_first_time(const policy::Limit& limit, LimitOf of, noticing::Step notice,
                      const ConfigSection::Element& element, ConfigDiagnostics& diagnostics) {
  if (limit.quantity != policy::Quantity::first_time_recipients) return;
  if (of == LimitOf::network)
    diagnostics.error(element.node->place, element.path,
                      "limits first-time recipients of hosts without a login, which have no known recipients",
                      "another quantity, as \"recipients\"");
  else if (notice == noticing::Step::pass)
    diagnostics.error(element.node->place, element.path,
                      "limits first-time recipients, and with notice = \"off\" none is known",
                      "notice = \"tell\" or more, or another quantity");
}

void read_limits_of(ConfigSection& section, ConfigDiagnostics& diagnostics, policy::PolicyClass& policy_class) {
  policy::Limit ignored;
  LimitOf of = LimitOf::account;
  read_limit(nullptr, "", diagnostics, ignored, &of);  // for the list of all keys
  for (const auto& element : section.elements("limit", "tables such as [[class.limit]]", {ConfigNode::Kind::table})) {
    policy::Limit limit;
    of = LimitOf::account;
    read_limit(element.node, element.path, diagnostics, limit, &of);
    add_limit(limit, limit_of_name(of), element, diagnostics, limits_of(policy_class, of));
    check_first_time(limit, of, policy_class.notice, element, diagnostics);
  }
  section.document("limit", "[]");
}

void read_relay_limits(ConfigSection& section, ConfigDiagnostics& diagnostics, std::vector<policy::Limit>& limits) {
  section.about(
      "Limits of all mail together, as those of a [[class]] but without `of`: for a relay that its "
      "next hops take no more from.");
  section.example(R"([{quantity = "messages", window = "hour", amount = 100000, action = "defer"}])");
  policy::Limit ignored;
  read_limit(nullptr, "", diagnostics, ignored, nullptr);  // for the list of all keys
  for (const auto& element : section.elements("limit", "tables such as [[policy.limit]]", {ConfigNode::Kind::table})) {
    policy::Limit limit;
    read_limit(element.node, element.path, diagnostics, limit, nullptr);
    add_limit(limit, "whole relay", element, diagnostics, limits);
  }
  section.document("limit", "[]");
}

// What is ordinary is that of the built-in class of this name, else of home.
void read_noticing(ConfigSection& section, policy::PolicyClass& policy_class) {
  using Step = ConfigSection::Choice<noticing::Step>;
  section.about(
      "Accounts that begin to send as spammers do are noticed: by recipients far above their own history, unknown "
      "recipients, first-time recipients, networks, countries, one text to many, the same texts from several networks "
      "to first-time recipients over weeks, words of next hops. The highest step "
      "that is "
      "taken: \"tell\" (an event), \"slow\" (each message waits for its turn), \"hold\" (messages are held for "
      "review), \"suspend\" (nothing is taken, but mail inside the customer's own domains); each includes those before "
      "it. \"off\": accounts are not watched. Of the built-in class \"unlimited\": \"tell\". sluicectl explain says "
      "why "
      "a step was taken, sluicectl noticed release lifts it. What is known of accounts is kept over restarts, in "
      "\"noticed\" in server.state_dir; a kill or a loss of power forgets at most its last ten minutes, and no step.");
  section.choice(
      "notice", policy_class.notice,
      {Step{"off", noticing::Step::pass}, Step{"tell", noticing::Step::tell}, Step{"slow", noticing::Step::slow},
       Step{"hold", noticing::Step::hold}, Step{"suspend", noticing::Step::suspend}});
  policy_class.noticing = noticing::built_in_policy(policy_class.name);
  noticing::OrdinaryDay& ordinary = policy_class.noticing.ordinary;
  section.about(
      "What is ordinary for an account of the class in a day, whatever it did before; an account's own history only "
      "adds to it. The defaults are those of the built-in class of the same name, for other names of \"home\".");
  section.integer("ordinary_recipients", ordinary.recipients, 1, kOrdinaryMax);
  section.about(
      "Likewise, recipients that the account has never written to. Of those who get the same texts from several "
      "networks over weeks, a quarter more is ordinary.");
  section.integer("ordinary_first_time_recipients", ordinary.first_time_recipients, 1, kOrdinaryMax);
  // While an account's history is short, somewhat more is ordinary, unless the operator says otherwise.
  if (section.has("ordinary_first_time_recipients")) ordinary.first_time_by_again = 0;
  section.about("Likewise, networks that the account sends from: a /24, or a /56 of IPv6.");
  section.integer("ordinary_networks", ordinary.networks, 1, noticing::kRecentNetworksMax);
  section.about("Likewise, recipients of one text, with a few words changed or without.");
  section.integer("ordinary_same_text", ordinary.same_text, 1, kOrdinaryMax);
}

void read_class(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
                policy::PolicyClass& policy_class) {
  ConfigSection section(table, "class", std::move(path), diagnostics);
  section.heading(class_heading(), TableForm::listed);
  section.about("Its name, as sluicectl and the log have it. Each class has its own.");
  section.example("\"home\"");
  section.text("name", policy_class.name, kClassNameRule);
  section.about(
      "Recipients of one message, announced by LIMITS RCPTMAX at the EHLO behind the login. Those beyond get 452 "
      "4.5.3. "
      "RFC 5321 section 4.5.3.1.8 wants at least 100 of a server; LIMITS may state fewer.");
  section.integer("recipients_per_message", policy_class.recipients_per_message, 1, smtp::kRecipientsMaxCeiling);
  section.about(
      "How much the customers of this class weigh where customers share what there is not enough of: a core's turns, "
      "connections to next hops, the queue, the disk, memory, DNS. One of weight 3 gets three times what one of "
      "weight 1 gets, however many sessions either has; what nobody else wants each may have. It is that of the "
      "customer's own class, whatever class the account or the device password has, from the login on; a message in "
      "the queue keeps that with which it came. Before the login, and for hosts without one, it is 1.");
  section.integer("weight", policy_class.weight, 1, kShareWeightMax);
  section.about(
      "true: what the limits and the noticing would do is counted and told, and nothing is refused, deferred, slowed "
      "or held. Limits of all mail together (policy.limit) stand.");
  section.boolean("shadow", policy_class.shadow);
  read_noticing(section, policy_class);
  section.about(
      "How much in a window that ends now: of each \"account\" for itself, of each \"device\" password for itself, of "
      "all "
      "accounts of the \"customer\" together, or of a listener's trusted hosts together (\"network\", see "
      "listener.trusted_class); \"recipients\", \"messages\", \"bytes\", \"sessions\" or "
      "\"first_time_recipients\"; in a \"minute\", \"hour\", \"day\" or \"month\" of 30 days. What would exceed it is "
      "refused (\"refuse\", 550 5.7.1; the default), deferred "
      "(\"defer\", 451 4.7.1; the default of a minute), slowed (\"slow\"), held for review (\"hold\") or only told of "
      "(\"tell\"). All of them have to have room. First-time recipients are those that an account has never "
      "written to, outside the customer's own domains; each relay of a cluster has its own. Of "
      "an account up to 4096 are known, beyond which some count as new again; of 65536 new ones one passes as known "
      "for each that is. Those of the last ten minutes before a kill or a loss of power count as new again, and all of "
      "an account that has sent nothing for a year. They count once the content was judged, also where the next hop "
      "then refuses it. They need notice above \"off\".");
  section.example(R"([{of = "account", quantity = "recipients", window = "day", amount = 500, action = "refuse"}])");
  read_limits_of(section, diagnostics, policy_class);
  if (table != nullptr && !section.has("name")) section.error("name", "is missing", kClassNameRule.allowed);
}

void read_classes(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                  std::vector<policy::PolicyClass>& classes) {
  if (tables.empty()) {
    policy::PolicyClass ignored;
    read_class(nullptr, "class", diagnostics, ignored);
    return;
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string path = absl::StrCat("class[", i + 1, "]");
    policy::PolicyClass read;
    read_class(tables[i], path, diagnostics, read);
    if (!read.name.empty() && std::ranges::find(classes, read.name, &policy::PolicyClass::name) != classes.end())
      diagnostics.error(tables[i]->place, path + ".name",
                        text::in_quotes(read.name) + " is the name of another class, too", "a name of its own");
    classes.push_back(std::move(read));
  }
  if (tables.size() > kClassesMax)
    diagnostics.error(tables[kClassesMax]->place, "class", "is one too many",
                      absl::StrCat("up to ", kClassesMax, " classes"));
}

}  // namespace

const TextRule kClassOrNoneRule{check_class_or_none, "the name of a class, or nothing"};

void read_policy(const ConfigNode* table, const std::vector<const ConfigNode*>& classes, ConfigDiagnostics& diagnostics,
                 PolicyConfig& policy) {
  ConfigSection section(table, "policy", "policy", diagnostics);
  section.about(
      "The class (see [[class]]) of those who have none in the store: neither the device password nor the account nor "
      "the customer; and in place of a class that is not in this file. With [[class]] and without this, the first "
      "one.");
  section.text("default_class", policy.default_class, kClassNameRule);
  section.about(
      "A database of the countries of addresses in MaxMind's format, such as GeoLite2 Country: accounts whose mail "
      "comes "
      "from many countries in a day are noticed (see class.notice). It is read at the start and at each `sluicectl "
      "reload`: reload once the file was replaced by a newer one. Empty: countries are not counted.");
  section.example("\"/var/lib/GeoIP/GeoLite2-Country.mmdb\"");
  section.text("countries", policy.countries, kAnyPathRule);
  read_relay_limits(section, diagnostics, policy.relay_limits);
  read_classes(classes, diagnostics, policy.classes);
  const std::vector<policy::PolicyClass> built_in = policy::built_in_classes();
  std::vector<std::string_view> names;
  for (const policy::PolicyClass& each : classes.empty() ? built_in : policy.classes) names.push_back(each.name);
  // Where classes are the operator's own, the first one is meant unless it is said.
  if (!classes.empty() && !section.has("default_class")) policy.default_class = policy.classes.front().name;
  if (std::ranges::find(names, policy.default_class) != names.end()) return;
  std::string problem = text::in_quotes(policy.default_class) + " is no class";
  if (const std::string_view meant = text::did_you_mean(policy.default_class, names); !meant.empty())
    absl::StrAppend(&problem, ", did you mean ", text::in_quotes(meant), "?");
  const std::string allowed = classes.empty() ? absl::StrCat("one of ", text::list_in_quotes(names, std::identity()))
                                              : "the name of a [[class]]";
  if (table == nullptr) {
    diagnostics.error(classes.front()->place, "policy.default_class", std::move(problem), allowed);
  } else {
    section.error("default_class", std::move(problem), allowed);
  }
}

}  // namespace sluice::config

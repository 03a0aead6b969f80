// Each refusal of the policy with its code, its text and what sluicectl explain says of it, held against refusals.txt.
// Where a text is meant to change, SLUICE_WRITE_GOLDEN=1 writes that file anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/control/explain_request.h"
#include "engine/session/reservation.h"
#include "engine/session/sender_refusal.h"
#include "engine/session/sending_watch.h"
#include "engine/smtp/reply.h"
#include "policy/limit_text.h"

namespace sluice::server {
namespace {

constexpr const char* kGoldenFile = "tests/unit/server/refusals.txt";
constexpr std::string_view kPolicyUrl = "https://example.com/policy";

class Refusals {
 public:
  // One refusal, as its client and the operator see it.
  void add(const smtp::Reply& reply, std::string figures = "") {
    const std::string reason = smtp::reason_name(reply.name());
    reasons.insert(reason);
    std::string wire;
    smtp::ReplyWriter(wire).write(reply);
    control::DecidedEvent event{.at = 0, .event = "refused", .id = "0SB6DNQ2W0004"};
    event.values = {{"code", std::to_string(reply.code())},
                    {"reason", reason},
                    {"account", "ann@example.com"},
                    {"reply", std::string(reply.text())},
                    {"detail", std::move(figures)}};
    std::erase(wire, '\r');
    text += "== " + reason + "\n" + wire;
    text += control::render_explanation({.id = event.id}, std::vector{event}) + "\n";
  }
  std::string text;
  std::set<std::string> reasons;
};

void add_senders(Refusals& refusals) {
  using policy::SenderVerdict;
  auth::Identity identity;
  identity.customer_name = "acme";
  identity.account_name = "ann@example.com";
  identity.domains = std::make_shared<auth::DomainList>(std::vector<std::string>{"example.com"});
  const auto add = [&](const policy::SenderDecision& decision) {
    refusals.add(session::sender_refusal(decision, kPolicyUrl));
  };
  const policy::Mailbox foreign{.local = "ann", .domain = "example.org"};
  const policy::Mailbox own{.local = "ann", .domain = "example.com"};
  const std::vector none = std::vector<policy::Mailbox>();
  add(policy::check_reverse_path(policy::SenderRights(identity), foreign, "Q1"));
  add(policy::check_authors(policy::SenderRights(identity), none, "Q1"));
  add(policy::check_authors(policy::SenderRights(identity), std::vector{own, own}, "Q1"));
  add(policy::check_authors(policy::SenderRights(identity), std::vector{foreign}, "Q1"));
  add({.verdict = SenderVerdict::name_in_from, .reason = "The name in From shows an address that is not yours"});
  add({.verdict = SenderVerdict::sender_field, .reason = "Sender must be an address of yours"});
  identity.reason = "unpaid";
  identity.account_status = auth::AccountStatus::suspended;
  add(policy::check_reverse_path(policy::SenderRights(identity), own, "Q1"));
}

void add_limits(Refusals& refusals) {
  using policy::Quantity;
  using policy::Span;
  for (const Quantity quantity :
       {Quantity::recipients, Quantity::messages, Quantity::bytes, Quantity::sessions, Quantity::first_time_recipients})
    for (const Span span : {Span::minute, Span::hour, Span::day, Span::month})
      for (const policy::Subject subject : {policy::Subject::account, policy::Subject::customer})
        for (const std::optional<std::int64_t> free_in_ms : {std::optional<std::int64_t>(7'500'000), {}}) {
          const policy::LimitReached reached{
              .subject = subject,
              .name = subject == policy::Subject::account ? "ann@example.com" : "acme",
              .window = {.limit = {.quantity = quantity,
                                   .span = span,
                                   .amount = quantity == Quantity::bytes ? 2'000'000U : 500U,
                                   .action = policy::default_action(span)},
                         .used = 498,
                         .free_in_ms = free_in_ms}};
          refusals.add(session::limit_refusal(reached, kPolicyUrl), policy::limit_figures(reached));
        }
}

void add_others(Refusals& refusals) {
  namespace replies = smtp::replies;
  refusals.add(session::suspended_as_bulk(kPolicyUrl));
  for (const smtp::StandardReply& reply :
       {replies::kTooManyRecipients, replies::kSlowDown, replies::kSendingSuspended, replies::kMessageTooBig,
        replies::kBareInMessage, replies::kNulInMessage, replies::kTextLineTooLong, replies::kNoSpace})
    refusals.add(reply);
}

TEST(Refusals, EachHasItsCodeItsTextAndItsExplanation) {
  Refusals refusals;
  add_senders(refusals);
  add_limits(refusals);
  add_others(refusals);
  if (std::getenv("SLUICE_WRITE_GOLDEN") != nullptr) std::ofstream(kGoldenFile) << refusals.text;
  std::stringstream golden;
  golden << std::ifstream(kGoldenFile).rdbuf();
  EXPECT_EQ(refusals.text, golden.str());
  // Those that a session builds from what it has read: session_test.cc has their texts.
  for (const char* read : {"header_too_large", "too_many_hops", "malformed_header"}) refusals.reasons.insert(read);
  for (const control::Rule& rule : control::rules())
    EXPECT_TRUE(refusals.reasons.contains(std::string(rule.reason))) << rule.reason << " is no refusal's reason";
  for (const std::string& reason : refusals.reasons)
    EXPECT_NE(control::rule_of(reason), nullptr) << reason << " has no rule that explains it";
}

}  // namespace
}  // namespace sluice::server

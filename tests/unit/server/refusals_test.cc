// Each refusal of the relay's own with its code, its text and what sluicectl explain says of it, held against
// refusals.txt; tests/checks/refusals.py finds those that this test does not show.
// Where a text is meant to change, SLUICE_WRITE_GOLDEN=1 writes that file anew.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/control/explain_request.h"
#include "engine/message/author.h"
#include "engine/message/header_scan.h"
#include "engine/session/author_check.h"
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
    const bool ends = reply.code() == 421 || reason == "early_talker" || reason == "network_contained";
    const bool syntax =
        (reply.code() >= 500 && reply.code() <= 504) || reply.code() == 555 || reason == "auth_cancelled";
    if (!ends && !syntax) to_be_explained.insert(reason);
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
  std::set<std::string> to_be_explained;
};

// What readers show beside the author.
void add_shown(Refusals& refusals, const auth::Identity& identity) {
  const std::string many = "From: ann@example.com\r\n";
  std::string resent = many;
  for (int i = 0; i < 100; ++i) resent += "Resent-From: ann@example.com\r\n";
  for (const std::string& header :
       {std::string("From: \"eve@example.org\" <ann@example.com>\r\n"), many + "Sender: eve@example.org\r\n",
        many + "Author: eve@example.org\r\n", many + "Resent-From: eve@example.org\r\n",
        many + "Resent-Sender: eve@example.org\r\n", many + "Sender: ann@example.com\r\nSender: ann@example.com\r\n",
        resent}) {
    message::HeaderScan scan;
    scan.feed(header + "\r\n");
    const auto finding =
        session::check_shown_authors(scan, message::judge_author(scan, {}), policy::SenderRights(identity), {});
    ASSERT_FALSE(finding.decision.allowed()) << header;
    refusals.add(session::sender_refusal(finding.decision, kPolicyUrl));
  }
}

void add_senders(Refusals& refusals) {
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
  add_shown(refusals, identity);
  auth::Identity narrowed = identity;
  narrowed.device = std::make_shared<auth::DeviceBounds>(
      auth::DeviceBounds{.name = "printer", .networks = {}, .senders = {"bob@example.com"}});
  add(policy::check_reverse_path(policy::SenderRights(narrowed), own, "Q1"));
  add(policy::check_authors(policy::SenderRights(narrowed), std::vector{own}, "Q1"));
  identity.reason = "unpaid";
  identity.account_status = auth::AccountStatus::suspended;
  add(policy::check_reverse_path(policy::SenderRights(identity), own, "Q1"));
}

void add_limits(Refusals& refusals) {
  using policy::Quantity;
  using policy::Span;
  constexpr std::array<const char*, policy::kSubjects> kNames{"ann@example.com", "ann@example.com/printer", "acme",
                                                              "192.0.2.25:25", "all"};
  for (const Quantity quantity :
       {Quantity::recipients, Quantity::messages, Quantity::bytes, Quantity::sessions, Quantity::first_time_recipients})
    for (const Span span : {Span::minute, Span::hour, Span::day, Span::month})
      for (std::size_t subject = 0; subject < policy::kSubjects; ++subject)
        for (const std::optional<std::int64_t> free_in_ms : {std::optional<std::int64_t>(7'500'000), {}}) {
          // All subjects' are made in one way: of most, one limit shows it.
          if (subject > 0 && (quantity != Quantity::recipients || span != Span::day)) continue;
          const policy::LimitReached reached{
              .subject = static_cast<policy::Subject>(subject),
              .name = kNames[subject],
              .window = {.limit = {.quantity = quantity,
                                   .span = span,
                                   .amount = quantity == Quantity::bytes ? 2'000'000U : 500U,
                                   .action = policy::default_action(span)},
                         .used = 498,
                         .free_in_ms = free_in_ms}};
          refusals.add(session::limit_refusal(reached, kPolicyUrl), policy::limit_figures(reached));
        }
  // Of one there is no plural.
  for (const Quantity quantity :
       {Quantity::recipients, Quantity::messages, Quantity::sessions, Quantity::first_time_recipients}) {
    const policy::LimitReached one{
        .subject = policy::Subject::account,
        .name = kNames.front(),
        .window = {.limit = {.quantity = quantity, .span = Span::day, .amount = 1}, .used = 1, .free_in_ms = 60'000}};
    refusals.add(session::limit_refusal(one, ""), policy::limit_figures(one));
  }
  // One that another amount of time, or the cluster, leaves no room for.
  policy::LimitReached reached{
      .subject = policy::Subject::account,
      .name = kNames.front(),
      .window = {.limit = {.quantity = Quantity::recipients, .span = Span::day, .amount = 500}, .used = 500}};
  for (const std::int64_t free_in_ms : {1, 59'001, 60'001, 3'600'001, 86'400'001}) {
    reached.window.free_in_ms = free_in_ms;
    refusals.add(session::limit_refusal(reached, ""), policy::limit_figures(reached));
  }
  reached.window.limit.action = policy::Action::defer;
  reached.window.local_share = true;
  refusals.add(session::limit_refusal(reached, kPolicyUrl), policy::limit_figures(reached));
}

// What readers would not agree on.
void add_headers(Refusals& refusals) {
  for (std::size_t i = 1; i <= static_cast<std::size_t>(message::HeaderFault::blank_lines); ++i)
    refusals.add(session::malformed_header(static_cast<message::HeaderFault>(i)));
  for (std::size_t i = 1; i <= static_cast<std::size_t>(message::AuthorFault::several_mailboxes); ++i)
    refusals.add(session::sender_refusal(session::no_author(static_cast<message::AuthorFault>(i), "Q1"), kPolicyUrl));
}

namespace replies = smtp::replies;
// All that are known when the relay is compiled.
constexpr smtp::StandardReply kRefusing[] = {
    replies::kTooManyErrors,
    replies::kTooManyIdleCommands,
    replies::kTooManyRefusedRecipients,
    replies::kEndlessLine,
    replies::kTooManyAuthFailures,
    replies::kOutOfStep,
    replies::kIdleTooLong,
    replies::kLoginTooLate,
    replies::kContentStopped,
    replies::kCommandTooSlow,
    replies::kContentTooSlow,
    replies::kContentSurplus,
    replies::kShuttingDown,
    replies::kAccountChanged,
    replies::kEndedByOperator,
    replies::kTooManyConnections,
    replies::kTooManyHandshakes,
    replies::kTlsInClear,
    replies::kBusy,
    replies::kTooManyHandshakesHere,
    replies::kInternal,
    replies::kNextHopFailure,
    replies::kTooManyRecipients,
    replies::kGoesElsewhere,
    replies::kNoSpace,
    replies::kCannotHold,
    replies::kSlowDown,
    replies::kCannotSignNow,
    replies::kAuthUnavailable,
    replies::kUnknownCommand,
    replies::kLineTooLong,
    replies::kBadCharacter,
    replies::kBareLineEnd,
    replies::kSyntax,
    replies::kNoArgument,
    replies::kMissingArgument,
    replies::kBadHelloName,
    replies::kMailSyntax,
    replies::kRcptSyntax,
    replies::kBdatSyntax,
    replies::kAuthSyntax,
    replies::kBadSenderAddress,
    replies::kBadRecipientAddress,
    replies::kBadParameter,
    replies::kDuplicateParameter,
    replies::kAuthCancelled,
    replies::kBadBase64,
    replies::kMalformedCredentials,
    replies::kNotImplemented,
    replies::kBadSequence,
    replies::kHelloFirst,
    replies::kMailFirst,
    replies::kRcptFirst,
    replies::kNestedMail,
    replies::kInChunks,
    replies::kAlreadyAuthenticated,
    replies::kAuthInTransaction,
    replies::kAlreadyTls,
    replies::kUnknownMechanism,
    replies::kTlsRequired,
    replies::kAuthRequired,
    replies::kAuthFailed,
    replies::kAccountSuspended,
    replies::kAuthNeedsTls,
    replies::kNoSigningKey,
    replies::kSigningKeysKeptBack,
    replies::kHeaderTooLarge,
    replies::kMessageTooBig,
    replies::kNeedsSmtputf8,
    replies::kTooManyHops,
    replies::kNoValidRecipients,
    replies::kBareInMessage,
    replies::kNulInMessage,
    replies::kTextLineTooLong,
    replies::kSendingSuspended,
    replies::kNetworkContained,
    replies::kEarlyTalker,
    replies::kUnknownParameter,
    replies::kHopWithoutSmtputf8,
    replies::kHopWithoutEightBit,
    replies::kHopSizeExceeded,
};

void add_others(Refusals& refusals) {
  refusals.add(session::suspended_as_bulk(kPolicyUrl));
  for (const smtp::StandardReply& reply : kRefusing) refusals.add(reply);
}

TEST(Refusals, EachHasItsCodeItsTextAndItsExplanation) {
  Refusals refusals;
  add_senders(refusals);
  add_limits(refusals);
  add_headers(refusals);
  add_others(refusals);
  if (std::getenv("SLUICE_WRITE_GOLDEN") != nullptr) std::ofstream(kGoldenFile) << refusals.text;
  std::stringstream golden;
  golden << std::ifstream(kGoldenFile).rdbuf();
  EXPECT_EQ(refusals.text, golden.str());
  // What ends a session before it has begun has no id to ask about, and of a syntax error the reply says all.
  for (const std::string& reason : refusals.to_be_explained)
    EXPECT_NE(control::rule_of(reason), nullptr) << reason << " has no rule that explains it";
  for (const control::Rule& rule : control::rules())
    EXPECT_TRUE(refusals.reasons.contains(std::string(rule.reason))) << rule.reason << " is no refusal's reason";
}

}  // namespace
}  // namespace sluice::server

// Which DSN is due: RFC 3461's NOTIFY against what became of a recipient.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/dsn/dsn.h"

namespace sluice::dsn {
namespace {

using message::Fate;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr smtp::Notify kUnstated{};
constexpr smtp::Notify kNever{.never = true};
constexpr smtp::Notify kSuccess{.success = true};
constexpr smtp::Notify kFailure{.failure = true};
constexpr smtp::Notify kDelay{.delay = true};
constexpr smtp::Notify kAll{.success = true, .failure = true, .delay = true};

struct Case {
  const char* name;
  smtp::Notify notify;
  message::RecipientStatus status;
  char expected;  // f, d, s, or - for nothing
};

const message::RecipientStatus kReported{.fate = Fate::failed, .reported = true};
const message::RecipientStatus kDelayReported{.fate = Fate::waiting, .delay_reported = true};
const message::RecipientStatus kFailedAfterDelay{.fate = Fate::failed, .delay_reported = true};
const message::RecipientStatus kPassedOn{.fate = Fate::relayed, .passed_on_dsn = true};
const message::RecipientStatus kSuccessReported{.fate = Fate::relayed, .reported = true};

const Case kCases[] = {
    {"a failure, not stated", kUnstated, {.fate = Fate::failed}, 'f'},
    {"a failure, FAILURE", kFailure, {.fate = Fate::failed}, 'f'},
    {"a failure, all", kAll, {.fate = Fate::failed}, 'f'},
    {"a failure, NEVER", kNever, {.fate = Fate::failed}, '-'},
    {"a failure, SUCCESS alone", kSuccess, {.fate = Fate::failed}, '-'},
    {"a failure, DELAY alone", kDelay, {.fate = Fate::failed}, '-'},
    {"expired, not stated", kUnstated, {.fate = Fate::expired}, 'f'},
    {"expired, NEVER", kNever, {.fate = Fate::expired}, '-'},
    {"reported already", kUnstated, kReported, '-'},
    {"failed after a delay was reported", kUnstated, kFailedAfterDelay, 'f'},
    {"waiting, not stated", kUnstated, {}, 'd'},
    {"waiting, DELAY", kDelay, {}, 'd'},
    {"waiting, FAILURE alone", kFailure, {}, '-'},
    {"waiting, NEVER", kNever, {}, '-'},
    {"the delay reported already", kUnstated, kDelayReported, '-'},
    {"relayed, SUCCESS", kSuccess, {.fate = Fate::relayed}, 's'},
    {"relayed, not stated", kUnstated, {.fate = Fate::relayed}, '-'},
    {"relayed, FAILURE", kFailure, {.fate = Fate::relayed}, '-'},
    {"relayed to a server that reports", kSuccess, kPassedOn, '-'},
    {"success reported already", kSuccess, kSuccessReported, '-'},
    {"delivered, SUCCESS", kSuccess, {.fate = Fate::delivered}, 's'},
    {"delivered, not stated", kUnstated, {.fate = Fate::delivered}, '-'},
    {"removed by the operator", kAll, {.fate = Fate::removed}, '-'},
};

DueReports due_for(const Case& one, std::string reverse_path, bool delay_reached) {
  message::Envelope envelope;
  envelope.reverse_path = std::move(reverse_path);
  envelope.recipients.push_back({.forward_path = "bob@example.net", .notify = one.notify});
  message::DeliveryStatus status;
  status.recipients.push_back(one.status);
  return reports_due(envelope, status, delay_reached);
}

TEST(ReportsDue, FollowNotifyAndFate) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const DueReports due = due_for(one, "alice@example.com", true);
    EXPECT_EQ(due.failed.size(), one.expected == 'f' ? 1U : 0U);
    EXPECT_EQ(due.delayed.size(), one.expected == 'd' ? 1U : 0U);
    EXPECT_EQ(due.succeeded.size(), one.expected == 's' ? 1U : 0U);
    EXPECT_EQ(due.any(), one.expected != '-');
  }
}

TEST(ReportsDue, NothingIsEverSentToTheNullReversePath) {
  for (const Case& one : kCases) EXPECT_FALSE(due_for(one, "", true).any()) << one.name;
}

TEST(ReportsDue, NoDelayIsReportedBeforeItsTime) {
  for (const Case& one : kCases) {
    const DueReports due = due_for(one, "alice@example.com", false);
    EXPECT_THAT(due.delayed, IsEmpty()) << one.name;
    EXPECT_EQ(due.any(), one.expected == 'f' || one.expected == 's') << one.name;
  }
}

TEST(ReportsDue, NamesRecipientsByTheirPlaceInTheEnvelope) {
  message::Envelope envelope;
  envelope.reverse_path = "alice@example.com";
  envelope.recipients.resize(6);
  message::DeliveryStatus status;
  for (const Fate fate : {Fate::failed, Fate::waiting, Fate::relayed, Fate::expired, Fate::waiting, Fate::delivered}) {
    status.recipients.push_back({.fate = fate});
  }
  envelope.recipients[2].notify = kSuccess;
  envelope.recipients[4].notify = kNever;
  envelope.recipients[5].notify = kAll;
  const DueReports due = reports_due(envelope, status, true);
  EXPECT_THAT(due.failed, ElementsAre(0, 3));
  EXPECT_THAT(due.delayed, ElementsAre(1));
  EXPECT_THAT(due.succeeded, ElementsAre(2, 5));
}

TEST(ReturnsContent, OnlyOfFailuresThatAskForItAndAreSmall) {
  message::Envelope envelope;
  EXPECT_FALSE(returns_content(envelope, ReportKind::failure, 10));
  envelope.ret = smtp::Ret::headers;
  EXPECT_FALSE(returns_content(envelope, ReportKind::failure, 10));
  envelope.ret = smtp::Ret::full;
  EXPECT_TRUE(returns_content(envelope, ReportKind::failure, kReturnedContentBytesMax));
  EXPECT_FALSE(returns_content(envelope, ReportKind::failure, kReturnedContentBytesMax + 1));
  EXPECT_FALSE(returns_content(envelope, ReportKind::delay, 10));
  EXPECT_FALSE(returns_content(envelope, ReportKind::success, 10));
}

}  // namespace
}  // namespace sluice::dsn

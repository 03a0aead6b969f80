#include "policy/noticing/reply_words.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sluice::noticing {
namespace {

TEST(ReplyWordsTest, RepliesOfMailServersAreUnderstood) {
  struct Case {
    int code;
    std::string_view text;
    OutcomeKind kind;
  };
  for (const Case& each : {
           Case{250, "2.1.5 Ok", OutcomeKind::accepted},
           // Postfix, Gmail, Exchange, Exim, qmail
           Case{550, "5.1.1 <a@b.example>: Recipient address rejected: User unknown", OutcomeKind::unknown},
           Case{550, "5.1.1 The email account that you tried to reach does not exist.", OutcomeKind::unknown},
           Case{550, "5.1.10 RESOLVER.ADR.RecipientNotFound; not found", OutcomeKind::unknown},
           Case{550, "No such user here", OutcomeKind::unknown},
           Case{554, "sorry, no mailbox here by that name", OutcomeKind::unknown},
           Case{556, "5.1.10 Recipient address has null MX", OutcomeKind::unknown},
           Case{550, "5.7.1 Recipient rejected: mailbox unavailable to you", OutcomeKind::other},
           Case{552, "5.2.2 Mailbox full", OutcomeKind::other},
           Case{450, "4.2.0 Greylisted", OutcomeKind::other},
           Case{450, "4.1.1 user unknown, try again", OutcomeKind::other},
           Case{550, "5.1.12 something else", OutcomeKind::other},
           Case{0, "", OutcomeKind::other},
           Case{550, "", OutcomeKind::other},
           // Gmail, Outlook, GMX, lists
           Case{550, "5.7.1 Our system has detected that this message is likely UNSOLICITED mail.", OutcomeKind::spam},
           Case{421, "4.7.0 unusual rate of unsolicited mail", OutcomeKind::spam},
           Case{550,
                "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block "
                "list (S3140).",
                OutcomeKind::spam},
           Case{554, "5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org", OutcomeKind::spam},
           Case{554, "Transaction failed: bad reputation", OutcomeKind::spam},
           // An address within the reply says nothing.
           Case{550, "5.1.1 <no-spam@example.com>: user unknown", OutcomeKind::unknown},
           Case{550, "<no-spam@example.com> is blacklisted", OutcomeKind::spam},
           Case{550, "<spam@spam.example>", OutcomeKind::other},
       })
    EXPECT_EQ(outcome_of_reply(each.code, each.text), each.kind) << each.text;
}

}  // namespace
}  // namespace sluice::noticing

// What the large receivers make of a domain.
#include "engine/sender_dns/receivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::sender_dns {
namespace {

using ::testing::HasSubstr;

const AuthenticationFacts kAllWell{.spf = Answer::yes,
                                   .spf_aligned = Answer::yes,
                                   .dkim = Answer::yes,
                                   .dkim_aligned = Answer::yes,
                                   .dmarc = Answer::yes,
                                   .names = {.all = Answer::yes}};

TEST(ReceiversTest, TakeWhatPassesAndIsAligned) {
  for (const ReceiverOpinion& opinion : receiver_opinions(kAllWell)) {
    EXPECT_EQ(opinion.takes_bulk, Answer::yes) << opinion.receiver;
    EXPECT_THAT(opinion.sentence, HasSubstr("takes mail"));
  }
}

TEST(ReceiversTest, RefuseBulkForWhatIsMissing) {
  AuthenticationFacts facts = kAllWell;
  facts.dmarc = Answer::no;
  const auto opinions = receiver_opinions(facts);
  EXPECT_EQ(opinions[0].takes, Answer::yes);
  EXPECT_EQ(opinions[0].takes_bulk, Answer::no);
  EXPECT_THAT(opinions[0].sentence, HasSubstr("550 5.7.26"));
  EXPECT_THAT(opinions[1].sentence, HasSubstr("550 5.7.515"));
  EXPECT_THAT(opinions[1].sentence, HasSubstr("no DMARC record"));
}

TEST(ReceiversTest, RefuseAllWhereNothingPasses) {
  const auto opinions =
      receiver_opinions({.spf = Answer::no, .dkim = Answer::no, .dmarc = Answer::no, .names = {.all = Answer::yes}});
  EXPECT_EQ(opinions[0].takes, Answer::no);
  EXPECT_EQ(opinions[1].takes, Answer::yes);
  EXPECT_EQ(opinions[1].takes_bulk, Answer::no);
  EXPECT_EQ(opinions[2].takes, Answer::no);
}

TEST(ReceiversTest, FollowTheDomainsOwnPolicy) {
  AuthenticationFacts facts = kAllWell;
  facts.spf_aligned = facts.dkim_aligned = Answer::no;
  facts.policy = DmarcPolicy::reject;
  for (const ReceiverOpinion& opinion : receiver_opinions(facts)) {
    EXPECT_EQ(opinion.takes, Answer::no);
    EXPECT_THAT(opinion.sentence, HasSubstr("own DMARC policy is reject"));
  }
  facts.policy = DmarcPolicy::quarantine;
  EXPECT_THAT(receiver_opinions(facts)[0].sentence, HasSubstr("among the spam"));
}

TEST(ReceiversTest, RefuseAddressesWithoutNames) {
  AuthenticationFacts facts = kAllWell;
  facts.names = {.all = Answer::no, .without = "192.0.2.25"};
  const auto opinions = receiver_opinions(facts);
  EXPECT_EQ(opinions[0].takes, Answer::no);
  EXPECT_THAT(opinions[0].sentence, HasSubstr("550 5.7.25): 192.0.2.25 has no name"));
  EXPECT_EQ(opinions[1].takes_bulk, Answer::yes) << "Outlook";
  EXPECT_EQ(opinions[2].takes, Answer::no);
  facts.names = {};
  EXPECT_EQ(receiver_opinions(facts)[0].takes, Answer::unknown);
  EXPECT_THAT(receiver_opinions(facts)[0].sentence, HasSubstr("not known is the names of the sending addresses"));
}

TEST(ReceiversTest, ClaimNothingThatIsNotKnown) {
  AuthenticationFacts facts = kAllWell;
  facts.dkim = Answer::unknown;
  for (const ReceiverOpinion& opinion : receiver_opinions(facts)) {
    EXPECT_EQ(opinion.takes_bulk, Answer::unknown);
    EXPECT_THAT(opinion.sentence, HasSubstr("not known is DKIM"));
  }
}

}  // namespace
}  // namespace sluice::sender_dns

// Signatures in front of what a next hop gets: of small messages in one segment, of longer ones when they are whole;
// and what becomes of a message that cannot be signed now, or cannot be held for it.
#include "tests/unit/relay/fixture_signer.h"
#include "tests/unit/relay/queue_fixture.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(SigningTest, ASmallMessageGoesInOneSegmentWithTwoSignaturesInFront) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    FixtureSigner signer(fixture);
    set_manner(fixture, manner);
    Memory memory;
    Passing message(fixture, &memory);
    EXPECT_EQ(message.send(kDottedText), 250);
    ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
    const std::string& content = fixture.hop().ledger[0].content;
    EXPECT_THAT(content, StartsWith("DKIM-Signature: v=1; a=rsa-sha256;"));
    EXPECT_THAT(content, HasSubstr("\r\nDKIM-Signature: v=1; a=ed25519-sha256;"));
    EXPECT_THAT(content, EndsWith("\r\nFrom: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n"));
    EXPECT_THAT(signer.counters.made, ElementsAre(1, 1));
    EXPECT_THAT(memory.kept, IsEmpty());
  }
}

TEST(SigningTest, ALongerMessageGoesOnWhenItIsWhole) {
  for (const route::RouteDialog dialog : {route::RouteDialog::late, route::RouteDialog::eager}) {
    Fixture fixture;
    FixtureSigner signer(fixture);
    fixture.route.dialog = dialog;
    Memory memory;
    Passing message(fixture, &memory);
    const std::string text = long_text(300'000);
    EXPECT_EQ(message.send(text), 250);
    ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
    EXPECT_THAT(fixture.hop().ledger[0].content, StartsWith("DKIM-Signature:"));
    EXPECT_THAT(fixture.hop().ledger[0].content, EndsWith(text));
    EXPECT_THAT(memory.kept, IsEmpty());
  }
}

TEST(SigningTest, OneThatCannotBeHeldIsKeptAndNothingOfItIsSent) {
  for (const bool by_size : {false, true}) {
    Fixture fixture;
    FixtureSigner signer(fixture);
    // Too long a message, or too little memory for all of them.
    if (by_size) fixture.route.retain_bytes_max = 200'000;
    MemoryBudget none(0);
    Memory memory;
    CutThrough sink(fixture.pool(), by_size ? fixture.message_memory : none, memory.open_writer(), {}, fixture.signer);
    Passing message(fixture, &memory);
    const std::string text = long_text(300'000);
    message.envelope.recipients.push_back({.forward_path = "bob@example.net"});
    testing::await_done(fixture.platforms, fixture.loop,
                        [&] { return sink.add_recipients(message.envelope, 0, message.answers); });
    testing::await_done(fixture.platforms, fixture.loop, [&] { return sink.begin(message::BodyForm::literal); });
    for (std::size_t at = 0; at < text.size(); at += 50'000)
      testing::await_done(fixture.platforms, fixture.loop,
                          [&] { return Passing::feed_text(sink, std::string_view(text).substr(at, 50'000)); });
    message.envelope.content = facts_of(text, /*whole=*/true);
    const auto outcome =
        testing::await<message::Outcome>(fixture.platforms, fixture.loop, [&] { return sink.commit(); });
    EXPECT_EQ(outcome.reply.code(), 250);
    ASSERT_THAT(memory.kept, SizeIs(1));
    EXPECT_EQ(memory.kept[0].content, text);
    EXPECT_THAT(fixture.hop().ledger, IsEmpty());
    EXPECT_EQ(fixture.counters.opened, 0U) << "connections";
  }
}

TEST(SigningTest, WithoutAPlaceToKeepItOneThatCannotBeHeldGoesByTheRule) {
  for (const bool refuse : {false, true}) {
    Fixture fixture;
    FixtureSigner signer(fixture, refuse ? signing::Unsigned::refuse : signing::Unsigned::send);
    fixture.route.retain_bytes_max = 100'000;
    Passing message(fixture);
    const std::string text = long_text(300'000);
    EXPECT_EQ(message.send(text), refuse ? 451 : 250);
    EXPECT_EQ(signer.effects[refuse ? "deferred" : "sent"], 1);
    if (!refuse) {
      ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
      EXPECT_EQ(fixture.hop().ledger[0].content, text);
    }
  }
}

TEST(SigningTest, AKeyThatCannotBeHadIsNoFaultOfTheDestination) {
  QueueFixture of;
  FixtureSigner signer(of.fixture, signing::Unsigned::refuse);
  signer.keys->fault = "the disk is gone";
  of.start();
  EXPECT_EQ(of.send(kQueuedText), 250);
  ASSERT_TRUE(of.run_until([&] { return !of.notes.deliveries.empty(); }));
  EXPECT_EQ(of.notes.deliveries[0].outcome, DeliveryOutcome::deferred);
  EXPECT_EQ(of.notes.deliveries[0].code, 451);
  EXPECT_EQ(of.queue().schedule().counters().suspensions, 0U);
  signer.keys->fault.clear();
  ASSERT_TRUE(of.run_until([&] { return of.empty(); }));
  ASSERT_THAT(of.hop().ledger, SizeIs(1));
  EXPECT_THAT(of.hop().ledger[0].content, StartsWith("DKIM-Signature:"));
  of.stop();
}

// Of a message's two destinations the second one uses what the first one has had made.
TEST(SigningTest, DestinationsShareTheSignature) {
  QueueFixture of;
  FixtureSigner signer(of.fixture);
  of.add_route("other", "example.org");
  of.fixture.route.mode = route::RouteMode::store;
  of.start();
  EXPECT_EQ(of.send(kQueuedText, {"bob@example.net", "carl@example.org"}), 250);
  ASSERT_TRUE(of.run_until([&] { return of.empty(); }));
  ASSERT_THAT(of.hop().ledger, SizeIs(2));
  EXPECT_EQ(of.hop().ledger[0].content, of.hop().ledger[1].content);
  EXPECT_THAT(signer.counters.made, ElementsAre(1, 1));
  EXPECT_THAT(signer.counters.used_again, ElementsAre(1, 1));
  of.stop();
}

TEST(SigningTest, MailWithoutKeyIsRefusedToItsClient) {
  QueueFixture of;
  FixtureSigner signer(of.fixture, signing::Unsigned::refuse);
  of.start();
  EXPECT_EQ(of.send("From: bob@example.net\r\n\r\nHello.\r\n"), 550);
  EXPECT_EQ(of.send(kQueuedText), 250);
  of.stop();
}

}  // namespace
}  // namespace sluice::relay

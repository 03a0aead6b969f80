// What a next hop has to be able to do is asked of the message: a keyword that a client says by habit costs nothing,
// and 8-bit content that it did not declare is not sent where it must not go.
#include "engine/smtp/ascii.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kAscii = "From: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n.\r\n";
constexpr std::string_view kEightBit = "From: <ann@example.com>\r\nSubject: x\r\n\r\ngr\u00fc\u00dfe\r\n.\r\n";
constexpr std::string_view kConverted =
    "From: <ann@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nZ3LDvMOfZQ0KLg0K\r\n";

void seven_bit_only(Fixture& fixture) {
  fixture.hop().rules.eight_bit_mime = false;
  fixture.hop().rules.smtputf8 = false;
}

// 554 or 550, or a report, for plain ASCII.
TEST(CarryTest, KeywordsThatTheMessageDoesNotNeedAreNotSaid) {
  for (const Manner& manner : kManners) {
    for (const bool offered : {false, true}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      if (!offered) seven_bit_only(fixture);
      Sending message(fixture);
      message.envelope.body = smtp::Body::eight_bit_mime;
      message.envelope.smtputf8 = true;
      ASSERT_THAT(message.send(kAscii), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.hop().ledger.front().content, kAscii);
      EXPECT_THAT(fixture.hop().ledger.front().mail_parameters, Not(HasSubstr("SMTPUTF8")));
      EXPECT_THAT(fixture.hop().ledger.front().mail_parameters, Not(HasSubstr("8BITMIME")));
    }
  }
}

TEST(CarryTest, KeywordsThatTheMessageNeedsAreSaidWhereTheyAreOffered) {
  Fixture fixture;
  Sending undeclared(fixture);
  ASSERT_THAT(undeclared.send(kEightBit), ElementsAre(Kind::taken));
  EXPECT_THAT(fixture.hop().ledger.back().mail_parameters, HasSubstr(" BODY=8BITMIME"));
  EXPECT_EQ(fixture.hop().ledger.back().content, kEightBit);
  Sending header(fixture);
  header.envelope.smtputf8 = true;
  ASSERT_THAT(header.send("Subject: gr\u00fc\u00dfe\r\n\r\n"), ElementsAre(Kind::taken));
  EXPECT_THAT(fixture.hop().ledger.back().mail_parameters, HasSubstr(" SMTPUTF8"));
  Sending recipient(fixture, {"b\u00f8b@example.net"});
  recipient.envelope.smtputf8 = true;
  ASSERT_THAT(recipient.send(kAscii), ElementsAre(Kind::taken));
  EXPECT_THAT(fixture.hop().ledger.back().mail_parameters, HasSubstr(" SMTPUTF8"));
}

TEST(CarryTest, EightBitContentIsConvertedDeclaredOrNot) {
  for (const Manner& manner : kManners) {
    for (const smtp::Body body : {smtp::Body::unstated, smtp::Body::seven_bit, smtp::Body::eight_bit_mime}) {
      for (const BodyForm form : {BodyForm::literal, BodyForm::dot_stuffed}) {
        SCOPED_TRACE(manner.name);
        Fixture fixture;
        set_manner(fixture, manner);
        seven_bit_only(fixture);
        Sending message(fixture);
        message.envelope.body = body;
        std::string text(kEightBit);
        if (form == BodyForm::dot_stuffed) text.replace(text.find("\r\n.\r\n"), 5, "\r\n..\r\n");
        ASSERT_THAT(message.send(text, form), ElementsAre(Kind::taken));
        EXPECT_EQ(fixture.hop().ledger.front().content, kConverted);
        EXPECT_EQ(fixture.hop().ledger.front().mail_parameters, " SIZE=" + std::to_string(kConverted.size()));
      }
    }
  }
}

TEST(CarryTest, EightBitContentIsPassedOrRefusedWhereThatIsSet) {
  for (const route::RouteEightBit rule : {route::RouteEightBit::pass, route::RouteEightBit::refuse}) {
    Fixture fixture;
    seven_bit_only(fixture);
    fixture.route.eight_bit = rule;
    Sending message(fixture);
    if (rule == route::RouteEightBit::pass) {
      ASSERT_THAT(message.send(kEightBit), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.hop().ledger.front().content, kEightBit);
    } else {
      EXPECT_THAT(message.send(kEightBit), ElementsAre(Kind::refused));
      EXPECT_EQ(message.result().code, 554);
      EXPECT_THAT(fixture.hop().commands, ElementsAre(StartsWith("EHLO")));
    }
    // A report of ours is neither refused by us nor sent in a form that the next hop may refuse.
    Sending report(fixture);
    report.envelope.reverse_path.clear();
    ASSERT_THAT(report.send(kEightBit), ElementsAre(Kind::taken));
    EXPECT_EQ(fixture.hop().ledger.back().content, kConverted);
    Sending ascii(fixture);
    ascii.envelope.body = smtp::Body::eight_bit_mime;
    EXPECT_THAT(ascii.send(kAscii), ElementsAre(Kind::taken));
  }
}

// It was refused for good at the 33rd level, our own reports at the 31st.
TEST(CarryTest, WhatIsNestedVeryDeepIsConverted) {
  std::string text;
  for (std::size_t i = 0; i <= message::SevenBit::kDepthMax + 5; ++i) text += "Content-Type: message/rfc822\r\n\r\n";
  text += "Subject: x\r\n\r\ngr\u00fc\u00dfe\r\n";
  Fixture fixture;
  seven_bit_only(fixture);
  Sending message(fixture);
  ASSERT_THAT(message.send(text), ElementsAre(Kind::taken));
  EXPECT_FALSE(smtp::has_eight_bit(fixture.hop().ledger.front().content));
}

// A part's header of more than half a megabyte is not held.  Nothing of the message stays at the next hop.
TEST(CarryTest, WhatCannotBeConvertedIsRefused) {
  std::string text = "Content-Type: message/rfc822\r\n\r\nX: a header without end\r\n";
  while (text.size() < message::SevenBit::kHeaderBytesMax + 100) text += " a line of some length, and no more\r\n";
  text += "\r\ngr\u00fc\u00dfe\r\n";
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    seven_bit_only(fixture);
    Sending message(fixture);
    EXPECT_THAT(message.send(text), ElementsAre(Kind::refused));
    EXPECT_EQ(message.result().enhanced, (smtp::EnhancedCode{5, 6, 3}));
    EXPECT_THAT(fixture.hop().ledger, IsEmpty());
  }
}

// From the spool, in pieces: what is not ASCII is known from its record.
TEST(CarryTest, ALongMessageIsConvertedAsItGoes) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    seven_bit_only(fixture);
    std::string text = "From: <ann@example.com>\r\n\r\n";
    for (int i = 0; i < 4000; ++i) text += "a line of some length, and gr\u00fc\u00dfe\r\n";
    Sending message(fixture);
    message.content_bytes = text.size();
    ASSERT_THAT(message.send(text, BodyForm::literal, 30'000), ElementsAre(Kind::taken));
    const std::string& content = fixture.hop().ledger.front().content;
    EXPECT_FALSE(smtp::has_eight_bit(content));
    EXPECT_THAT(
        content,
        HasSubstr(
            "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na line of some length, and gr=C3=BC=C3=9Fe\r\n"));
    EXPECT_GT(content.size(), text.size());
    EXPECT_THAT(fixture.hop().ledger.front().mail_parameters, IsEmpty());
  }
}

TEST(CarryTest, ALongMessageThatIsAsciiIsNotTouched) {
  Fixture fixture;
  seven_bit_only(fixture);
  std::string text(kAscii);
  for (int i = 0; i < 4000; ++i) text += "a line of some length, and no more\r\n";
  Sending message(fixture);
  message.envelope.body = smtp::Body::eight_bit_mime;
  ASSERT_THAT(message.send(text, BodyForm::literal, 30'000), ElementsAre(Kind::taken));
  EXPECT_EQ(fixture.hop().ledger.front().content, text);
}

// ------------------------------------------------------------------------------------------ addresses

TEST(CarryTest, ADomainThatIsNotAsciiHasAFormForEveryServer) {
  Fixture fixture;
  seven_bit_only(fixture);
  Sending message(fixture, {"bob@b\u00fccher.example", "b\u00f8b@example.net", "cy@example.net"});
  message.envelope.smtputf8 = true;
  message.envelope.reverse_path = "ann@B\u00dcCHER.example";
  ASSERT_THAT(message.send(kAscii), ElementsAre(Kind::taken, Kind::refused, Kind::taken));
  EXPECT_EQ(message.result(1).enhanced, (smtp::EnhancedCode{5, 6, 7}));
  EXPECT_EQ(fixture.hop().ledger.front().reverse_path, "ann@xn--bcher-kva.example");
  EXPECT_THAT(fixture.hop().ledger.front().recipients, ElementsAre("bob@xn--bcher-kva.example", "cy@example.net"));
}

TEST(CarryTest, WhatCannotBeNamedIsRefusedWithoutAWord) {
  for (const bool sender : {true, false}) {
    Fixture fixture;
    seven_bit_only(fixture);
    Sending message(fixture, {sender ? "bob@example.net" : "b\u00f8b@example.net"});
    message.envelope.smtputf8 = true;
    if (sender) message.envelope.reverse_path = "\u00e5se@example.com";
    EXPECT_THAT(message.send(kAscii), ElementsAre(Kind::refused));
    EXPECT_EQ(message.result().enhanced, (smtp::EnhancedCode{5, 6, 7}));
    EXPECT_THAT(fixture.hop().commands, ElementsAre(StartsWith("EHLO")));
  }
}

TEST(CarryTest, WhereRecipientsAreAskedFirstEachHasItsResult) {
  Fixture fixture;
  seven_bit_only(fixture);
  Passing message(fixture);
  message.envelope.smtputf8 = true;
  EXPECT_THAT(message.offer({"b\u00f8b@example.net"}), ElementsAre(550));
  EXPECT_THAT(message.offer({"bob@b\u00fccher.example", "c\u00fd@example.net", "cy@example.net"}),
              ElementsAre(250, 550, 250));
  message.begin(BodyForm::literal, kAscii);
  message.feed(kAscii);
  message.envelope.content = facts_of(kAscii, /*whole=*/true);
  ASSERT_EQ(message.finish().reply.code(), 250);
  EXPECT_THAT(fixture.hop().ledger.front().recipients, ElementsAre("bob@xn--bcher-kva.example", "cy@example.net"));
}

TEST(CarryTest, AnOriginalRecipientIsWrittenInAscii) {
  Fixture fixture;
  seven_bit_only(fixture);
  Sending message(fixture, {"bob@example.net", "cy@example.net"});
  message.envelope.smtputf8 = true;
  message.envelope.recipients[0].orcpt = "utf-8;b\u00f8b@example.net";
  message.envelope.recipients[1].orcpt =
      "utf-8;" + std::string(160, 'x') + std::string("\u00f8") + std::string(330, 'y');
  EXPECT_THAT(message.send(kAscii), ElementsAre(Kind::taken, Kind::taken));
  EXPECT_THAT(fixture.hop().commands, Contains("RCPT TO:<bob@example.net> ORCPT=utf-8;b\\x{F8}b@example.net"));
  EXPECT_THAT(fixture.hop().commands, Contains("RCPT TO:<cy@example.net>"));
}

// ------------------------------------------------------------------------------------------ while the client waits

TEST(CarryTest, WhereRecipientsAreAskedFirstAWholeMessageDecides) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    seven_bit_only(fixture);
    fixture.route.dialog = route::RouteDialog::eager;
    Passing ascii(fixture);
    ascii.envelope.body = smtp::Body::eight_bit_mime;
    ascii.envelope.smtputf8 = true;
    ASSERT_EQ(ascii.send(kAscii, BodyForm::literal), 250);
    EXPECT_EQ(fixture.hop().ledger.back().content, kAscii);
    Passing eight_bit(fixture);
    ASSERT_EQ(eight_bit.send(kEightBit, BodyForm::literal), 250);
    EXPECT_EQ(fixture.hop().ledger.back().content, kConverted);
    Memory memory;  // is not needed for a small one
    Passing kept(fixture, &memory);
    ASSERT_EQ(kept.send(kEightBit, BodyForm::literal), 250);
    EXPECT_THAT(memory.kept, IsEmpty());
    EXPECT_EQ(fixture.hop().ledger.back().content, kConverted);
    Passing header(fixture);
    header.envelope.smtputf8 = true;
    EXPECT_EQ(header.send("Subject: gr\u00fc\u00dfe\r\n\r\nhello\r\n", BodyForm::literal), 550);
    EXPECT_THAT(fixture.hop().ledger, SizeIs(3));
  }
}

// There is no place to keep it, and it is too long to be gathered: it was refused for good if its first megabyte was
// ASCII and the rest was not, although it was to be converted.
TEST(CarryTest, ALongMessageThatTurnsOutToBeEightBitIsConvertedFromItsBeginning) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    seven_bit_only(fixture);
    fixture.route.retain_bytes_max = 100'000;
    std::string text(kAscii);
    while (text.size() < 200'000) text += "a line of some length, and no more\r\n";
    Passing late(fixture);
    EXPECT_THAT(late.offer({"bob@example.net"}), ElementsAre(250));
    late.begin(BodyForm::literal, text);
    late.feed(text);
    late.feed("gr\u00fc\u00dfe\r\n");
    EXPECT_EQ(late.finish().reply.code(), 250);
    ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
    EXPECT_THAT(fixture.hop().ledger.back().content, HasSubstr("gr=C3=BC=C3=9Fe"));
    // Most long messages are long by what is encoded already: that stays.
    const std::string attachment = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n" + text;
    Passing encoded(fixture);
    ASSERT_EQ(encoded.send(attachment, BodyForm::literal), 250);
    EXPECT_EQ(fixture.hop().ledger.back().content, attachment);
    fixture.route.eight_bit = route::RouteEightBit::refuse;
    Passing refused(fixture);
    EXPECT_THAT(refused.offer({"bob@example.net"}), ElementsAre(250));
    refused.begin(BodyForm::literal, text);
    refused.feed(text);
    refused.feed("gr\u00fc\u00dfe\r\n");
    EXPECT_EQ(refused.finish().reply.code(), 554);
    fixture.route.eight_bit = route::RouteEightBit::convert;
    Passing early(fixture);
    EXPECT_THAT(early.offer({"bob@example.net"}), ElementsAre(250));
    early.begin(BodyForm::literal, text);
    early.feed(std::string(kEightBit) + text.substr(kAscii.size()));
    ASSERT_EQ(early.finish().reply.code(), 250);
    ASSERT_THAT(fixture.hop().ledger, SizeIs(3));
    EXPECT_FALSE(smtp::has_eight_bit(fixture.hop().ledger.back().content));
  }
}

// Its first 64 KB say nothing of what comes: it is kept, as it is, and may go at once.  That was no attempt.
TEST(CarryTest, ALongMessageForASevenBitHopIsKeptFirst) {
  for (const route::RouteDialog dialog : {route::RouteDialog::late, route::RouteDialog::eager}) {
    Fixture fixture;
    seven_bit_only(fixture);
    fixture.route.dialog = dialog;
    std::string text(kAscii);
    while (text.size() < 200'000) text += "a line of some length, and no more\r\n";
    Memory memory;
    Passing message(fixture, &memory);
    EXPECT_EQ(message.send(text, BodyForm::literal), 250);
    EXPECT_THAT(fixture.hop().ledger, IsEmpty());
    ASSERT_THAT(memory.kept, SizeIs(1));
    EXPECT_EQ(memory.kept[0].content, text);
    EXPECT_EQ(memory.kept[0].status.tries, 0U);
    EXPECT_EQ(memory.kept[0].status.due, 0);
    EXPECT_EQ(memory.kept[0].status.recipients[0].fate, message::Fate::waiting);
    fixture.run_for(1s);
    EXPECT_EQ(fixture.pool().status().front().idle, 1U);
  }
}

}  // namespace
}  // namespace sluice::relay

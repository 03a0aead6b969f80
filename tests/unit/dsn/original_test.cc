// What of the original comes back with a report, and what must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dsn/sample.h"

namespace sluice::dsn {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kHeaderPart = "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";

// With RET=FULL, and all of it at hand.
Sample whole_sample(std::string content) {
  Sample sample;
  sample.envelope.ret = smtp::Ret::full;
  sample.whole = true;
  sample.content = std::move(content);
  return sample;
}

TEST(ReportOriginal, IsItsHeaderUnlessAllOfItIsAskedFor) {
  Sample sample = whole_sample("Subject: x\r\nTo: y\r\n\r\nThe text\r\n");
  sample.envelope.ret = smtp::Ret::unstated;
  const std::string expected = std::string(kHeaderPart) + "Subject: x\r\nTo: y\r\n";
  EXPECT_EQ(pieces_of(sample).parts[2], expected);
  sample.envelope.ret = smtp::Ret::headers;
  EXPECT_EQ(pieces_of(sample).parts[2], expected);
  sample.envelope.ret = smtp::Ret::full;
  for (const ReportKind kind : {ReportKind::delay, ReportKind::success}) {
    sample.kind = kind;
    const Pieces pieces = pieces_of(sample);
    EXPECT_EQ(pieces.parts[2], expected);
    EXPECT_THAT(pieces.parts[0], Not(HasSubstr("only the header")));
  }
}

TEST(ReportOriginal, IsAllOfItUnchanged) {
  const std::string content = "Subject: x\r\n\r\n.dot\r\n\r\n\r\nend without a line end";
  EXPECT_EQ(pieces_of(whole_sample(content)).parts[2],
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + content);
}

TEST(ReportOriginal, IsUnstuffed) {
  Sample sample = whole_sample("Subject: x\r\n..y: z\r\n\r\n..\r\n...\r\n.. x\r\nno.\r\n");
  sample.form = message::BodyForm::dot_stuffed;
  EXPECT_THAT(pieces_of(sample).parts[2], EndsWith("\r\n\r\nSubject: x\r\n.y: z\r\n\r\n.\r\n..\r\n. x\r\nno.\r\n"));
  sample.envelope.ret = smtp::Ret::headers;
  EXPECT_EQ(pieces_of(sample).parts[2], std::string(kHeaderPart) + "Subject: x\r\n.y: z\r\n");
}

TEST(ReportOriginal, EightBitTextPassesAsItIsWhereItMay) {
  Sample sample = whole_sample("Subject: x\r\n\r\ncaf\xc3\xa9 \xff\r\n");
  const auto report = sample.build();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->envelope.body, smtp::Body::eight_bit_mime);
  EXPECT_FALSE(report->envelope.smtputf8);
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.header, HasSubstr("Content-Transfer-Encoding: 8bit\r\n"));
  EXPECT_THAT(pieces.parts[2], StartsWith("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
  EXPECT_THAT(pieces.parts[2], EndsWith("caf\xc3\xa9 \xff\r\n"));

  sample.eight_bit = false;
  const Pieces seven = pieces_of(sample);
  EXPECT_EQ(seven.parts[2], std::string(kHeaderPart) + "Subject: x\r\n");
  EXPECT_THAT(unwrapped(seven.parts[0]), HasSubstr("only the header comes back"));
}

// The report was refused by a next hop without extensions, and lost, because its own parts were not ASCII.
TEST(ReportOriginal, OnlyTheOriginalMayNeedToBeMadeSevenBit) {
  Sample sample = whole_sample(
      "Subject: gr\xc3\xbc\xc3\x9f"
      "e\r\n\r\ncaf\xc3\xa9\r\n");
  sample.envelope.smtputf8 = true;
  sample.envelope.reverse_path =
      "ann@b\xc3\xbc"
      "cher.example";
  sample.add(
      "b\xc3\xb8"
      "b@example.net");
  sample.last() = sample.status.recipients.front();
  sample.eight_bit = false;
  sample.original_eight_bit = true;
  const auto report = sample.build();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->envelope.smtputf8);
  EXPECT_THAT(report->envelope.recipients.front().forward_path, "ann@xn--bcher-kva.example");
  EXPECT_EQ(report->envelope.content, (message::ContentFacts{.eight_bit = true, .whole = true}));
  const Pieces pieces = pieces_of(sample);
  EXPECT_THAT(pieces.header, HasSubstr("\r\nTo: <ann@xn--bcher-kva.example>\r\n"));
  EXPECT_THAT(pieces.parts[1], HasSubstr("Final-Recipient: utf-8; b\\x{F8}b@example.net\r\n"));
  EXPECT_THAT(pieces.parts[2], StartsWith("Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n"));

  sample.envelope.ret = smtp::Ret::headers;
  const auto headers = sample.build();
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->envelope.content, (message::ContentFacts{.whole = true}));
  EXPECT_EQ(headers->envelope.body, smtp::Body::unstated);
}

TEST(ReportOriginal, TextThatCannotPassOnStaysHere) {
  for (const std::string& text : {std::string("a\rb\r\n"), std::string("a\nb\r\n"), std::string("a\0b\r\n", 5),
                                  std::string(999, 'x') + "\r\n", std::string("a\r")}) {
    const Pieces pieces = pieces_of(whole_sample("Subject: x\r\n\r\n" + text));
    EXPECT_EQ(pieces.parts[2], std::string(kHeaderPart) + "Subject: x\r\n");
    EXPECT_THAT(unwrapped(pieces.parts[0]), HasSubstr("cannot pass on this way unchanged"));
  }
}

TEST(ReportOriginal, TooLargeMeansHeaderOnlyAndSaysSo) {
  Sample sample = whole_sample("Subject: x\r\n\r\n");
  while (sample.content.size() <= kReturnedContentBytesMax - 80) sample.content += std::string(78, 'y') + "\r\n";
  EXPECT_THAT(pieces_of(sample).parts[2], StartsWith("Content-Type: message/rfc822\r\n"));
  sample.content += std::string(78, 'y') + "\r\n";
  const Pieces pieces = pieces_of(sample);
  EXPECT_EQ(pieces.parts[2], std::string(kHeaderPart) + "Subject: x\r\n");
  EXPECT_THAT(unwrapped(pieces.parts[0]), HasSubstr("more than 64 KB"));
}

TEST(ReportOriginal, AHugeHeaderIsCutBetweenFields) {
  Sample sample;
  sample.content.clear();
  for (int i = 0; i < 100'000; ++i) sample.content += "X-Fields: a\r\n bb\r\n";
  const Pieces pieces = pieces_of(sample);
  EXPECT_LE(pieces.parts[2].size(), kReturnedHeaderBytesMax + kHeaderPart.size());
  EXPECT_GT(pieces.parts[2].size(), kReturnedHeaderBytesMax - 100);
  EXPECT_THAT(pieces.parts[2], EndsWith("X-Fields: a\r\n bb\r\n"));
  EXPECT_THAT(unwrapped(pieces.parts[0]), HasSubstr("header of your message is cut"));
}

TEST(ReportOriginal, OneHugeFieldIsCutBetweenLines) {
  Sample sample;
  sample.content = "X-Field: a\r\n";
  for (int i = 0; i < 100'000; ++i) sample.content += " bcdefghi\r\n";
  const Pieces pieces = pieces_of(sample);
  EXPECT_LE(pieces.parts[2].size(), kReturnedHeaderBytesMax + kHeaderPart.size());
  EXPECT_THAT(pieces.parts[2], EndsWith("\r\n bcdefghi\r\n"));
}

TEST(ReportOriginal, AHeaderLineThatIsTooLongIsFolded) {
  Sample sample;
  sample.content = "X: " + std::string(3000, 'y') + "\r\nZ: z\r\n";
  const std::string part = pieces_of(sample).parts[2];
  EXPECT_EQ(std::ranges::count(part.substr(kHeaderPart.size()), 'y'), 3000);
  EXPECT_THAT(part, HasSubstr("y\r\n\ty"));
  EXPECT_THAT(part, EndsWith("y\r\nZ: z\r\n"));
}

TEST(ReportOriginal, FoldingCutsNoCharacter) {
  for (int shift = 0; shift < 4; ++shift) {
    Sample sample;
    sample.envelope.smtputf8 = true;
    sample.content = "X: " + std::string(static_cast<std::size_t>(shift), 'y');
    for (int i = 0; i < 1000; ++i) sample.content += "\xe2\x82\xac";
    sample.content += "\r\n";
    std::string part = pieces_of(sample).parts[2];
    for (std::size_t at = 0; (at = part.find("\r\n\t", at)) != std::string::npos;) {
      EXPECT_EQ(part.substr(at - 3, 3), "\xe2\x82\xac");
      part.erase(at, 3);
    }
    EXPECT_THAT(part, EndsWith(sample.content));
  }
}

TEST(ReportOriginal, EightBitHeadersAreGlobalOnlyWhereTheMessageIs) {
  Sample sample;
  sample.content = "Subject: caf\xc3\xa9\r\n";
  EXPECT_EQ(pieces_of(sample).parts[2], std::string(kHeaderPart) + "Subject: caf??\r\n");
  sample.envelope.smtputf8 = true;
  EXPECT_EQ(pieces_of(sample).parts[2],
            "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "Subject: caf\xc3\xa9\r\n");
  sample.eight_bit = false;
  EXPECT_EQ(pieces_of(sample).parts[2],
            "Content-Type: message/global-headers\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: caf=C3=A9\r\n");
  sample.content = "Subject: caf\xc3\xa9 =\t \r\n";
  EXPECT_THAT(pieces_of(sample).parts[2], EndsWith("\r\n\r\nSubject: caf=C3=A9 =3D\t=20\r\n"));
  sample.content = "Subject: caf\xe9\r\n";  // no UTF-8
  EXPECT_EQ(pieces_of(sample).parts[2], std::string(kHeaderPart) + "Subject: caf?\r\n");
}

TEST(ReportOriginal, AWholeInternationalMessageIsGlobal) {
  Sample sample = whole_sample("Subject: caf\xc3\xa9\r\n\r\nx\r\n");
  EXPECT_THAT(pieces_of(sample).parts[2], StartsWith("Content-Type: message/rfc822\r\n"));
  sample.envelope.smtputf8 = true;
  EXPECT_THAT(pieces_of(sample).parts[2], StartsWith("Content-Type: message/global\r\n"));
}

TEST(ReportOriginal, WithoutAHeaderThereIsNoThirdPart) {
  for (const char* content : {"", "\r\n", "\r\nJust text\r\n"}) {
    Sample sample;
    sample.content = content;
    EXPECT_EQ(pieces_of(sample).parts[2], "") << content;
  }
}

TEST(ReportOriginal, OnlyAPlainMessageIdIsReferredTo) {
  const std::pair<std::string, const char*> cases[] = {
      {"Message-ID: <a@b>\r\n", "<a@b>"},
      {"message-id:<a@b>\r\n", "<a@b>"},
      {"Message-ID:\r\n <a@b>\r\n", "<a@b>"},
      {"X: y\r\nMessage-ID: <a.$/+=@[b]>  \r\nZ: z\r\n", "<a.$/+=@[b]>"},
      {"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n", nullptr},
      {"Message-ID: a@b\r\n", nullptr},
      {"Message-ID: <a@b> <c@d>\r\n", nullptr},
      {"Message-ID: <a@b\r\n Bcc: x@y>\r\n", nullptr},
      {"Message-ID: <a@b>\rBcc: x\r\n", nullptr},
      {"Message-ID: <a\xc3\xa9@b>\r\n", nullptr},
      {"Message-ID: <a@b@c>\r\n", nullptr},
      {"Message-ID: <@b>\r\n", nullptr},
      {"Message-ID: <" + std::string(600, 'a') + "@b>\r\n", nullptr},
      {"Message-ID:\r\n", nullptr},
      {"Message-ID:", nullptr},
      {"X-Message-ID: <a@b>\r\n", nullptr},
      {"X: y\r\n Message-ID: <a@b>\r\n", nullptr},
      {"\r\nMessage-ID: <a@b>\r\n", nullptr},
  };
  for (const auto& [header, expected] : cases) {
    Sample sample;
    sample.envelope.smtputf8 = true;
    sample.content = header;
    const std::string got = pieces_of(sample).header;
    if (expected != nullptr) {
      EXPECT_THAT(got, HasSubstr("In-Reply-To: " + std::string(expected) + "\r\nReferences: " + expected + "\r\n"))
          << header;
    } else {
      EXPECT_THAT(got, Not(HasSubstr("In-Reply-To"))) << header;
    }
  }
}

}  // namespace
}  // namespace sluice::dsn

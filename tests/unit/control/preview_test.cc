// The beginning of a message, as it is shown to who decides about it.
#include "engine/control/preview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/control/queue_status.h"

namespace sluice::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(Preview, HasSomeFieldsAndTheFirstLines) {
  const Preview preview = preview_of(
      "Received: from x\r\nSubject: =?utf-8?q?You_have_w=C3=B6n?=\r\n =?utf-8?b?IQ==?=\r\nFrom : a@b.example\r\n"
      "Subject: second\r\n\r\n..one\r\n\r\n two\r\n",
      true);
  EXPECT_THAT(preview.fields, ElementsAre(Pair("From", "a@b.example"), Pair("Subject", "You have w\xc3\xb6n!")));
  EXPECT_THAT(preview.lines, ElementsAre(".one", " two"));
  EXPECT_FALSE(preview.more);
}

TEST(Preview, FindsTheTextInItsParts) {
  const std::string parts =
      "Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\nContent-Type: image/png\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x\r\nContent-Type: text/plain\r\n"
      "Content-Transfer-Encoding: ";
  EXPECT_THAT(preview_of(parts + "base64\r\n\r\nSGVsbG8NCndvcmxk\r\nIQ==\r\n--x--\r\n", false).lines,
              ElementsAre("Hello", "world!"));
  EXPECT_THAT(preview_of(parts + "quoted-printable\r\n\r\nHel=\r\nlo=20=\r\n=21=4\r\n--x--\r\n", false).lines,
              ElementsAre("Hello !=4"));
  // Cut off in the middle, as of a long message.
  EXPECT_THAT(preview_of(parts + "base64\r\n\r\nSGVsbG8NCndvcm", false).lines, ElementsAre("Hello", "wo"));
}

TEST(Preview, IsBounded) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n";
  EXPECT_THAT(preview_of(deep + "\r\ntext\r\n", false).lines, IsEmpty());
  std::string lines = "Subject: " + std::string(5000, 's') + "\r\n\r\n";
  for (int i = 0; i < 100; ++i) lines += std::string(2000, 'x') + "\r\n";
  const Preview preview = preview_of(lines, false);
  EXPECT_THAT(preview.lines, SizeIs(kPreviewLinesMax));
  EXPECT_THAT(preview.lines.front(), SizeIs(kPreviewLineBytesMax));
  EXPECT_THAT(preview.fields.front().second, SizeIs(kPreviewFieldBytesMax));
  EXPECT_TRUE(preview.more);
  EXPECT_THAT(preview_of("", true).fields, IsEmpty());
  EXPECT_THAT(preview_of("\r\n", true).lines, IsEmpty());
}

TEST(Preview, ASubjectIsSearchedWithoutCase) {
  EXPECT_EQ(subject_of("subject: A\r\n b\r\n\r\nSubject: c\r\n", true), "A b");
  EXPECT_EQ(subject_of("\r\nSubject: c\r\n", true), "");
  EXPECT_TRUE(subject_contains("You have won", "HAVE"));
  EXPECT_FALSE(subject_contains("You have won", "lost"));
}

TEST(Review, ShowsATerminalNothingButText) {
  QueueAnswer answer;
  QueueRow& row = answer.rows.emplace_back();
  row.sender = "a\x1b[2J@b.example";
  row.recipients = {"c\x07@d.example"};
  row.customer = "Acme\x9b";
  row.status.held = true;
  row.status.hold_reason = "contained (1) by ann\x1b]0;";
  row.preview =
      preview_of("Subject: \x1b]0;x\x07\xe2\x80\xae\r\nFrom: =?utf-8?q?=1B[31m?=\r\n\r\n\x1b[2J\xc2\x9b!\r\n", true);
  const std::string json = render_queue({.verb = QueueVerb::review, .json = true}, std::vector{answer});
  for (const char* bytes : {"\x1b", "\x07", "\xe2\x80\xae"}) EXPECT_THAT(json, Not(HasSubstr(bytes)));
  EXPECT_THAT(json, HasSubstr("\"hold_reason\": \"contained (1) by ann"));
  EXPECT_THAT(json, HasSubstr("\"lines\": [\"\\u001b[2J"));
  EXPECT_EQ(std::ranges::count(json, '\n'), 3) << "a row is a line";
  EXPECT_EQ(render_queue({.verb = QueueVerb::review}, std::vector{QueueAnswer()}), "[\n]\n");
}

}  // namespace
}  // namespace sluice::control

// Where the header ends and the body begins, however the bytes come; and a body that is hashed beforehand.
#include "engine/signing/content_to_sign.h"

#include <gtest/gtest.h>

#include <array>

#include "engine/signing/running_hash.h"

namespace sluice::signing {
namespace {

constexpr dkim::BodyForms kRelaxed{.relaxed = true};

dkim::Digest body_hash(std::string_view body) {
  dkim::BodyHashes hashes;
  hashes.reset(kRelaxed, message::BodyForm::literal);
  hashes.feed(body);
  hashes.finish();
  return hashes.digests().digest(dkim::Canonicalization::relaxed);
}

// Feeds `content` with `whole` in two pieces.
template <typename Content>
void feed(Content& content, std::string_view whole, std::size_t cut) {
  content.feed(whole.substr(0, cut));
  content.feed(whole.substr(cut));
}

void expect_split(std::string_view header, std::string_view body) {
  constexpr auto kForm = message::BodyForm::literal;
  const std::string whole = std::string(header) + std::string(body);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    SCOPED_TRACE(cut);
    ContentToSign content(kForm, kRelaxed);
    feed(content, whole, cut);
    content.finish();
    EXPECT_EQ(content.header(), header);
    EXPECT_EQ(content.body().digest(dkim::Canonicalization::relaxed), body_hash(body));
    RunningHash running(kForm, kRelaxed);
    feed(running, whole, cut);
    const HashedBody hashed = running.finish();
    EXPECT_EQ(hashed.digests.digest(dkim::Canonicalization::relaxed), body_hash(body));
    EXPECT_EQ(hashed.content_bytes, whole.size());
    ContentToSign known(kForm, hashed.digests);
    feed(known, whole, cut);
    known.finish();
    EXPECT_EQ(known.header(), header);
    EXPECT_EQ(known.body().digest(dkim::Canonicalization::relaxed), body_hash(body));
  }
}

TEST(ContentToSignTest, TheBodyBeginsBehindTheFirstEmptyLine) {
  expect_split("From: a@b\r\nTo: c\r\n\r\n", "Hello.\r\n\r\nBye.\r\n");
  expect_split("From: a@b\r\n\r\n", "\r\n\r\n");
}

TEST(ContentToSignTest, AHeaderAloneHasAnEmptyBody) {
  expect_split("From: a@b\r\n", "");
  expect_split("", "");
}

// Of all texts of seven such bytes, in one piece and byte by byte.
TEST(ContentToSignTest, TheEndOfTheHeaderIsTheFirstEmptyLine) {
  constexpr std::size_t kBytes = 7;
  constexpr std::array kAlphabet{'\r', '\n', 'a'};
  std::size_t texts = 1;
  for (std::size_t i = 0; i < kBytes; ++i) texts *= kAlphabet.size();
  for (std::size_t number = 0; number < texts; ++number) {
    std::string text;
    for (std::size_t rest = number; text.size() < kBytes; rest /= kAlphabet.size())
      text += kAlphabet[rest % kAlphabet.size()];
    const std::size_t found = text.find("\r\n\r\n");
    std::size_t size = found == std::string::npos ? text.size() : found + 4;
    if (text.starts_with("\r\n")) size = 2;
    message::HeaderEnd whole;
    ASSERT_EQ(whole.take(text), size) << number;
    ASSERT_EQ(whole.passed(), found != std::string::npos || size == 2) << number;
    message::HeaderEnd by_byte;
    std::size_t taken = 0;
    for (const char& c : text) taken += by_byte.take({&c, 1});
    ASSERT_EQ(taken, size) << number;
  }
}

TEST(ContentToSignTest, OfAKnownBodyTheHeaderAloneIsWaitedFor) {
  RunningHash running(message::BodyForm::literal, kRelaxed);
  running.feed("From: a@b\r\n\r\nHello.\r\n");
  ContentToSign known(message::BodyForm::literal, running.finish().digests);
  EXPECT_TRUE(known.body_is_known());
  known.feed("From: a@b\r\n");
  EXPECT_FALSE(known.is_complete());
  known.feed("\r\nHel");
  EXPECT_TRUE(known.is_complete());
  ContentToSign other(message::BodyForm::literal, kRelaxed);
  other.feed("From: a@b\r\n\r\nHello.\r\n");
  EXPECT_FALSE(other.is_complete());
}

// Of the dots that DATA adds none is hashed, whichever form the header is looked at in.
TEST(ContentToSignTest, StuffedContentHasTheHashOfItsLiteralBody) {
  RunningHash running(message::BodyForm::dot_stuffed, kRelaxed);
  running.feed("From: a@b\r\n\r\n..x\r\n.");
  running.feed(".y\r\n");
  EXPECT_EQ(running.finish().digests.digest(dkim::Canonicalization::relaxed), body_hash(".x\r\n.y\r\n"));
}

TEST(ContentToSignTest, AReloadMayWantAnotherFormOfTheBody) {
  RunningHash running(message::BodyForm::literal, kRelaxed);
  const dkim::BodyDigests digests = running.finish().digests;
  EXPECT_TRUE(digests.has(kRelaxed));
  EXPECT_FALSE(digests.has({.simple = true}));
  EXPECT_FALSE(digests.has({.simple = true, .relaxed = true}));
}

TEST(ContentToSignTest, WithoutAnyFieldAllIsBody) { expect_split("\r\n", "From: a@b\r\n\r\nHello.\r\n"); }

}  // namespace
}  // namespace sluice::signing

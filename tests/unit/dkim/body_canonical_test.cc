// The body's canonical forms: the examples of RFC 6376, and whatever else is fed, however it is cut, as the plain
// reference has it.
#include "engine/dkim/body_canonical.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "engine/dkim/body_hashes.h"
#include "engine/smtp/base64.h"
#include "tests/support/plain_canonical.h"

namespace sluice::dkim {
namespace {

class Text final : public BodyOutput {
 public:
  void write(std::string_view bytes) override {
    text_ += bytes;
    written_ += bytes.size();
  }
  void mark() override { marked_ = text_.size(); }
  void rewind() override { text_.resize(marked_); }
  [[nodiscard]] const std::string& text() const { return text_; }
  // Also what was taken back.
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  std::string text_;
  std::size_t marked_ = 0;
  std::size_t written_ = 0;
};

std::string canonical(std::string_view body, Canonicalization form, std::size_t piece, Squeeze squeeze) {
  Text out;
  BodyCanonicalizer machine(form, out, squeeze);
  for (std::size_t at = 0; at < body.size(); at += piece) machine.feed(body.substr(at, piece));
  machine.finish();
  return out.text();
}

// Fed in pieces of `piece` bytes; the same on a machine that cannot squeeze.
std::string canonical(std::string_view body, Canonicalization form, std::size_t piece) {
  const std::string text = canonical(body, form, piece, squeeze_of_this_machine());
  EXPECT_EQ(canonical(body, form, piece, nullptr), text);
  return text;
}

void expect_canonical(std::string_view body, std::string_view simple, std::string_view relaxed) {
  EXPECT_EQ(testing::plain_body(body, false), simple);
  EXPECT_EQ(testing::plain_body(body, true), relaxed);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}}) {
    EXPECT_EQ(canonical(body, Canonicalization::simple, piece), simple) << "in pieces of " << piece;
    EXPECT_EQ(canonical(body, Canonicalization::relaxed, piece), relaxed) << "in pieces of " << piece;
  }
}

// RFC 6376 3.4.5, with its errata: the line of blanks is no empty line to the simple form.
TEST(DkimBody, TheExampleOfRfc6376) {
  expect_canonical(" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n");
}

TEST(DkimBody, Empty) {
  expect_canonical("", "\r\n", "");
  expect_canonical("\r\n", "\r\n", "");
  expect_canonical("\r\n\r\n\r\n", "\r\n", "");
  expect_canonical(" \r\n\t\r\n", " \r\n\t\r\n", "");
  expect_canonical(" ", " \r\n", "");
}

TEST(DkimBody, EmptyLines) {
  expect_canonical("\r\n\r\na\r\n\r\nb\r\n\r\n", "\r\n\r\na\r\n\r\nb\r\n", "\r\n\r\na\r\n\r\nb\r\n");
  expect_canonical("a\r\n \r\n\t \r\n", "a\r\n \r\n\t \r\n", "a\r\n");
  expect_canonical("a\r\n \r\nb \r\n", "a\r\n \r\nb \r\n", "a\r\n\r\nb\r\n");
  std::string lines;
  for (std::size_t i = 0; i < 1000; ++i) lines += "\r\n";
  expect_canonical("a" + lines, "a\r\n", "a\r\n");
  expect_canonical("a" + lines + "b", "a" + lines + "b\r\n", "a" + lines + "b\r\n");
}

std::string line_ends(std::size_t count) {
  std::string lines;
  while (lines.size() < 2 * count) lines += "\r\n";
  return lines;
}

TEST(DkimBody, ManyEmptyLinesWhereverTheyAre) {
  for (const std::size_t count : {511U, 512U, 513U, 514U, 1024U, 1025U, 5000U}) {
    SCOPED_TRACE(count);
    const std::string lines = line_ends(count);
    expect_canonical(lines, "\r\n", "");
    expect_canonical(lines + "a", lines + "a\r\n", lines + "a\r\n");
    expect_canonical("a" + lines + "b" + lines, "a" + lines + "b\r\n", "a" + lines + "b\r\n");
    expect_canonical("a" + lines + " ", "a" + lines + " \r\n", "a\r\n");
    expect_canonical("a" + lines + "\r", "a" + lines + "\r\r\n", "a" + lines + "\r\r\n");
  }
}

// A message of nothing but empty lines held up its core when a letter came at last: all of them were hashed at once.
TEST(DkimBody, ALetterBehindAMillionEmptyLinesIsNoMoreWorkThanAnother) {
  constexpr std::size_t kPieceBytes = 1000;
  const std::string piece = line_ends(kPieceBytes / 2);
  for (const auto form : {Canonicalization::simple, Canonicalization::relaxed}) {
    Text out;
    BodyCanonicalizer machine(form, out);
    std::size_t most = 0;
    const auto feed = [&](std::string_view bytes) {
      const std::size_t before = out.written();
      machine.feed(bytes);
      most = std::max(most, out.written() - before);
    };
    for (int i = 0; i < 2000; ++i) feed(piece);
    feed("x");
    EXPECT_LE(most, kPieceBytes + 4096);
    machine.finish();
    EXPECT_EQ(out.text().size(), 2000 * kPieceBytes + 3);
  }
}

TEST(DkimBody, ALastLineWithoutItsEndGetsOne) {
  expect_canonical("a", "a\r\n", "a\r\n");
  expect_canonical("a \t", "a \t\r\n", "a\r\n");
  expect_canonical("a\r\nb", "a\r\nb\r\n", "a\r\nb\r\n");
}

TEST(DkimBody, ABareCrOrLfIsAByteLikeOthers) {
  expect_canonical("a \rb\r\n", "a \rb\r\n", "a \rb\r\n");
  expect_canonical("a \nb \n \r\n", "a \nb \n \r\n", "a \nb \n\r\n");
  expect_canonical("a\r\r\n", "a\r\r\n", "a\r\r\n");
  expect_canonical("a\r", "a\r\r\n", "a\r\r\n");
  expect_canonical("a \t\r", "a \t\r\r\n", "a \r\r\n");
  expect_canonical("\r\r", "\r\r\r\n", "\r\r\r\n");
}

TEST(DkimBody, BlanksAtAnyPlaceOfALongLine) {
  for (std::size_t at = 0; at < 200; ++at)
    for (const std::string_view run : {" ", "\t", "  ", " \t", "\t ", "\t\t", " \r\n", "\t\r\n", " \r", "  \t \t"}) {
      std::string body(200, 'x');
      body.insert(at, run);
      for (const std::size_t piece : {std::size_t{7}, std::size_t{64}, std::size_t{1000}}) {
        EXPECT_EQ(canonical(body, Canonicalization::relaxed, piece), testing::plain_body(body, true))
            << at << " " << run.size() << " in pieces of " << piece;
        EXPECT_EQ(canonical(body, Canonicalization::simple, piece), testing::plain_body(body, false));
      }
    }
}

// Wherever sixty-four bytes end: the empty lines are not part of the body.
TEST(DkimBody, EmptyLinesBehindASqueezedLine) {
  std::string empty_lines;
  for (std::size_t i = 0; i < 2000; ++i) empty_lines += "\r\n";
  for (std::size_t size = 0; size < 64; ++size) {
    const std::string word(size, 'y');
    EXPECT_EQ(canonical("a  " + word + empty_lines, Canonicalization::relaxed, 10'000),
              size == 0 ? "a\r\n" : "a " + word + "\r\n");
  }
}

TEST(DkimBody, WhateverComesIsAsThePlainReferenceHasIt) {
  std::mt19937 random(6376);
  constexpr std::string_view kAlphabet = " \t\r\nax\x80";
  for (int round = 0; round < 3000; ++round) {
    std::string body;
    const std::size_t size = random() % (round % 10 == 0 ? 6000 : 300);
    while (body.size() < size) {
      if (random() % 3 == 0)
        body += "\r\n";
      else if (random() % 8 == 0)
        body.append(random() % 100, 'y');
      else
        body += kAlphabet[random() % kAlphabet.size()];
    }
    const std::size_t piece = 1 + random() % (round % 3 == 0 ? 4000 : 90);
    EXPECT_EQ(canonical(body, Canonicalization::simple, piece), testing::plain_body(body, false));
    EXPECT_EQ(canonical(body, Canonicalization::relaxed, piece), testing::plain_body(body, true));
  }
}

std::string base64(const Digest& digest) {
  std::string text;
  smtp::append_base64({reinterpret_cast<const char*>(digest.data()), digest.size()}, text);
  return text;
}

// RFC 6376 3.4.3 and 3.4.4 print the hashes of an empty body.
TEST(DkimBodyHashes, OfAnEmptyBody) {
  BodyHashes hashes;
  hashes.reset({.simple = true, .relaxed = true}, message::BodyForm::literal);
  hashes.finish();
  EXPECT_EQ(base64(hashes.digests().digest(Canonicalization::simple)), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  EXPECT_EQ(base64(hashes.digests().digest(Canonicalization::relaxed)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

// RFC 6376 A.2 and RFC 8463 A have the same body, and print its hash.
TEST(DkimBodyHashes, OfTheExampleInTheAppendices) {
  constexpr std::string_view kBody = "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";
  constexpr std::string_view kHash = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
  BodyHashes hashes;
  for (int message = 0; message < 2; ++message) {
    hashes.reset({.simple = true, .relaxed = true}, message::BodyForm::literal);
    for (const char c : kBody) hashes.feed({&c, 1});
    hashes.finish();
    EXPECT_EQ(base64(hashes.digests().digest(Canonicalization::simple)), kHash);
    EXPECT_EQ(base64(hashes.digests().digest(Canonicalization::relaxed)), kHash);
  }
}

TEST(DkimBodyHashes, StuffedLinesOfAnyLengthAreHashedAsTheyAreWithoutDots) {
  std::mt19937 random(5321);
  BodyHashes hashes;
  const auto hash = [&](std::string_view body, message::BodyForm form, std::size_t piece) {
    hashes.reset({.relaxed = true}, form);
    for (std::size_t at = 0; at < body.size(); at += piece) hashes.feed(body.substr(at, piece));
    hashes.finish();
    return hashes.digests().digest(Canonicalization::relaxed);
  };
  for (int round = 0; round < 300; ++round) {
    std::string plain;
    std::string stuffed;
    while (plain.size() < 5000) {
      const std::string line = (random() % 4 == 0 ? "" : ".") + std::string(random() % (round + 1), 'y') + "\r\n";
      plain += line;
      stuffed += (line.starts_with('.') ? "." : "") + line;
    }
    const std::size_t piece = 1 + random() % (round % 2 == 0 ? 10'000 : 100);
    EXPECT_EQ(hash(stuffed, message::BodyForm::dot_stuffed, piece), hash(plain, message::BodyForm::literal, piece));
  }
}

// Empty lines that were hashed ahead are taken back.
TEST(DkimBodyHashes, ManyEmptyLinesAtTheEndAreNoPartOfTheBody) {
  BodyHashes hashes;
  const auto hash = [&](const std::string& body, Canonicalization form) {
    hashes.reset({.simple = true, .relaxed = true}, message::BodyForm::literal);
    hashes.feed(body);
    hashes.finish();
    return hashes.digests().digest(form);
  };
  for (const auto form : {Canonicalization::simple, Canonicalization::relaxed}) {
    EXPECT_EQ(hash("a" + line_ends(5000), form), hash("a", form));
    EXPECT_EQ(hash(line_ends(5000), form), hash("", form));
    EXPECT_NE(hash("a" + line_ends(5000) + "b", form), hash("a\r\nb", form));
  }
}

TEST(DkimBodyHashes, StuffedDotsAreNoPartOfTheBody) {
  const std::string literal = ".\r\n..a .\r\n" + std::string(3000, 'x') + "\r\n.b";
  const std::string stuffed = "..\r\n...a .\r\n" + std::string(3000, 'x') + "\r\n..b";
  BodyHashes hashes;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{10'000}}) {
    hashes.reset({.relaxed = true}, message::BodyForm::literal);
    hashes.feed(literal);
    hashes.finish();
    const Digest expected = hashes.digests().digest(Canonicalization::relaxed);
    hashes.reset({.relaxed = true}, message::BodyForm::dot_stuffed);
    for (std::size_t at = 0; at < stuffed.size(); at += piece) hashes.feed(std::string_view(stuffed).substr(at, piece));
    hashes.finish();
    EXPECT_EQ(hashes.digests().digest(Canonicalization::relaxed), expected);
  }
}

}  // namespace
}  // namespace sluice::dkim

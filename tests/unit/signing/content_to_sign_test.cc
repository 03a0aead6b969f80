// Where the header ends and the body begins, however the bytes come.
#include "engine/signing/content_to_sign.h"

#include <gtest/gtest.h>

namespace sluice::signing {
namespace {

constexpr dkim::BodyForms kRelaxed{.relaxed = true};

dkim::Digest body_hash(std::string_view body) {
  dkim::BodyHashes hashes;
  hashes.reset(kRelaxed, message::BodyForm::literal);
  hashes.feed(body);
  hashes.finish();
  return hashes.digest(dkim::Canonicalization::relaxed);
}

void expect_split(std::string_view header, std::string_view body) {
  const std::string whole = std::string(header) + std::string(body);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    ContentToSign content(message::BodyForm::literal, kRelaxed);
    content.feed(std::string_view(whole).substr(0, cut));
    content.feed(std::string_view(whole).substr(cut));
    content.finish();
    EXPECT_EQ(content.header(), header) << cut;
    EXPECT_EQ(content.body().digest(dkim::Canonicalization::relaxed), body_hash(body)) << cut;
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

TEST(ContentToSignTest, WithoutAnyFieldAllIsBody) { expect_split("\r\n", "From: a@b\r\n\r\nHello.\r\n"); }

}  // namespace
}  // namespace sluice::signing

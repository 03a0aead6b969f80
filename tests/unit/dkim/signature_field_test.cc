// The field: its tags in their order, its lines, and the value that is put behind it.
#include "engine/dkim/signature_field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dkim/header_fields.h"

namespace sluice::dkim {
namespace {

const Signatory::Tags kExample{.domain = "example.com", .selector = "s1"};

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    longest = std::max(longest, end);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return longest;
}

Signature signature(std::size_t size) { return Signature(std::vector<unsigned char>(size, 0)); }

TEST(DkimSignatureField, AllTags) {
  const Signatory::Tags signatory{.domain = "example.com", .selector = "s1", .agent = "joe@example.com"};
  const std::vector<std::string_view> names{"from", "from", "to", "subject", "subject", "message-id", "message-id"};
  std::string unsigned_field;
  append_unsigned_field(
      {.signatory = &signatory, .signed_at_s = 1'528'637'909, .expires_at_s = 1'528'641'509, .header_names = names},
      unsigned_field);
  EXPECT_EQ(unsigned_field,
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n"
            " t=1528637909; x=1528641509; i=joe@example.com; h=from:from:to:subject:\r\n"
            " subject:message-id:message-id;\r\n"
            " bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=");
  std::string field = "Before: x\r\n";
  append_signature_field(unsigned_field, signature(64), field);
  EXPECT_EQ(field, "Before: x\r\n" + unsigned_field +
                       "AAAAAAAAAAAAAAAAAAAAAAAAAA\r\n "
                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n");
}

TEST(DkimSignatureField, WhatIsNotSetIsNotThere) {
  const std::vector<std::string_view> names{"from"};
  std::string field;
  append_unsigned_field({.algorithm = Algorithm::ed25519_sha256,
                         .header = Canonicalization::simple,
                         .body = Canonicalization::relaxed,
                         .signatory = &kExample,
                         .header_names = names},
                        field);
  EXPECT_TRUE(field.starts_with(
      "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com; s=s1;\r\n h=from; bh="))
      << field;
  for (const std::string_view tag : {" t=", " x=", " i=", " l=", " z=", " q="})
    EXPECT_EQ(field.find(tag), std::string::npos) << tag;
}

// What the field takes is reckoned before it is written.
TEST(DkimSignatureField, TheLongestOfEachTagHasRoom) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::min();
  for (std::size_t size = 1; size < 100; ++size) {
    const Signatory::Tags signatory{
        .domain = std::string(size, 'd'), .selector = std::string(80, 's'), .agent = std::string(80, 'i')};
    const std::vector<std::string_view> names(size, "n");
    std::string field;
    append_unsigned_field({.algorithm = Algorithm::ed25519_sha256,
                           .signatory = &signatory,
                           .signed_at_s = kLongest,
                           .expires_at_s = kLongest,
                           .header_names = names},
                          field);
    EXPECT_TRUE(field.ends_with(" b=")) << size;
    std::string whole;
    append_signature_field(field, signature(size), whole);
    EXPECT_TRUE(whole.starts_with(field) && whole.ends_with("\r\n")) << size;
  }
}

TEST(DkimSignatureField, LinesAreFoldedWhereTheGrammarLetsThem) {
  const std::vector<std::string_view> names(1000, "content-transfer-encoding");
  for (std::size_t size = 1; size < 253; ++size) {
    const Signatory::Tags signatory{.domain = std::string(size, 'd'), .selector = "s", .agent = "@x"};
    std::string unsigned_field;
    append_unsigned_field({.signatory = &signatory, .header_names = names}, unsigned_field);
    std::string field;
    append_signature_field(unsigned_field, signature(kSignatureBytesMax), field);
    EXPECT_LE(longest_line(field), std::max<std::size_t>(78, size + 4)) << size;
    EXPECT_TRUE(field.ends_with("==\r\n") || field.ends_with("=\r\n"));
    const auto read = HeaderFieldReader(field).next();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->whole.size() + 2, field.size());
    EXPECT_EQ(field.find("\r\n\r\n"), std::string::npos);
    EXPECT_EQ(field.find("\r\n \r\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::dkim

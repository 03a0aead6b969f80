// Signatures that mail comes with: their body hash, their list of tags, and what in it is required.
#include "engine/signing/senders_signature.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/rfc8463_keys.h"

namespace sluice::signing {
namespace {

using dkim::Canonicalization;

constexpr std::string_view kBody = "Hello,  \r\n  Bob.\r\n\r\n\r\n";

std::unique_ptr<ContentToSign> content_of(const std::string& header) {
  auto content =
      std::make_unique<ContentToSign>(message::BodyForm::literal, dkim::BodyForms{.simple = true, .relaxed = true});
  content->feed(header + "From: ann@example.com\r\n\r\n" + std::string(kBody));
  content->finish();
  return content;
}

std::string hash_of(Canonicalization form) {
  const auto content = content_of("");
  const dkim::Digest& digest = content->body().digest(form);
  return testing::to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// The selector of the broken one.
std::string broken(const std::string& header, Canonicalization form = Canonicalization::relaxed) {
  const auto found = find_broken_signature(*content_of(header), "example.com", form);
  return found ? found->selector : "none";
}

std::string field(const std::string& tags) { return "dkim-signature : v=1; h=From; " + tags + ";\r\n\tb=AAAA\r\n"; }

const std::string kWrong = testing::to_base64(std::string(32, 'x'));
const std::string kOfOurs = "a=rsa-sha256; s=own; c=relaxed/relaxed; ";

TEST(SendersSignature, IsBrokenWhereTheBodyIsAnother) {
  EXPECT_EQ(broken(""), "none");
  EXPECT_EQ(broken(field(kOfOurs + "d=example.com; bh=" + hash_of(Canonicalization::relaxed))), "none");
  EXPECT_EQ(broken(field(kOfOurs + "d=Example.COM; bh=" + kWrong)), "own");
  // White space in the hash, as long fields are folded.
  std::string folded = hash_of(Canonicalization::relaxed);
  folded.insert(20, "\r\n\t ");
  EXPECT_EQ(broken(field(kOfOurs + "d=example.com; bh = " + folded)), "none");
  folded = kWrong;
  folded.insert(20, "\r\n\t ");
  EXPECT_EQ(broken(field(kOfOurs + "d=example.com; bh = " + folded)), "own");
}

TEST(SendersSignature, TheFormIsTheOneThatIsHashed) {
  const std::string tags = "a=ed25519-sha256; s=own; d=example.com; ";
  const std::string simple = hash_of(Canonicalization::simple);
  for (const std::string form : {"", "c=simple; ", "c=relaxed; ", "c=relaxed/simple; "}) {
    EXPECT_EQ(broken(field(tags + form + "bh=" + simple), Canonicalization::simple), "none") << form;
    EXPECT_EQ(broken(field(tags + form + "bh=" + kWrong), Canonicalization::simple), "own") << form;
    EXPECT_EQ(broken(field(tags + form + "bh=" + kWrong)), "none") << form;
  }
}

TEST(SendersSignature, WhatCannotBeJudgedIsNot) {
  for (const std::string& tags :
       {kOfOurs + "d=www.example.com; bh=" + kWrong, kOfOurs + "d=example.com; l=10; bh=" + kWrong,
        kOfOurs + "d=example.com; bh=AAAA", kOfOurs + "d=example.com; bh=*",
        "a=rsa-sha1; s=own; c=relaxed/relaxed; d=example.com; bh=" + kWrong, std::string("=;;="), std::string()})
    EXPECT_EQ(broken(field(tags)), "none") << tags;
  EXPECT_FALSE(find_broken_signature(*content_of(field(kOfOurs + "d=; bh=" + kWrong)), "", Canonicalization::relaxed));
}

std::string fault(const std::string& header) {
  const auto found = find_broken_signature(*content_of(header), "example.com", Canonicalization::relaxed);
  return found ? found->fault : "none";
}

// RFC 6376 3.2: "Tags with duplicate names MUST NOT occur within a single tag-list; if a tag name does occur more than
// once, the entire tag-list is invalid."
TEST(SendersSignature, IsBrokenWhereItsTagsAreNoList) {
  const std::string right = kOfOurs + "bh=" + hash_of(Canonicalization::relaxed) + "; d=example.com";
  EXPECT_EQ(fault(field(right)), "none");
  EXPECT_EQ(fault(field(right + "; a=rsa-sha256")), "the tag a= is there twice");
  EXPECT_EQ(fault(field(right + "; d=example.net")), "the tag d= is there twice");
  EXPECT_EQ(fault(field("no\xff; " + right)), "\"no?\" is no tag: it has no \"=\"");
  EXPECT_EQ(fault(field(right + "; 1=x")), "\"1\" is not what a tag can be called");
  EXPECT_EQ(broken(field("no; " + right)), "own");
  // Whose it is, the first d= says.
  EXPECT_EQ(fault(field(kOfOurs + "d=example.net; d=example.com; bh=" + kWrong)), "none");
  EXPECT_EQ(fault(field(kOfOurs + "d=example.com; bh=" + kWrong)), "its body hash is not that of the body");
}

TEST(SendersSignature, IsBrokenWhereATagIsMissing) {
  const std::string hash = "bh=" + hash_of(Canonicalization::relaxed);
  const std::vector<std::string> tags{"v=1", "a=rsa-sha256", "b=AAAA", hash, "d=example.com", "h=From", "s=own"};
  for (const std::string& missing : tags) {
    std::string list = "c=relaxed/relaxed";
    for (const std::string& tag : tags)
      if (tag != missing) list += "; " + tag;
    const std::string name = missing.substr(0, missing.find('='));
    EXPECT_EQ(fault("DKIM-Signature: " + list + "\r\n"), name == "d" ? "none" : "it has no " + name + "=");
  }
}

TEST(SendersSignature, TheFirstThatIsBrokenIsNamedAndFewAreLookedAt) {
  const std::string good = field(kOfOurs + "d=example.com; bh=" + hash_of(Canonicalization::relaxed));
  const std::string bad = field(
      "a=rsa-sha256; s=b\xff"
      "d; c=relaxed/relaxed; d=example.com; bh=" +
      kWrong);
  EXPECT_EQ(broken(good + bad), "b?d");
  std::string many;
  for (int i = 0; i < 8; ++i) many += good;
  EXPECT_EQ(broken(many + bad), "none");
}

}  // namespace
}  // namespace sluice::signing

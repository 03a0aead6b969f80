// What is signed of a message: the signatures of RFC 8463 A.3 made again, and what is the same and what differs for
// several signatures, forms and odd headers.
#include "engine/dkim/signing_input.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dkim/header_canonical.h"
#include "engine/dkim/signature_field.h"
#include "tests/support/plain_canonical.h"
#include "tests/support/rfc8463_keys.h"

namespace sluice::dkim {
namespace {

constexpr std::string_view kHeader =
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
constexpr std::string_view kBody = "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";

struct Signing {
  const Signatory signatory = *Signatory::make("football.example.com", "brisbane");
  std::vector<SignatureRequest> requests;
  std::string header{kHeader};
  std::string body{kBody};
  message::BodyForm form = message::BodyForm::literal;
  bool internationalized = false;
  std::unique_ptr<SigningInputs> inputs = std::make_unique<SigningInputs>();

  Signing() { requests.push_back({.signatory = &signatory}); }

  std::vector<SigningInput> prepare() {
    BodyHashes hashes;
    hashes.reset(body_forms(requests), form);
    hashes.feed(body);
    hashes.finish();
    const auto made = inputs->prepare({.header = header,
                                       .form = form,
                                       .body = &hashes.digests(),
                                       .internationalized = internationalized,
                                       .now_s = 1'528'637'909},
                                      requests);
    return made ? std::vector<SigningInput>(made->begin(), made->end()) : std::vector<SigningInput>();
  }
  SigningInput one() {
    auto made = prepare();
    return made.empty() ? SigningInput{} : made.front();
  }
};

Digest digest_of(std::string_view text) {
  Sha256Hash hash;
  hash.update(text);
  return hash.finish();
}

std::string base64_of(const Signature& signature) {
  const auto bytes = signature.bytes();
  return testing::to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Both algorithms give the same bytes each time, and so those that the RFC prints.
TEST(DkimSigningInput, TheSignaturesOfRfc8463) {
  constexpr std::string_view kEd25519Field =
      "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
      " d=football.example.com; i=@football.example.com;\r\n"
      " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
      " subject : date : message-id : from : subject : date;\r\n"
      " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
  constexpr std::string_view kRsaField =
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
      " d=football.example.com; i=@football.example.com;\r\n"
      " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
      " date : message-id : from : subject : date;\r\n"
      " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
  const auto sign = [](std::string_view own, const PrivateKey& key) {
    std::string canonical;
    HeaderFieldReader reader(kHeader);
    while (const auto field = reader.next()) {
      append_canonical(*field, Canonicalization::relaxed, canonical);
      canonical += "\r\n";
    }
    append_canonical(*HeaderFieldReader(own).next(), Canonicalization::relaxed, canonical);
    return base64_of(*key.sign(digest_of(canonical)));
  };
  EXPECT_EQ(sign(kEd25519Field, *testing::ed25519_key()),
            "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
  EXPECT_EQ(
      sign(kRsaField, *testing::rsa_key()),
      "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeef"
      "Osk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=");
}

TEST(DkimSigningInput, WhatIsHashed) {
  Signing signing;
  for (const Canonicalization form : {Canonicalization::relaxed, Canonicalization::simple}) {
    signing.requests[0].header = form;
    const bool relaxed = form == Canonicalization::relaxed;
    const SigningInput input = signing.one();
    std::string expected;
    // In the order of h=, which here is that of the header but for Date, which comes before Message-ID.
    for (const std::string& line : testing::plain_lines(kHeader))
      expected += (relaxed ? testing::plain_relaxed_field(line) : line) + "\r\n";
    expected += relaxed ? testing::plain_relaxed_field(input.field) : input.field;
    EXPECT_EQ(input.digest, digest_of(expected));
  }
}

TEST(DkimSigningInput, OnePassForSeveralSignatures) {
  Signing signing;
  const Signatory other = *Signatory::make("isp.example", "s2");
  signing.body = "a \t b\r\n\r\n";
  signing.requests = {
      {.signatory = &signing.signatory},
      {.signatory = &other, .algorithm = Algorithm::ed25519_sha256, .lifetime_s = 3600},
      {.signatory = &other, .header = Canonicalization::simple, .body = Canonicalization::simple, .has_time = false},
  };
  const auto all = signing.prepare();
  ASSERT_EQ(all.size(), 3);
  // Each is what it is alone.
  const auto requests = signing.requests;
  for (std::size_t i = 0; i < 3; ++i) {
    signing.requests = {requests[i]};
    const SigningInput alone = signing.one();
    EXPECT_EQ(alone.field, all[i].field);
    EXPECT_EQ(alone.digest, all[i].digest);
  }
  EXPECT_NE(all[0].field.find("t=1528637909;"), std::string::npos);
  EXPECT_EQ(all[0].field.find("x="), std::string::npos);
  EXPECT_NE(all[1].field.find("x=1528641509;"), std::string::npos);
  EXPECT_EQ(all[2].field.find("t="), std::string::npos);
  EXPECT_NE(all[2].field.find("c=simple/simple; d=isp.example;"), std::string::npos);
}

TEST(DkimSigningInput, WithoutFromThereIsNone) {
  Signing signing;
  for (const std::string_view header : {"", "\r\n", "To: a\r\n", "Received: x\r\n\r\nFrom: a\r\n"}) {
    signing.header = header;
    EXPECT_TRUE(signing.prepare().empty()) << header;
  }
  for (const std::string_view header : {"From:", "FROM : a", "To: x\r\nfrom\t: \r\n a\r\n\r\n"}) {
    signing.header = header;
    EXPECT_EQ(signing.prepare().size(), 1) << header;
  }
}

// What follows the header, where its caller has left it there, is no part of it.
TEST(DkimSigningInput, TheEmptyLineEndsTheHeader) {
  Signing signing;
  const SigningInput without = signing.one();
  signing.header += "\r\nFrom: another\r\n";
  EXPECT_EQ(signing.one().digest, without.digest);
}

TEST(DkimSigningInput, StuffedDotsAreNoPartOfTheHeader) {
  Signing signing;
  signing.header = "From: a\r\n b\r\nTo: c\r\n";
  const SigningInput literal = signing.one();
  signing.form = message::BodyForm::dot_stuffed;
  EXPECT_EQ(signing.one().digest, literal.digest);
  signing.header = ".From: a\r\n. b\r\n.To: c\r\n";
  EXPECT_EQ(signing.one().digest, literal.digest);
  signing.form = message::BodyForm::literal;
  EXPECT_TRUE(signing.prepare().empty());
}

TEST(DkimSigningInput, AnInternationalizedMessageHasULabels) {
  const Signatory signatory = *Signatory::make("xn--bcher-kva.example", "s");
  Signing signing;
  signing.requests[0].signatory = &signatory;
  EXPECT_NE(signing.one().field.find("d=xn--bcher-kva.example;"), std::string::npos);
  signing.internationalized = true;
  EXPECT_NE(signing.one().field.find("d=b\u00fccher.example;"), std::string::npos);
}

TEST(DkimSigningInput, HugeHeaders) {
  Signing signing;
  const Digest before = signing.one().digest;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "X: \r\n";
  signing.header = many + std::string(kHeader);
  EXPECT_EQ(signing.one().digest, before);
  signing.header = "Subject: " + std::string(1 << 20U, 'x') + "\r\nFrom: a\r\n";
  const SigningInput large = signing.one();
  EXPECT_EQ(large.digest, digest_of("from:a\r\nsubject:" + std::string(1 << 20U, 'x') + "\r\n" +
                                    testing::plain_relaxed_field(large.field)));
}

}  // namespace
}  // namespace sluice::dkim

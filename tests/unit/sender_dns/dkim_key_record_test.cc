// Records of DKIM keys, and what is said of those with which no signature passes.
#include "engine/sender_dns/dkim_key_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/sender_dns/keys.h"

namespace sluice::sender_dns {
namespace {

using ::testing::HasSubstr;

const std::string kRsaRecord = "v=DKIM1; k=rsa; p=" + std::string(kRsa2048);
const std::string kEdRecord = "v=DKIM1; k=ed25519; p=" + std::string(kEd25519);

std::string fault_of(const std::string& text, const PublicKey& key) { return judge_dkim_key(text, &key).what; }

TEST(DkimKeyRecordTest, TheRecordOfAKeyIsRight) {
  EXPECT_EQ(dkim_key_record(rsa_key()), kRsaRecord);
  EXPECT_EQ(dkim_key_record(ed25519_key()), kEdRecord);
  EXPECT_EQ(fault_of(kRsaRecord, rsa_key()), "");
  EXPECT_EQ(fault_of(kEdRecord, ed25519_key()), "");
  // k= is rsa where it is missing, and white space is free.
  EXPECT_EQ(
      fault_of("p=" + std::string(kRsa2048.substr(0, 100)) + " \r\n\t" + std::string(kRsa2048.substr(100)), rsa_key()),
      "");
  EXPECT_EQ(judge_dkim_key(kRsaRecord, nullptr).what, "");
}

// Of RFC 6376 3.6.1: "an ASN.1 DER-encoded RSAPublicKey".
TEST(DkimKeyRecordTest, ABareRsaPublicKeyIsTheSameKey) {
  std::string der = rsa_key().bytes;
  constexpr std::size_t kInfoBytes = 24;  // SubjectPublicKeyInfo's own, in front of the RSAPublicKey
  std::string bare;
  smtp::append_base64(std::string_view(der).substr(kInfoBytes), bare);
  EXPECT_EQ(fault_of("p=" + bare, rsa_key()), "");
}

struct BadRecord {
  std::string text;
  std::string what;
};

TEST(DkimKeyRecordTest, SaysWhyNoSignaturePasses) {
  const std::string cut = kRsaRecord.substr(0, 255);
  for (const auto& [text, what] : std::vector<BadRecord>{
           {"v=DKIM1; k=rsa; p=", "revoked"},
           {cut, "cut off after 237 of 392"},
           {"v=DKIM1; p=" + std::string(kRsa512), "another key"},
           {kEdRecord, "a key of ed25519"},
           {"v=DKIM1; k=dsa; p=AAAA", "do not know"},
           {"v=DKIM1; h=sha1; p=" + std::string(kRsa2048), "h="},
           {"v=DKIM1; s=tlsrpt; p=" + std::string(kRsa2048), "s="},
           {"v=DKIM1; k=rsa", "no p="},
           {"k=rsa; v=DKIM1; p=AAAA", "not the first"},
           {"v=DKIM2; p=AAAA", "not DKIM1"},
           {"v=DKIM1; p=A; p=B", "twice"},
           {"v=DKIM1; p=!!!", "no base64"},
           {"v=DKIM1; p=AAAA", "no key of RSA"},
           {"v=spf1 -all", "no record of a key"},
           {"", "no p="},
       })
    EXPECT_THAT(fault_of(text, rsa_key()), HasSubstr(what)) << text;
}

TEST(DkimKeyRecordTest, SaysWhatIsUnsoundWithoutKnowingTheKey) {
  EXPECT_THAT(judge_dkim_key("p=" + std::string(kRsa512), nullptr).what, HasSubstr("512 bits"));
  EXPECT_THAT(judge_dkim_key(kRsaRecord.substr(0, 255), nullptr).what, HasSubstr("ends after 255"));
  EXPECT_THAT(judge_dkim_key("k=ed25519; p=AAAA", nullptr).what, HasSubstr("32 bytes"));
  EXPECT_THAT(fault_of("k=ed25519; p=" + std::string(kEd25519.substr(0, 40)) + "AAA=", ed25519_key()),
              HasSubstr("another key"));
}

TEST(DkimKeyRecordTest, AFlagForTestsIsNoFault) {
  const std::string testing = "v=DKIM1; t=y:s; p=" + std::string(kRsa2048);
  const PublicKey key = rsa_key();
  EXPECT_EQ(judge_dkim_key(testing, &key).what, "");
  EXPECT_THAT(judge_dkim_key(testing, &key).note, HasSubstr("t=y"));
  EXPECT_TRUE(parse_dkim_key_record(testing)->exact_domain);
}

TEST(PublicKeyTest, IsReadFromPem) {
  const auto pem = [](std::string_view base64) {
    std::string text = "-----BEGIN PUBLIC KEY-----\n";
    for (std::size_t at = 0; at < base64.size(); at += 64) text += std::string(base64.substr(at, 64)) + "\n";
    return text + "-----END PUBLIC KEY-----\n";
  };
  const auto rsa = read_public_key(pem(kRsa2048));
  ASSERT_TRUE(rsa) << rsa.error();
  EXPECT_EQ(rsa->bytes, rsa_key().bytes);
  EXPECT_EQ(rsa_key_bits(rsa->bytes), 2048U);
  std::string info("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
  std::string base64;
  smtp::append_base64(info + ed25519_key().bytes, base64);
  const auto ed25519 = read_public_key(pem(base64));
  ASSERT_TRUE(ed25519) << ed25519.error();
  EXPECT_EQ(ed25519->type, KeyType::ed25519);
  EXPECT_EQ(ed25519->bytes, ed25519_key().bytes);
  for (const std::string& bad : {std::string(), std::string("p=AAAA"), pem("AAAA")}) EXPECT_FALSE(read_public_key(bad));
}

}  // namespace
}  // namespace sluice::sender_dns

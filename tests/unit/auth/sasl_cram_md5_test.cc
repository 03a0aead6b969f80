// CRAM-MD5's machine: RFC 2195's exchange, and what else a client may send.
#include <gtest/gtest.h>

#include <string>

#include "auth/sasl.h"

namespace sluice::auth {
namespace {

using namespace std::string_literals;

constexpr std::string_view kDigest = "b913a602c7eda7a495b4e6e7334d3890";

std::unique_ptr<SaslMachine> challenged(std::string* challenge = nullptr) {
  auto machine = find_mechanism("CRAM-MD5")->make();
  machine->set_session({.nonce = "1896", .time_s = 697170952, .hostname = "postoffice.reston.mci.net"});
  const Step step = machine->start(std::nullopt);
  EXPECT_EQ(step.kind, SaslStep::challenge);
  if (challenge != nullptr) *challenge = step.challenge;
  return machine;
}

SaslFault fault_of(const std::string& response) {
  const Step step = challenged()->respond(response);
  EXPECT_EQ(step.kind, SaslStep::malformed) << ::testing::PrintToString(response);
  EXPECT_FALSE(step.name);
  return step.fault;
}

TEST(CramMd5, IsTheExchangeOfRfc2195) {
  std::string challenge;
  const auto machine = challenged(&challenge);
  EXPECT_EQ(challenge, "<1896.697170952@postoffice.reston.mci.net>");
  const Step step = machine->respond("tim " + std::string(kDigest));
  ASSERT_EQ(step.kind, SaslStep::answered);
  EXPECT_EQ(step.name->text(), "tim");
  EXPECT_EQ(step.challenge, challenge);
  EXPECT_EQ(step.proof, kDigest);
  EXPECT_FALSE(step.credentials);
  EXPECT_EQ(machine->respond("tim " + std::string(kDigest)).fault, SaslFault::out_of_turn);
}

TEST(CramMd5, TakesNoInitialResponse) {
  for (const std::string& initial : {""s, "tim " + std::string(kDigest)}) {
    const auto machine = find_mechanism("CRAM-MD5")->make();
    EXPECT_EQ(machine->start(initial).fault, SaslFault::syntax);
    EXPECT_EQ(machine->respond("tim " + std::string(kDigest)).fault, SaslFault::out_of_turn);
  }
}

TEST(CramMd5, TakesANameWithBlanks) {
  const Step step = challenged()->respond("tim  the printer " + std::string(kDigest));
  ASSERT_EQ(step.kind, SaslStep::answered);
  EXPECT_EQ(step.name->text(), "tim  the printer");
}

TEST(CramMd5, TakesCapitals) {
  const Step step = challenged()->respond("tim B913A602C7EDA7A495B4E6E7334D3890");
  ASSERT_EQ(step.kind, SaslStep::answered);
  EXPECT_EQ(step.proof, kDigest);
}

TEST(CramMd5, TakesNothingElse) {
  const std::string digest(kDigest);
  for (const std::string& response : {""s, " "s, "tim"s, digest, "tim\t" + digest, "tim " + digest + " ",
                                      "tim " + digest + "0", "tim " + digest.substr(1), "tim g" + digest.substr(1),
                                      "tim " + digest.substr(1) + '\0', std::string(400, 'a') + " " + digest})
    EXPECT_EQ(fault_of(response), SaslFault::syntax) << ::testing::PrintToString(response);
  for (const std::string& name :
       {""s, "t\0m"s, "t\nm"s, "\xff"s, std::string(kNameBytesMax + 1, 'a').substr(1) + "\xff"})
    EXPECT_NE(fault_of(name + " " + digest), SaslFault::none) << ::testing::PrintToString(name);
  EXPECT_EQ(fault_of("t\0m "s + digest), SaslFault::name_not_clean);
}

}  // namespace
}  // namespace sluice::auth

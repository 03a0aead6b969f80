// OAUTHBEARER and XOAUTH2, fed with what a session decodes from the client's lines.
#include <gtest/gtest.h>

#include <string>

#include "auth/sasl.h"

namespace sluice::auth {
namespace {

using namespace std::string_literals;

Step start(std::string_view mechanism, std::string_view message) {
  return find_mechanism(mechanism)->make()->start(message);
}
Step oauthbearer(std::string_view message) { return start("OAUTHBEARER", message); }
Step xoauth2(std::string_view message) { return start("XOAUTH2", message); }

void expect_token(const Step& step, std::string_view name, std::string_view token) {
  ASSERT_EQ(step.kind, SaslStep::ready);
  ASSERT_TRUE(step.credentials.has_value());
  EXPECT_EQ(step.credentials->name.text(), name);
  EXPECT_EQ(step.credentials->secret.reveal(), token);
  EXPECT_TRUE(step.credentials->bearer);
}

void expect_malformed(const Step& step, SaslFault fault, const std::string& what) {
  EXPECT_EQ(step.kind, SaslStep::malformed) << ::testing::PrintToString(what);
  EXPECT_EQ(step.fault, fault) << ::testing::PrintToString(what);
  EXPECT_FALSE(step.credentials.has_value()) << ::testing::PrintToString(what);
}

TEST(Oauthbearer, TakesTheMessageOfTheRfc) {
  // RFC 7628 4.1.
  expect_token(oauthbearer("n,a=user@example.com,\1host=server.example.com\1port=143\1"
                           "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"s),
               "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
  expect_token(oauthbearer("y,a=tim,\1auth=bearer a.b-c_d~e+f/g\1\1"s), "tim", "a.b-c_d~e+f/g");
  expect_token(oauthbearer("n,a=a=2Cb=3Dc@example.com,\1auth=BEARER x\1extra=any thing\1\1"s), "a,b=c@example.com",
               "x");
}

TEST(Oauthbearer, AsksForTheMessageWhereAuthBringsNone) {
  const auto machine = find_mechanism("oauthbearer")->make();
  const Step step = machine->start(std::nullopt);
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "");
  expect_token(machine->respond("n,a=tim,\1auth=Bearer x\1\1"s), "tim", "x");
}

TEST(Oauthbearer, RefusesWhatIsNotItsGrammar) {
  for (const std::string& message : {""s,
                                     "\1"s,
                                     "\1\1"s,
                                     "n"s,
                                     "n,,"s,
                                     "n,,\1auth=Basic x\1\1"s,
                                     "n,a=tim,"s,
                                     "n,a=tim,\1"s,
                                     "n,a=tim,\1\1"s,
                                     "n,a=tim,\1auth=Bearer x\1"s,
                                     "n,a=tim,\1auth=Bearer x"s,
                                     "n,a=tim,\1auth=Bearer x\1\1\1"s,
                                     "n,a=tim,\1auth=Bearer x\1\1y"s,
                                     "n,a=tim\1auth=Bearer x\1\1"s,
                                     "p=tls-unique,a=tim,\1auth=Bearer x\1\1"s,
                                     "a=tim,\1auth=Bearer x\1\1"s,
                                     "n,a=ti=m,\1auth=Bearer x\1\1"s,
                                     "n,a=tim=2,\1auth=Bearer x\1\1"s,
                                     "n,a=tim,ann,\1auth=Bearer x\1\1"s,
                                     "n,tim,\1auth=Bearer x\1\1"s,
                                     "n,a=tim,\1auth=Basic x\1\1"s,
                                     "n,a=tim,\1auth=Bearer\1\1"s,
                                     "n,a=tim,\1auth=x\1\1"s,
                                     "n,a=tim,\1Auth=Bearer x\1\1"s,
                                     "n,a=tim,\1auth=Bearer x\1auth=Bearer y\1\1"s,
                                     "n,a=tim,\1=x\1auth=Bearer x\1\1"s,
                                     "n,a=tim,\1host\1auth=Bearer x\1\1"s,
                                     "n,a=tim,\1ho-st=x\1auth=Bearer x\1\1"s,
                                     "n,a=tim,\1host=\0\1auth=Bearer x\1\1"s,
                                     "user=tim\1auth=Bearer x\1\1"s})
    expect_malformed(oauthbearer(message), SaslFault::syntax, message);
}

// RFC 7628 3.1 makes the user optional: it was taken for a fault.
TEST(Oauthbearer, WithoutAUserIsForTheOneWhomTheTokenNames) {
  const NameOfToken name_of = [](std::string_view token) {
    return token == "of.tim.x" ? Name::make("tim@example.com") : std::nullopt;
  };
  const auto say = [](std::string_view message, const NameOfToken* reader) {
    const auto machine = find_mechanism("OAUTHBEARER")->make();
    machine->set_session({.name_of_token = reader});
    return machine->start(message);
  };
  for (const char* const header : {"n,,", "y,,"}) {
    const std::string message = header + "\1auth=Bearer of.tim.x\1\1"s;
    expect_token(say(message, &name_of), "tim@example.com", "of.tim.x");
    expect_malformed(say(message, nullptr), SaslFault::no_user, "tokens that name nobody");
  }
  expect_malformed(say("n,,\1auth=Bearer opaque\1\1", &name_of), SaslFault::no_user, "a token that names nobody");
  expect_malformed(say("n,,\1auth=Bearer a b\1\1", &name_of), SaslFault::secret_not_clean, "no token");
  expect_malformed(say("n,a=,\1auth=Bearer of.tim.x\1\1", &name_of), SaslFault::name_not_clean, "an empty name");
  const NameOfToken none;
  expect_malformed(say("n,,\1auth=Bearer of.tim.x\1\1", &none), SaslFault::no_user, "no reader");
}

TEST(Xoauth2, TakesItsOneMessage) {
  expect_token(xoauth2("user=someuser@example.com\1auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1"s),
               "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
  const auto machine = find_mechanism("XOAUTH2")->make();
  EXPECT_EQ(machine->start(std::nullopt).kind, SaslStep::challenge);
  expect_token(machine->respond("user=tim\1auth=bearer x\1\1"s), "tim", "x");
}

TEST(Xoauth2, RefusesWhatIsNotItsGrammar) {
  for (const std::string& message :
       {""s, "\1"s, "user=tim"s, "user=tim\1"s, "user=tim\1\1"s, "user=tim\1auth=Bearer x"s,
        "user=tim\1auth=Bearer x\1"s, "user=tim\1auth=Bearer x\1\1\1"s, "user=tim\1auth=Bearer x\1\1y"s,
        "user=tim\1auth=Bearer x\1z=y\1\1"s, "User=tim\1auth=Bearer x\1\1"s, "auth=Bearer x\1user=tim\1\1"s,
        "user=tim\1auth=Basic x\1\1"s, "user=tim\1auth=Bearer\1\1"s, "n,a=tim,\1auth=Bearer x\1\1"s})
    expect_malformed(xoauth2(message), SaslFault::syntax, message);
}

TEST(Oauth, TakesCleanNamesAndTokensAlone) {
  for (const std::string& name : {""s, "a\rb"s, "a\nPASS"s, "a\0b"s, "\xff"s, std::string(kNameBytesMax + 1, 'a')}) {
    expect_malformed(xoauth2("user=" + name + "\1auth=Bearer x\1\1"), SaslFault::name_not_clean, name);
    expect_malformed(oauthbearer("n,a=" + name + ",\1auth=Bearer x\1\1"), SaslFault::name_not_clean, name);
  }
  for (const std::string& token :
       {""s, "="s, "a b"s, " a"s, "a=b"s, "a\tb"s, "a,b"s, "\"a\""s, "a\r\nb"s, std::string(kTokenBytesMax + 1, 'a')}) {
    expect_malformed(xoauth2("user=tim\1auth=Bearer " + token + "\1\1"), SaslFault::secret_not_clean, token);
    expect_malformed(oauthbearer("n,a=tim,\1auth=Bearer " + token + "\1\1"), SaslFault::secret_not_clean, token);
  }
  const std::string longest(kTokenBytesMax, 'a');
  expect_token(oauthbearer("n,a=tim,\1auth=Bearer " + longest + "\1\1"), "tim", longest);
  expect_token(xoauth2("user=tim\1auth=Bearer " + longest + "\1\1"), "tim", longest);
  expect_malformed(oauthbearer("n,a=tim,\1x=" + std::string(20'000, 'a') + "\1auth=Bearer x\1\1"), SaslFault::syntax,
                   "a long message");
}

TEST(Oauth, ARefusalIsToldInJson) {
  for (const Mechanism& mechanism : kMechanisms)
    for (const std::string_view failure : {mechanism.failure, mechanism.failure_malformed})
      EXPECT_EQ(mechanism.bearer, failure.starts_with("{\"status\":")) << mechanism.name;
}

}  // namespace
}  // namespace sluice::auth

// The SASL machines, fed with what a session decodes from the client's lines.
#include "auth/sasl.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::auth {
namespace {

using namespace std::string_literals;

std::unique_ptr<SaslMachine> machine(std::string_view name) {
  const Mechanism* mechanism = find_mechanism(name);
  return mechanism == nullptr ? nullptr : mechanism->make();
}

Step plain(std::string_view message) { return machine("PLAIN")->start(message); }

Step login(std::string_view name, std::string_view secret) {
  auto login_machine = machine("LOGIN");
  Step step = login_machine->start(name);
  return step.kind == SaslStep::challenge ? login_machine->respond(secret) : std::move(step);
}

void expect_credentials(const Step& step, std::string_view name, std::string_view secret) {
  ASSERT_EQ(step.kind, SaslStep::ready);
  EXPECT_EQ(step.fault, SaslFault::none);
  ASSERT_TRUE(step.credentials.has_value());
  EXPECT_EQ(step.credentials->name.text(), name);
  EXPECT_EQ(step.credentials->secret.reveal(), secret);
}

void expect_malformed_step(const Step& step, SaslFault fault, const std::string& what) {
  EXPECT_EQ(step.kind, SaslStep::malformed) << ::testing::PrintToString(what);
  EXPECT_EQ(step.fault, fault) << ::testing::PrintToString(what);
  EXPECT_FALSE(step.credentials.has_value()) << ::testing::PrintToString(what);
}

// What no back end may ever be given, as a name or as a secret.
const std::vector<std::string> kUnclean{
    "a\rb", "a\nb", "a\r\nPASS guess", "a\tb", "\x1b[2J", "a\x7f", "\xc0\x8a", "caf\xe9", "a\u0085b", "a\u2028b",
};

TEST(Mechanisms, AreFoundInAnyCase) {
  ASSERT_NE(find_mechanism("plain"), nullptr);
  EXPECT_EQ(find_mechanism("pLaIn")->name, "PLAIN");
  EXPECT_EQ(find_mechanism("LOGIN")->name, "LOGIN");
  for (const std::string_view unknown : {"", "PLAI", "PLAIN ", "PLAINX", "DIGEST-MD5"}) {
    EXPECT_EQ(find_mechanism(unknown), nullptr) << unknown;
  }
}

TEST(Mechanisms, AreCompleteAndUnique) {
  for (const Mechanism& mechanism : kMechanisms) {
    EXPECT_NE(mechanism.make, nullptr);
    EXPECT_EQ(mechanism.shows_secret, mechanism.bearer || (!mechanism.needs_session && !mechanism.of_certificates))
        << mechanism.name;
    EXPECT_EQ(std::ranges::count(kMechanisms, mechanism.name, &Mechanism::name), 1) << mechanism.name;
    // RFC 4422 section 3.1: 1 to 20 of upper-case letters, digits, "-" and "_".
    EXPECT_LE(mechanism.name.size(), 20U);
    EXPECT_EQ(mechanism.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), std::string_view::npos);
  }
}

TEST(Plain, TakesAnInitialResponse) {
  expect_credentials(plain("\0tim\0tanstaaftanstaaf"s), "tim", "tanstaaftanstaaf");
}

TEST(Plain, AsksWithAnEmptyChallengeWithoutOne) {
  auto plain_machine = machine("PLAIN");
  const Step step = plain_machine->start(std::nullopt);
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "");
  expect_credentials(plain_machine->respond("\0tim\0secret"s), "tim", "secret");
}

TEST(Plain, TakesAnAuthzidOnlyIfItIsTheAuthcid) {
  expect_credentials(plain("tim@example.com\0tim@example.com\0secret"s), "tim@example.com", "secret");
  expect_credentials(plain("Tim@Example.com\0tim@example.com\0secret"s), "tim@example.com", "secret");
  for (const std::string& authzid : {"kurt"s, "tim2"s, "ti"s, " tim"s, "\r\n"s}) {
    expect_malformed_step(plain(authzid + "\0tim\0secret"s), SaslFault::other_authzid, authzid);
  }
}

TEST(Plain, WantsExactlyTwoNuls) {
  for (const std::string& message : {""s, "\0"s, "tim"s, "tim\0secret"s, "\0tim"s, "\0tim\0secret\0"s,
                                     "\0tim\0sec\0ret"s, "\0\0tim\0secret"s, "\0\0\0"s, "\0tim\0\0"s}) {
    const Step step = plain(message);
    EXPECT_EQ(step.kind, SaslStep::malformed) << ::testing::PrintToString(message);
    EXPECT_FALSE(step.credentials.has_value());
  }
}

TEST(Plain, RefusesEmptyNamesAndSecrets) {
  expect_malformed_step(plain("\0\0secret"s), SaslFault::name_not_clean, "no name");
  expect_malformed_step(plain("\0tim\0"s), SaslFault::secret_not_clean, "no secret");
  expect_malformed_step(plain("\0\0"s), SaslFault::name_not_clean, "neither");
}

TEST(Plain, RefusesWhatIsNotClean) {
  for (const std::string& unclean : kUnclean) {
    expect_malformed_step(plain("\0"s + unclean + "\0secret"s), SaslFault::name_not_clean, unclean);
    expect_malformed_step(plain("\0tim\0"s + unclean), SaslFault::secret_not_clean, unclean);
  }
}

TEST(Plain, KeepsHostileButCleanTextLiteral) {
  for (const std::string& hostile : {"' OR 1=1 --"s, "*)(uid=*"s, "%n%s%x"s, "a\"b\\c"s, "$(reboot)"s, "../../etc"s}) {
    expect_credentials(plain("\0"s + hostile + "\0"s + hostile), hostile, hostile);
  }
}

TEST(Plain, HoldsItsLengthLimits) {
  const std::string name(320, 'n');
  const std::string secret(1024, 's');
  expect_credentials(plain(name + "\0"s + name + "\0"s + secret), name, secret);
  expect_malformed_step(plain("\0n"s + name + "\0secret"s), SaslFault::name_not_clean, "321 bytes of name");
  expect_malformed_step(plain("\0tim\0s"s + secret), SaslFault::secret_not_clean, "1025 bytes of secret");
  // RFC 4954 section 4.5: a line may hold 12,288 bytes of base64, so 9,216 decoded; and far past
  // it.
  for (const std::size_t size : {9216U, 1'000'000U}) {
    expect_malformed_step(plain("\0tim\0"s + std::string(size, 's')), SaslFault::syntax, "huge secret");
    expect_malformed_step(plain("\0"s + std::string(size, 'n') + "\0secret"s), SaslFault::syntax, "huge name");
    expect_malformed_step(plain(std::string(size, '\0')), SaslFault::syntax, "NULs only");
  }
}

TEST(Login, AsksForBoth) {
  auto login_machine = machine("LOGIN");
  Step step = login_machine->start(std::nullopt);
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "Username:");
  step = login_machine->respond("tim");
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "Password:");
  expect_credentials(login_machine->respond("secret"), "tim", "secret");
}

TEST(Login, TakesTheNameInline) {
  auto login_machine = machine("LOGIN");
  const Step step = login_machine->start("tim");
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "Password:");
  expect_credentials(login_machine->respond("secret"), "tim", "secret");
}

TEST(Login, RefusesEmptyUncleanAndLong) {
  expect_malformed_step(login("", "secret"), SaslFault::name_not_clean, "AUTH LOGIN =");
  expect_malformed_step(login("tim", ""), SaslFault::secret_not_clean, "no secret");
  for (const std::string& unclean : kUnclean) {
    expect_malformed_step(login(unclean, "secret"), SaslFault::name_not_clean, unclean);
    expect_malformed_step(login("tim", unclean), SaslFault::secret_not_clean, unclean);
  }
  expect_malformed_step(login("tim\0x"s, "secret"), SaslFault::name_not_clean, "NUL");
  expect_malformed_step(login("tim", "se\0cret"s), SaslFault::secret_not_clean, "NUL");
  expect_malformed_step(login(std::string(321, 'n'), "secret"), SaslFault::name_not_clean, "long name");
  expect_malformed_step(login("tim", std::string(9216, 's')), SaslFault::secret_not_clean, "long secret");
}

TEST(SaslMachine, SaysNothingMoreAfterItsEnd) {
  for (const Mechanism& mechanism : kMechanisms) {
    auto failed = mechanism.make();
    EXPECT_EQ(failed->start("\r\n").kind, SaslStep::malformed);
    expect_malformed_step(failed->respond("\0tim\0secret"s), SaslFault::out_of_turn, "after a failure");

    auto unstarted = mechanism.make();
    expect_malformed_step(unstarted->respond("\0tim\0secret"s), SaslFault::out_of_turn, "before the start");
  }
}

TEST(SaslMachine, DoesNotGoBackAfterItHadCredentials) {
  auto login_machine = machine("LOGIN");
  static_cast<void>(login_machine->start("tim"));
  expect_credentials(login_machine->respond("secret"), "tim", "secret");
  expect_malformed_step(login_machine->respond("another guess"), SaslFault::out_of_turn, "a second secret");
}

}  // namespace
}  // namespace sluice::auth

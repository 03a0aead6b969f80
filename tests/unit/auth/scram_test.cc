// SCRAM's machine: the exchange of RFC 7677, and what a client that is mistaken, old or hostile sends instead.
#include "auth/scram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "auth/sasl.h"
#include "auth/saslprep.h"
#include "tests/support/scram_client.h"

namespace sluice::auth {
namespace {

using namespace std::string_literals;
using testing::scram_keys_of;
using testing::ScramClient;

constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string kBinding(32, '\x07');

const ScramKeys& keys() {
  static const ScramKeys made = scram_keys_of("pencil", *read_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
  return made;
}

struct Exchange {
  explicit Exchange(bool plus = false, SaslSession session = {.nonce = std::string(kServerNonce)})
      : machine(find_mechanism(plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256")->make()) {
    machine->set_session(std::move(session));
  }
  // The server's first message.
  std::string begin(std::string_view client_first, const ScramKeys& of = keys()) {
    Step step = machine->start(client_first);
    EXPECT_EQ(step.kind, SaslStep::keys_wanted) << client_first;
    if (step.kind != SaslStep::keys_wanted) return {};
    name = step.name->text();
    step = machine->give_keys(of);
    EXPECT_EQ(step.kind, SaslStep::challenge);
    return step.challenge;
  }
  std::unique_ptr<SaslMachine> machine;
  std::string name;
};

SaslSession bound(bool plus_offered = true) {
  return {.nonce = std::string(kServerNonce), .channel_binding = kBinding, .plus_offered = plus_offered};
}

void expect_fault(const Step& step, SaslFault fault, std::string_view what) {
  EXPECT_EQ(step.kind, SaslStep::malformed) << what;
  EXPECT_EQ(static_cast<int>(step.fault), static_cast<int>(fault)) << what;
  EXPECT_FALSE(step.proven) << what;
  EXPECT_EQ(step.challenge, "") << what;
}

TEST(Scram, IsTheExchangeOfRfc7677) {
  Exchange exchange;
  EXPECT_EQ(exchange.begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  EXPECT_EQ(exchange.name, "user");
  const Step step = exchange.machine->respond(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_EQ(step.kind, SaslStep::judged);
  EXPECT_TRUE(step.proven);
  EXPECT_EQ(step.challenge, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(exchange.machine->respond("").kind, SaslStep::confirmed);
  expect_fault(exchange.machine->respond(""), SaslFault::out_of_turn, "after the end");
}

TEST(Scram, AsksWithAnEmptyChallengeWithoutAnInitialResponse) {
  Exchange exchange;
  Step step = exchange.machine->start(std::nullopt);
  EXPECT_EQ(step.kind, SaslStep::challenge);
  EXPECT_EQ(step.challenge, "");
  EXPECT_EQ(exchange.machine->respond(ScramClient().first()).kind, SaslStep::keys_wanted);
}

TEST(Scram, TakesNoLineWhileItWaitsForKeys) {
  Exchange exchange;
  EXPECT_EQ(exchange.machine->start(ScramClient().first()).kind, SaslStep::keys_wanted);
  expect_fault(exchange.machine->respond("c=biws"), SaslFault::out_of_turn, "a response");
}

TEST(Scram, TakesKeysOnlyWhenItAskedForThem) {
  Exchange exchange;
  expect_fault(exchange.machine->give_keys(keys()), SaslFault::out_of_turn, "before the start");
}

TEST(Scram, TakesNothingButNothingAsAnswerToTheVerdict) {
  Exchange exchange;
  ScramClient client;
  EXPECT_TRUE(exchange.machine->respond(client.final(exchange.begin(client.first()))).proven);
  expect_fault(exchange.machine->respond("x"), SaslFault::syntax, "an answer");
}

TEST(Scram, KnowsAWrongPassword) {
  Exchange exchange;
  ScramClient client{.password = "pencil2"};
  const Step step = exchange.machine->respond(client.final(exchange.begin(client.first())));
  EXPECT_EQ(step.kind, SaslStep::judged);
  EXPECT_FALSE(step.proven);
  EXPECT_EQ(step.challenge, "");
  expect_fault(exchange.machine->respond(""), SaslFault::out_of_turn, "after a wrong proof");
}

// The shield takes what comes again for a stale device's: the same wrong proof in another exchange is none.
TEST(Scram, TheSameWrongProofInAnotherExchangeIsAnother) {
  std::vector<std::string> proofs;
  for (const std::string nonce : {"one", "two"}) {
    Exchange exchange(/*plus=*/false, {.nonce = nonce});
    exchange.begin("n,,n=user,r=client");
    const Step step =
        exchange.machine->respond("c=biws,r=client" + nonce + ",p=" + base64(std::string(kScramKeyBytes, 'x')));
    ASSERT_EQ(step.kind, SaslStep::judged);
    proofs.push_back(step.proof);
  }
  EXPECT_NE(proofs[0], proofs[1]);
}

// Who has found out what the false keys are still proves nothing.
TEST(Scram, KeysOfNoAccountProveNothing) {
  Exchange exchange;
  ScramKeys of_none = keys();
  of_none.account_id = 0;
  ScramClient client;
  const Step step = exchange.machine->respond(client.final(exchange.begin(client.first(), of_none)));
  EXPECT_EQ(step.kind, SaslStep::judged);
  EXPECT_FALSE(step.proven);
  EXPECT_EQ(step.challenge, "");
}

TEST(Scram, SkipsExtensionsThatNeedNotBeUnderstood) {
  Exchange exchange;
  ScramClient client{.nonce = "abc,x=1,Y=zwei"};
  const std::string server_first = exchange.begin(client.first());
  EXPECT_TRUE(server_first.starts_with("r=abc" + std::string(kServerNonce) + ",s=")) << server_first;
  EXPECT_TRUE(exchange.machine->respond(client.final(server_first, ",z=drei")).proven);
}

TEST(Scram, RefusesExtensionsThatMustBeUnderstood) {
  expect_fault(Exchange().machine->start("n,,m=1,n=user,r=abc"), SaslFault::extension, "first");
  Exchange exchange;
  ScramClient client;
  expect_fault(exchange.machine->respond(client.final(exchange.begin(client.first()), ",m=1")), SaslFault::extension,
               "final");
}

TEST(Scram, ReadsEscapesInNames) {
  Exchange exchange;
  (void)exchange.begin("n,,n=a=2Cb=3Dc@example.com,r=abc");
  EXPECT_EQ(exchange.name, "a,b=c@example.com");
}

// U+00AD is mapped to nothing, U+2168 is "IX", U+FF45 is "e": RFC 4013 section 3.
TEST(Scram, PreparesNames) {
  Exchange exchange;
  (void)exchange.begin("n,,n=I\u00adX\u2168us\uff45r,r=abc");
  EXPECT_EQ(exchange.name, "IXIXuser");
}

TEST(Scram, TakesAnAuthzidOnlyIfItIsTheName) {
  Exchange exchange;
  (void)exchange.begin("n,a=Tim@Example.COM,n=tim@example.com,r=abc");
  expect_fault(Exchange().machine->start("n,a=ann@example.com,n=tim@example.com,r=abc"), SaslFault::other_authzid,
               "another one");
}

TEST(Scram, RefusesAFirstMessageThatIsNone) {
  for (const std::string& bad : std::vector<std::string>{
           "",
           "n",
           "n,",
           "n,,",
           "n,,n=user",
           "n,,n=user,",
           "n,,r=abc",
           "n,,r=abc,n=user",
           "n,,n=user,r=",
           "n,,n=,r=abc",
           "n,,n=a=2cb,r=abc",
           "n,,n=a=,r=abc",
           "n,,n=a=4Eb,r=abc",
           "n,,n=user,r=a c",
           "n,,n=user,r=a\x7f",
           "n,,n=user,r=\u00e4",
           "n,,n=user,r=abc,",
           "n,,n=user,r=abc,x",
           "n,,n=user,r=abc,x=",
           "n,,n=user,r=abc,1=x",
           "n,,n=user,r=abc,x=\x01",
           "n,user,n=user,r=abc",
           "n,a=,n=user,r=abc",
           "n,a==,n=user,r=abc",
           "x,,n=user,r=abc",
           "N,,n=user,r=abc",
           ",,n=user,r=abc",
           "n=user,r=abc",
           "n,,n=user,r=" + std::string(1025, 'a'),
           std::string(5000, 'n'),
       })
    expect_fault(Exchange().machine->start(bad), SaslFault::syntax, bad);
}

TEST(Scram, RefusesNamesThatAreNotClean) {
  for (const std::string& name :
       std::vector<std::string>{"a\0b"s, "a\r\nb", "a\u0085b", "\xff", "\u00ad", "\u0627\u0031", std::string(400, 'a')})
    expect_fault(Exchange().machine->start("n,,n=" + name + ",r=abc"), SaslFault::name_not_clean, name);
}

TEST(Scram, RefusesAFinalMessageThatIsNone) {
  const std::string good_nonce = "r=rOprNGfwEbeRWgbNEkqO" + std::string(kServerNonce);
  const std::string proof = ",p=" + base64(std::string(32, 'p'));
  for (const std::string& bad : std::vector<std::string>{
           "",
           "c=biws",
           "c=biws," + good_nonce,
           good_nonce + ",c=biws" + proof,
           "c=biws" + proof,
           "c=biw," + good_nonce + proof,
           "c=," + good_nonce.substr(2) + proof,
           "c=b iws," + good_nonce + proof,
           "c=biws," + good_nonce + ",p=",
           "c=biws," + good_nonce + ",p=AAAA",
           "c=biws," + good_nonce + ",p=" + base64(std::string(33, 'p')),
           "c=biws," + good_nonce + proof + ",x=1",
           "c=biws," + good_nonce + proof + "\n",
           "c=biws," + good_nonce + ",x" + proof,
           "c=biws," + good_nonce + "," + proof,
           std::string(5000, 'c'),
       }) {
    Exchange exchange;
    (void)exchange.begin(ScramClient().first());
    expect_fault(exchange.machine->respond(bad), SaslFault::syntax, bad);
  }
}

TEST(Scram, RefusesAnotherNonce) {
  for (const std::string& nonce :
       {"rOprNGfwEbeRWgbNEkqO"s, std::string(kServerNonce), "rOprNGfwEbeRWgbNEkqO" + std::string(kServerNonce) + "x"}) {
    Exchange exchange;
    ScramClient client;
    const std::string server_first = exchange.begin(client.first());
    expect_fault(exchange.machine->respond(client.final_with(server_first, "c=biws,r=" + nonce)),
                 SaslFault::other_nonce, nonce);
  }
}

// "n,," where "y,," was said first: a middleman took the client's readiness for channel binding away.
TEST(Scram, RefusesAnotherHeaderThanThatOfTheFirstMessage) {
  Exchange exchange;
  ScramClient client{.gs2 = "y,,"};
  const std::string server_first = exchange.begin(client.first());
  client.gs2 = "n,,";
  expect_fault(exchange.machine->respond(client.final(server_first)), SaslFault::channel_binding, "n for y");
}

TEST(ScramPlus, IsBoundToTheChannel) {
  Exchange exchange(/*plus=*/true, bound());
  ScramClient client{.gs2 = "p=tls-exporter,,", .binding = kBinding};
  const std::string server_first = exchange.begin(client.first());
  const std::string client_final = client.final(server_first);
  const Step step = exchange.machine->respond(client_final);
  EXPECT_TRUE(step.proven);
  EXPECT_EQ(step.challenge, client.verdict(server_first, client_final));
}

TEST(ScramPlus, RefusesTheBindingOfAnotherChannel) {
  for (const std::string& binding : {""s, std::string(32, '\x08'), kBinding + "x", kBinding.substr(1)}) {
    Exchange exchange(/*plus=*/true, bound());
    ScramClient client{.gs2 = "p=tls-exporter,,", .binding = binding};
    expect_fault(exchange.machine->respond(client.final(exchange.begin(client.first()))), SaslFault::channel_binding,
                 "another channel");
  }
}

TEST(ScramPlus, RefusesOtherFlagsAndKinds) {
  for (const char* gs2 : {"n,,", "y,,", "p=tls-unique,,", "p=tls-server-end-point,,", "p=,,", "p=TLS-EXPORTER,,"})
    expect_fault(Exchange(/*plus=*/true, bound()).machine->start(ScramClient{.gs2 = gs2}.first()),
                 SaslFault::channel_binding, gs2);
}

TEST(ScramPlus, NeedsAChannelBinding) {
  expect_fault(Exchange(/*plus=*/true).machine->start(ScramClient{.gs2 = "p=tls-exporter,,"}.first()),
               SaslFault::channel_binding, "without TLS");
}

TEST(Scram, RefusesChannelBindingWithoutPlus) {
  expect_fault(Exchange(/*plus=*/false, bound()).machine->start(ScramClient{.gs2 = "p=tls-exporter,,"}.first()),
               SaslFault::channel_binding, "p without -PLUS");
}

// RFC 5802 section 6: the client has channel binding and was led to think that the server has not.
TEST(Scram, RefusesADowngrade) {
  expect_fault(Exchange(/*plus=*/false, bound()).machine->start(ScramClient{.gs2 = "y,,"}.first()),
               SaslFault::downgrade, "y where -PLUS is offered");
  Exchange exchange(/*plus=*/false, bound(/*plus_offered=*/false));
  EXPECT_EQ(exchange.machine->start(ScramClient{.gs2 = "y,,"}.first()).kind, SaslStep::keys_wanted);
}

TEST(ScramKeys, AreTheSameFromTheStoresText) {
  const auto read = read_scram_text(scram_text(keys()), 4096);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->salt, keys().salt);
  EXPECT_EQ(read->stored_key, keys().stored_key);
  EXPECT_EQ(read->server_key, keys().server_key);
  EXPECT_EQ(read->account_id, 0);
  for (const std::string& bad :
       {""s, "$"s, "$$"s, "AAAA$AAAA$AAAA"s, scram_text(keys()) + "$", "x" + scram_text(keys())})
    EXPECT_FALSE(read_scram_text(bad, 4096).has_value()) << bad;
  EXPECT_FALSE(read_scram_text(scram_text(keys()), 0).has_value());
  EXPECT_FALSE(read_scram_text(scram_text(keys()), kScramIterationsMax + 1).has_value());
  ScramKeys salted = keys();
  salted.salt.assign(kScramSaltBytesMax, 's');
  EXPECT_TRUE(read_scram_text(scram_text(salted), 4096).has_value());
  salted.salt += 's';
  EXPECT_FALSE(read_scram_text(scram_text(salted), 4096).has_value()) << "longer than a reply may be";
}

TEST(FalseScramKeys, AreStableForANameAndDifferForOthers) {
  const Name name = *Name::make("Nobody@Example.com");
  const ScramKeys made = false_scram_keys("secret", name, 4096);
  EXPECT_EQ(made.account_id, 0);
  EXPECT_EQ(made.salt.size(), kScramSaltBytes);
  EXPECT_EQ(false_scram_keys("secret", *Name::make("nobody@example.com"), 4096).salt, made.salt);
  EXPECT_NE(false_scram_keys("secret", *Name::make("nobody2@example.com"), 4096).salt, made.salt);
  EXPECT_NE(false_scram_keys("another", name, 4096).salt, made.salt);
  EXPECT_EQ(false_scram_share("secret", name), false_scram_share("secret", *Name::make("nobody@example.com")));
}

TEST(Saslprep, IsThatOfRfc4013) {
  EXPECT_EQ(saslprep("user"), "user");
  EXPECT_EQ(saslprep("USER"), "USER");
  EXPECT_EQ(saslprep("\u00aa"), "a");
  EXPECT_EQ(saslprep("\u2168"), "IX");
  EXPECT_EQ(saslprep("a\u00a0b"), "a b");
  for (const std::string& prohibited : {"\u0007"s, "\u0627\u0031"s, "\xff"s, "a\0b"s})
    EXPECT_EQ(saslprep(prohibited), std::nullopt) << prohibited;
  // A letter of Unicode 6: as it is.
  EXPECT_EQ(saslprep("\U0001F600"), "\U0001F600");
  EXPECT_EQ(saslprep_or_same("\u0627\u0031"), "\u0627\u0031");
}

}  // namespace
}  // namespace sluice::auth

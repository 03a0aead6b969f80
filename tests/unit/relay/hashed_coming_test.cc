// A message's body is hashed for its signatures while it comes: what is sent later has the right hash, and nothing is
// hashed or read a second time for it.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/relay/spool_writer.h"
#include "engine/signing/hash_turns.h"
#include "tests/unit/relay/fixture_signer.h"
#include "tests/unit/relay/queue_fixture.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What else is read of a message: its envelope, and the rest of the blocks.
constexpr std::uint64_t kBesidesBytes = 64 * 1024;

// One message on its way in, in pieces, through the sink that sessions use.
class ComingIn {
 public:
  explicit ComingIn(QueueFixture& of, std::vector<std::string> recipients = {"bob@example.net"},
                    std::size_t piece_bytes = 16 * 1024)
      : of_(of),
        piece_bytes_(piece_bytes),
        sink_({.loop = of.fixture.loop,
               .router = of.router(),
               .spool = of.spool(),
               .queue = of.queue(),
               .memory = of.fixture.message_memory},
              {.customer = "acme", .account = "ann@example.com"}) {
    envelope.id = of.next_id();
    envelope.reverse_path = "ann@example.com";
    envelope.author_domain = "example.com";
    for (std::string& each : recipients) envelope.recipients.push_back({.forward_path = std::move(each)});
  }
  void begin(std::string_view text, message::BodyForm form = message::BodyForm::literal) {
    envelope.content = facts_of(text, /*whole=*/false);
    run([&] { return begin_with(form); });
  }
  void write(std::string_view text) {
    run([&] { return write_all(text); });
    envelope.content.eight_bit = envelope.content.eight_bit || smtp::has_eight_bit(text);
  }
  int commit() {
    envelope.content.whole = true;
    return testing::await<message::Outcome>(of_.fixture.platforms, of_.fixture.loop, [&] { return sink_.commit(); })
        .reply.code();
  }
  void abort() {
    run([&] { return sink_.abort(); });
  }
  int send(std::string_view text, message::BodyForm form = message::BodyForm::literal) {
    begin(text, form);
    write(text);
    return commit();
  }

  message::Envelope envelope;

 private:
  Task<void> begin_with(message::BodyForm form) {
    std::vector<smtp::Reply> answers;
    co_await sink_.add_recipients(envelope, 0, answers);
    co_await sink_.begin(form);
  }
  Task<void> write_all(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(std::min(piece_bytes_, text.size()))) {
      Chain piece;
      piece.append_copy(text.substr(0, piece_bytes_));
      co_await sink_.write(std::move(piece));
    }
  }
  void run(const std::function<Task<void>()>& make) {
    testing::await_done(of_.fixture.platforms, of_.fixture.loop, make);
  }

  QueueFixture& of_;
  std::size_t piece_bytes_;
  Incoming sink_;
};

class HashedComingTest : public ::testing::Test {
 protected:
  // Without a time, so that a signature is the same whenever it is made.
  void start(signing::SigningRules rules = {}) {
    rules.has_time = false;
    reference.emplace(of.fixture, rules);
    signer.emplace(of.fixture, std::move(rules));
    of.start();
  }
  ~HashedComingTest() override { of.stop(); }
  std::uint64_t read_bytes() { return of.spool().counters().read_bytes; }
  // The last one that the next hop has seen.
  const std::string& delivered() {
    EXPECT_TRUE(of.run_until([&] { return of.empty(); }));
    static const std::string kNone;
    return of.hop().ledger.empty() ? kNone : of.hop().ledger.back().content;
  }
  // The signatures in front are those of what is behind them.
  void expect_signed(const std::string& content) {
    ASSERT_THAT(content, StartsWith("DKIM-Signature: "));
    const std::size_t begin = content.find("\r\nFrom:") + 2;
    const auto form = message::BodyForm::literal;
    const auto plain = std::make_unique<signing::ContentToSign>(form, reference->signer().hashes());
    plain->feed(std::string_view(content).substr(begin));
    plain->finish();
    const auto made = testing::await<signing::Signed>(of.fixture.platforms, of.fixture.loop,
                                                      [&] { return reference->signer().sign(*plain, {.id = "1"}); });
    EXPECT_THAT(made.signatures, ElementsAre(1, 1));
    EXPECT_EQ(content.substr(0, begin), made.fields);
  }
  signing::SigningCounters& counters() { return signer->counters; }

  QueueFixture of{1, exact()};
  std::optional<FixtureSigner> reference;
  std::optional<FixtureSigner> signer;
};

// ------------------------------------------------------------------------------------------ read once

// What cut-through cannot hold, and what is kept first.
TEST_F(HashedComingTest, LongMailIsReadOnceFromTheSpool) {
  of.fixture.route.retain_bytes_max = 1'000'000;
  const std::string text = long_text(5'000'000);
  for (const auto mode : {route::RouteMode::through, route::RouteMode::store}) {
    for (const auto form : {message::BodyForm::literal, message::BodyForm::dot_stuffed}) {
      of.fixture.route.mode = mode;
      start();
      of.hop().ledger.clear();
      EXPECT_EQ(ComingIn(of).send(text, form), 250);
      expect_signed(delivered());
      EXPECT_THAT(of.hop().ledger[0].content, EndsWith(text));
      EXPECT_GE(read_bytes(), text.size());
      EXPECT_LE(read_bytes(), text.size() + kBesidesBytes);
      EXPECT_EQ(counters().hashed_coming, text.size());
      EXPECT_EQ(counters().hashed_sending, 0U);
      of.stop();
    }
  }
}

TEST_F(HashedComingTest, TheWorkIsDoneWhileItComes) {
  start();
  const std::string text = long_text(300'000);
  ComingIn message(of);
  message.begin(text);
  EXPECT_EQ(counters().hashed_coming, 0U);
  message.write(std::string_view(text).substr(0, 100'000));
  EXPECT_EQ(counters().hashed_coming, 100'000U);
  message.write(std::string_view(text).substr(100'000));
  EXPECT_EQ(counters().hashed_coming, text.size());
  EXPECT_EQ(message.commit(), 250);
  expect_signed(delivered());
  EXPECT_EQ(counters().hashed_sending, 0U);
  EXPECT_EQ(read_bytes(), 0U);
}

// Some 50 us of the core's loop at a time.
TEST_F(HashedComingTest, ALongPieceIsHashedInSeveralTurns) {
  start();
  const std::string text = long_text(16 * signing::HashTurns::kTurnBytes);
  ComingIn message(of, {"bob@example.net"}, text.size());
  message.begin(text);
  const std::uint64_t before = of.fixture.loop.counters().turns;
  message.write(text);
  EXPECT_GE(of.fixture.loop.counters().turns, before + 16);
  EXPECT_EQ(message.commit(), 250);
  expect_signed(delivered());
}

TEST_F(HashedComingTest, DotsThatDataAddsAreNoPartOfIt) {
  start();
  EXPECT_EQ(ComingIn(of).send("From: ann@example.com\r\n\r\n..one\r\n...\r\n", message::BodyForm::dot_stuffed), 250);
  EXPECT_THAT(delivered(), EndsWith("\r\n\r\n.one\r\n..\r\n"));
  expect_signed(delivered());
  EXPECT_EQ(counters().hashed_sending, 0U);
}

TEST_F(HashedComingTest, WhatTheNextHopDefersIsNotHashedAgainForTheNextTry) {
  start();
  of.hop().add({.stage = HopStage::verdict, .say = "451 4.3.0 Not now\r\n"});
  const std::string text = long_text(300'000);
  EXPECT_EQ(ComingIn(of).send(text), 250);
  expect_signed(delivered());
  EXPECT_EQ(counters().hashed_sending, 0U);
  EXPECT_LE(read_bytes(), text.size() + kBesidesBytes);
}

TEST_F(HashedComingTest, SeveralDestinationsShareIt) {
  of.add_route("other", "example.org");
  of.fixture.route.mode = route::RouteMode::store;
  start();
  const std::string text = long_text(2'000'000);
  EXPECT_EQ(ComingIn(of, {"bob@example.net", "carl@example.org"}).send(text), 250);
  expect_signed(delivered());
  ASSERT_THAT(of.hop().ledger, SizeIs(2));
  for (const auto& each : of.hop().ledger) expect_signed(each.content);
  EXPECT_THAT(counters().made, ElementsAre(1, 1));
  EXPECT_EQ(counters().hashed_coming, text.size());
  EXPECT_EQ(counters().hashed_sending, 0U);
  EXPECT_LE(read_bytes(), 2 * text.size() + kBesidesBytes);
}

// Its pieces are as short as there is little memory, and its header ends in a later one than the first.
TEST_F(HashedComingTest, OfALongHeaderOnlyThePiecesOfTheHeaderAreReadAgain) {
  of.fixture.route.mode = route::RouteMode::store;
  of.fixture.message_memory.set_most(0);
  start();
  std::string text = "From: ann@example.com\r\nSubject: x\r\n";
  while (text.size() < 200'000) text += "X-More: of a header that is long\r\n";
  const std::size_t header = text.size();
  text += "\r\n";
  while (text.size() < 2'000'000) text += "A line of a long message.\r\n";
  EXPECT_EQ(ComingIn(of).send(text), 250);
  expect_signed(delivered());
  EXPECT_EQ(counters().hashed_sending, 0U);
  EXPECT_GE(read_bytes(), text.size() + header) << "it was at hand: the test shows nothing";
  EXPECT_LE(read_bytes(), text.size() + 2 * header + kBesidesBytes);
}

// ------------------------------------------------------------------------------------------ hashed as it is sent

TEST_F(HashedComingTest, MailOfAnEarlierLifeIsHashedAsItIsSent) {
  of.fixture.route.mode = route::RouteMode::store;
  start();
  of.hop().add({.stage = HopStage::verdict, .say = "451 4.3.0 Not now\r\n"});
  const std::string text = long_text(2'000'000);
  EXPECT_EQ(ComingIn(of).send(text), 250);
  ASSERT_TRUE(of.run_until([&] { return of.notes.count(DeliveryOutcome::deferred) == 1; }));
  of.stop();
  of.start();
  of.hop().add({.stage = HopStage::verdict, .say = "451 4.3.0 Not now\r\n"});
  expect_signed(delivered());
  // Once, for both tries of this life.
  EXPECT_EQ(counters().hashed_sending, text.size());
  EXPECT_LE(read_bytes(), 3 * text.size() + 2 * kBesidesBytes);
}

TEST_F(HashedComingTest, AnotherFormIsHashedByItself) {
  of.hop().rules.eight_bit_mime = false;
  for (const auto mode : {route::RouteMode::through, route::RouteMode::store}) {
    of.fixture.route.mode = mode;
    start();
    of.hop().ledger.clear();
    EXPECT_EQ(ComingIn(of).send("From: ann@example.com\r\n\r\nGr\xc3\xbc\xc3\x9f\x65.\r\n"), 250);
    EXPECT_THAT(delivered(), HasSubstr("Content-Transfer-Encoding: base64"));
    expect_signed(delivered());
    EXPECT_GT(counters().hashed_sending, 0U);
    of.stop();
  }
}

TEST_F(HashedComingTest, WhatAReloadHasSignedInAnotherFormIsHashedByItself) {
  FixtureSigner simple(of.fixture, signing::SigningRules{.forms = {.body = dkim::Canonicalization::simple}});
  FixtureSigner relaxed(of.fixture);
  message::Envelope envelope;
  const message::Submitter from;
  Chain content;
  content.append_copy(kText);
  MessageSignatures made;
  signing::RunningHash hash(message::BodyForm::literal, relaxed.signer().hashes());
  hash.feed(kText);
  made.set_body(hash.finish().digests);
  MessageSigner signer({.signer = simple.signer(), .made = made, .envelope = envelope, .from = from});
  const auto fields = testing::await<SharedSigned>(of.fixture.platforms, of.fixture.loop, [&] {
    return signer.sign({}, {.content = content, .whole = true, .written = message::BodyForm::literal});
  });
  EXPECT_THAT(fields->fields, HasSubstr("c=relaxed/simple"));
  EXPECT_EQ(simple.counters.hashed_sending, kText.size());
}

// On a full disk the header alone is kept: the hash of the whole message is not that of what is there.
TEST_F(HashedComingTest, TheHashOfAnotherContentIsNotUsed) {
  start();
  std::optional<signing::HashedBody> hashed;
  const std::string text = long_text(1'000);
  signing::RunningHash hash(message::BodyForm::literal, signer->signer().hashes());
  hash.feed(text);
  hashed = hash.finish();
  message::Envelope envelope;
  envelope.id = of.next_id();
  envelope.reverse_path = "ann@example.com";
  envelope.recipients.push_back({.forward_path = "bob@example.net"});
  struct Keeping {
    static Task<MessageWriter::Result> all(MessageWriter& writer, std::string_view text) {
      Chain content;
      content.append_copy(text);
      if (auto kept = co_await writer.append(std::move(content)); !kept) co_return kept;
      message::DeliveryStatus status;
      status.recipients.resize(1);
      co_return co_await writer.commit(std::move(status));
    }
  };
  SpoolWriter writer(of.spool(), of.queue(), {.account = "ann@example.com"}, envelope, message::BodyForm::literal,
                     hashed);
  EXPECT_TRUE(testing::await<MessageWriter::Result>(of.fixture.platforms, of.fixture.loop, [&] {
    return Keeping::all(writer, std::string_view(text).substr(0, text.find("\r\n\r\n") + 4));
  }));
  expect_signed(delivered());
}

// ------------------------------------------------------------------------------------------ what is not hashed

TEST_F(HashedComingTest, WhereTheNextHopSignsNothingIsHashed) {
  of.fixture.route.sign = false;
  start();
  EXPECT_EQ(ComingIn(of).send(kQueuedText), 250);
  EXPECT_EQ(delivered(), kQueuedText);
  EXPECT_EQ(counters().hashed_coming, 0U);
}

TEST_F(HashedComingTest, OfADomainThatIsKnownToHaveNoKeyNothingIsHashed) {
  for (const bool isp : {false, true}) {
    signing::SigningRules rules{.without_key = isp ? signing::Unsigned::isp : signing::Unsigned::send};
    if (isp) rules.isp_domain = "example.com";
    start(std::move(rules));
    of.hop().ledger.clear();
    constexpr std::string_view kOther = "From: bob@example.net\r\n\r\nHello.\r\n";
    for (std::size_t sent = 1; sent <= 3; ++sent) {
      ComingIn message(of);
      message.envelope.author_domain = "example.net";
      EXPECT_EQ(message.send(kOther), 250);
      EXPECT_THAT(delivered(), EndsWith(kOther));
    }
    EXPECT_EQ(counters().hashed_coming, (isp ? 3U : 1U) * kOther.size()) << isp;
    of.stop();
  }
}

TEST_F(HashedComingTest, WhatEndsInItsMidstLeavesNothing) {
  start();
  const std::string text = long_text(300'000);
  {
    ComingIn message(of);
    message.begin(text);
    message.write(std::string_view(text).substr(0, 200'000));
    message.abort();
  }
  EXPECT_TRUE(of.empty());
  EXPECT_THAT(of.hop().ledger, IsEmpty());
  EXPECT_EQ(ComingIn(of).send(kQueuedText), 250);
  expect_signed(delivered());
}

}  // namespace
}  // namespace sluice::relay

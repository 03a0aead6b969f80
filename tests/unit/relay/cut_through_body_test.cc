// The body on its way through: by DATA and by BDAT on either side, whatever the pieces; how much of it is held; and
// what becomes of the connection when there will be no message.
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kHeader = "From: <ann@example.com>\r\n\r\n";

// Lines that begin with dots, and some that do not.
std::string dotty(std::size_t size) {
  static constexpr std::string_view kLines[] = {".\r\n", "..\r\n", "a.\r\n", "\r\n", ".b\r\n", "...c.\r\n", "word\r\n"};
  std::string text(kHeader);
  for (std::size_t i = 0; text.size() < size; ++i) text += kLines[(i * i + i / 7) % std::size(kLines)];
  return text;
}

std::string stuffed(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && c == '.') result += '.';
    result += c;
    line_start = c == '\n';
  }
  return result;
}

struct Way {
  BodyForm from;
  bool to_chunks;
};

TEST(CutThroughBodyTest, DotsSurviveEveryWayInAnyPieces) {
  const std::string text = dotty(3000);
  for (const Way way : {Way{BodyForm::dot_stuffed, true}, Way{BodyForm::dot_stuffed, false},
                        Way{BodyForm::literal, true}, Way{BodyForm::literal, false}}) {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U, 100'000U}) {
      Fixture fixture(piece);
      fixture.hop().rules.chunking = way.to_chunks;
      const std::string wire = way.from == BodyForm::dot_stuffed ? stuffed(text) : text;
      Passing message(fixture);
      message.offer({"bob@example.net"});
      message.begin(way.from);
      for (std::size_t at = 0; at < wire.size(); at += piece) message.feed(std::string_view(wire).substr(at, piece));
      EXPECT_EQ(message.finish().reply.code(), 250);
      ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
      EXPECT_EQ(fixture.hop().ledger.front().content, text) << piece;
      EXPECT_EQ(fixture.hop().ledger.front().chunked, way.to_chunks);
    }
  }
}

TEST(CutThroughBodyTest, BdatWithoutALastLineEndGetsOneInData) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  Passing message(fixture);
  EXPECT_EQ(message.send(std::string(kHeader) + "no end", BodyForm::literal), 250);
  EXPECT_EQ(fixture.hop().ledger.front().content, std::string(kHeader) + "no end\r\n");
}

TEST(CutThroughBodyTest, ChunksAreLargeAndEachIsAnswered) {
  Fixture fixture;
  const std::string text = dotty(700'000);
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::literal);
  for (std::size_t at = 0; at < text.size(); at += 16'384) message.feed(std::string_view(text).substr(at, 16'384));
  EXPECT_EQ(message.finish().reply.code(), 250);
  EXPECT_EQ(fixture.hop().ledger.front().content, text);
  const auto chunks =
      std::ranges::count_if(fixture.hop().commands, [](const std::string& line) { return line.starts_with("BDAT"); });
  EXPECT_EQ(chunks, 6);
}

TEST(CutThroughBodyTest, ARefusedChunkIsTheMessagesWord) {
  for (const unsigned which : {0U, 1U, 3U}) {
    Fixture fixture;
    fixture.hop().add({.stage = HopStage::chunk, .after = which, .say = "552 5.3.4 too much\r\n"});
    Passing message(fixture);
    message.offer({"bob@example.net"});
    message.begin(BodyForm::literal);
    message.feed(kHeader);
    for (int i = 0; i < 70; ++i) message.feed(std::string(9'998, 'x') + "\r\n");
    EXPECT_EQ(message.finish().reply.code(), 552);
    EXPECT_THAT(fixture.hop().ledger, IsEmpty());
    fixture.run_for(1s);
    EXPECT_EQ(fixture.pool().status().front().live, 0U);
  }
}

TEST(CutThroughBodyTest, AChunkAnswered354IsAProtocolError) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::chunk, .say = "354 go on\r\n"});
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::literal);
  message.feed(kHeader);
  for (int i = 0; i < 70; ++i) message.feed(std::string(9'998, 'x') + "\r\n");
  EXPECT_EQ(message.finish().reply.code(), 451);
}

TEST(CutThroughBodyTest, ASecondAnswerToAChunkIsNotTheMessages) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::chunk, .say_too = "250 2.0.0 taken\r\n"});
  fixture.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::literal);
  message.feed(std::string(kHeader) + std::string(150'000, 'x') + "\r\n");
  fixture.run_for(1s);
  EXPECT_EQ(message.finish().reply.code(), 451);
}

// ------------------------------------------------------------------------------------------ back-pressure

TEST(CutThroughBodyTest, ASlowNextHopHoldsTheClientUp) {
  for (const bool chunking : {true, false}) {
    Fixture fixture;
    fixture.hop().rules.chunking = chunking;
    fixture.hop().rules.between_reads = 100ms;
    Passing message(fixture);
    message.offer({"bob@example.net"});
    message.begin(BodyForm::dot_stuffed);
    message.feed(kHeader);
    std::size_t fed = kHeader.size();
    const std::string piece = std::string(9'998, 'x') + "\r\n";
    for (int i = 0; i < 200; ++i) {
      message.feed(piece);
      fed += piece.size();
      // The window, a chunk that gathers, and what is under way in sockets and in the next hop.
      EXPECT_LE(fed, fixture.hop().content_read + CutThrough::kWindowBytes + CutThrough::kChunkBytes + 2 * 65'536 +
                         net::Connection::kInputBytesHigh + 65'536);
    }
    EXPECT_EQ(message.finish().reply.code(), 250);
    EXPECT_EQ(fixture.hop().ledger.front().content.size(), fed);
  }
}

TEST(CutThroughBodyTest, ANextHopThatTakesNothingIsLeftInTime) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  fixture.route.block_timeout = 3min;
  fixture.hop().add({.stage = HopStage::body, .stall = 3h, .bytes = 1});
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::dot_stuffed);
  const Instant before = fixture.loop.now();
  for (int i = 0; i < 200; ++i) message.feed(std::string(9'998, 'x') + "\r\n");
  EXPECT_LE(fixture.loop.now() - before, 3min + 10s);
  EXPECT_EQ(message.finish().reply.code(), 451);
}

// ------------------------------------------------------------------------------------------ no message after all

TEST(CutThroughBodyTest, AbandonedBeforeTheBodyTheConnectionIsKept) {
  Fixture fixture;
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.abandon();
  EXPECT_EQ(fixture.pool().status().front().idle, 1U);
  Passing second(fixture);
  EXPECT_EQ(second.send(kHeader), 250);
  EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
}

TEST(CutThroughBodyTest, AbandonedInTheBodyTheConnectionIsClosed) {
  for (const bool chunking : {true, false}) {
    for (const std::size_t size : {0U, 100U, 150'000U, 600'000U}) {
      Fixture fixture;
      fixture.hop().rules.chunking = chunking;
      Passing message(fixture);
      message.offer({"bob@example.net"});
      message.begin(BodyForm::dot_stuffed);
      message.feed(std::string(size, 'x') + "\r\n");
      message.abandon();
      fixture.run_for(1s);
      EXPECT_EQ(fixture.hop().live(), 0U);
      EXPECT_THAT(fixture.hop().ledger, IsEmpty());
      Passing second(fixture);
      EXPECT_EQ(second.send(kHeader), 250);
      EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
    }
  }
}

// 216 KB and a lone CR, and then the content is refused: the next hop's stream ended in the lone CR.
TEST(CutThroughBodyTest, ACrGoesOnTogetherWithItsLf) {
  for (const Manner& manner : kManners) {
    for (const BodyForm form : {BodyForm::dot_stuffed, BodyForm::literal}) {
      Fixture fixture;
      set_manner(fixture, manner);
      std::string text(kHeader);
      while (text.size() < 216'000) text += std::string(998, 'x') + "\r\n";
      Passing refused(fixture);
      refused.offer({"bob@example.net"});
      refused.begin(form);
      refused.feed(text + "a\r");
      fixture.run_for(1s);
      refused.abandon();
      fixture.run_for(1s);
      for (const std::string& end : fixture.hop().broken_off) EXPECT_FALSE(end.ends_with('\r'));
      Passing whole(fixture);
      whole.offer({"bob@example.net"});
      whole.begin(form);
      whole.feed(text + "a\r");
      fixture.run_for(1s);
      whole.feed("\nb\r");
      whole.feed("\n");
      EXPECT_EQ(whole.finish().reply.code(), 250);
      ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
      EXPECT_EQ(fixture.hop().ledger.front().content, text + "a\r\nb\r\n");
    }
  }
}

TEST(CutThroughBodyTest, AbandonedBeforeAnythingNobodyNotices) {
  Fixture fixture;
  Passing message(fixture);
  message.abandon();
  EXPECT_THAT(fixture.hop().commands, IsEmpty());
}

// Many worlds: pieces, delays and buffers of all sizes.
TEST(CutThroughBodyTest, TheContentIsTheSameInEveryWorld) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Fixture fixture(seed, sim::SimOptions::varied(seed));
    fixture.hop().rules.chunking = seed % 2 == 0;
    const std::string text = dotty(1000 + seed * 997);
    const BodyForm form = seed % 3 == 0 ? BodyForm::literal : BodyForm::dot_stuffed;
    Passing message(fixture);
    EXPECT_EQ(message.send(form == BodyForm::literal ? text : stuffed(text), form), 250) << seed;
    ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
    EXPECT_EQ(fixture.hop().ledger.front().content, text) << seed;
  }
}

}  // namespace
}  // namespace sluice::relay

// Sessions that end in the middle: a client that vanishes after any of its bytes or of ours, a core that stops. What
// was not sent whole is never taken, and nothing is left behind (the platforms check that).
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::Le;
using testing::Platforms;
using testing::SessionClient;
using testing::SessionHost;
using ::testing::SizeIs;

using testing::kText;

std::string envelope() {
  return "EHLO client.example\r\n" + std::string(testing::kLogin) +
         "\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<bob@example.net>\r\nRCPT TO:<cy@example.net>\r\n";
}

// A whole session as one text, as a client that uses PIPELINING sends it but for the answers it waits for.
struct Script {
  const char* name;
  std::vector<std::string> steps;  // each is sent when the one before has been answered
  std::size_t whole;               // bytes after which the message has been sent whole
};

std::vector<Script> scripts() {
  const std::string data = std::string(kText) + ".\r\n";
  const std::string chunk = "BDAT " + std::to_string(kText.size() - 9) + "\r\n" + std::string(kText.substr(9));
  const std::string chunks = "BDAT 9\r\n" + std::string(kText.substr(0, 9)) + chunk + "BDAT 0 LAST\r\n";
  std::vector<Script> all{{"DATA", {envelope(), "DATA\r\n", data, "QUIT\r\n"}, 0},
                          {"BDAT", {envelope(), chunks, "QUIT\r\n"}, 0}};
  for (Script& script : all)
    for (std::size_t i = 0; i + 1 < script.steps.size(); ++i) script.whole += script.steps[i].size();
  return all;
}

// Sends the script as far as the connection lasts. How many replies of 250 to the whole message it has heard.
Task<void> play(Script script, std::unique_ptr<net::Connection> connection, std::string& heard) {
  for (const std::string& step : script.steps) {
    connection->write(step);
    // Its answers come within a few seconds, or the relay waits for more.
    while (co_await connection->more(3s, "a script") == net::IoStatus::ok) {
      heard += connection->input().to_string();
      connection->input().clear();
    }
    if (connection->ended()) break;
  }
  co_await connection->close();
}

struct Vanished {
  std::size_t taken = 0;
  std::string heard;
};

Vanished vanish(const Script& script, std::uint64_t seed, const sim::SimStreamFault& fault) {
  Vanished result;
  Platforms platforms(testing::PlatformKind::simulated, seed);
  io::Loop& here = platforms.add_loop(testing::kRelayHost);
  io::Loop& there = platforms.add_loop(testing::kClientHost);
  SessionHost host(platforms, here);
  platforms.world().faults().add(fault);
  using Dialled = std::expected<std::unique_ptr<net::Connection>, int>;
  Dialled dialled =
      testing::await<Dialled>(platforms, there, [&] { return net::Connection::connect(there, host.address(), 30s); });
  if (dialled) testing::await_done(platforms, there, [&] { return play(script, *std::move(dialled), result.heard); });
  host.close();
  result.taken = host.sinks.ledger.size();
  EXPECT_THAT(host.sinks.ledger, SizeIs(Le(1U)));
  for (const testing::TakenMessage& taken : host.sinks.ledger) EXPECT_TRUE(taken.content.ends_with(kText));
  return result;
}

class VanishTest : public ::testing::TestWithParam<sim::SimBreak> {};
INSTANTIATE_TEST_SUITE_P(Ways, VanishTest, ::testing::Values(sim::SimBreak::reset, sim::SimBreak::end),
                         [](const auto& info) {
                           return info.param == sim::SimBreak::reset ? std::string("Reset") : std::string("End");
                         });

TEST_P(VanishTest, AClientIsGoneAfterAnyOfItsBytes) {
  for (const Script& script : scripts()) {
    SCOPED_TRACE(script.name);
    std::size_t all = 0;
    for (const std::string& step : script.steps) all += step.size();
    for (std::uint64_t bytes = 0; bytes < all; ++bytes) {
      const Vanished result = vanish(script, bytes + 1, {.bytes = bytes, .what = GetParam()});
      // One that was whole may have been taken, though the word never arrives: never the reverse.
      EXPECT_LE(result.taken, bytes >= script.whole ? 1U : 0U) << bytes;
      if (HasFailure()) return;
    }
  }
}

TEST_P(VanishTest, AClientIsGoneAfterAnyOfOurBytes) {
  for (const Script& script : scripts()) {
    SCOPED_TRACE(script.name);
    for (std::uint64_t bytes = 0; bytes < 700; bytes += 3) {
      const Vanished result = vanish(script, bytes + 1, {.to_server = false, .bytes = bytes, .what = GetParam()});
      if (result.heard.find("\r\n221 ") != std::string::npos) EXPECT_EQ(result.taken, 1U) << bytes;
      if (HasFailure()) return;
    }
  }
}

// It is not gone, but nothing comes any more: the session ends in its time.
TEST(SessionEndTest, AClientThatFallsSilentAfterAnyByte) {
  for (const Script& script : scripts()) {
    for (std::uint64_t bytes = 0; bytes < script.whole; bytes += 7) {
      const Vanished result = vanish(script, bytes + 1, {.bytes = bytes, .what = sim::SimBreak::stall});
      EXPECT_EQ(result.taken, 0U) << bytes;
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// A core that stops aborts its sessions wherever they are.
TEST(SessionEndTest, AnAbortAtAnyMoment) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Platforms platforms(testing::PlatformKind::simulated, seed, sim::SimOptions::varied(seed));
    io::Loop& here = platforms.add_loop(testing::kRelayHost);
    io::Loop& there = platforms.add_loop(testing::kClientHost);
    SessionHost host(platforms, here);
    host.sinks.pause = 50ms;
    std::string heard;
    TaskSet clients;
    const Script script = scripts()[seed % 2];
    auto talk = [](io::Loop& loop, io::Address peer, Script wanted, std::string& all) -> Task<void> {
      auto connection = co_await net::Connection::connect(loop, peer, 10s);
      if (connection) co_await play(std::move(wanted), *std::move(connection), all);
    };
    bool begun = false;
    there.post([&] {
      clients.add(talk(there, host.address(), script, heard));
      begun = true;
    });
    EXPECT_TRUE(platforms.run_for(std::chrono::microseconds(seed * seed * 71)));
    host.close(/*abort=*/true);
    EXPECT_TRUE(platforms.run_until([&] { return begun && clients.live() == 0; }));
    if (::testing::Test::HasFailure()) return;
  }
}

// A disk that hangs kept the place of each handshake that asked for a host.
TEST(HandshakeDeadline, HoldsWhileAWorkerReadsCertificates) {
  testing::Platforms platforms(testing::PlatformKind::simulated, 1, {.job_max = 10h});
  io::Loop& here = platforms.add_loop(testing::kRelayHost);
  SessionHost host(platforms, here);
  {
    SessionClient client(platforms, platforms.add_loop(testing::kClientHost), host.address());
    EXPECT_EQ(client.reply().code, 220);
    EXPECT_EQ(client.say("EHLO client.example"), 250);
    const Instant before = here.now();
    EXPECT_FALSE(client.start_tls());
    EXPECT_TRUE(platforms.run_until([&] { return !host.notes.ends.empty(); }));
    EXPECT_EQ(host.notes.ends.back().reason, EndReason::handshake_timeout);
    EXPECT_LT(here.now() - before, host.rules().handshake_timeout + 2s);
  }
  host.close();
  EXPECT_TRUE(platforms.run_for(10h)) << "the worker's answer comes late, and is nobody's";
}

}  // namespace
}  // namespace sluice::session

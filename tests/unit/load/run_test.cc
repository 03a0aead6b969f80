// A whole run under simulation: senders on one host, a sink on another, and the account that is settled between them.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/tls/certificates.h"
#include "engine/tls/context.h"
#include "engine/tls/tickets.h"
#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
#include "tools/load/ledger_service.h"
#include "tools/load/sender.h"
#include "tools/load/settle.h"
#include "tools/load/sink.h"

namespace sluice::load {
namespace {

using namespace std::chrono_literals;
using testing::await;
using testing::await_done;
using testing::PlatformKind;
using testing::Platforms;

constexpr const char* kSinkHost = "192.0.2.1";
constexpr const char* kLoadHost = "192.0.2.2";
constexpr std::uint16_t kPort = 25;
constexpr std::uint16_t kLedgerPort = 2526;
constexpr std::uint32_t kBoot = 7;

class NoCertificates final : public tls::CertificateSource {
 public:
  std::expected<tls::CertificateFiles, std::string> read(std::string_view, std::size_t) override {
    return std::unexpected("none");
  }
  std::expected<std::string, std::string> read_policy_url(std::string_view) override { return std::unexpected("none"); }
  std::optional<tls::HostStamp> stamp(std::string_view) override { return std::nullopt; }
};

// What a test looks at when a run is over.
struct Ran {
  Account account;
  SenderCounters sent;
  SinkCounters received;
  Histogram whole;
  Histogram arrival;
  std::map<std::string, std::uint64_t> errors;
  std::string gave_up;
};

// One run, with what `sink` and `load` are set to.
class SimRun {
 public:
  explicit SimRun(std::uint64_t seed = 1) : platforms_(PlatformKind::simulated, seed, sim::SimOptions::varied(seed)) {
    load.run = 0xabc;
    load.sessions = 4;
    load.messages = 40;
    load.server_name = "sink.example";
  }

  Ran go() {
    tls::CertificateStore certificates(none_, {.own_name = sink.hostname}, there_.platform().clock,
                                       [](std::string_view, std::string_view) {});
    tls::TicketKeys tickets({}, there_.platform().clock, there_.platform().random);
    tls::TlsContext tls({.listener = "sink"}, certificates, tickets);
    Sink server(there_, sink, &tls, kBoot);
    LedgerService service(there_, [&server](std::uint64_t run) {
      SinkState state;
      server.collect(state);
      const auto found = state.ledger.runs().find(run);
      return found == state.ledger.runs().end() ? RunLedger().text() : found->second.text();
    });
    if (listens) {
      server.listen(socket(kPort));
      service.listen(socket(kLedgerPort));
    }
    Ran ran;
    {
      const Content content("Sat, 28 Nov 2026 00:00:00 +0000", kBoot);
      Sender sender(here_, load, content, *io::Address::from_ip(kSinkHost, kPort), 0, 1);
      await_done(platforms_, here_, [&sender] { return sender.run(); });
      const Outcomes* all[] = {&sender.outcomes()};
      std::optional<RunLedger> ledger;
      if (listens) ledger = ask();
      ran = {.account = settle(all, ledger ? &*ledger : nullptr),
             .sent = sender.counters(),
             .received = {},
             .whole = sender.stage(Stage::whole),
             .arrival = ledger ? ledger->arrival() : Histogram(),
             .errors = sender.errors(),
             .gave_up = sender.gave_up()};
    }
    SinkState state;
    server.collect(state);
    ran.received = state.counters;
    if (listens) {
      await_done(platforms_, there_, [&server] { return server.close(); });
      await_done(platforms_, there_, [&service] { return service.close(); });
    }
    return ran;
  }

  LoadOptions load;
  SinkOptions sink;
  bool listens = true;

 private:
  int socket(std::uint16_t port) {
    return there_.platform().sockets.listen(*io::Address::from_ip(kSinkHost, port), {}).value();
  }
  RunLedger ask() {
    using Answer = std::expected<RunLedger, std::string>;
    auto answer = await<Answer>(platforms_, here_, [this] {
      return ask_ledger(here_, *io::Address::from_ip(kSinkHost, kLedgerPort), load.run);
    });
    EXPECT_TRUE(answer) << answer.error();
    return answer.value_or(RunLedger());
  }

  NoCertificates none_;
  Platforms platforms_;
  io::Loop& there_{platforms_.add_loop(kSinkHost)};
  io::Loop& here_{platforms_.add_loop(kLoadHost)};
};

std::uint64_t count(const Ran& ran, Outcome outcome) {
  return ran.account.by_outcome[static_cast<std::size_t>(outcome)];
}

TEST(LoadRunTest, ClosedLoopSendsEachMessageOnce) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SimRun run(seed);
    const Ran ran = run.go();
    EXPECT_TRUE(ran.account.good()) << seed;
    EXPECT_EQ(ran.account.received, 40U);
    EXPECT_EQ(ran.sent.accepted, 40U);
    EXPECT_EQ(ran.sent.connections, 4U);
    EXPECT_EQ(ran.received.messages, 40U);
    EXPECT_EQ(ran.whole.count(), 40U);
    EXPECT_EQ(ran.arrival.count(), 40U);
  }
}

TEST(LoadRunTest, EveryWayToSendOneIsIntactAtTheSink) {
  std::uint64_t seed = 100;
  for (const bool bdat : {false, true}) {
    for (const bool pipelining : {false, true}) {
      for (const std::uint64_t chunk : {0, 1024}) {
        SimRun run(++seed);
        run.load.bdat = bdat;
        run.load.pipelining = pipelining;
        run.load.chunk_bytes = chunk;
        run.load.messages = 12;
        run.load.recipients = 3;
        run.load.messages_per_connection = 3;
        run.load.sizes = *Sizes::parse("0-4000");
        const Ran ran = run.go();
        EXPECT_TRUE(ran.account.good()) << bdat << pipelining << chunk;
        EXPECT_EQ(ran.account.received, 36U);
        EXPECT_GE(ran.sent.connections, 4U);
      }
    }
  }
}

TEST(LoadRunTest, WhatTheSinkDoesNotOfferIsNotUsed) {
  SimRun run;
  run.sink.extensions.chunking = run.sink.extensions.pipelining = run.sink.extensions.size = false;
  run.load.bdat = true;
  const Ran ran = run.go();
  EXPECT_TRUE(ran.account.good());
  EXPECT_EQ(ran.account.received, 40U);
  EXPECT_EQ(ran.errors.at("BDAT is not offered: sent by DATA"), 40U);
}

TEST(LoadRunTest, LoginsAreTakenInTurn) {
  for (const LoadAuth auth : {LoadAuth::plain, LoadAuth::login}) {
    SimRun run;
    run.sink.extensions.auth = run.sink.require_auth = true;
    run.load.auth = auth;
    run.load.logins = {{"a@client.example", "one"}, {"b@client.example", "two"}};
    run.load.messages_per_connection = 1;
    run.load.from = "%u";
    const Ran ran = run.go();
    EXPECT_TRUE(ran.account.good());
    EXPECT_EQ(ran.received.logins, 40U);
  }
}

TEST(LoadRunTest, TlsIsInFullOrResumed) {
  for (const bool resume : {false, true}) {
    SimRun run;
    run.sink.tls = resume ? SinkTls::starttls : SinkTls::implicit;
    run.load.tls = resume ? LoadTls::starttls : LoadTls::implicit;
    run.load.resume = resume;
    run.load.messages_per_connection = 1;
    const Ran ran = run.go();
    EXPECT_TRUE(ran.account.good());
    EXPECT_EQ(ran.sent.tls_full, resume ? 4U : 40U);
    EXPECT_EQ(ran.sent.tls_resumed, resume ? 36U : 0U);
    EXPECT_EQ(ran.received.tls_full, ran.sent.tls_full);
    EXPECT_EQ(ran.received.tls_resumed, ran.sent.tls_resumed);
  }
}

// Coordinated omission: with one session, and a server that takes 50 ms, a message each 10 ms waits longer and longer.
// A closed loop sees nothing of that.
TEST(LoadRunTest, OpenLoopCountsFromWhenAMessageWasDue) {
  SimRun run;
  run.load.sessions = 1;
  run.load.messages = 20;
  ASSERT_EQ(take_delay("content=50", run.sink), "");
  const Ran closed = run.go();
  EXPECT_LT(closed.whole.max(), 500ms);
  SimRun again;
  again.load.sessions = 1;
  again.load.messages = 20;
  again.load.rate = 100;
  ASSERT_EQ(take_delay("content=50", again.sink), "");
  const Ran open = again.go();
  EXPECT_TRUE(open.account.good());
  EXPECT_EQ(open.whole.count(), 20U);
  // The last one is due after 190 ms, and answered after a second.
  EXPECT_GE(open.whole.max(), 800ms);
  EXPECT_GE(open.whole.quantile(0.5), 350ms);
  EXPECT_GE(open.arrival.max(), 750ms);
}

TEST(LoadRunTest, OpenLoopSendsAtItsRateAndForItsTime) {
  SimRun run;
  run.load.messages = 0;
  run.load.duration = 2s;
  run.load.rate = 50;
  const Ran ran = run.go();
  EXPECT_TRUE(ran.account.good());
  EXPECT_EQ(ran.sent.accepted, 100U);
}

TEST(LoadRunTest, ClosedLoopEndsWhenItsTimeIsOver) {
  SimRun run;
  run.load.messages = 0;
  run.load.duration = 1s;
  ASSERT_EQ(take_delay("mail=100", run.sink), "");
  const Ran ran = run.go();
  EXPECT_TRUE(ran.account.good());
  EXPECT_GT(ran.sent.accepted, 10U);
  EXPECT_LT(ran.sent.accepted, 60U);
}

TEST(LoadRunTest, RefusalsAreDistinguishedFromLosses) {
  for (const char* what : {"mail=550:50", "rcpt=550:50", "data=554:50", "content=554:50"}) {
    for (const bool bdat : {false, true}) {
      for (const bool pipelining : {false, true}) {
        SimRun run;
        ASSERT_EQ(take_refusal(what, run.sink), "");
        run.load.bdat = bdat;
        run.load.pipelining = pipelining;
        run.load.from = "from-%i@client.example";
        const Ran ran = run.go();
        EXPECT_EQ(count(ran, Outcome::refused), 20U) << what << bdat << pipelining;
        EXPECT_EQ(count(ran, Outcome::accepted), 20U) << what << bdat << pipelining;
        EXPECT_EQ(ran.account.received, 20U) << what << bdat << pipelining;
        EXPECT_TRUE(ran.account.good()) << what << bdat << pipelining;
      }
    }
  }
}

TEST(LoadRunTest, DeferralsAreDistinguishedFromRefusals) {
  SimRun run;
  ASSERT_EQ(take_refusal("rcpt=451:25", run.sink), "");
  const Ran ran = run.go();
  EXPECT_EQ(count(ran, Outcome::deferred), 10U);
  EXPECT_EQ(count(ran, Outcome::accepted), 30U);
  EXPECT_TRUE(ran.account.good());
  EXPECT_EQ(ran.received.refusals, 10U);
}

TEST(LoadRunTest, SomeRecipientsOfAMessageAreRefused) {
  SimRun run;
  run.load.recipients = 4;
  ASSERT_EQ(take_refusal("rcpt=550:25", run.sink), "");
  const Ran ran = run.go();
  EXPECT_EQ(count(ran, Outcome::refused), 40U);
  EXPECT_EQ(ran.account.received, 120U);
  EXPECT_TRUE(ran.account.good());
}

TEST(LoadRunTest, ResetsAreFailuresThatTheSinkOwnsUpTo) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const char* where : {"rcpt:25", "content:25"}) {
      SimRun run(seed);
      ASSERT_EQ(take_reset(where, run.sink), "");
      const Ran ran = run.go();
      EXPECT_EQ(ran.received.resets, 10U) << where;
      EXPECT_EQ(count(ran, Outcome::failed) + count(ran, Outcome::unknown), 10U) << where;
      EXPECT_EQ(ran.account.received, 30U);
      EXPECT_EQ(ran.account.lost, 0U);
      EXPECT_EQ(ran.account.unexpected, 0U) << where;
    }
  }
}

TEST(LoadRunTest, WhatWasTakenBeforeAResetIsUnknownAndThere) {
  SimRun run;
  ASSERT_EQ(take_reset("accepted:25", run.sink), "");
  const Ran ran = run.go();
  EXPECT_EQ(count(ran, Outcome::unknown), 10U);
  EXPECT_EQ(ran.account.unknown_arrived, 10U);
  EXPECT_EQ(ran.account.received, 40U);
}

TEST(LoadRunTest, ConnectionsThatAreRefusedAreFailures) {
  SimRun run;
  ASSERT_EQ(take_refusal("connect=421:50", run.sink), "");
  const Ran ran = run.go();
  EXPECT_EQ(ran.received.refusals, ran.sent.connect_failures);
  EXPECT_EQ(count(ran, Outcome::failed), ran.sent.connect_failures);
  EXPECT_FALSE(ran.account.good()) << "no message of them is known to the sink";
}

TEST(LoadRunTest, ItGivesUpWhereNoServerIs) {
  SimRun run;
  run.listens = false;
  run.load.messages = 100'000;
  const Ran ran = run.go();
  EXPECT_NE(ran.gave_up.find("connect: "), std::string::npos) << ran.gave_up;
  EXPECT_LT(count(ran, Outcome::failed), 100U);
  EXPECT_FALSE(ran.account.good());
}

}  // namespace
}  // namespace sluice::load

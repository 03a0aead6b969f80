// Many worlds, each from its seed: several clients that send honest and dishonest messages in pieces of any size, over a
// network that delays, breaks and runs out of everything. Whatever happens, a 250 after a message means that it is in the
// ledger as it was sent, nothing else is, and nothing is left behind.
#include <map>

#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using testing::Doors;
using testing::SessionHost;

enum class Kind : std::uint8_t { honest, foreign_sender, foreign_author, bare_line_end, half };

struct Sent {
  Kind kind;
  std::string body;      // from the first header line on
  bool taken = false;    // the client has heard 250
};

class Sender {
 public:
  Sender(io::Loop& loop, io::Address relay, std::uint64_t seed, int number)
      : loop_(loop), relay_(relay), random_(seed), number_(number) {}

  Task<void> run() {
    auto dialled = co_await net::Connection::connect(loop_, relay_, 30s);
    if (!dialled) co_return;
    connection_ = *std::move(dialled);
    if (co_await ask("") == 220 && co_await ask("EHLO client.example\r\n") == 250 &&
        co_await ask(std::string(testing::kLogin) + "\r\n") == 235) {
      const std::uint64_t count = random_.between(1, 4);
      for (std::uint64_t i = 0; i < count; ++i)
        if (!co_await message()) break;
      if (random_.percent(50)) co_await ask("QUIT\r\n");
    }
    co_await connection_->close();
  }

  std::vector<Sent> sent;

 private:
  // False when there is nobody to talk to any more.
  Task<bool> message() {
    Sent& now = sent.emplace_back(compose());
    const bool foreign = now.kind == Kind::foreign_sender;
    const int mail = co_await ask(foreign ? "MAIL FROM:<eve@evil.example>\r\n" : "MAIL FROM:<ann@example.com>\r\n");
    if (foreign && mail != 0) EXPECT_EQ(mail, 550);
    if (mail == 550) co_return true;
    if (mail != 250 || co_await ask("RCPT TO:<bob@example.net>\r\n") != 250) co_return false;
    const bool half = now.kind == Kind::half;
    int word = 0;
    if (random_.percent(50)) {
      if (co_await ask("DATA\r\n") != 354) co_return false;
      co_await write(half ? now.body.substr(0, now.body.size() / 2) : now.body + ".\r\n");
      if (half) co_return false;
      word = co_await ask("");
    } else {
      std::string text = "BDAT " + std::to_string(now.body.size()) + " LAST\r\n" + now.body;
      co_await write(half ? text.substr(0, text.size() / 2) : text);
      if (half) co_return false;
      word = co_await ask("");
    }
    now.taken = word == 250;
    if (word != 0 && now.kind != Kind::honest) EXPECT_GE(word, 421);
    co_return word != 0;
  }

  Sent compose() {
    Sent now{.kind = static_cast<Kind>(random_.percent(60) ? 0 : random_.below(5)), .body = {}};
    now.body = now.kind == Kind::foreign_author ? "From: <eve@evil.example>\r\n" : "From: <ann@example.com>\r\n";
    now.body += "Subject: " + std::to_string(number_) + "-" + std::to_string(sent.size()) + "\r\n\r\n";
    const std::uint64_t lines = random_.below(random_.percent(20) ? 2000 : 20);
    for (std::uint64_t i = 0; i < lines; ++i) now.body += std::string(random_.below(70), 'x') + "\r\n";
    if (now.kind == Kind::bare_line_end) now.body += "bare\nline\r\n";
    return now;
  }

  Task<void> write(std::string text) {
    while (!text.empty()) {
      const std::size_t n = std::min<std::size_t>(text.size(), random_.between(1, random_.percent(50) ? 30 : 20'000));
      connection_->write(std::string_view(text).substr(0, n));
      text.erase(0, n);
      if (random_.percent(30)) co_await loop_.sleep(random_.between(0ms, 50ms), "a slow sender");
    }
  }

  // Sends, and waits for one whole reply. Its code; 0 when there is none.
  Task<int> ask(std::string text) {
    co_await write(std::move(text));
    for (;;) {
      auto replies = testing::take_replies(heard_);
      if (!replies.empty()) {
        EXPECT_EQ(replies.size(), 1U);
        co_return replies.front().code == 421 ? 0 : replies.front().code;
      }
      if (co_await connection_->more(20min, "a reply") != net::IoStatus::ok) co_return 0;
      heard_ += connection_->input().to_string();
      connection_->input().clear();
    }
  }

  io::Loop& loop_;
  io::Address relay_;
  io::SimRandom random_;
  int number_;
  std::unique_ptr<net::Connection> connection_;
  std::string heard_;
};

void break_things(io::SimWorld& world, io::SimRandom& random) {
  constexpr std::array<int, 4> kPassing{EINTR, EAGAIN, ENOBUFS, ENOMEM};
  for (std::uint64_t i = random.below(6); i > 0; --i) {
    const io::SimCall call = random.percent(50) ? io::SimCall::receive : io::SimCall::send;
    const int error = random.percent(30) ? ECONNRESET : kPassing[random.below(call == io::SimCall::send ? 2 : 3)];
    world.faults().add(io::SimFault{.call = call, .after = random.below(200), .count = random.between(1, 3), .error = error});
  }
  for (std::uint64_t i = random.below(4); i > 0; --i)
    world.faults().add(io::SimStreamFault{.after = random.below(4),
                                          .to_server = random.percent(70),
                                          .bytes = random.below(random.percent(50) ? 300 : 30'000),
                                          .what = static_cast<io::SimBreak>(random.below(3))});
}

// The ledger holds what was sent honestly, at most once, whole; and all that was answered with 250.
void compare(const std::vector<testing::TakenMessage>& ledger, const std::vector<std::unique_ptr<Sender>>& senders) {
  std::map<std::string, int> in_ledger;
  for (const testing::TakenMessage& taken : ledger) {
    const std::size_t start = taken.content.find("From: <");
    ASSERT_NE(start, std::string::npos);
    ++in_ledger[taken.content.substr(start)];
    EXPECT_EQ(taken.envelope.reverse_path, "ann@example.com");
  }
  for (const auto& sender : senders) {
    for (const Sent& sent : sender->sent) {
      const int count = in_ledger[sent.body];
      in_ledger.erase(sent.body);
      EXPECT_LE(count, sent.kind == Kind::honest ? 1 : 0);
      if (sent.taken) EXPECT_EQ(count, 1);
    }
  }
  EXPECT_TRUE(in_ledger.empty()) << "taken, but never sent like that: " << in_ledger.begin()->first;
}

// Returns the hash of all that happened.
std::uint64_t live_through(std::uint64_t seed, bool faults) {
  io::SimRandom random(seed);
  Doors doors(testing::DoorKind::simulated, seed, io::SimOptions::varied(seed));
  const io::LoopLimits tight{.buffers = 8, .buffer_bytes = 512};
  io::Loop& here = doors.add_loop(testing::kRelayHost, random.percent(50) ? tight : io::LoopLimits{});
  io::Loop& there = doors.add_loop(testing::kClientHost);
  SessionHost host(doors, here);
  host.takers.pause = random.between(0ms, 200ms);
  if (random.percent(20)) host.takers.word = smtp::Reply(451, {4, 4, 1}, "away");
  if (faults) break_things(doors.world(), random);
  std::vector<std::unique_ptr<Sender>> senders;
  TaskSet tasks;
  for (int i = 0; i < 5; ++i)
    senders.push_back(std::make_unique<Sender>(there, host.address(), seed * 5 + static_cast<unsigned>(i), i));
  bool begun = false;
  there.post([&] {
    for (const auto& sender : senders) tasks.add(sender->run());
    begun = true;
  });
  if (faults && random.percent(30)) {
    EXPECT_TRUE(doors.run_for(random.between(0ms, 2000ms)));
    host.close(/*abort=*/true);
  }
  EXPECT_TRUE(doors.run_until([&] { return begun && tasks.live() == 0; }));
  if (!here.aborting()) host.close();
  compare(host.takers.ledger, senders);
  if (!faults) {
    for (const auto& sender : senders) EXPECT_FALSE(sender->sent.empty());
  }
  return doors.world().trace_hash();
}

TEST(SessionSeedsTest, EveryMessageIsTakenWholeOrNotAtAll) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, /*faults=*/false);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SessionSeedsTest, WhateverBreaksA250IsKept) {
  for (std::uint64_t seed = 1001; seed <= 1400; ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, /*faults=*/true);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SessionSeedsTest, TheSameSeedIsTheSameWorld) {
  for (const std::uint64_t seed : {7U, 1013U, 1100U}) EXPECT_EQ(live_through(seed, true), live_through(seed, true));
}

}  // namespace
}  // namespace sluice::session

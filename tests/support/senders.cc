#include "tests/support/senders.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "tests/support/sessions.h"

namespace sluice::testing {

using namespace std::chrono_literals;

Task<void> Sender::run() {
  auto dialled = co_await net::Connection::connect(loop_, relay_, 30s);
  if (!dialled) co_return;
  connection_ = *std::move(dialled);
  heard_.clear();
  if (co_await ask("") == 220 && co_await ask("EHLO client.example\r\n") == 250 &&
      co_await ask(std::string(kLogin) + "\r\n") == 235) {
    const std::uint64_t count = random_.between(1, 4);
    for (std::uint64_t i = 0; i < count; ++i)
      if (!co_await message()) break;
    if (random_.percent(50)) static_cast<void>(co_await ask("QUIT\r\n"));
  }
  co_await connection_->close();
}

// False when the peer is gone.
Task<bool> Sender::message() {
  Sent& now = sent.emplace_back(compose());
  const bool foreign = now.kind == SentKind::foreign_sender;
  const int mail = co_await ask(foreign ? "MAIL FROM:<eve@evil.example>\r\n" : "MAIL FROM:<ann@example.com>\r\n");
  // 452: a disk that fails is said before anything else.
  if (foreign && mail != 0 && mail != 452) EXPECT_EQ(mail, 550);
  if (mail == 550 || mail == 452) co_return true;
  if (mail != 250 || co_await ask("RCPT TO:<bob@example.net>\r\n") != 250) co_return false;
  const bool half = now.kind == SentKind::half;
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
  if (word != 0 && now.kind != SentKind::honest) EXPECT_GE(word, 421);
  co_return word != 0;
}

Sent Sender::compose() {
  Sent now{.kind = static_cast<SentKind>(random_.percent(60) ? 0 : random_.below(5)), .body = {}};
  now.body = now.kind == SentKind::foreign_author ? "From: <eve@evil.example>\r\n" : "From: <ann@example.com>\r\n";
  now.body += "Subject: " + std::to_string(number_) + "-" + std::to_string(sent.size()) + "\r\n\r\n";
  const std::uint64_t lines = random_.below(random_.percent(20) ? 2000 : 20);
  for (std::uint64_t i = 0; i < lines; ++i) now.body += std::string(random_.below(70), 'x') + "\r\n";
  if (now.kind == SentKind::bare_line_end) now.body += "bare\nline\r\n";
  return now;
}

Task<void> Sender::write(std::string text) {
  while (!text.empty()) {
    const std::size_t n = std::min<std::size_t>(text.size(), random_.between(1, random_.percent(50) ? 30 : 20'000));
    connection_->write(std::string_view(text).substr(0, n));
    text.erase(0, n);
    if (random_.percent(30)) co_await loop_.sleep(random_.between(0ms, 50ms), "a slow sender");
  }
}

// Sends, and waits for one whole reply. Its code; 0 when there is none.  Behind it may be 421, which ends the session.
Task<int> Sender::ask(std::string text) {
  co_await write(std::move(text));
  for (;;) {
    auto replies = take_replies(heard_);
    if (!replies.empty()) {
      if (replies.size() != 2 || replies.back().code != 421)
        EXPECT_EQ(replies.size(), 1U) << replies.back().code << " " << replies.back().text;
      co_return replies.front().code == 421 ? 0 : replies.front().code;
    }
    if (co_await connection_->more(3h, "a reply") != net::IoStatus::ok) co_return 0;
    heard_ += connection_->input().to_string();
    connection_->input().clear();
  }
}

void break_network(sim::SimWorld& world, sim::SimRandom& random) {
  constexpr std::array<int, 4> kPassing{EINTR, EAGAIN, ENOBUFS, ENOMEM};
  for (std::uint64_t i = random.below(6); i > 0; --i) {
    const sim::SimCall call = random.percent(50) ? sim::SimCall::receive : sim::SimCall::send;
    const int error = random.percent(30) ? ECONNRESET : kPassing[random.below(call == sim::SimCall::send ? 2 : 3)];
    world.faults().add(
        sim::SimFault{.call = call, .after = random.below(200), .count = random.between(1, 3), .error = error});
  }
  for (std::uint64_t i = random.below(4); i > 0; --i)
    world.faults().add(sim::SimStreamFault{.after = random.below(4),
                                           .to_server = random.percent(70),
                                           .bytes = random.below(random.percent(50) ? 300 : 30'000),
                                           .what = static_cast<sim::SimBreak>(random.below(3))});
}

}  // namespace sluice::testing

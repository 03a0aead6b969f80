// What a ring promises, on both platforms: by bare operations of the loop.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/platforms.h"
#include "tests/support/raw_socket.h"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;
using testing::BothPlatforms;
using testing::PlatformKind;
using testing::Platforms;
using testing::RawListener;
using testing::RawSocket;

std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i * 7 % 91 + i / 1000 % 3);
  return text;
}

class RingTest : public BothPlatforms {
 protected:
  void open(const LoopLimits& limits = {}) {
    loop_ = &platforms_.add_loop("192.0.2.1", limits);
    listener_ = std::make_unique<RawListener>(*loop_, platforms_.address("192.0.2.1"));
  }
  // A connected pair; the server's side is the last one accepted.
  RawSocket& connect() {
    const std::size_t before = listener_->accepted.size();
    clients_.push_back(RawSocket::connect(*loop_, listener_->address()));
    RawSocket& client = *clients_.back();
    EXPECT_TRUE(platforms_.run_until([&] { return client.connected && listener_->accepted.size() > before; }));
    EXPECT_EQ(client.connected, 0);
    return client;
  }
  RawSocket& server() { return *listener_->accepted.back(); }
  bool until(const std::function<bool()>& condition) { return platforms_.run_until(condition); }
  void TearDown() override {
    if (listener_ == nullptr) return;
    for (const auto& client : clients_) client->end_all();
    for (const auto& socket : listener_->accepted) socket->end_all();
    listener_->end_all();
    EXPECT_TRUE(until([&] { return loop_->operations_live() == 0; }));
    clients_.clear();
    listener_.reset();
    platforms_.expect_nothing_left();
  }

  Loop* loop_ = nullptr;
  std::unique_ptr<RawListener> listener_;
  std::vector<std::unique_ptr<RawSocket>> clients_;
};
INSTANTIATE_TEST_SUITE_P(Platforms, RingTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         testing::platform_name);

TEST_P(RingTest, BytesArriveAsTheyWereSent) {
  open();
  RawSocket& client = connect();
  const std::string text = letters(300'000);
  server().receive();
  client.receive();
  client.send(text);
  EXPECT_TRUE(until([&] { return server().received.size() == text.size(); }));
  EXPECT_EQ(server().received, text);
  EXPECT_EQ(client.sent, static_cast<int>(text.size())) << "a send completes whole";
  server().send(text);
  EXPECT_TRUE(until([&] { return client.received.size() == text.size(); }));
  EXPECT_EQ(client.received, text);
}

TEST_P(RingTest, TheEndIsDeliveredAfterAllBytes) {
  open();
  RawSocket& client = connect();
  client.send("the last bytes");
  EXPECT_TRUE(until([&] { return client.sent.has_value(); }));
  client.close();
  server().receive();
  EXPECT_TRUE(until([&] { return server().end.has_value(); }));
  EXPECT_EQ(server().end, 0);
  EXPECT_EQ(server().received, "the last bytes");
}

TEST_P(RingTest, ClosingWithUnreadBytesResetsTheOtherSide) {
  open();
  RawSocket& client = connect();
  client.send("this is not read");
  EXPECT_TRUE(until([&] { return client.sent.has_value(); }));
  EXPECT_TRUE(platforms_.run_for(20ms));  // it arrives
  server().close();
  client.receive();
  EXPECT_TRUE(until([&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end, -ECONNRESET);
  client.send("more");
  EXPECT_TRUE(until([&] { return client.sent.has_value(); }));
  EXPECT_EQ(client.sent, -EPIPE);
}

TEST_P(RingTest, AConnectWithoutAListenerIsRefused) {
  open();
  const Address address = listener_->address();
  listener_->end_all();
  EXPECT_TRUE(until([&] { return loop_->operations_live() == 0; }));
  clients_.push_back(RawSocket::connect(*loop_, address));
  EXPECT_TRUE(until([&] { return clients_[0]->connected.has_value(); }));
  EXPECT_EQ(clients_[0]->connected, -ECONNREFUSED);
}

TEST_P(RingTest, NoWaitIsLongerThanAskedFor) {
  open();
  const Instant before = loop_->platform().clock.now();
  loop_->turn(30ms);
  EXPECT_GE(loop_->now() - before, 25ms);
  EXPECT_LT(loop_->now() - before, 5s);
}

// ------------------------------------------------------------------------------------------ cancelling

TEST_P(RingTest, ACancelledReceiveEndsAndTheBytesStay) {
  open();
  RawSocket& client = connect();
  server().receive();
  EXPECT_TRUE(platforms_.run_for(5ms));
  server().cancel_receive();
  EXPECT_TRUE(until([&] { return server().end.has_value(); }));
  EXPECT_EQ(server().end, -ECANCELED);
  client.send("later");
  EXPECT_TRUE(platforms_.run_for(20ms));
  EXPECT_EQ(server().received, "");
  server().receive();
  EXPECT_TRUE(until([&] { return server().received == "later"; }));
}

TEST_P(RingTest, ACompletionMayBeatItsCancel) {
  open();
  for (int i = 0; i < 50; ++i) {
    RawSocket& client = connect();
    client.send("x");
    EXPECT_TRUE(until([&] { return client.sent.has_value(); }));
    EXPECT_TRUE(platforms_.run_for(10ms));
    server().receive();  // the byte is there, and the cancel is submitted together with the receive
    server().cancel_receive();
    EXPECT_TRUE(until([&] { return server().idle(); }));
    // Either way the byte is not lost, and the operation has ended once.
    if (server().received.empty()) {
      EXPECT_EQ(server().end, -ECANCELED);
      server().receive();
      EXPECT_TRUE(until([&] { return server().received == "x"; }));
      server().cancel_receive();
    } else {
      EXPECT_EQ(server().received, "x");
    }
  }
}

TEST_P(RingTest, AnAcceptedSocketMayBeatTheCancelOfItsAccept) {
  open();
  listener_->cancel();
  EXPECT_TRUE(until([&] { return listener_->error.has_value(); }));
  clients_.push_back(RawSocket::connect(*loop_, listener_->address()));
  EXPECT_TRUE(until([&] { return clients_[0]->connected.has_value(); }));
  listener_->error.reset();
  listener_->start();
  listener_->cancel();
  EXPECT_TRUE(until([&] { return listener_->error.has_value(); }));
  EXPECT_EQ(listener_->error, -ECANCELED);
  if (!platforms_.simulated()) EXPECT_EQ(listener_->accepted.size(), 1U);
  if (listener_->accepted.empty()) {
    listener_->start();
    EXPECT_TRUE(until([&] { return listener_->accepted.size() == 1; }));
  }
}

TEST_P(RingTest, ASendWithoutAReaderEndsWhenItIsCancelled) {
  open();
  RawSocket& client = connect();
  const std::string text = letters(32 << 20);  // more than all socket buffers take
  client.send(text);
  EXPECT_TRUE(platforms_.run_for(50ms));
  EXPECT_FALSE(client.sent.has_value());
  client.cancel_send();
  EXPECT_TRUE(until([&] { return client.sent.has_value(); }));
  // The result is what went; that may be nothing where the kernel had not begun.
  EXPECT_LT(*client.sent, static_cast<int>(text.size()));
  EXPECT_TRUE(*client.sent > 0 || *client.sent == -ECANCELED);
  server().receive();
  const auto went = static_cast<std::size_t>(std::max(*client.sent, 0));
  EXPECT_TRUE(until([&] { return server().received.size() >= went; }));
  EXPECT_TRUE(platforms_.run_for(20ms));
  EXPECT_EQ(server().received, text.substr(0, went));
}

// ------------------------------------------------------------------------------------------ buffers

TEST_P(RingTest, AnEmptyPoolEndsTheReceive) {
  open({.buffers = 2, .buffer_bytes = 1024});
  RawSocket& client = connect();
  client.send(letters(10'000));
  server().keep_buffers = true;
  server().receive();
  EXPECT_TRUE(until([&] { return server().end.has_value(); }));
  EXPECT_EQ(server().end, -ENOBUFS);
  EXPECT_EQ(server().kept.size(), 2U);
  EXPECT_EQ(loop_->buffers().in_use(), 2U);
  EXPECT_EQ(loop_->counters().buffers_missing, 1U);
  // Asking again at once fails at once, though nothing may have arrived; waiting for bytes first does not.
  server().receive();
  EXPECT_TRUE(until([&] { return server().end.has_value(); }));
  EXPECT_EQ(server().end, -ENOBUFS);
  server().keep_buffers = false;
  server().kept.clear();
  EXPECT_TRUE(platforms_.run_for(1ms));
  while (server().received.size() < 10'000) {
    server().receive(/*poll_first=*/true);
    EXPECT_TRUE(until([&] { return server().end.has_value() || server().received.size() == 10'000; }));
  }
  EXPECT_EQ(server().received, letters(10'000));
}

TEST_P(RingTest, AReceiveThatIsArmedOnAnEmptyPoolFailsThoughNothingArrived) {
  open({.buffers = 2, .buffer_bytes = 1024});
  RawSocket& client = connect();
  client.send(letters(2048));
  server().keep_buffers = true;
  server().receive();
  EXPECT_TRUE(until([&] { return loop_->buffers().in_use() == 2; }));
  RawSocket& holder = server();
  connect();
  server().receive(/*poll_first=*/true);
  EXPECT_TRUE(platforms_.run_for(5ms));
  EXPECT_FALSE(server().end.has_value());
  server().cancel_receive();
  EXPECT_TRUE(until([&] { return server().idle(); }));
  server().receive(/*poll_first=*/false);
  EXPECT_TRUE(until([&] { return server().end.has_value(); }));
  EXPECT_EQ(server().end, -ENOBUFS);
  holder.kept.clear();
}

TEST_P(RingTest, AnIdleReceiveHoldsNoBuffer) {
  open({.buffers = 2, .buffer_bytes = 1024});
  for (int i = 0; i < 20; ++i) {
    connect();
    server().receive();
  }
  EXPECT_TRUE(platforms_.run_for(5ms));
  EXPECT_EQ(loop_->buffers().in_use(), 0U);
  for (const auto& socket : listener_->accepted) EXPECT_FALSE(socket->end.has_value());
}

// ------------------------------------------------------------------------------------------ full queues

TEST(RealRingLimitsTest, MoreSubmissionsAndCompletionsThanTheQueuesHold) {
  Platforms platforms(PlatformKind::real);
  Loop& loop = platforms.add_loop("192.0.2.1");
  // The ring of a test holds 256 submissions and 4096 completions; a turn takes 256.
  std::vector<int> results;
  for (int i = 0; i < 6000; ++i) {
    loop.cancel(loop.accept(
                    -1,
                    [](void* context, const Completion& completion) {
                      static_cast<std::vector<int>*>(context)->push_back(completion.result);
                    },
                    &results),
                OperationKind::accept);
  }
  EXPECT_EQ(loop.operations_live(), 12'000U);
  EXPECT_TRUE(platforms.run_until([&] { return loop.operations_live() == 0; }));
  EXPECT_EQ(results.size(), 6000U);
  EXPECT_TRUE(std::ranges::all_of(results, [](int result) { return result == -EBADF; }));
}

// ------------------------------------------------------------------------------------------ hanging connects

// The kernel does not answer where the listener's queue is full: a connect hangs, and ends when it is cancelled.
TEST(RealRingConnectTest, AConnectThatHangsEndsWhenItIsCancelled) {
  Platforms platforms(PlatformKind::real);
  Loop& loop = platforms.add_loop("192.0.2.1");
  const int listener = *loop.platform().sockets.listen(platforms.address("192.0.2.1"), {.backlog = 0});
  const Address address = loop.platform().sockets.local(listener);
  std::vector<std::unique_ptr<RawSocket>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(RawSocket::connect(loop, address));
  EXPECT_TRUE(platforms.run_for(100ms));
  const auto hangs = [](const auto& client) { return !client->connected.has_value(); };
  EXPECT_GT(std::ranges::count_if(clients, hangs), 0);
  for (const auto& client : clients)
    if (hangs(client)) client->cancel_connect();
  EXPECT_TRUE(platforms.run_until([&] { return std::ranges::none_of(clients, hangs); }));
  EXPECT_GT(std::ranges::count_if(clients, [](const auto& c) { return c->connected == -ECANCELED; }), 0);
  for (const auto& client : clients) client->close();
  loop.platform().sockets.close(listener);
}

}  // namespace
}  // namespace sluice::io

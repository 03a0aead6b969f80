// What a TLS session costs in memory, counted at wolfSSL's allocator, so that a change of build
// flags or of version does not make tens of thousands of idle sessions dearer unseen.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <thread>

#include "engine/tls/session_memory.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::drain;
using testing::Listener;
using testing::RawClient;
using testing::talk;

std::size_t live = 0;
std::size_t peak = 0;

void* count_malloc(std::size_t size) {
  void* memory = std::malloc(size);
  live += malloc_usable_size(memory);
  peak = std::max(peak, live);
  return memory;
}
void count_free(void* memory) {
  live -= malloc_usable_size(memory);
  std::free(memory);
}
void* count_realloc(void* memory, std::size_t size) {
  live -= malloc_usable_size(memory);
  void* grown = std::realloc(memory, size);
  live += malloc_usable_size(grown);
  peak = std::max(peak, live);
  return grown;
}

// From here to its end, `live` counts what the server's sessions hold: the client is given its
// turns outside.
class ServerOnly {
 public:
  ServerOnly() {
    wolfSSL_GetAllocators(&malloc_, &free_, &realloc_);
    wolfSSL_SetAllocators(&count_malloc, &count_free, &count_realloc);
  }
  ~ServerOnly() { wolfSSL_SetAllocators(malloc_, free_, realloc_); }
  ServerOnly(const ServerOnly&) = delete;
  ServerOnly& operator=(const ServerOnly&) = delete;

 private:
  wolfSSL_Malloc_cb malloc_ = nullptr;
  wolfSSL_Free_cb free_ = nullptr;
  wolfSSL_Realloc_cb realloc_ = nullptr;
};

void server_turn(TlsSession& server, RawClient& client, Chain& heard) {
  const ServerOnly counting;
  server.feed(std::exchange(client.to_server, {}), heard);
}

class TlsMemory : public ::testing::TestWithParam<int> {
 protected:
  // What the library keeps for all sessions is there with the first of them.
  TlsMemory() {
    auto server = listener_.accept();
    RawClient client({});
    talk(*server, client);
  }
  Listener listener_;
};

INSTANTIATE_TEST_SUITE_P(Both, TlsMemory, ::testing::Values(WOLFSSL_TLSV1_2, WOLFSSL_TLSV1_3),
                         [](const auto& version) { return version.param == WOLFSSL_TLSV1_2 ? "Tls12" : "Tls13"; });

TEST_P(TlsMemory, OfAServersSession) {
  live = peak = 0;
  auto server = listener_.accept();
  RawClient client({.version = GetParam()});
  client.step();
  Chain heard;
  server_turn(*server, client, heard);
  const std::size_t waiting = live;
  for (int turn = 0; turn < 4; ++turn) {
    client.from_server += drain(server->outgoing());
    client.step();
    server_turn(*server, client, heard);
  }
  ASSERT_EQ(server->state(), TlsState::open) << server->error();
  const std::size_t idle = live;
  client.write(std::string(100'000, 'x'));
  peak = 0;
  server_turn(*server, client, heard);
  const std::size_t reading = peak;
  EXPECT_EQ(live, idle) << "no buffer is kept between records";
  {
    const ServerOnly counting;
    peak = 0;
    server->write(std::string(100'000, 'x'));
  }
  const std::size_t writing = peak;
  EXPECT_EQ(live, idle);
  RecordProperty("session_bytes", static_cast<int>(sizeof(TlsSession)));
  std::printf(
      "TlsSession %zu; wolfSSL: waiting for the client's second flight %zu, idle %zu, reading %zu, "
      "writing %zu\n",
      sizeof(TlsSession), waiting, idle, reading, writing);
  EXPECT_LT(waiting, 24'000U);
  EXPECT_LT(idle, 6'000U);
  EXPECT_LT(reading, idle + 20'000);
  EXPECT_LT(writing, idle + 20'000);
  const ServerOnly counting;
  server.reset();
  EXPECT_EQ(live, 0U);
}

TEST_P(TlsMemory, OfSessionsIsCountedOnTheirThread) {
  const std::uint64_t before = session_memory();
  auto server = listener_.accept();
  EXPECT_EQ(session_memory(), before + sizeof(TlsSession));
  RawClient client({.version = GetParam()});
  talk(*server, client);
  ASSERT_EQ(server->state(), TlsState::open) << server->error();
  const std::uint64_t idle = session_memory() - before - sizeof(TlsSession);
  EXPECT_GT(idle, 1'000U);
  EXPECT_LT(idle, 6'000U);
  std::thread([] { EXPECT_EQ(session_memory(), 0U); }).join();
  server->close();
  server.reset();
  EXPECT_EQ(session_memory(), before);
}

TEST(TlsMemory, OfATicketThatAClientKeepsUntilItsContextGoes) {
  const std::uint64_t before = session_memory();
  {
    Listener listener;
    const auto context = TlsClientContext::make({.verify = TlsVerify::none, .min_version = TlsVersion::tls_1_3});
    ASSERT_TRUE(context) << context.error();
    {
      auto server = listener.accept();
      auto client = TlsSession::client(**context, "a.example.com");
      testing::talk(*server, *client);
      ASSERT_EQ(client->state(), TlsState::open) << client->error();
    }
    EXPECT_GT(session_memory(), before + 300);
    EXPECT_LT(session_memory(), before + 6'000) << "with the context of the listener";
  }
  EXPECT_EQ(session_memory(), before);
}

TEST(TlsMemory, OfAStalledHello) {
  live = peak = 0;
  Listener listener;
  auto server = listener.accept();
  RawClient client({});
  client.step();
  client.to_server.pop_back();
  Chain heard;
  server_turn(*server, client, heard);
  EXPECT_EQ(server->state(), TlsState::handshaking);
  EXPECT_EQ(live, 0U);
}

TEST(TlsMemory, OfACertificate) {
  const ServerOnly counting;
  live = peak = 0;
  const auto& made = testing::certificate_for("a.example.com");
  const auto loaded = load_certificate("a.example.com", {made.certificate_pem, made.key_pem, "chain", "key"});
  ASSERT_TRUE(loaded.has_value());
  std::printf("a loaded certificate: wolfSSL %zu, ours %zu\n", live,
              sizeof(Certificate) + (*loaded)->leaf.capacity() + (*loaded)->key.capacity());
  EXPECT_EQ(live, 0U) << "nothing of the library's is kept";
}

}  // namespace
}  // namespace sluice::tls

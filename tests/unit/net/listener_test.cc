// A listener that cannot accept: it says why, and goes on by itself.
#include "engine/net/listener.h"

#include <gmock/gmock.h>

#include "engine/net/connection.h"
#include "tests/support/awaited.h"

namespace sluice::net {
namespace {

namespace support = ::sluice::testing;
using support::Platforms;
using ::testing::Contains;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST(ListenerTest, RunningOutOfDescriptorsIsLoggedAndTheConnectionWaits) {
  Platforms platforms(support::PlatformKind::simulated);
  io::Loop& here = platforms.add_loop("192.0.2.1");
  io::Loop& there = platforms.add_loop("198.51.100.7");
  const int socket = here.platform().sockets.listen(platforms.address("192.0.2.1", 587), {}).value();
  const io::Address address = here.platform().sockets.local(socket);
  std::vector<int> accepted;
  std::vector<int> errors;
  Listener listener(
      here, socket, [&](int one) { accepted.push_back(one); }, [&](int error) { errors.push_back(error); });
  listener.start();
  platforms.world().set_descriptors_max("192.0.2.1", 2);  // the listener and one more
  using Dialled = std::expected<std::unique_ptr<Connection>, int>;
  std::vector<std::unique_ptr<Connection>> clients;
  for (int i = 0; i < 2; ++i) {
    Dialled made = support::await<Dialled>(platforms, there, [&] { return Connection::connect(there, address, 30s); });
    ASSERT_TRUE(made);
    clients.push_back(*std::move(made));
  }
  EXPECT_TRUE(platforms.run_until([&] { return !errors.empty(); }));
  EXPECT_THAT(accepted, SizeIs(1));
  EXPECT_THAT(errors, Contains(EMFILE));
  here.close(accepted.back());
  EXPECT_TRUE(platforms.run_until([&] { return accepted.size() == 2; }));
  here.close(accepted.back());
  for (auto& client : clients) support::await_done(platforms, there, [&] { return client->close(); });
  support::await_done(platforms, here, [&] { return listener.close(); });
}

}  // namespace
}  // namespace sluice::net

// Who is notified, and by which server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

std::vector<std::string> notify_errors(const std::string& server, const std::string& listener) {
  std::vector<std::string> found;
  const std::string text = "[server]\nhostname = \"mail.farm.example\"\n[notify]\noperator = [\"noc@farm.example\"]\n" +
                           ("server = \"" + server + "\"\n[[listener]]\naddress = [\"" + listener + "\"]\n") +
                           std::string(kRoute);
  if (const auto config = load_config(text, "sluice.toml"); !config)
    for (const ConfigError& error : config.error()) found.push_back(error.key + ": " + error.problem);
  return found;
}

// Accepted of itself, mail about the relay's queue waited in that queue.
TEST(NotifyConfig, TheRelayIsNoServerForMailAboutItself) {
  const std::string here = "notify.server: is this relay itself, at ";
  for (const auto& [server, listener] :
       {std::pair{"192.0.2.1:587", "192.0.2.1:587"}, std::pair{"127.0.0.1:25", "0.0.0.0:25"},
        std::pair{"[::1]:25", "[::]:25"}, std::pair{"localhost", "127.0.0.1:25"},
        std::pair{"Mail.farm.example", "192.0.2.1:25"}})
    EXPECT_THAT(notify_errors(server, listener),
                ::testing::ElementsAre(here + listener + ": what is told of its queue would wait in that queue"))
        << server;
  for (const auto& [server, listener] :
       {std::pair{"192.0.2.1:25", "192.0.2.1:587"}, std::pair{"127.0.0.1:25", "192.0.2.1:25"},
        std::pair{"192.0.2.2:25", "0.0.0.0:25"}, std::pair{"mx.farm.example", "0.0.0.0:25"}})
    EXPECT_THAT(notify_errors(server, listener), ::testing::IsEmpty()) << server;
}

}  // namespace
}  // namespace sluice::config

// Where monitoring asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<std::string> metrics_errors(const std::string& keys) {
  std::vector<std::string> found;
  if (const auto config = load_config("[metrics]\n" + keys + std::string(kRoute), "sluice.toml"); !config)
    for (const ConfigError& error : config.error()) found.push_back(error.key + ": " + error.problem);
  return found;
}

TEST(MetricsConfig, NobodyCanAskByDefault) { EXPECT_THAT(load(std::string(kRoute)).metrics.listen, IsEmpty()); }

TEST(MetricsConfig, TakesAddressesAndPaths) {
  const MetricsConfig metrics =
      load("[metrics]\nlisten = [\"127.0.0.1:9465\", \"[::1]:9465\", \"/run/sluice/metrics.sock\"]\n" +
           std::string(kRoute))
          .metrics;
  EXPECT_THAT(metrics.listen, ElementsAre("127.0.0.1:9465", "[::1]:9465", "/run/sluice/metrics.sock"));
  EXPECT_THAT(metrics.allow, IsEmpty());
}

TEST(MetricsConfig, AnOpenAddressNeedsNetworks) {
  for (const std::string address : {"0.0.0.0:9465", "[::]:9465", "192.0.2.1:9465"}) {
    EXPECT_THAT(metrics_errors("listen = \"" + address + "\"\n"),
                ElementsAre("metrics.listen: " + address + " can be reached from elsewhere, and nobody there may ask"));
    EXPECT_THAT(metrics_errors("listen = \"" + address + "\"\nallow = \"192.0.2.0/24\"\n"), IsEmpty());
  }
}

TEST(MetricsConfig, WhatCannotBeMeantIsAnError) {
  EXPECT_THAT(metrics_errors("listen = \"9465\"\n"),
              ElementsAre("metrics.listen: \"9465\" is neither a path nor an address with a port"));
  EXPECT_THAT(metrics_errors("listen = \"metrics.example:9465\"\n"), SizeIs(1));
  EXPECT_THAT(metrics_errors("allow = \"192.0.2.0/24\"\n"), ElementsAre("metrics.allow: means nothing without listen"));
  EXPECT_THAT(metrics_errors("listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n"),
              ElementsAre("metrics.listen: 127.0.0.1:1 is there twice"));
  std::string many;
  for (int port = 1; port <= 9; ++port) many += "\"127.0.0.1:" + std::to_string(port) + "\", ";
  EXPECT_THAT(metrics_errors("listen = [" + many + "]\n"), ElementsAre("metrics.listen: has too many elements"));
}

TEST(MetricsConfig, AChangeNeedsARestart) {
  const std::string on = "[metrics]\nlisten = [\"127.0.0.1:9465\"]\n";
  EXPECT_THAT(changes_that_need_restart(load(std::string(kRoute)), load(on + std::string(kRoute))),
              ElementsAre(StartsWith("metrics.listen: ")));
}

}  // namespace
}  // namespace sluice::config

// Where relays share their limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> cluster_errors(const std::string& keys) {
  std::vector<std::string> found;
  if (const auto config = load_config("[cluster]\n" + keys + std::string(kRoute), "sluice.toml"); !config)
    for (const ConfigError& error : config.error()) found.push_back(error.key + ": " + error.problem);
  return found;
}

TEST(ClusterConfig, ReadsEveryKey) {
  const ClusterConfig cluster =
      load(
          "[cluster]\nserver = [\"a.example\", \"[2001:db8::1]:7000\", \"/run/redis.sock\"]\nca_file = \"/ca\"\n"
          "server_name = \"redis.example\"\nuser = \"sluice\"\npassword_file = \"/password\"\nkey_file = "
          "\"/key\"\nprefix = \"mail:1\"\n"
          "node = \"relay-1\"\nlocal_share = 25\ntimeout_ms = 300\ngrace_s = 9\n" +
          std::string(kRoute))
          .cluster;
  std::vector<std::string> servers;
  for (const policy::ClusterServer& server : cluster.servers) servers.push_back(server.to_string());
  EXPECT_THAT(servers, ElementsAre("a.example:6379", "[2001:db8::1]:7000", "/run/redis.sock"));
  EXPECT_TRUE(cluster.tls);
  EXPECT_EQ(cluster.ca_file, "/ca");
  EXPECT_EQ(cluster.server_name, "redis.example");
  EXPECT_EQ(cluster.user, "sluice");
  EXPECT_EQ(cluster.password_file, "/password");
  EXPECT_EQ(cluster.key_file, "/key");
  EXPECT_EQ(cluster.prefix, "mail:1");
  EXPECT_EQ(cluster.node, "relay-1");
  EXPECT_EQ(cluster.local_share, 25U);
  EXPECT_EQ(cluster.timeout, std::chrono::milliseconds(300));
  EXPECT_EQ(cluster.grace, std::chrono::seconds(9));
}

TEST(ClusterConfig, SentinelsHaveAPortOfTheirOwn) {
  const Config config = load("[cluster]\nserver = \"a.example\"\nsentinel = \"limits\"\n" + std::string(kRoute));
  EXPECT_EQ(config.cluster.servers.at(0).to_string(), "a.example:26379");
  EXPECT_TRUE(load(std::string(kRoute)).cluster.servers.empty());
}

TEST(ClusterConfig, WhatCannotBeMeantIsAnError) {
  EXPECT_THAT(cluster_errors("server = \"192.0.2.1\"\ntls = \"none\"\n"),
              ElementsAre(HasSubstr("cluster.tls: is \"none\", and a server is at no loopback address")));
  EXPECT_THAT(cluster_errors("server = [\"127.0.0.1\", \"/run/redis.sock\"]\ntls = \"none\"\n"), ElementsAre());
  EXPECT_THAT(cluster_errors("server = \"a.example\"\nuser = \"sluice\"\n"),
              ElementsAre("cluster.user: has no password_file to go with it"));
  EXPECT_THAT(cluster_errors("key_file = \"/key\"\n"), ElementsAre("cluster.key_file: means nothing without server"));
  EXPECT_THAT(cluster_errors("node = \"a\"\n"), ElementsAre("cluster.node: means nothing without server"));
  EXPECT_THAT(cluster_errors("server = \"a.example\"\nnode = \"a b\"\n"),
              ElementsAre(R"(cluster.node: "a b" is no name of a node)"));
  EXPECT_THAT(cluster_errors("server = \"a.example\"\nprefix = \"{x}\"\n"),
              ElementsAre(R"(cluster.prefix: "{x}" is no prefix of keys)"));
  EXPECT_THAT(cluster_errors("server = \"a.example\"\nlocal_share = 101\n"), ElementsAre(HasSubstr("local_share")));
}

TEST(ClusterConfig, AChangeNeedsARestart) {
  const Config before = load("[cluster]\nserver = \"a.example\"\n" + std::string(kRoute));
  const Config after = load("[cluster]\nserver = \"b.example\"\nnode = \"x\"\n" + std::string(kRoute));
  EXPECT_THAT(changes_that_need_restart(before, after),
              ElementsAre(R"(cluster.server: ["a.example"] became ["b.example"])", R"(cluster.node: "" became "x")"));
}

}  // namespace
}  // namespace sluice::config

// How clients of a listener log in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/config/config.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;

Config load(const std::string& text) {
  auto config = load_config(text + "[[route]]\nhosts = [\"mx1.farm.example:25\"]\n", "sluice.toml");
  EXPECT_TRUE(config.has_value());
  return config ? *std::move(config) : Config();
}

TEST(Mechanisms, AreWithoutScramUnlessItIsAskedFor) {
  EXPECT_FALSE(has_scram(load("")));
  EXPECT_THAT(load("").listeners[0].mechanisms, ElementsAre("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"));
}

TEST(Mechanisms, OfScramAreNamedInAnyCase) {
  for (const char* name : {"SCRAM-SHA-256", "scram-sha-256", "SCRAM-SHA-256-PLUS"}) {
    const Config config =
        load("[[listener]]\naddress = \"0.0.0.0:25\"\nmechanisms = [\"PLAIN\", \"" + std::string(name) + "\"]\n");
    EXPECT_TRUE(has_scram(config)) << name;
  }
  EXPECT_EQ(load("[login]\nscram_iterations = 4096\n").login.scram_iterations, 4096U);
}

}  // namespace
}  // namespace sluice::config

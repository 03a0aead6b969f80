// How clients of a listener log in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;

Config with_route(const std::string& text) { return load(text + std::string(kRoute)); }

TEST(Mechanisms, AreWithoutScramUnlessItIsAskedFor) {
  EXPECT_FALSE(has_scram(with_route("")));
  EXPECT_THAT(with_route("").listeners[0].mechanisms, ElementsAre("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"));
}

TEST(Mechanisms, OfScramAreNamedInAnyCase) {
  for (const char* name : {"SCRAM-SHA-256", "scram-sha-256", "SCRAM-SHA-256-PLUS"}) {
    const Config config =
        with_route("[[listener]]\naddress = \"0.0.0.0:25\"\nmechanisms = [\"PLAIN\", \"" + std::string(name) + "\"]\n");
    EXPECT_TRUE(has_scram(config)) << name;
  }
  EXPECT_EQ(with_route("[login]\nscram_iterations = 4096\n").login.scram_iterations, 4096U);
}

TEST(Mechanisms, OfDevicesMayBeTheOnlyOnes) {
  const Config config =
      with_route("[[listener]]\naddress = \"0.0.0.0:25\"\nmechanisms = \"cram-md5\"\ndevice_only = true\n");
  EXPECT_THAT(config.listeners[0].mechanisms, ElementsAre("CRAM-MD5"));
  EXPECT_FALSE(has_scram(config));
}

}  // namespace
}  // namespace sluice::config

// What is kept of mail domains, for how long, and what makes room for what.
#include "engine/mx/cache.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::mx {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

MxAnswer good(std::uint32_t ttl_s, const std::string& name = "mx") {
  MxHost host{.name = name, .preference = 1, .addresses = {*io::Address::from_ip("192.0.2.1", 25)}};
  return {.found = std::vector{std::move(host)}, .ttl_s = ttl_s};
}
MxAnswer refused(std::uint32_t ttl_s) {
  return {.found = std::unexpected(MxFailure{true, 550, {5, 1, 2}, "no such domain"}), .ttl_s = ttl_s};
}
MxAnswer failed() { return {.found = std::unexpected(MxFailure{false, 451, {4, 4, 3}, "on fire"}), .ttl_s = 0}; }

// Kept from now on for exactly so long.
void expect_kept(MxAnswer answer, Duration time) {
  MxCache cache({});
  const auto known = cache.put("a", std::move(answer), kStart);
  EXPECT_EQ(known->until, kStart + time);
  EXPECT_EQ(cache.find("a", kStart + time - 1ns), known);
  EXPECT_EQ(cache.find("a", kStart + time), nullptr);
  EXPECT_EQ(cache.find("b", kStart), nullptr);
}

TEST(MxCacheTest, TimesAreKeptWithinBounds) {
  expect_kept(good(300), 300s);
  expect_kept(good(0), 30s);
  expect_kept(good(UINT32_MAX), 24h);
  expect_kept(refused(60), 60s);
  expect_kept(refused(0), 30s);
  expect_kept(refused(86'400), 5min);
  expect_kept(failed(), 15s);
}

TEST(MxCacheTest, WhatIsPastItsTimeServesWhileTheNameServiceFails) {
  MxCache cache({});
  cache.put("a", good(300), kStart);
  const Instant past = kStart + 300s;
  auto known = cache.put("a", failed(), past + 1s);
  ASSERT_TRUE(known->found);
  EXPECT_TRUE(known->stale);
  EXPECT_EQ(known->until, past + 16s);  // then the name service is asked again
  EXPECT_EQ(cache.find("a", past + 15s), known);
  EXPECT_EQ(cache.find("a", past + 16s), nullptr);
  known = cache.put("a", failed(), past + 1h - 1s);
  EXPECT_TRUE(known->stale);
  EXPECT_EQ(known->until, past + 1h);  // an hour is an hour, however often it was asked for
  known = cache.put("a", failed(), past + 1h);
  EXPECT_FALSE(known->found);
  EXPECT_FALSE(cache.put("a", failed(), past + 1h + 20s)->found);
}

TEST(MxCacheTest, WhatTheNameServiceSaysReplacesWhatIsPastItsTime) {
  MxCache cache({});
  cache.put("a", good(300, "old"), kStart);
  cache.put("a", failed(), kStart + 400s);
  EXPECT_EQ(cache.put("a", good(300, "new"), kStart + 500s)->found->at(0).name, "new");
  EXPECT_FALSE(cache.find("a", kStart + 501s)->stale);
  EXPECT_FALSE(cache.put("a", refused(60), kStart + 900s)->found);
  // A refusal is not clung to: while nothing is known, mail waits.
  EXPECT_FALSE(cache.put("a", failed(), kStart + 1000s)->found.error().permanent);
}

TEST(MxCacheTest, WhatWasLongestUnusedMakesRoom) {
  MxCache cache({.entries_max = 3});
  for (const char* domain : {"a", "b", "c"}) cache.put(domain, good(300), kStart);
  EXPECT_NE(cache.find("a", kStart), nullptr);
  cache.put("d", good(300), kStart);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.find("b", kStart), nullptr);
  for (const char* domain : {"a", "c", "d"}) EXPECT_NE(cache.find(domain, kStart), nullptr) << domain;
  for (int i = 0; i < 1000; ++i) cache.put("n" + std::to_string(i), failed(), kStart);
  EXPECT_EQ(cache.size(), 3U);
}

}  // namespace
}  // namespace sluice::mx

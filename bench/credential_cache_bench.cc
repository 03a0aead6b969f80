// The credential cache with as many logins as an evening has: a look-up by a key, the making of a key, and both, at a
// thousand and at a million entries; and the bytes that an entry takes.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/credential_cache.h"

namespace {

using namespace sluice;
using namespace sluice::auth;

constexpr std::size_t kAskedMax = 4096;

struct Filled {
  explicit Filled(std::size_t count) : cache(process_key, {.granted_max = 2 * count}) {
    auto identity = std::make_shared<Identity>();
    for (std::size_t i = 0; i < count; ++i) {
      const auto name = Name::make("user" + std::to_string(i) + "@customer.example");
      auto secret = Secret::make("secret number " + std::to_string(i));
      const CredentialKey key = cache.key_of(*name, *secret);
      cache.put(cache.ticket(), key, Answer::granted(identity), now);
      if (i % (count / kAskedMax + 1) != 0) continue;
      keys.push_back(key);
      names.push_back(*name);
      secrets.push_back(*std::move(secret));
    }
  }
  std::array<std::byte, kCacheKeyBytes> process_key{};
  Instant now = Instant() + std::chrono::hours(1);
  CredentialCache cache;
  std::vector<CredentialKey> keys;
  std::vector<Name> names;
  std::vector<Secret> secrets;
};

void look_up(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.cache.find(filled.keys[i], filled.now));
    i = i + 1 == filled.keys.size() ? 0 : i + 1;
  }
}

void make_key(benchmark::State& state) {
  Filled filled(1000);
  for (auto _ : state) benchmark::DoNotOptimize(filled.cache.key_of(filled.names[7], filled.secrets[7]));
}

void make_key_and_look_up(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.cache.find(filled.cache.key_of(filled.names[i], filled.secrets[i]), filled.now));
    i = i + 1 == filled.keys.size() ? 0 : i + 1;
  }
}

BENCHMARK(look_up)->Arg(1000)->Arg(1'000'000);
BENCHMARK(make_key);
BENCHMARK(make_key_and_look_up)->Arg(1000)->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();

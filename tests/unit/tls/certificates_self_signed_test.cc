// Self-signed certificates: good for the names that they are asked for, and for nothing odd.
#include <gtest/gtest.h>

#include <array>

#include "engine/tls/self_signed.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::Listener;
using testing::talk;

// wolfSSL checks dates by the real clock.
const WallMillis kNow = testing::real_now();

TEST(SelfSigned, IsGoodForEachOfItsNames) {
  const std::array names{std::string("mail.example.com"), std::string("*.example.net"), std::string("192.0.2.1"),
                         std::string("2001:db8::1")};
  const auto made = make_self_signed(names, kNow);
  ASSERT_TRUE(made.has_value()) << made.error();
  Listener listener;
  listener.source.put("mx.example.com", *made);
  auto context = TlsClientContext::make({.verify = TlsVerify::required, .ca_pem = made->certificate_pem});
  ASSERT_TRUE(context.has_value()) << context.error();
  const auto state = [&](std::string_view name) {
    auto server = listener.accept();
    auto client = TlsSession::client(**context, name);
    talk(*server, *client);
    return client->state();
  };
  for (const char* name : {"mail.example.com", "x.example.net", "192.0.2.1", "2001:db8::1"})
    EXPECT_EQ(state(name), TlsState::open) << name;
  for (const char* name : {"example.com", "x.y.example.net", "example.net", "192.0.2.2", "2001:db8::2"})
    EXPECT_EQ(state(name), TlsState::failed) << name;
}

TEST(SelfSigned, LivesAsLongAsIsSaid) {
  const auto made = make_self_signed(std::array{std::string("a.test")}, kNow, {.life = std::chrono::days(10)});
  ASSERT_TRUE(made.has_value());
  const auto loaded = load_certificate("a.test", {made->certificate_pem, made->key_pem, "chain", "key"});
  ASSERT_TRUE(loaded.has_value()) << loaded.error();
  EXPECT_EQ((*loaded)->expires, kNow / 1'000 + 10 * 86'400);
}

TEST(SelfSigned, DatesReadTheSameOnBothSidesOf2050) {
  for (const WallMillis now : {WallMillis{1'800'000'000'000}, WallMillis{2'524'607'999'000},
                               WallMillis{2'524'694'400'000}, WallMillis{4'000'000'000'000}}) {
    const auto made = make_self_signed(std::array{std::string("a.test")}, now, {.life = std::chrono::days(1)});
    ASSERT_TRUE(made.has_value()) << made.error();
    const auto loaded = load_certificate("a.test", {made->certificate_pem, made->key_pem, "chain", "key"});
    ASSERT_TRUE(loaded.has_value()) << loaded.error();
    EXPECT_EQ((*loaded)->expires, now / 1'000 + 86'400);
  }
}

TEST(SelfSigned, IsAnotherEachTime) {
  const std::array names{std::string("a.test")};
  EXPECT_NE(make_self_signed(names, kNow)->key_pem, make_self_signed(names, kNow)->key_pem);
}

TEST(SelfSigned, TakesManyAndLongNames) {
  std::vector<std::string> names;
  const std::string label(60, 'a');
  for (int i = 0; i < 50; ++i) names.push_back(label + "." + label + "." + std::to_string(i) + ".example.com");
  const auto made = make_self_signed(names, kNow);
  ASSERT_TRUE(made.has_value()) << made.error();
  EXPECT_TRUE(load_certificate("x", {made->certificate_pem, made->key_pem, "chain", "key"}).has_value());
  while (names.size() < 1'000) names.push_back(names.front());
  EXPECT_FALSE(make_self_signed(names, kNow).has_value());
}

TEST(SelfSigned, RefusesWhatIsNoName) {
  EXPECT_FALSE(make_self_signed({}, kNow).has_value());
  for (const char* name : {"", "a b", "*", "*.", "a.*.b", "a/b", "_x.test"}) {
    const auto made = make_self_signed(std::array{std::string(name)}, kNow);
    EXPECT_FALSE(made.has_value()) << name;
  }
}

}  // namespace
}  // namespace sluice::tls

// Device passwords by CRAM-MD5: what is computed, what the store keeps and finds, and the shield in front of it.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "auth/device_password.h"
#include "auth/store/device_admin.h"
#include "auth/store/device_cram_md5.h"
#include "auth/store/hmac_md5.h"
#include "tests/unit/auth_backend/scripted.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kChallenge = "<1896.697170952@relay.example>";
constexpr const char* kPrinterPassword = "abcde23456fghij7klmn";

std::string hex(const Md5Digest& digest) {
  HmacMd5States twice{.inner = digest, .outer = digest};
  return hmac_md5_text(twice).substr(kHmacMd5TextBytes / 2);
}

std::string answered(std::string_view password, std::string_view challenge = kChallenge) {
  return hex(hmac_md5(hmac_md5_states(password), challenge));
}

TEST(HmacMd5, IsThatOfTheRfcs) {
  EXPECT_EQ(answered("tanstaaftanstaaf", "<1896.697170952@postoffice.reston.mci.net>"),
            "b913a602c7eda7a495b4e6e7334d3890");
  // RFC 2104's.
  EXPECT_EQ(answered(std::string(16, '\x0b'), "Hi There"), "9294727a3638bb1c13f48ef8158bfc9d");
  EXPECT_EQ(answered("Jefe", "what do ya want for nothing?"), "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(answered(std::string(16, '\xaa'), std::string(50, '\xdd')), "56be34521d144c88dbb8c733f0e8b3f6");
}

TEST(HmacMd5, GoesOnFromWhatWasKept) {
  const std::string kept = hmac_md5_text(hmac_md5_states("Jefe"));
  EXPECT_EQ(kept.size(), kHmacMd5TextBytes);
  const auto states = read_hmac_md5_text(kept);
  ASSERT_TRUE(states);
  EXPECT_EQ(hex(hmac_md5(*states, "what do ya want for nothing?")), "750c783e6ab0b503eaa86e310a5db738");
  for (const std::string& damaged : {std::string(), kept.substr(1), kept + "0", "g" + kept.substr(1)})
    EXPECT_FALSE(read_hmac_md5_text(damaged)) << damaged;
}

class CramMd5Store : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
    devices_ = DeviceAdmin::open(address()).value();
  }
  void add(const std::string& name, const std::string& password, bool cram_md5 = true) {
    NewDevice device{.account = "tim@example.com", .name = name, .cram_md5 = cram_md5};
    device.networks = networks_;
    device.expires = expires_;
    expect_ok(devices_->add(device, password, kTestNow));
  }
  std::optional<Answer> log_in(std::string_view name, const std::string& digest, WallMillis now = kTestNow) {
    CramMd5Login login{.name = name_of(name)};
    login.client.ip = "192.0.2.1";
    login.challenge = kChallenge;
    login.digest = digest;
    auto found = store_->find_device(login, now);
    EXPECT_TRUE(found.has_value());
    return found ? *std::move(found) : std::nullopt;
  }

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
  std::unique_ptr<DeviceAdmin> devices_;
  std::vector<std::string> networks_;
  std::optional<WallMillis> expires_;
};

TEST_F(CramMd5Store, FindsADeviceByWhatItAnswers) {
  add("printer", kPrinterPassword);
  for (const std::string& typed : {std::string(kPrinterPassword), shown_device_password(kPrinterPassword)}) {
    const auto answer = log_in("Tim@Example.COM", answered(typed));
    ASSERT_TRUE(answer) << typed;
    ASSERT_EQ(answer->kind, AnswerKind::granted);
    EXPECT_EQ(answer->identity->account_name, "tim@example.com");
    ASSERT_NE(answer->identity->device, nullptr);
    EXPECT_EQ(answer->identity->device->name, "printer");
  }
  EXPECT_FALSE(log_in("tim@example.com", answered(kPrinterPassword, "<another@challenge>")));
  EXPECT_FALSE(log_in("kurt@example.com", answered(kPrinterPassword)));
  EXPECT_FALSE(log_in("nobody@example.com", answered(kPrinterPassword)));
  EXPECT_FALSE(log_in("tim@example.com", answered("right"))) << "the mailbox's own password";
  const auto listed = devices_->list("tim@example.com");
  ASSERT_TRUE(listed && listed->size() == 1);
  EXPECT_TRUE(listed->front().cram_md5);
  EXPECT_EQ(listed->front().used, kTestNow);
  EXPECT_EQ(listed->front().used_from, "192.0.2.1");
}

TEST_F(CramMd5Store, FindsEachOfFifty) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  std::vector<std::string> passwords;
  for (std::size_t i = 0; i < kDevicesMax; ++i) {
    passwords.push_back(std::string(18, 'a') + letters[i / letters.size()] + letters[i % letters.size()]);
    add("device " + std::to_string(i), passwords.back());
  }
  for (std::size_t i = 0; i < kDevicesMax; ++i) {
    const auto answer = log_in("tim@example.com", answered(passwords[i]));
    ASSERT_TRUE(answer && answer->kind == AnswerKind::granted) << i;
    EXPECT_EQ(answer->identity->device->name, "device " + std::to_string(i));
  }
}

TEST_F(CramMd5Store, IsOnlyForDevicesThatWereMadeForIt) {
  add("printer", kPrinterPassword, /*cram_md5=*/false);
  EXPECT_FALSE(log_in("tim@example.com", answered(kPrinterPassword)));
  // Nor for what stands where they are kept.
  const std::string nothing(kNobodysCramMd5.substr(0, kHmacMd5TextBytes));
  EXPECT_FALSE(log_in("tim@example.com", hex(hmac_md5(*read_hmac_md5_text(nothing), kChallenge))));
  EXPECT_FALSE(devices_->list("tim@example.com")->front().cram_md5);
}

TEST_F(CramMd5Store, GoesWithTimeRevocationAndAccount) {
  expires_ = kTestNow + 1000;
  add("printer", kPrinterPassword);
  EXPECT_TRUE(log_in("tim@example.com", answered(kPrinterPassword), kTestNow + 999));
  EXPECT_FALSE(log_in("tim@example.com", answered(kPrinterPassword), kTestNow + 1000));
  expires_.reset();
  add("scanner", "bbbbbbbbbbbbbbbbbbbb");
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, "unpaid"));
  const auto suspended = log_in("tim@example.com", answered("bbbbbbbbbbbbbbbbbbbb"));
  ASSERT_TRUE(suspended);
  EXPECT_EQ(suspended->kind, AnswerKind::suspended);
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::active, ""));
  expect_ok(devices_->revoke("tim@example.com", "scanner"));
  EXPECT_FALSE(log_in("tim@example.com", answered("bbbbbbbbbbbbbbbbbbbb")));
}

TEST_F(CramMd5Store, KeepsNothingThatIsThePassword) {
  add("printer", kPrinterPassword);
  std::string kept;
  expect_ok(open_database()->query("SELECT cram_md5 FROM device", {}, [&](const Row& row) { kept = row.text(0); }));
  EXPECT_EQ(kept.size(), 2 * kHmacMd5TextBytes);
  EXPECT_EQ(kept.find(kPrinterPassword), std::string::npos);
  EXPECT_FALSE(answers_cram_md5(kept.substr(1), kChallenge, answered(kPrinterPassword))) << "damaged";
}

// Each time with a challenge of its own.
class CramMd5Authenticator : public ::testing::Test {
 protected:
  Answer check(std::string_view ip, const std::string& digest, std::string_view name = "tim@example.com") {
    CramMd5Login login{.name = name_of(name)};
    login.client.ip = ip;
    login.challenge = "<" + std::to_string(++challenges_) + "@relay.example>";
    login.digest = digest;
    return testing::await<Answer>(core_.platforms, core_.loop, [&] { return authenticator_.check_cram_md5(login); });
  }

  int challenges_ = 0;
  BackendCore core_;
  const std::vector<ConfiguredBackend> backends_ = store_alone();
  BackendChain chain_{backends_, core_.parts(), [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  SharedShield shield_;
  CachingAuthenticator authenticator_{core_.loop, shield_, chain_, key_, {}, [](const ShieldEntry&) {}};
};

TEST_F(CramMd5Authenticator, AsksTheStoreEachTime) {
  core_.store.on_cram_md5 = [](const CramMd5Login& login) {
    return login.digest == "right" ? std::optional(Answer::granted(std::make_shared<Identity>())) : std::nullopt;
  };
  EXPECT_EQ(check("192.0.2.1", "right").kind, AnswerKind::granted);
  EXPECT_EQ(check("192.0.2.1", "right").kind, AnswerKind::granted);
  EXPECT_EQ(check("192.0.2.1", "wrong").kind, AnswerKind::wrong);
  EXPECT_EQ(authenticator_.counters().asked, 3U);
  EXPECT_EQ(authenticator_.counters().checks, 3U);
  EXPECT_EQ(authenticator_.counters().from_cache, 0U);
}

TEST_F(CramMd5Authenticator, GuessesCountAtTheShield) {
  int asked = 0;
  core_.store.on_cram_md5 = [&asked](const CramMd5Login&) {
    ++asked;
    return std::nullopt;
  };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(check("192.0.2.1", std::to_string(i)).kind, AnswerKind::wrong);
  EXPECT_EQ(check("192.0.2.1", "another").kind, AnswerKind::refused);
  EXPECT_EQ(asked, 20);
}

// Unlike a password, which a stale device says again and again, it is of nothing that a client knows.
TEST_F(CramMd5Authenticator, TheSameDigestToOtherChallengesCountsEachTime) {
  core_.store.on_cram_md5 = [](const CramMd5Login&) { return std::nullopt; };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(check("192.0.2.1", std::string(32, '0')).kind, AnswerKind::wrong);
  EXPECT_EQ(check("192.0.2.1", std::string(32, '0')).kind, AnswerKind::refused);
}

TEST_F(CramMd5Authenticator, ADeviceIsGoodInItsNetworksAlone) {
  core_.store.on_cram_md5 = [](const CramMd5Login&) {
    auto bounds = std::make_shared<DeviceBounds>();
    bounds->networks.push_back(*Network::parse("192.0.2.0/24"));
    auto identity = std::make_shared<Identity>();
    identity->device = bounds;
    return std::optional(Answer::granted(identity));
  };
  EXPECT_EQ(check("192.0.2.1", "right").kind, AnswerKind::granted);
  EXPECT_EQ(check("198.51.100.1", "right").kind, AnswerKind::wrong);
}

TEST_F(CramMd5Authenticator, AnAccountThatIsChangedMeanwhileIsLookedAtAgain) {
  int asked = 0;
  core_.store.on_cram_md5 = [&](const CramMd5Login&) -> std::optional<Answer> {
    if (++asked > 1) return std::nullopt;
    authenticator_.forget({.accounts = {"tim@example.com"}});
    return Answer::granted(std::make_shared<Identity>());
  };
  EXPECT_EQ(check("192.0.2.1", "right").kind, AnswerKind::wrong);
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace sluice::auth

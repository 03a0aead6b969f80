// From the making of a key over the store to the signer's source of keys.
#include "engine/domain_keys/store_keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key_admin.h"
#include "engine/dkim/key_generation.h"
#include "engine/domain_keys/new_key.h"
#include "engine/io/real_platform.h"

namespace sluice::domain_keys {
namespace {

constexpr WallMillis kNow = 1'767'225'600'000;  // 2026-01-01

class SetClock final : public io::Clock {
 public:
  Instant now() override { return {}; }
  WallMillis wall() override { return kNow; }
};

class SilentSource final : public dkim::KeySource {
 public:
  std::expected<std::vector<dkim::StoredKey>, std::string> keys_of(std::string_view) override {
    return std::unexpected("no answer");
  }
};

class StoreKeysTest : public ::testing::Test {
 protected:
  StoreKeysTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-keys-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    const auto admin =
        auth::AccountAdmin::open(directory_ + "/accounts.db", auth::IfMissing::create, auth::kLeastHashCost);
    EXPECT_TRUE((*admin)->add_customer("Acme", kNow));
    EXPECT_TRUE((*admin)->add_domain("example.com", "Acme", kNow));
  }
  ~StoreKeysTest() override { std::filesystem::remove_all(directory_); }

  auth::StoreAddress address() const { return {directory_ + "/accounts.db"}; }
  KeyWrapper wrapper(const std::string& bytes) {
    const std::string path = directory_ + "/" + bytes.substr(0, 1);
    std::ofstream(path) << bytes;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return *KeyWrapper::read(path);
  }
  void keep(auth::NewSigningKey key) {
    const auto admin = auth::SigningKeyAdmin::open(address()).value();
    const auto kept = admin->change("example.com", [&key](auto) -> auth::StoreResult<auth::KeyChanges> {
      auth::KeyChanges changes;
      changes.keys.push_back(std::move(key));
      return changes;
    });
    EXPECT_TRUE(kept) << kept.error().what;
  }
  std::shared_ptr<StoreKeys> source(KeyWrapper wrapper) {
    return std::make_shared<StoreKeys>(address(), std::move(wrapper), std::make_unique<SetClock>(),
                                       auth::WhileFailing::sign);
  }

  std::string directory_;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
};

TEST_F(StoreKeysTest, AKeyComesBackAsItWasKept) {
  const KeyWrapper wrap = wrapper(std::string(32, 'w'));
  const auto der = dkim::generate_key(dkim::Algorithm::ed25519_sha256);
  keep(*key_for_store("example.com", "sl1e", *der, auth::KeyState::active,
                      {.wrapper = wrap, .random = *random_, .now = kNow}));
  const auto keys = source(wrapper(std::string(32, 'w')))->keys_of("example.com");
  ASSERT_TRUE(keys) << keys.error();
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().selector, "sl1e");
  EXPECT_EQ(keys->front().der.reveal(), der->reveal());
  EXPECT_TRUE(source(wrapper(std::string(32, 'w')))->keys_of("example.org")->empty());
  // With another wrapping key, and without one.
  EXPECT_FALSE(source(wrapper(std::string(32, 'x')))->keys_of("example.com"));
  EXPECT_FALSE(source(KeyWrapper())->keys_of("example.com"));
}

TEST_F(StoreKeysTest, AMadeKeyIsPublishedAndDoesNotSignYet) {
  const KeyWrapper none;
  auto key = make_key_for_store("example.com", "sl1r", dkim::Algorithm::rsa_sha256,
                                {.wrapper = none, .random = *random_, .now = kNow});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->record.algorithm, "rsa-sha256");
  EXPECT_EQ(key->record.state, auth::KeyState::published);
  EXPECT_GT(key->record.public_key.size(), 390U);
  keep(*std::move(key));
  EXPECT_TRUE(source(KeyWrapper())->keys_of("example.com")->empty());
}

TEST_F(StoreKeysTest, ASelectorThatIsNoneOrWouldBeMoreInAZoneFileIsRefused) {
  const KeyWrapper none;
  const KeyStorage storage{.wrapper = none, .random = *random_, .now = kNow};
  const auto der = dkim::generate_key(dkim::Algorithm::ed25519_sha256);
  for (const std::string selector : {"", "a b", "a;b", "a\"b", "a\nb", "A", "$ORIGIN", "@", "a..b"})
    EXPECT_FALSE(key_for_store("example.com", selector, *der, auth::KeyState::active, storage)) << selector;
  EXPECT_TRUE(key_for_store("example.com", "s_1.mail-2", *der, auth::KeyState::active, storage));
  EXPECT_FALSE(key_for_store("example.com", "s", dkim::KeyDer("none"), auth::KeyState::active, storage));
}

TEST_F(StoreKeysTest, WhereThereIsNoStoreYetNoDomainHasAKey) {
  const KeyWrapper none;
  const std::string file = directory_ + "/accounts.db";
  std::filesystem::rename(file, file + ".away");
  const auto early = source(KeyWrapper());
  EXPECT_TRUE(early->keys_of("example.com")->empty());
  std::filesystem::rename(file + ".away", file);
  keep(*key_for_store("example.com", "one", *dkim::generate_key(dkim::Algorithm::ed25519_sha256),
                      auth::KeyState::active, {.wrapper = none, .random = *random_, .now = kNow}));
  EXPECT_EQ(early->keys_of("example.com")->size(), 1U);
}

TEST_F(StoreKeysTest, TheFirstSourceThatHasKeysIsTaken) {
  const KeyWrapper none;
  const auto der = dkim::generate_key(dkim::Algorithm::ed25519_sha256);
  const auto empty = source(KeyWrapper());
  EXPECT_TRUE(FirstOfSources({empty, empty}).keys_of("example.com")->empty());
  keep(*key_for_store("example.com", "one", *der, auth::KeyState::active,
                      {.wrapper = none, .random = *random_, .now = kNow}));
  EXPECT_EQ(FirstOfSources({empty}).keys_of("example.com")->front().selector, "one");
  EXPECT_TRUE(FirstOfSources({}).keys_of("example.com")->empty());
  // One that does not answer is not passed over.
  const auto silent = std::make_shared<SilentSource>();
  EXPECT_EQ(FirstOfSources({silent, empty}).keys_of("example.com").error(), "no answer");
  EXPECT_TRUE(FirstOfSources({empty, silent}).keys_of("example.com"));
}

TEST_F(StoreKeysTest, DomainsAboveAndTheChoiceComeFromTheStore) {
  const auto admin =
      auth::AccountAdmin::open(directory_ + "/accounts.db", auth::IfMissing::fail, auth::kLeastHashCost).value();
  EXPECT_TRUE(admin->add_domain("*.example.com", "Acme", kNow));
  EXPECT_TRUE(admin->set_customer_sign_as("Acme", "example.com"));
  const auto keys = source(KeyWrapper());
  const std::vector<std::string> above{"example.com"};
  EXPECT_EQ(keys->parents_of("www.example.com").value(), above);
  EXPECT_TRUE(keys->parents_of("www.example.org")->empty());
  EXPECT_EQ(keys->choice_of("Acme").value(), "example.com");
  EXPECT_EQ(keys->choice_of("Other").value(), "");
  // A source beside it has none.
  FirstOfSources both({std::make_shared<SilentSource>(), keys});
  EXPECT_EQ(both.parents_of("www.example.com").value(), above);
  EXPECT_EQ(both.choice_of("Acme").value(), "example.com");
  // A name that has become a public suffix since its rule was added.
  EXPECT_TRUE(admin->add_domain("*.acme.co.uk", "Acme", kNow));
  EXPECT_TRUE(admin->add_domain("acme.co.uk", "Acme", kNow));
  EXPECT_EQ(keys->parents_of("www.acme.co.uk")->size(), 1U);
  const auto store = auth::open_store(address(), auth::IfMissing::fail, auth::kAdminWaits).value();
  EXPECT_TRUE(store->run("UPDATE domain SET name = replace(name, 'acme.', '') WHERE name LIKE '%acme.co.uk'"));
  EXPECT_TRUE(keys->parents_of("www.co.uk")->empty());
  // Without a store there are none.
  std::filesystem::remove(directory_ + "/accounts.db");
  EXPECT_TRUE(source(KeyWrapper())->parents_of("www.example.com")->empty());
  EXPECT_EQ(source(KeyWrapper())->choice_of("Acme").value(), "");
}

TEST_F(StoreKeysTest, WhyADomainThatIsFailingHasNoneIsSaid) {
  const KeyWrapper none;
  const auto why = [this](auth::WhileFailing failing, std::string_view domain) {
    const auto keys = std::make_shared<StoreKeys>(address(), KeyWrapper(), std::make_unique<SetClock>(), failing);
    return FirstOfSources({std::make_shared<SilentSource>(), keys}).why_none(domain);
  };
  const auto states = auth::DomainStateAdmin::open(address()).value();
  auth::DomainState state = states->state("example.com").value();
  state.failing_since = kNow;
  EXPECT_TRUE(states->save(state));
  // It has none.
  EXPECT_EQ(why(auth::WhileFailing::keep_back, "example.com"), "");
  keep(*key_for_store("example.com", "one", *dkim::generate_key(dkim::Algorithm::ed25519_sha256),
                      auth::KeyState::active, {.wrapper = none, .random = *random_, .now = kNow}));
  EXPECT_EQ(why(auth::WhileFailing::keep_back, "example.com"), "the domain is failing (dkim.failing)");
  EXPECT_EQ(why(auth::WhileFailing::keep_back, "example.org"), "");
  EXPECT_EQ(why(auth::WhileFailing::sign, "example.com"), "");
  state.failing_since = 0;
  EXPECT_TRUE(states->save(state));
  EXPECT_EQ(why(auth::WhileFailing::keep_back, "example.com"), "");
}

TEST_F(StoreKeysTest, WhyADomainWhoseKeysDoNotFitTheirRecordsHasNoneIsSaid) {
  const KeyWrapper none;
  for (const std::string selector : {"one", "two"})
    keep(*key_for_store("example.com", selector, *dkim::generate_key(dkim::Algorithm::ed25519_sha256),
                        auth::KeyState::active, {.wrapper = none, .random = *random_, .now = kNow}));
  const auto admin = auth::SigningKeyAdmin::open(address()).value();
  const auto keys = admin->keys_of("example.com").value();
  const auto keep_back = [&](const auth::SigningKeyRecord& key) {
    EXPECT_TRUE(admin->save_fit(key, {.wrong_since = kNow, .kept_back = true}).value());
  };
  const auto from = [this](auth::WhileFailing failing) {
    return std::make_shared<StoreKeys>(address(), KeyWrapper(), std::make_unique<SetClock>(), failing);
  };
  const auto with_sign = from(auth::WhileFailing::sign);
  keep_back(keys[0]);
  EXPECT_EQ(with_sign->keys_of("example.com")->front().selector, "two");
  EXPECT_EQ(with_sign->why_none("example.com"), "");
  // A domain that is failing besides is so for the key that is left.
  const auto states = auth::DomainStateAdmin::open(address()).value();
  auth::DomainState state = states->state("example.com").value();
  state.failing_since = kNow;
  EXPECT_TRUE(states->save(state));
  EXPECT_EQ(with_sign->keys_of("example.com")->size(), 1U);
  EXPECT_EQ(from(auth::WhileFailing::keep_back)->why_none("example.com"), "the domain is failing (dkim.failing)");
  keep_back(keys[1]);
  const std::string why = "no key fits its record: one._domainkey.example.com, two._domainkey.example.com";
  for (const auto failing : {auth::WhileFailing::sign, auth::WhileFailing::keep_back}) {
    EXPECT_TRUE(from(failing)->keys_of("example.com")->empty());
    EXPECT_EQ(from(failing)->why_none("example.com"), why);
  }
  // Where nobody checks.
  EXPECT_EQ(from(auth::WhileFailing::all_sign)->keys_of("example.com")->size(), 2U);
}

}  // namespace
}  // namespace sluice::domain_keys

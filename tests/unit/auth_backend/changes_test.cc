// What a running relay learns of the edits that sluicectl makes in the same file.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

class ChangesTest : public StoreTest {
 protected:
  void SetUp() override {
    admin_ = open_admin();
    fill(*admin_);
    store_ = open_store();
    acme_ = store_->check(name_of("tim@example.com"), secret_of("right")).identity->customer_id;
    seen_ = store_->changes_since(0).upto;
  }
  Changes next() {
    Changes changes = store_->changes_since(seen_);
    EXPECT_EQ(changes.error, "");
    seen_ = changes.upto;
    std::ranges::sort(changes.accounts);
    return changes;
  }
  using Accounts = std::vector<std::string>;
  using Customers = std::vector<std::int64_t>;

  std::unique_ptr<AccountAdmin> admin_;
  std::unique_ptr<EmbeddedStore> store_;
  std::int64_t acme_ = 0;
  std::uint64_t seen_ = 0;
};

TEST_F(ChangesTest, NothingHappenedIsNoChange) {
  EXPECT_EQ(store_->watched_file(), address().file);
  const std::uint64_t before = seen_;
  const Changes changes = next();
  EXPECT_EQ(changes.upto, before);
  EXPECT_FALSE(changes.everything);
  EXPECT_TRUE(changes.accounts.empty() && changes.customers.empty());
}

// A row that another program had written ended the relay, whose cache knows names of logins.
TEST_F(ChangesTest, ANameThatIsLongerThanALoginsIsPassedOver) {
  const auto database = auth::open_store(address(), IfMissing::fail, kTestWaits);
  ASSERT_TRUE(database.has_value());
  for (const std::string& name : {std::string(kNameBytesMax, 'z'), std::string(kNameBytesMax + 1, 'z')})
    ASSERT_TRUE((*database)
                    ->run("INSERT INTO change (seq, account) VALUES ((SELECT max(seq) + 1 FROM change), $1)", {name})
                    .has_value());
  EXPECT_EQ(next().accounts, Accounts{std::string(kNameBytesMax, 'z')});
}

TEST_F(ChangesTest, TheFirstQuestionOnlyFindsItsPlace) {
  const Changes first = store_->changes_since(0);
  EXPECT_GT(first.upto, 0U);
  EXPECT_FALSE(first.everything);
  EXPECT_TRUE(first.accounts.empty() && first.customers.empty());
}

TEST_F(ChangesTest, ALoginSaysWhichChangesItKnows) {
  const auto known = [this] {
    return store_->check(name_of("tim@example.com"), secret_of("right")).identity->known_change;
  };
  EXPECT_EQ(known(), seen_);
  ASSERT_TRUE(admin_->set_account_class("tim@example.com", "wide").has_value());
  EXPECT_EQ(known(), next().upto);
}

// A password that is changed while its old one is being hashed is a change that the login does not know.
TEST_F(ChangesTest, ALoginKnowsNoChangeThatCameWhileItsPasswordWasHashed) {
  const auto password = store_->find(name_of("tim@example.com"));
  ASSERT_TRUE(password.has_value() && password->has_value());
  ASSERT_TRUE(admin_->set_account_class("tim@example.com", "wide").has_value());
  EXPECT_LT(store_->admit(**password, "").identity->known_change, next().upto);
}

TEST_F(ChangesTest, AnEmptyStoresFirstChangeIsNotMissed) {
  start_anew();
  admin_ = open_admin();
  store_ = open_store();
  seen_ = store_->changes_since(0).upto;
  fill(*admin_);
  EXPECT_EQ(next().accounts, Accounts{"tim@example.com"});
}

TEST_F(ChangesTest, EveryEditOfAnAccountNamesIt) {
  const Accounts tim{"tim@example.com"};
  expect_ok(admin_->set_password("tim@example.com", secret_of("other"), kTestNow));
  EXPECT_EQ(next().accounts, tim);
  // The same password in the same millisecond: still returned.
  expect_ok(admin_->set_password("tim@example.com", secret_of("other"), kTestNow));
  EXPECT_EQ(next().accounts, tim);
  expect_ok(admin_->set_account_status("tim@example.com", AccountStatus::suspended, ""));
  EXPECT_EQ(next().accounts, tim);
  expect_ok(admin_->set_narrowing("tim@example.com", {{"example.com"}}));
  EXPECT_EQ(next().accounts, tim);
  expect_ok(admin_->set_narrowing("tim@example.com", std::nullopt));
  EXPECT_EQ(next().accounts, tim);
  // To nothing at all, which lists no domain.
  expect_ok(admin_->set_narrowing("tim@example.com", std::vector<std::string>{}));
  EXPECT_EQ(next().accounts, tim);
  expect_ok(admin_->add_account("new@example.com", "Acme", secret_of("right"), std::nullopt, kTestNow));
  EXPECT_EQ(next().accounts, Accounts{"new@example.com"});
  expect_ok(admin_->remove_account("tim@example.com"));
  EXPECT_EQ(next().accounts, tim);
}

TEST_F(ChangesTest, EveryEditOfACustomerNamesIt) {
  expect_ok(admin_->set_customer_status("Acme", AccountStatus::suspended, ""));
  EXPECT_EQ(next().customers, Customers{acme_});
  expect_ok(admin_->add_domain("example.net", "Acme", kTestNow));
  EXPECT_EQ(next().customers, Customers{acme_});
  expect_ok(admin_->remove_domain("example.net"));
  EXPECT_EQ(next().customers, Customers{acme_});
}

TEST_F(ChangesTest, RemovingACustomerNamesItsAccountsToo) {
  expect_ok(admin_->remove_customer("Acme", true));
  const Changes changes = next();
  EXPECT_EQ(changes.accounts, Accounts{"tim@example.com"});
  EXPECT_EQ(changes.customers, Customers{acme_});
}

TEST_F(ChangesTest, HandEditsCountToo) {
  const auto database = open_database();
  expect_ok(database->run("UPDATE account SET status = 2"));
  EXPECT_EQ(next().accounts, Accounts{"tim@example.com"});
}

TEST_F(ChangesTest, TooManyToListAreEverything) {
  const auto database = open_database();
  {
    const auto transaction = Transaction::to_write(*database);
    for (int i = 0; i < 10'100; ++i) {
      ASSERT_TRUE(database->run("UPDATE customer SET reason = $1", {std::to_string(i)}).has_value());
    }
    expect_ok((*transaction)->commit());
  }
  EXPECT_TRUE(next().everything);
  EXPECT_FALSE(next().everything);
  // The list does not grow without bound.
  std::int64_t rows = 0;
  expect_ok(database->query("SELECT count(*) FROM change", {}, [&](const Row& row) { rows = row.integer(0); }));
  EXPECT_EQ(rows, 10'000);
}

TEST_F(ChangesTest, AnOlderFileInPlaceIsEverything) {
  seen_ += 1000;
  EXPECT_TRUE(next().everything);
  EXPECT_FALSE(next().everything);
}

}  // namespace
}  // namespace sluice::auth

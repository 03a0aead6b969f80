// Back ends are asked daily whether the mailboxes are still there that have device passwords.
#include "auth/backend/mailbox_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "auth/backend/kinds.h"
#include "auth/store/device_admin.h"
#include "tests/unit/auth_backend/scripted.h"
#include "tests/unit/auth_backend/store_fixture.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = MailboxState;

constexpr const char* kPassword = "abcde23456fghij7klmn";
constexpr const char* kBox = "box@example.com";
constexpr std::int64_t kHourMs = 3'600'000;

class MailboxWatchTest : public StoreTest {
 protected:
  MailboxWatchTest() { running_.add(watch_.run()); }
  ~MailboxWatchTest() override {
    watch_.stop();
    EXPECT_TRUE(core_.platforms.run_until([this] { return running_.live() == 0; }));
  }
  std::unique_ptr<EmbeddedStore> filled() {
    fill(*open_admin());
    return open_store();
  }
  void add(const std::string& account, const std::string& password = kPassword) {
    NewDevice device{
        .account = account, .name = "printer", .customer = {}, .expires = {}, .networks = {}, .senders = {}};
    device.mailbox_is_asked_for = true;
    expect_ok(devices_->add(device, password, now()));
  }
  [[nodiscard]] WallMillis now() const { return core_.loop.platform().clock.wall(); }
  // One look, so many hours after the last.
  void look_after(std::int64_t hours) {
    core_.platforms.world().jump_wall(hours * kHourMs);
    EXPECT_TRUE(core_.platforms.run_for(MailboxWatch::kLookEvery + std::chrono::milliseconds(500)));
  }
  void look() { look_after(0); }
  bool logs_in() {
    const Credentials credentials = credentials_of(kBox, kPassword);
    const auto found = store_->find_device(credentials, now());
    return found && *found && (*found)->kind == AnswerKind::granted;
  }
  [[nodiscard]] std::string dead() { return devices_->list(kBox).value().at(0).dead; }

  State state_ = State::exists;
  std::vector<std::string> asked_;
  std::vector<std::string> gone_;
  BackendCore core_;
  std::unique_ptr<EmbeddedStore> store_ = filled();
  std::unique_ptr<DeviceAdmin> devices_ = DeviceAdmin::open(path_).value();
  const std::vector<ConfiguredBackend> backends_{
      {.options = {.name = "scripted"},
       .source = std::make_shared<ScriptedSource>([](const Credentials&) { return Verdict::of(Verdict::Kind::wrong); },
                                                  [this](const Name& name) {
                                                    asked_.push_back(name.text());
                                                    return state_;
                                                  })}};
  BackendChain chain_{backends_, core_.parts(), [](std::string_view, std::string_view) {}};
  MailboxWatch watch_{core_.loop, *store_, chain_, [this](std::string_view account, std::size_t devices) {
                        gone_.push_back(std::string(account) + " " + std::to_string(devices));
                      }};
  TaskSet running_;
};

TEST_F(MailboxWatchTest, AsksOnceADay) {
  add(kBox);
  look();
  EXPECT_THAT(asked_, ElementsAre(kBox));
  look();
  look_after(23);
  EXPECT_THAT(asked_, SizeIs(1));
  look_after(1);
  EXPECT_THAT(asked_, SizeIs(2));
  EXPECT_TRUE(logs_in());
}

TEST_F(MailboxWatchTest, OneThatIsGoneForAnHourTakesItsDevicePasswordsAlong) {
  add(kBox);
  look();
  state_ = State::gone;
  look_after(24);
  EXPECT_TRUE(logs_in());
  EXPECT_THAT(gone_, IsEmpty());
  const std::uint64_t seen = store_->changes_since(0).upto;
  look_after(1);
  EXPECT_FALSE(logs_in());
  EXPECT_THAT(gone_, ElementsAre("box@example.com 1"));
  EXPECT_EQ(watch_.counters().devices_revoked, 1U);
  EXPECT_EQ(dead(), "mailbox is gone");
  // Open sessions are told by this.
  EXPECT_THAT(store_->changes_since(seen).accounts, ElementsAre(kBox));
  // It is not asked about any more, and comes back with a new one alone.
  state_ = State::exists;
  look_after(48);
  EXPECT_THAT(asked_, SizeIs(3));
  EXPECT_FALSE(logs_in());
  expect_ok(devices_->revoke(kBox, "printer"));
  add(kBox);
  EXPECT_TRUE(logs_in());
}

// A table that is being filled anew has no mailbox for a moment.
TEST_F(MailboxWatchTest, OneThatIsThereAgainAnHourLaterIsThere) {
  add(kBox);
  state_ = State::gone;
  look();
  state_ = State::exists;
  look_after(1);
  state_ = State::gone;
  look_after(24);
  EXPECT_TRUE(logs_in());
  look_after(1);
  EXPECT_FALSE(logs_in());
}

TEST_F(MailboxWatchTest, NoAnswerChangesNothing) {
  add(kBox);
  state_ = State::untold;
  for (int i = 0; i < 30; ++i) look_after(2);
  EXPECT_TRUE(logs_in());
  EXPECT_THAT(asked_, SizeIs(30));
  EXPECT_EQ(watch_.counters().untold, 30U);
  // Nor is it a second word on a mailbox that was not found once.
  state_ = State::gone;
  look_after(2);
  state_ = State::untold;
  look_after(2);
  EXPECT_TRUE(logs_in());
  EXPECT_EQ(dead(), "");
}

TEST_F(MailboxWatchTest, FewAreAskedAtATimeAndNoneThatTheStoreHas) {
  add("tim@example.com");
  for (int i = 0; i < 25; ++i) {
    std::string password = kPassword;
    password[0] = static_cast<char>('b' + i);
    add("box" + std::to_string(i) + "@example.com", password);
  }
  look();
  EXPECT_LE(asked_.size(), MailboxWatch::kLookMax);
  EXPECT_GE(asked_.size(), MailboxWatch::kLookMax - 1);
  look();
  look();
  EXPECT_THAT(asked_, SizeIs(25));
  EXPECT_THAT(asked_, ::testing::Not(::testing::Contains("tim@example.com")));
}

TEST(TellsMailboxes, WhereAllBackEndsOfTheDomainCanBeAsked) {
  const auto options = [](const char* kind, const char* query = "", const char* domain = "") {
    BackendOptions made{.name = kind, .kind = kind};
    made.query = query;
    if (*domain != '\0') made.domains = {domain};
    return made;
  };
  const auto tells = [](std::vector<BackendOptions> all) { return tells_mailboxes(all, "example.com"); };
  EXPECT_FALSE(tells({}));
  EXPECT_FALSE(tells({options("store")}));
  for (const char* kind : {"pop3", "imap", "http", "dovecot", "ldap"}) EXPECT_FALSE(tells({options(kind)})) << kind;
  EXPECT_TRUE(tells({options("file")}));
  EXPECT_TRUE(tells({options("ldap", "(uid=%{user})")}));
  for (const char* kind : {"postgresql", "mariadb", "sqlite"}) {
    EXPECT_TRUE(tells({options(kind, "SELECT password FROM u WHERE n = %{user}")})) << kind;
    EXPECT_FALSE(tells({options(kind, "SELECT 1 FROM u WHERE n = %{user} AND p = %{password}")})) << kind;
  }
  BackendOptions dovecot = options("dovecot");
  dovecot.userdb_socket = "/run/dovecot/auth-userdb";
  EXPECT_TRUE(tells({dovecot}));
  EXPECT_TRUE(tells({options("store"), options("file")}));
  EXPECT_FALSE(tells({options("file"), options("pop3")}));
  EXPECT_TRUE(tells({options("file"), options("pop3", "", "example.org")}));
  EXPECT_FALSE(tells_some_mailboxes(std::vector{options("pop3")}));
  EXPECT_TRUE(
      tells_some_mailboxes(std::vector{options("pop3", "", "example.org"), options("file", "", "example.net")}));
}

}  // namespace
}  // namespace sluice::auth

// Files of accounts, and the back end that follows one.
#include "auth/store/passwd_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "auth/backend/file_backend.h"
#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = Verdict::Kind;
using namespace std::chrono_literals;

// printf right | openssl dgst -sha1 -binary | base64
constexpr const char* kRightHash = "{SHA}0nofEXcSAJSXFLGvmfBIpBb11vQ=";
constexpr const char* kOther = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";  // of "correct horse"

TEST(PasswdFileTest, TakesDovecotsLinesAndHtpasswds) {
  const auto file = PasswdFile::parse(
      "# users\n\n"
      "tim:$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/\r\n"
      "Ann@Example.com:{SHA}x=:1000:1000:Ann:/h:/bin/sh:userdb_mail=a customer=acme "
      "domains=A.example,b.example\n"
      "sam:{SHA}x=::::::nologin\treason=unpaid\n");
  ASSERT_TRUE(file.has_value()) << file.error();
  EXPECT_EQ(file->find("TIM")->password, "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/");
  const PasswdEntry* const ann = file->find("ann@example.COM");
  ASSERT_NE(ann, nullptr);
  EXPECT_EQ(ann->name, "Ann@Example.com");
  EXPECT_EQ(ann->customer, "acme");
  EXPECT_THAT(ann->domains, ElementsAre("a.example", "b.example"));
  EXPECT_FALSE(ann->no_login);
  EXPECT_TRUE(file->find("sam")->no_login);
  EXPECT_EQ(file->find("sam")->reason, "unpaid");
  EXPECT_EQ(file->find("nobody"), nullptr);
  EXPECT_EQ(file->find(""), nullptr);
}

TEST(PasswdFileTest, TheFirstOfTwoLinesForANameCounts) {
  const auto file = PasswdFile::parse("tim:one\nTim:two\n");
  EXPECT_EQ(file->find("tim")->password, "one");
}

TEST(PasswdFileTest, WhatIsNotWholeIsAnErrorThatShowsNothingOfIt) {
  for (const std::string bad :
       {"tim:{SHA}secret", "tim:{SHA}secret\nsecret\n", ":secret\n", "tim:secret\nann\x01:secret\n",
        "tim:secret::::::domains=secret\n", "tim:secret::::::domains=a.example,,b.example\n"}) {
    const auto file = PasswdFile::parse(bad);
    ASSERT_FALSE(file.has_value()) << bad;
    EXPECT_THAT(file.error(), Not(HasSubstr("secret")));
  }
  EXPECT_FALSE(PasswdFile::parse("tim:" + std::string(kPasswdLineBytesMax, 'a') + "\n").has_value());
  EXPECT_TRUE(PasswdFile::parse("").has_value());
}

TEST(PasswdFileTest, AnUnknownNameStandsForOneThatIsNotLockedAlwaysTheSame) {
  std::string text = "locked:*\nempty:\nshadow:!$6$x\n";
  for (int i = 0; i < 100; ++i) text += "user" + std::to_string(i) + ":hash\n";
  const auto file = PasswdFile::parse(text);
  std::set<const PasswdEntry*> stand_ins;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "nobody" + std::to_string(i);
    const PasswdEntry* const one = file->stand_in(name);
    EXPECT_EQ(one->password, "hash");
    EXPECT_EQ(file->stand_in("N" + name.substr(1)), one);
    stand_ins.insert(one);
  }
  EXPECT_GT(stand_ins.size(), 50U);
  EXPECT_EQ(PasswdFile::parse("locked:*\n")->stand_in("nobody"), nullptr);
}

class FileBackendTest : public ::testing::Test {
 protected:
  FileBackendTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-file-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    options_.name = "users";
    options_.path = directory_ + "/users";
  }
  ~FileBackendTest() override {
    backend_.reset();
    std::filesystem::remove_all(directory_);
  }

  // In place, as an editor that writes over the file; its time is then an hour before the clock's.
  void write(const std::string& text) {
    std::ofstream(options_.path) << text;
    set_age(1h);
  }
  void set_age(std::chrono::milliseconds age) {
    const std::int64_t at_ms = core_.loop.platform().clock.wall() - age.count();
    const timespec time{.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1'000'000};
    const timespec times[2] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, options_.path.c_str(), times, 0), 0);
  }
  // As a tool that writes another file and renames it.
  void replace(const std::string& text) {
    std::ofstream(options_.path + ".new") << text;
    std::filesystem::rename(options_.path + ".new", options_.path);
  }
  void open() {
    auto source = make_file_source(options_);
    ASSERT_TRUE(source.has_value()) << source.error();
    source_ = *std::move(source);
    backend_ = source_->on_core(core_.parts());
  }
  Verdict ask(std::string_view name, std::string_view secret) {
    if (!backend_) open();
    const Credentials credentials = credentials_of(name, secret);
    Verdict verdict =
        testing::await<Verdict>(core_.platforms, core_.loop, [&] { return backend_->check(credentials); });
    if (!verdict.warning.empty()) warnings_.push_back(verdict.warning);
    return verdict;
  }
  Kind kind(std::string_view name, std::string_view secret) { return ask(name, secret).kind; }
  void second_later() { core_.platforms.run_for(1100ms); }

  BackendCore core_;
  std::string directory_;
  BackendOptions options_;
  std::unique_ptr<BackendSource> source_;
  std::unique_ptr<Backend> backend_;
  std::vector<std::string> warnings_;
};

std::string line_of(const std::string& name, const std::string& hash, const std::string& extra = "") {
  return name + ":" + hash + "::::::" + extra + "\n";
}

TEST_F(FileBackendTest, AnswersAsTheFileSays) {
  write(line_of("Tim@example.com", kRightHash, "customer=acme domains=example.com,example.net") +
        line_of("sam", kRightHash, "nologin reason=unpaid") + line_of("max", kRightHash, "nologin reason=\xC3\xA4") +
        line_of("locked", "!" + std::string(kRightHash)) + line_of("empty", "") + line_of("des", "zSA37rHmScoMY") +
        line_of("clear", "{PLAIN}right"));
  const Verdict granted = ask("tim@EXAMPLE.com", "right");
  EXPECT_EQ(granted.kind, Kind::granted);
  EXPECT_EQ(granted.account, "Tim@example.com");
  EXPECT_EQ(granted.customer, "acme");
  EXPECT_THAT(granted.domains, ElementsAre("example.com", "example.net"));
  EXPECT_EQ(kind("tim@example.com", "wrong"), Kind::wrong);
  EXPECT_EQ(kind("nobody", "right"), Kind::unknown);
  EXPECT_EQ(ask("sam", "right").reason, "unpaid");
  EXPECT_EQ(kind("sam", "right"), Kind::suspended);
  EXPECT_EQ(kind("sam", "wrong"), Kind::wrong);
  EXPECT_EQ(ask("max", "right").reason, "this account is suspended");
  EXPECT_EQ(kind("locked", "right"), Kind::wrong);
  EXPECT_EQ(kind("empty", "right"), Kind::wrong);
  const Verdict des = ask("des", "right");
  EXPECT_EQ(des.kind, Kind::unavailable);
  EXPECT_TRUE(des.of_one_account);
  EXPECT_THAT(des.reason, HasSubstr("of no scheme that is known"));
  EXPECT_THAT(des.reason, Not(HasSubstr("zSA37")));
  EXPECT_THAT(ask("clear", "right").reason, HasSubstr("in clear, which is not allowed here"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(FileBackendTest, PasswordsInClearOnlyWhereTheOperatorInsists) {
  write(line_of("clear", "{PLAIN}right"));
  options_.plain_passwords = true;
  EXPECT_EQ(kind("clear", "right"), Kind::granted);
  EXPECT_EQ(kind("clear", "wrong"), Kind::wrong);
}

TEST_F(FileBackendTest, AChangedFileIsReadAgainWithinASecond) {
  write(line_of("tim", kRightHash));
  EXPECT_EQ(kind("tim", "right"), Kind::granted);
  replace(line_of("tim", kOther));
  EXPECT_EQ(kind("tim", "right"), Kind::granted);  // looked at once a second at most
  second_later();
  EXPECT_EQ(kind("tim", "right"), Kind::wrong);
  EXPECT_EQ(kind("tim", "correct horse"), Kind::granted);
  write(line_of("ann", kRightHash));
  second_later();
  EXPECT_EQ(kind("tim", "correct horse"), Kind::unknown);
  EXPECT_EQ(kind("ann", "right"), Kind::granted);
  EXPECT_THAT(warnings_, IsEmpty());
}

// htpasswd empties the file and writes it anew.
TEST_F(FileBackendTest, AFileThatIsBeingWrittenIsLeftAlone) {
  write(line_of("tim", kRightHash));
  EXPECT_EQ(kind("tim", "right"), Kind::granted);
  write("");
  set_age(-1100ms);  // as the clock is when it is looked at
  second_later();
  EXPECT_EQ(kind("tim", "right"), Kind::granted);
  EXPECT_THAT(warnings_, IsEmpty());
  second_later();
  EXPECT_EQ(kind("tim", "right"), Kind::unknown);  // it stays empty: it is meant so
}

TEST_F(FileBackendTest, AHalfWrittenFileKeepsTheOldAccountsAndIsToldOnce) {
  write(line_of("tim", kRightHash));
  EXPECT_EQ(kind("tim", "right"), Kind::granted);
  for (int i = 0; i < 3; ++i) {
    replace(line_of("tim", kOther) + "ann:{SHA}sec");
    second_later();
    EXPECT_EQ(kind("tim", "right"), Kind::granted);
  }
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_THAT(warnings_[0], StartsWith(options_.path));
  EXPECT_THAT(warnings_[0], HasSubstr("the accounts that it had before stay in force"));
  std::filesystem::remove(options_.path);
  second_later();
  EXPECT_EQ(kind("tim", "right"), Kind::granted);
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_THAT(warnings_[1], HasSubstr("cannot open"));
  replace(line_of("tim", kOther));
  second_later();
  EXPECT_EQ(kind("tim", "right"), Kind::wrong);
  replace("half");
  second_later();
  kind("tim", "right");
  EXPECT_EQ(warnings_.size(), 3U);
}

TEST_F(FileBackendTest, WithoutAFileThatIsWholeItDoesNotStart) {
  EXPECT_THAT(make_file_source(options_).error(), HasSubstr("cannot open"));
  write("tim:{SHA}secret");
  const std::string error = make_file_source(options_).error();
  EXPECT_THAT(error, HasSubstr("its last line has no end"));
  EXPECT_THAT(error, Not(HasSubstr("secret")));
  options_.path.clear();
  EXPECT_THAT(make_file_source(options_).error(), HasSubstr("path is missing"));
}

}  // namespace
}  // namespace sluice::auth

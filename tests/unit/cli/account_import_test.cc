// `sluicectl account import`, as an operator types it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/embedded_store.h"
#include "engine/cli/accounts.h"
#include "engine/io/real_platform.h"
#include "tests/unit/cli/store_commands.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Each reading is a second after the one before.
class TickingClock final : public io::Clock {
 public:
  Instant now() override { return now_ += std::chrono::seconds(1); }
  WallMillis wall() override { return auth::kTestNow; }

 private:
  Instant now_;
};

class AccountImportTest : public StoreCommandTest {
 protected:
  AccountImportTest() { fill(*open_admin()); }

  int run(std::vector<std::string_view> words, const std::string& content) {
    file_ = directory_ + "/users";
    std::ofstream(file_) << content;
    std::vector<std::string_view> args{"account", "import", file_};
    args.insert(args.end(), words.begin(), words.end());
    return in_world({.clock = clock_, .random = *random_, .progress = progress_},
                    [&args](const AccountCommandWorld& world) { return run_account_command(args, world); });
  }
  auth::AnswerKind log_in(std::string_view name, std::string_view secret) {
    return open_store()->check(auth::name_of(name), auth::secret_of(secret)).kind;
  }

  TickingClock clock_;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  bool progress_ = false;
  std::string file_;
};

TEST_F(AccountImportTest, TakesWhatItCanAndSaysWhatNot) {
  const int status = run({"--format", "csv", "--customer-from", "domain"},
                         "name,password\nann@example.com,secret1\nbob@example.net,secret2\ncarl@example.com,\n");
  EXPECT_EQ(status, kCtlFailed);
  EXPECT_EQ(out_, "1 accounts imported\n");
  EXPECT_EQ(err_, file_ + ":3: \"bob@example.net\": no customer has the domain \"example.net\"\n" + file_ +
                      ":4: \"carl@example.com\": it has neither a password nor a hash\n"
                      "sluicectl: 2 refused, see above; the others were imported\n");
  EXPECT_EQ(log_in("ann@example.com", "secret1"), auth::AnswerKind::granted);
  EXPECT_EQ(log_in("bob@example.net", "secret2"), auth::AnswerKind::wrong);
}

TEST_F(AccountImportTest, ForProgramsAndDry) {
  EXPECT_EQ(
      run({"--format=htpasswd", "--customer=acme", "--dry-run", "--json"}, "ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n"),
      kCtlDone);
  EXPECT_EQ(out_, "{\"imported\":1,\"dry_run\":true,\"refused\":[]}\n");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(log_in("ann", "correct horse"), auth::AnswerKind::wrong);
  EXPECT_EQ(run({"--format=htpasswd", "--customer=acme", "--json"}, "ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\nx\"y:z\n"),
            kCtlFailed);
  EXPECT_EQ(
      out_,
      "{\"imported\":1,\"dry_run\":false,\"refused\":[{\"line\":2,\"name\":\"x\\\"y\",\"reason\":\"its password cannot "
      "be taken: it is of no scheme that is known\"}]}\n");
  EXPECT_EQ(log_in("ann", "correct horse"), auth::AnswerKind::granted);
}

TEST_F(AccountImportTest, ShowsHowFarItIsOnATerminal) {
  progress_ = true;
  EXPECT_EQ(run({"--format", "csv", "--customer", "Acme"}, "name,password\na,x\nb,x\nc,x\nd,x\n"), kCtlDone);
  EXPECT_THAT(err_, HasSubstr("hashed 2 of 4, 2 s left"));
  EXPECT_THAT(err_, HasSubstr("imported 4 of 4, 0 s left"));
  EXPECT_TRUE(err_.ends_with("\r\x1B[K"));
  progress_ = false;
  EXPECT_EQ(run({"--format", "csv", "--customer", "Acme"}, "name,password\ne,x\n"), kCtlDone);
  EXPECT_EQ(err_, "");
}

TEST_F(AccountImportTest, WhatIsNotUnderstoodIsSaid) {
  EXPECT_EQ(run({"--format", "ldif", "--customer", "Acme"}, ""), kCtlUsage);
  EXPECT_THAT(err_, HasSubstr("--format takes passwd-file, htpasswd, sasldb or csv"));
  EXPECT_EQ(run({"--customer", "Acme"}, ""), kCtlUsage);
  EXPECT_THAT(err_, HasSubstr("needs --format FORMAT"));
  EXPECT_EQ(run({"--format", "csv"}, ""), kCtlUsage);
  EXPECT_THAT(err_, HasSubstr("needs either --customer NAME or --customer-from domain"));
  EXPECT_EQ(run({"--format", "csv", "--customer-from", "answer"}, ""), kCtlUsage);
  EXPECT_THAT(err_, HasSubstr("--customer-from takes domain"));
  EXPECT_EQ(run({"--format", "csv", "--customer", "nobody"}, ""), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("there is no customer \"nobody\""));
  EXPECT_EQ(run({"--help"}, ""), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("sluicectl account import FILE [--customer NAME] --format FORMAT"));
}

}  // namespace
}  // namespace sluice::cli

// Passwords typed on a terminal: a pseudo-terminal stands in for the operator.
#include "engine/cli/password.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "engine/io/real_platform.h"

namespace sluice::cli {
namespace {

class TerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    operator_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(operator_, 0);
    ASSERT_EQ(::grantpt(operator_), 0);
    ASSERT_EQ(::unlockpt(operator_), 0);
    terminal_ = ::open(::ptsname(operator_), O_RDWR | O_NOCTTY);
    ASSERT_GE(terminal_, 0);
  }
  void TearDown() override {
    ::close(terminal_);
    if (operator_ >= 0) ::close(operator_);
  }
  // Reads what the terminal shows until `wanted` is there.
  void wait_for(std::string_view wanted) {
    char c = 0;
    while (!shown_.ends_with(wanted) && ::read(operator_, &c, 1) == 1) shown_ += c;
  }
  void type(std::string_view text) {
    EXPECT_EQ(::write(operator_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // An operator who waits for each prompt and answers it.
  auth::StoreResult<auth::Secret> answer(std::string_view first, std::string_view second) {
    std::thread person([&] {
      wait_for("Password: ");
      type(first);
      wait_for("Again: ");
      type(second);
    });
    auto secret = ask_password(terminal_, "Password");
    person.join();
    return secret;
  }
  bool echoes() const {
    termios settings{};
    EXPECT_EQ(::tcgetattr(terminal_, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
  }

  int operator_ = -1;
  int terminal_ = -1;
  std::string shown_;
};

TEST_F(TerminalTest, AsksTwiceAndShowsNothing) {
  EXPECT_TRUE(is_terminal(terminal_));
  ASSERT_TRUE(echoes());
  const auto secret = answer("hunter2\n", "hunter2\n");
  ASSERT_TRUE(secret.has_value());
  EXPECT_EQ(secret->reveal(), "hunter2");
  EXPECT_EQ(shown_.find("hunter2"), std::string::npos) << shown_;
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, RefusesTwoThatDiffer) {
  const auto secret = answer("hunter2\n", "hunter3\n");
  EXPECT_EQ(secret.error().kind, auth::StoreError::Kind::invalid);
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, RefusesAnEmptyOne) { EXPECT_EQ(answer("\n", "\n").error().kind, auth::StoreError::Kind::invalid); }

TEST_F(TerminalTest, EndOfInputIsNoPassword) {
  std::thread person([&] {
    wait_for("Password: ");
    type("\x04");
  });
  EXPECT_EQ(ask_password(terminal_, "Password").error().kind, auth::StoreError::Kind::refused);
  person.join();
  EXPECT_TRUE(echoes());
}

TEST_F(TerminalTest, APipeIsNoTerminal) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(is_terminal(ends[0]));
  EXPECT_EQ(ask_password(ends[0], "Password").error().kind, auth::StoreError::Kind::refused);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(GeneratePassword, IsLongReadableAndNeverTheSame) {
  const auto random = io::make_real_random();
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string password = generate_password(*random);
    EXPECT_EQ(password.size(), 23U);
    EXPECT_EQ(password.find_first_not_of("abcdefghijkmnpqrstuvwxyz23456789-"), std::string::npos) << password;
    EXPECT_TRUE(seen.insert(password).second);
    EXPECT_TRUE(auth::Secret::make(password));
  }
}

}  // namespace
}  // namespace sluice::cli

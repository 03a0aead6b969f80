#include "auth/secret.h"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using namespace std::string_literals;

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!Printable<Secret>);
static_assert(Printable<std::string>, "or the line above would prove nothing");
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_default_constructible_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_copy_constructible_v<Credentials>);

TEST(Name, TakesOneTo320CleanBytes) {
  EXPECT_FALSE(Name::make(""));
  EXPECT_TRUE(Name::make("a"));
  EXPECT_TRUE(Name::make(std::string(320, 'a')));
  EXPECT_FALSE(Name::make(std::string(321, 'a')));
  EXPECT_FALSE(Name::make("a\0b"s));
  EXPECT_FALSE(Name::make("a\r\nPASS x"));
}

TEST(Name, KeepsCaseAndFoldsIt) {
  EXPECT_EQ(name_of("User@Example.COM").text(), "User@Example.COM");
  EXPECT_EQ(name_of("User@Example.COM").folded(), "user@example.com");
  EXPECT_EQ(name_of("Ann@B\u00dccher.example").folded(), "ann@xn--bcher-kva.example");
  EXPECT_EQ(name_of("\u00dc").folded(), "\u00dc");
}

TEST(Secret, TakesOneTo1024CleanBytes) {
  EXPECT_FALSE(Secret::make(""));
  EXPECT_TRUE(Secret::make(" "));
  EXPECT_TRUE(Secret::make(std::string(1024, 'a')));
  EXPECT_FALSE(Secret::make(std::string(1025, 'a')));
  EXPECT_FALSE(Secret::make("a\0b"s));
  EXPECT_FALSE(Secret::make("a\nb"));
}

TEST(Secret, MovesItsOnlyBuffer) {
  Secret first = secret_of("correct horse");
  const char* bytes = first.reveal().data();
  Secret second = std::move(first);
  EXPECT_EQ(second.reveal().data(), bytes);
  EXPECT_EQ(second.reveal(), "correct horse");
  EXPECT_TRUE(first.reveal().empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
}

TEST(WipeBytes, LeavesNothing) {
  std::string line = "AHVzZXIAcGFzcw==";
  wipe_bytes(line.data(), line.size());
  EXPECT_EQ(line, std::string(line.size(), '\0'));
}

}  // namespace
}  // namespace sluice::auth

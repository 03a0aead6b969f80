// The operator's query: its parameters are bound, and what its row means.
#include "auth/backend/sql_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Verdict::Kind;
using Dialect = SqlDialect;

std::string error_of(std::string_view text, Dialect dialect = Dialect::postgresql) {
  const auto parsed = SqlQuery::parse(text, dialect);
  return parsed ? "none" : parsed.error();
}

using Columns = std::vector<SqlColumn>;
Found row(Columns columns, bool database_decides = false) {
  return found_in({.count = 1, .first = std::move(columns)}, database_decides);
}
Kind with(std::string name, std::optional<std::string> value) {
  return row({{"password", "hash"}, {std::move(name), std::move(value)}}).verdict.kind;
}

TEST(SqlQueryTest, ParametersBecomePlaceholdersOfTheDialect) {
  constexpr std::string_view kText = "SELECT password FROM u WHERE name = %{local} AND d = %{domain} AND x <> %{local}";
  const auto postgresql = SqlQuery::parse(kText, Dialect::postgresql);
  ASSERT_TRUE(postgresql);
  EXPECT_EQ(postgresql->text, "SELECT password FROM u WHERE name = $1 AND d = $2 AND x <> $3");
  EXPECT_THAT(postgresql->parameters,
              ElementsAre(LoginParameter::local, LoginParameter::domain, LoginParameter::local));
  EXPECT_FALSE(postgresql->database_decides());
  for (const Dialect dialect : {Dialect::mariadb, Dialect::sqlite})
    EXPECT_EQ(SqlQuery::parse(kText, dialect)->text, "SELECT password FROM u WHERE name = ? AND d = ? AND x <> ?");
  EXPECT_TRUE(SqlQuery::parse("SELECT 1 WHERE f(%{user}, %{password})", Dialect::mariadb)->database_decides());
}

TEST(SqlQueryTest, AParameterWithinQuotesWouldNeverBeOne) {
  for (const Dialect dialect : {Dialect::postgresql, Dialect::mariadb, Dialect::sqlite}) {
    EXPECT_THAT(error_of("SELECT 1 WHERE u = '%{user}'", dialect), HasSubstr("within quotes"));
    EXPECT_THAT(error_of("SELECT 1 WHERE \"%{user}\" = 1", dialect), HasSubstr("within quotes"));
    EXPECT_THAT(error_of("SELECT 1 WHERE u = 'it''s %{user}'", dialect), HasSubstr("within quotes"));
    EXPECT_THAT(error_of("SELECT 1 /* %{user} */", dialect), HasSubstr("in a comment"));
    EXPECT_THAT(error_of("SELECT 1 -- %{user}", dialect), HasSubstr("in a comment"));
    EXPECT_THAT(error_of("SELECT 'x WHERE u = 1", dialect), HasSubstr("does not end"));
    EXPECT_THAT(error_of("SELECT 1", dialect), HasSubstr("asks for nobody"));
    EXPECT_THAT(error_of("SELECT 1 WHERE p = %{password}", dialect), HasSubstr("asks for nobody"));
    EXPECT_THAT(error_of("SELECT 1 WHERE p = %{n}", dialect), HasSubstr("unknown"));
    EXPECT_EQ(error_of("SELECT 'it''s', \"a\" /* ' */ -- \"\n WHERE u = %{user}", dialect), "none");
  }
  EXPECT_THAT(error_of(R"(SELECT 'a\' WHERE u = %{user})", Dialect::mariadb), HasSubstr("within quotes"));
  EXPECT_EQ(error_of(R"(SELECT 'a\' WHERE u = %{user})", Dialect::postgresql), "none");
  EXPECT_THAT(error_of("SELECT 1 # %{user}", Dialect::mariadb), HasSubstr("in a comment"));
  EXPECT_THAT(error_of("SELECT `%{user}`", Dialect::mariadb), HasSubstr("within quotes"));
}

TEST(SqlQueryTest, APlaceholderOfTheOperatorsOwnWouldShiftTheOthers) {
  EXPECT_THAT(error_of("SELECT 1 WHERE a = $1 AND u = %{user}"), HasSubstr("placeholder"));
  EXPECT_THAT(error_of("SELECT 1 WHERE a = ? AND u = %{user}", Dialect::mariadb), HasSubstr("placeholder"));
  EXPECT_THAT(error_of("SELECT 1 WHERE a = ?2 AND u = %{user}", Dialect::sqlite), HasSubstr("placeholder"));
  EXPECT_EQ(error_of("SELECT '?', '$1' WHERE j ? 'x' AND u = %{user}"), "none");
}

// Whatever the text is: no byte of it is lost or added but for the placeholders.
TEST(SqlQueryTest, TheTextStaysAsItIsBetweenItsParameters) {
  const std::vector<std::string> parts = {"%{user}", "%{local}", "%{domain}", "'", "\"", "`", "--", "\n", "/*",
                                          "*/",      "?",        "$1",        "%", "{",  "}", "\\", "x",  " "};
  std::mt19937 random(5);
  int parsed_count = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (unsigned i = random() % 8; i > 0; --i) text += parts[random() % parts.size()];
    text += " %{user}";
    const auto parsed = SqlQuery::parse(text, Dialect::sqlite);
    if (!parsed) continue;
    ++parsed_count;
    std::string again;
    std::size_t next = 0;
    for (const char c : parsed->text) {
      const bool placeholder = c == '?' && next < parsed->parameters.size();
      again += placeholder ? "%{" + std::string(parameter_name(parsed->parameters[next++])) + "}" : std::string(1, c);
    }
    // A "?" within quotes is text, and comes before or after a parameter: only then the two differ.
    if (text.find('?') == std::string::npos) EXPECT_EQ(again, text);
  }
  EXPECT_GT(parsed_count, 500);
}

TEST(SqlRowTest, NoRowIsAnUnknownNameAndSeveralAreNoAnswer) {
  EXPECT_EQ(found_in({}, false).verdict.kind, Kind::unknown);
  // A database that compares the password does not say which of the two it has not.
  EXPECT_EQ(found_in({}, true).verdict.kind, Kind::wrong);
  const Found several = found_in({.count = 2, .first = {{"password", "hash"}}}, false);
  EXPECT_EQ(several.verdict.kind, Kind::unavailable);
  EXPECT_THAT(several.verdict.reason, HasSubstr("more than one row"));
}

TEST(SqlRowTest, AHashIsHandedBackToBeCompared) {
  const Found found = row({{"PASSWORD", "{SCHEME}hash"},
                           {"account", "Tim@example.com"},
                           {"customer", "acme"},
                           {"domains", " example.com, example.org;example.net\n"}});
  EXPECT_EQ(found.verdict.kind, Kind::granted);
  EXPECT_EQ(found.hash, "{SCHEME}hash");
  EXPECT_EQ(found.verdict.account, "Tim@example.com");
  EXPECT_EQ(found.verdict.customer, "acme");
  EXPECT_THAT(found.verdict.domains, ElementsAre("example.com", "example.org", "example.net"));
}

TEST(SqlRowTest, WithoutAPasswordNothingIsRight) {
  for (const std::optional<std::string>& none : {std::optional<std::string>(), std::optional<std::string>("")}) {
    const Found found = row({{"password", none}, {"customer", "acme"}});
    EXPECT_EQ(found.verdict.kind, Kind::wrong);
    EXPECT_THAT(found.hash, IsEmpty());
  }
  EXPECT_EQ(row({{"customer", "acme"}}).verdict.kind, Kind::unavailable);
  EXPECT_EQ(row({{"customer", "acme"}}, true).verdict.kind, Kind::granted);
  EXPECT_THAT(row({{"password", "as it is"}}, true).hash, IsEmpty());
}

TEST(SqlRowTest, StatusAndEnabledSayWhoMayLogIn) {
  for (const char* const yes : {"1", "t", "TRUE", "y", "on", "\x01"}) EXPECT_EQ(with("enabled", yes), Kind::granted);
  for (const char* const no : {"0", "f", "false", "N", "off"}) EXPECT_EQ(with("enabled", no), Kind::suspended);
  EXPECT_EQ(with("enabled", std::string(1, '\0')), Kind::suspended);
  EXPECT_EQ(with("enabled", std::nullopt), Kind::suspended);
  EXPECT_EQ(with("enabled", "maybe"), Kind::unavailable);
  EXPECT_EQ(with("enabled", ""), Kind::unavailable);
  EXPECT_EQ(with("status", "Active"), Kind::granted);
  EXPECT_EQ(with("status", "suspended"), Kind::suspended);
  EXPECT_EQ(with("status", "locked"), Kind::suspended);
  EXPECT_EQ(with("status", std::nullopt), Kind::unavailable);
  EXPECT_EQ(row({{"enabled", "1"}, {"status", "suspended"}}, true).verdict.kind, Kind::suspended);
  EXPECT_EQ(row({{"enabled", "0"}, {"status", "active"}}, true).verdict.kind, Kind::suspended);
}

// What is misspelled would let in whom it was to keep out.
TEST(SqlRowTest, AColumnThatMeansNothingIsNoAnswer) {
  EXPECT_EQ(with("enabeld", "0"), Kind::unavailable);
  EXPECT_EQ(with("Password", "other"), Kind::unavailable);
  EXPECT_EQ(with("customer", "ac\nme"), Kind::unavailable);
  EXPECT_EQ(with("domains", "a.example \x01"), Kind::unavailable);
  EXPECT_EQ(with("account", ""), Kind::unavailable);
  EXPECT_EQ(with("account", std::string("tim\0", 4)), Kind::unavailable);
  EXPECT_EQ(with("account", std::nullopt), Kind::granted);
  EXPECT_EQ(with("customer", std::string(kSqlValueBytesMax + 1, 'x')), Kind::unavailable);
  EXPECT_THAT(row({{"password", "secret hash"}, {"status", "secret hash"}}).verdict.reason,
              ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace sluice::auth

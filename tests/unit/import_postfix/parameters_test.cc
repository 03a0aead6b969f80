// main.cf and master.cf: lines, overrides, and what "$name" stands for.
#include "tools/import_postfix/parameters.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/lookup_table.h"
#include "tools/import_postfix/master_cf.h"

namespace sluice::import_postfix {
namespace {

std::string expanded(std::string_view value, const std::map<std::string, std::string, std::less<>>& names = {}) {
  const auto result = expand(value, [&](std::string_view name) -> std::optional<std::string> {
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  });
  return result ? *result : "error: " + result.error();
}

TEST(MainCfTest, ALineGoesOnOverCommentsAndEmptyLines) {
  const MainCf main_cf =
      parse_main_cf("# c\n\nmynetworks = 127.0.0.0/8\n# between\n\n  192.0.2.0/24 \r\n\t10.0.0.0/8\nbiff=no\n");
  ASSERT_EQ(main_cf.parameters.size(), 2U);
  EXPECT_EQ(main_cf.parameters[0].value, "127.0.0.0/8 192.0.2.0/24 10.0.0.0/8");
  EXPECT_EQ(main_cf.parameters[0].place, "main.cf:3");
  EXPECT_EQ(main_cf.parameters[1].place, "main.cf:8");
  EXPECT_TRUE(main_cf.problems.empty());
}

TEST(MainCfTest, TheLastOfTwoLinesCounts) {
  const MainCf main_cf = parse_main_cf("a = 1\na = 2\n");
  EXPECT_EQ(main_cf.find("a")->value, "2");
  EXPECT_EQ(main_cf.find("b"), nullptr);
}

TEST(MainCfTest, LinesThatAreNoParametersAreTold) {
  const MainCf main_cf = parse_main_cf("  a = 1\nno equals\nb c = 2\n= 3\nd = 4");
  ASSERT_EQ(main_cf.parameters.size(), 1U);
  EXPECT_EQ(main_cf.parameters[0].name, "d");
  ASSERT_EQ(main_cf.problems.size(), 4U);
  EXPECT_EQ(main_cf.problems[1].place, "main.cf:2");
}

TEST(ExpandTest, NamesInAllTheirForms) {
  const std::map<std::string, std::string, std::less<>> names{{"a", "x"}, {"b", "$a$a"}, {"empty", ""}};
  EXPECT_EQ(expanded("$a-${a}-$(a)-$b-$none", names), "x-x-x-xx-");
  EXPECT_EQ(expanded("$$a", names), "$a");
  EXPECT_EQ(expanded("${a?yes}${empty?yes}${none?yes}", names), "yes");
  EXPECT_EQ(expanded("${a:no}${empty:no}${none:no}", names), "nono");
  EXPECT_EQ(expanded("${a?{1}:{2}}${empty?{1}:{2}}", names), "12");
  EXPECT_EQ(expanded("${a ? {$b} : {${none:q}}}${none?{1}:${a}}", names), "xxx");
}

TEST(ExpandTest, Comparisons) {
  const std::map<std::string, std::string, std::less<>> names{{"a", "10"}, {"b", "9"}};
  EXPECT_EQ(expanded("${{$a} > {$b} ? {more} : {less}}", names), "more");
  EXPECT_EQ(expanded("${{$a}=={10}?{same}}${{x}!={x}?{other}}", names), "same");
  EXPECT_EQ(expanded("${{$a} <=level {3} ? {1}:{2}}", names), "error: has a comparison that is not understood");
}

TEST(ExpandTest, WhatIsNoTextIsAnError) {
  for (const std::string_view text : {"${a", "$", "$-", "${}", "${?x}", "${a!x}", "$(a", "${{a}}", "${a?{b}c}"})
    EXPECT_TRUE(expanded(text, {{"a", "1"}}).starts_with("error: ")) << text;
}

TEST(ExpandTest, WhatRefersToItselfEnds) {
  EXPECT_TRUE(expanded("$a", {{"a", "$a"}}).starts_with("error: "));
  EXPECT_TRUE(expanded("$a", {{"a", "$b"}, {"b", "${a?{x}}$a"}}).starts_with("error: "));
}

TEST(ExpandTest, WhatGrowsEnds) {
  std::map<std::string, std::string, std::less<>> names{{"v0", ""}, {"w0", std::string(1000, 'x')}};
  for (int i = 1; i < 19; ++i) {
    std::string doubled = "$v" + std::to_string(i - 1);
    names["v" + std::to_string(i)] = doubled + doubled + doubled;
    doubled[1] = 'w';
    names["w" + std::to_string(i)] = doubled + doubled + doubled;
  }
  EXPECT_EQ(expanded("$v18", names), "error: refers to too much");
  EXPECT_EQ(expanded("$w9", names), "error: is longer than 64 KiB with all that it refers to");
}

TEST(ParametersTest, AServiceOverridesMainCf) {
  const MainCf main_cf = parse_main_cf("myhostname = mx.example.net\nx = $myhostname $mydomain\n");
  const MasterCf master_cf =
      parse_master_cf("587 inet n - y - - smtpd -o myhostname=b.example.org -o { x = $myhostname, two }\n");
  ASSERT_EQ(master_cf.services.size(), 1U);
  EXPECT_EQ(Parameters(main_cf).value("x"), "mx.example.net example.net");
  EXPECT_EQ(Parameters(main_cf, &master_cf.services[0].overrides).value("x"), "b.example.org, two");
  EXPECT_EQ(Parameters(main_cf).value("default_transport"), "smtp");
}

TEST(MasterCfTest, ServicesAndTheirOptions) {
  const MasterCf master_cf = parse_master_cf(
      "# comment\nsmtp inet n - y - - smtpd\n  -v -o a=1\n  -ob=2\nuucp unix - n n - - pipe\n  flags=F user=u argv=x "
      "-o secret\n"
      "short inet n\nbad inet n - y - - smtpd -o\n");
  ASSERT_EQ(master_cf.services.size(), 3U);
  ASSERT_EQ(master_cf.services[0].overrides.size(), 2U);
  EXPECT_EQ(master_cf.services[0].overrides[1].value, "2");
  EXPECT_EQ(master_cf.services[0].place, "master.cf:2");
  EXPECT_TRUE(master_cf.services[1].overrides.empty());
  ASSERT_EQ(master_cf.problems.size(), 2U);
  EXPECT_EQ(master_cf.problems[0].place, "master.cf:7");
}

TEST(LogicalLinesTest, WordsWithBraces) {
  EXPECT_EQ(words_of("a, b  { c, d } e", Commas::separate), (std::vector<std::string>{"a", "b", "{ c, d }", "e"}));
  EXPECT_EQ(words_of("a,b c", Commas::stay), (std::vector<std::string>{"a,b", "c"}));
  EXPECT_EQ(words_of("{ a } } b", Commas::separate), (std::vector<std::string>{"{ a }", "}", "b"}));
}

TEST(LookupTableTest, TextsAreReadAndOthersNamed) {
  const ReadFile read = [](const std::string& path) -> std::optional<std::string> {
    return path == "/t" ? std::optional<std::string>("# c\nkey  the value\n  goes on\nlonely\n") : std::nullopt;
  };
  const LookupTables tables = read_tables(
      "hash:/t, proxy:lmdb:/t inline:{ a=1, { b = 2 3 } } mysql:/m.cf cidr:/c hash:/none hash:relative", read);
  ASSERT_EQ(tables.entries.size(), 4U);
  EXPECT_EQ(tables.entries[0].key, "key");
  EXPECT_EQ(tables.entries[0].value, "the value goes on");
  EXPECT_EQ(tables.entries[0].place, "/t:2");
  EXPECT_EQ(tables.entries[3].value, "2 3");
  ASSERT_EQ(tables.unread.size(), 4U);
  EXPECT_TRUE(tables.unread[0].contains("\"mariadb\""));
}

TEST(LookupTableTest, ALongTableIsCutAndThatIsTold) {
  std::string text;
  for (int i = 0; i < 100'002; ++i) text += "k v\n";
  const LookupTables tables = read_tables("hash:/t", [&](const std::string&) { return std::optional(text); });
  EXPECT_EQ(tables.entries.size(), 100'000U);
  EXPECT_EQ(tables.unread, std::vector<std::string>{"more than 100000 entries: the rest is not read"});
}

}  // namespace
}  // namespace sluice::import_postfix

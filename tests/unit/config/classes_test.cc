// [policy] and [[class]].
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::HasSubstr;

std::string with_a_route(std::string text) { return std::move(text) + "\n" + std::string(kRoute); }

policy::PolicyClasses classes_of(const PolicyConfig& config) { return {config.classes, config.default_class}; }

// All that is wrong, a line each.
std::string wrong_in(const std::string& text) {
  const auto config = load_config(with_a_route(text), "f");
  std::string errors;
  if (config) return errors;
  for (const ConfigError& error : config.error()) errors += error.to_string() + "\n";
  return errors;
}

constexpr const char* kSchool = R"(
[policy]
default_class = "school"
[[class]]
name = "school"
recipients_per_message = 40
weight = 3
shadow = true
[[class.limit]]
of = "account"
quantity = "recipients"
window = "day"
amount = 300
action = "hold"
[[class.limit]]
of = "customer"
quantity = "sessions"
window = "minute"
amount = 1
[[class]]
name = "other"
limit = [{of = "account", quantity = "bytes", window = "month", amount = 1000000000000000}]
)";

TEST(ClassConfig, WithoutAnyTheBuiltInOnesAreThere) {
  const policy::PolicyClasses classes = classes_of(load(with_a_route("")).policy);
  EXPECT_EQ(classes.default_class().name, "business");
  EXPECT_NE(classes.find("list_server"), nullptr);
  EXPECT_EQ(classes_of(load(with_a_route("[policy]\ndefault_class = \"business\"")).policy).default_class().name,
            "business");
}

TEST(ClassConfig, ReadsEveryKey) {
  const policy::PolicyClasses classes = classes_of(load(with_a_route(kSchool)).policy);
  ASSERT_EQ(classes.all().size(), 2U);
  const policy::PolicyClass& school = classes.default_class();
  EXPECT_EQ(school.name, "school");
  EXPECT_EQ(school.recipients_per_message, 40U);
  EXPECT_EQ(school.weight, 3);
  EXPECT_TRUE(school.shadow);
  using policy::Limit;
  EXPECT_EQ(school.account_limits, (std::vector<Limit>{{.quantity = policy::Quantity::recipients,
                                                        .span = policy::Span::day,
                                                        .amount = 300,
                                                        .action = policy::Action::hold}}));
  // A minute's defers where nothing is said.
  EXPECT_EQ(school.customer_limits, (std::vector<Limit>{{.quantity = policy::Quantity::sessions,
                                                         .span = policy::Span::minute,
                                                         .amount = 1,
                                                         .action = policy::Action::defer}}));
  const policy::PolicyClass& other = *classes.find("other");
  EXPECT_EQ(other.recipients_per_message, 100U);
  EXPECT_EQ(other.weight, 1);
  EXPECT_FALSE(other.shadow);
  EXPECT_EQ(other.account_limits, (std::vector<Limit>{{.quantity = policy::Quantity::bytes,
                                                       .span = policy::Span::month,
                                                       .amount = 1'000'000'000'000'000,
                                                       .action = policy::Action::refuse}}));
}

TEST(ClassConfig, TheDefaultHasToBeThere) {
  EXPECT_THAT(
      wrong_in("[policy]\ndefault_class = \"bussiness\""),
      HasSubstr("f:2:1: policy.default_class: \"bussiness\" is no class, did you mean \"business\"?; allowed: one "
                "of \"home\", \"business\", \"device\", \"list_server\""));
  // Those of one's own are all that there are.
  EXPECT_THAT(
      wrong_in("[policy]\ndefault_class = \"home\"\n[[class]]\nname = \"hone\""),
      HasSubstr("f:2:1: policy.default_class: \"home\" is no class, did you mean \"hone\"?; allowed: the name of"));
  // Without a word of it, the first of them.
  EXPECT_EQ(wrong_in("[[class]]\nname = \"school\"\n[[class]]\nname = \"home\""), "");
  EXPECT_EQ(wrong_in("[[class]]\nname = \"home\""), "");
}

TEST(ClassConfig, WhatIsWrongIsShown) {
  const auto in_class = [](const std::string& text) { return wrong_in("[[class]]\nname = \"home\"\n" + text); };
  const auto in_limit = [&](const std::string& limit) { return in_class("limit = [{" + limit + "}]"); };
  EXPECT_THAT(wrong_in("[[class]]\nname = \"home\"\n[[class]]\nname = \"home\""),
              HasSubstr("class[2].name: \"home\" is the name of another class, too"));
  EXPECT_THAT(wrong_in("[[class]]\nshadow = true\n[policy]\ndefault_class = \"a\""),
              HasSubstr("class[1].name: is missing"));
  EXPECT_THAT(wrong_in("[[class]]\nname = \"a b\""), HasSubstr("class[1].name: \"a b\" is not a class's name"));
  EXPECT_THAT(in_class("shadwo = true"), HasSubstr("class[1].shadwo: there is no such key; did you mean shadow?"));
  EXPECT_THAT(in_class("recipients_per_message = 0"), HasSubstr("0 is out of range"));
  for (const char* weight : {"0", "101"})
    EXPECT_THAT(in_class(std::string("weight = ") + weight),
                HasSubstr("is out of range; allowed: a whole number from 1 to 100"));
  const std::string first_time = R"(quantity = "first_time_recipients", window = "day", amount = 5)";
  EXPECT_EQ(in_limit(R"(of = "device", )" + first_time), "");
  EXPECT_THAT(
      in_limit(R"(of = "network", )" + first_time),
      HasSubstr("class[1].limit[1]: limits first-time recipients of hosts without a login, which have no known"));
  EXPECT_THAT(in_class("notice = \"off\"\nlimit = [{of = \"account\", " + first_time + "}]"),
              HasSubstr("class[1].limit[1]: limits first-time recipients, and with notice = \"off\" none is known"));
  EXPECT_THAT(in_class("limit = 5"), HasSubstr("class[1].limit: is"));
  EXPECT_THAT(in_limit("of = \"account\", quantity = \"recipiants\", window = \"day\", amount = 1"),
              HasSubstr("did you mean \"recipients\"?"));
  EXPECT_THAT(in_limit("of = \"acount\", quantity = \"bytes\", window = \"day\", amount = 1"),
              HasSubstr("did you mean \"account\"?"));
  EXPECT_THAT(in_limit("of = \"account\", quantity = \"bytes\", window = \"dya\", amount = 1"),
              HasSubstr("did you mean \"day\"?"));
  EXPECT_THAT(in_limit("of = \"account\", quantity = \"bytes\", window = \"day\", amount = 1, action = \"reject\""),
              HasSubstr("class[1].limit[1].action: \"reject\" is none of the choices"));
  EXPECT_THAT(
      in_limit("of = \"account\", quantity = \"bytes\", window = \"day\", amount = 0"),
      HasSubstr("class[1].limit[1].amount: 0 is out of range; allowed: a whole number from 1 to 1000000000000000"));
  EXPECT_THAT(in_limit("of = \"account\", quantity = \"bytes\", window = \"day\""),
              HasSubstr("class[1].limit[1].amount: is missing"));
}

TEST(ClassConfig, ALimitIsThereOnce) {
  const std::string day = "{of = \"account\", quantity = \"bytes\", window = \"day\", amount = 1}";
  EXPECT_THAT(wrong_in("[[class]]\nname = \"home\"\nlimit = [" + day + ", " + day + "]"),
              HasSubstr("class[1].limit[2]: is there twice: bytes a day of the account"));
  const std::string of_customer = "{of = \"customer\", quantity = \"bytes\", window = \"day\", amount = 1}";
  EXPECT_EQ(wrong_in("[[class]]\nname = \"home\"\nlimit = [" + day + ", " + of_customer + "]"), "");
}

}  // namespace
}  // namespace sluice::config

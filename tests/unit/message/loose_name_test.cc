// Display names without the quotes that they need, as real programs write them; and what stays refused.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/message/author.h"

namespace sluice::message {
namespace {

AuthorVerdict parse_loose(std::string_view value) { return parse_author(value, {}); }

std::string domains(const AuthorVerdict& verdict, bool unquoted) {
  std::string out;
  for (const NamedDomain& each : verdict.in_names)
    if (each.unquoted == unquoted) out += each.domain + " ";
  return out;
}

// 550 for what several mail programs write.
TEST(LooseName, TheAddressItselfAsTheName) {
  for (const std::string_view value :
       {"a@acme.example <a@acme.example>", " a@acme.example  <a@acme.example> ", "Ann a@acme.example <a@acme.example>",
        "a@acme.example Ann <a@acme.example>", "[a@acme.example] <a@acme.example>",
        "a@acme.example\r\n <a@acme.example>", "a@acme.example <a@acme.example> (Ann)"}) {
    const AuthorVerdict verdict = parse_loose(value);
    ASSERT_NE(verdict.single(), nullptr) << value;
    EXPECT_EQ(verdict.single()->address(), "a@acme.example");
    EXPECT_EQ(domains(verdict, true), "acme.example ") << value;
    EXPECT_TRUE(verdict.loose_name);
  }
}

TEST(LooseName, BracketsInTheName) {
  for (const std::string_view value :
       {"Foo [Sales] <a@acme.example>", "[Foo] <a@acme.example>", "\"Foo\" [Sales] (x) <a@acme.example>"}) {
    const AuthorVerdict verdict = parse_loose(value);
    ASSERT_NE(verdict.single(), nullptr) << value;
    EXPECT_EQ(verdict.single()->address(), "a@acme.example");
    EXPECT_TRUE(verdict.in_names.empty());
  }
}

// Some readers take it for the author: whose it is has to be judged.
TEST(LooseName, AnotherAddressInTheNameIsSaid) {
  EXPECT_EQ(domains(parse_loose("victim@bank.example <a@acme.example>"), true), "bank.example ");
  EXPECT_EQ(domains(parse_loose("a@acme.example victim@Bank.Example <a@acme.example>"), true),
            "acme.example Bank.Example ");
  EXPECT_EQ(domains(parse_loose("victim @ bank.example <a@acme.example>"), true), "bank.example ");
  EXPECT_EQ(domains(parse_loose("Sales @ Acme <a@acme.example>"), true), "Acme ");
}

TEST(LooseName, WhatCouldBeReadAsAnotherAuthorStaysRefused) {
  for (const std::string_view value : {"victim@bank.example, a@acme.example <a@acme.example>",
                                       "Foo, Inc. <a@acme.example>",
                                       "Foo; Inc. <a@acme.example>",
                                       "a@acme.example; <a@acme.example>",
                                       "Foo [Sales]: <a@acme.example>",
                                       "<victim@bank.example> [x] <a@acme.example>",
                                       "Foo > [x] <a@acme.example>",
                                       "a@acme.example <a@acme.example> <b@acme.example>",
                                       "a@acme.example <a@acme.example> b",
                                       "a@acme.example <a@acme.example",
                                       "a@acme.example <a@acme.example>, b@acme.example",
                                       "a@acme.example <>",
                                       "a@acme.example@bank.example <a@acme.example>",
                                       "a@acme.example\"bank.example\" <a@acme.example>",
                                       "a@acme.example(x)bank.example <a@acme.example>",
                                       "a@ <a@acme.example>",
                                       "a@[192.0.2.1] <a@acme.example>",
                                       "a@acme.example. <a@acme.example>",
                                       "a@acme..example <a@acme.example>",
                                       "Foo [Sales] a@acme.example",
                                       "Foo [Sales]",
                                       "Foo \\[Sales] <a@acme.example>",
                                       "Foo [\"Sales] <a@acme.example>",
                                       "Foo [(Sales] <a@acme.example>",
                                       "[x] <@b.example:a@acme.example>",
                                       "=?utf-8?Q?victim@bank.example?= <a@acme.example>",
                                       "Foo [\x1b] <a@acme.example>"}) {
    const AuthorVerdict verdict = parse_loose(value);
    EXPECT_EQ(verdict.single(), nullptr) << value;
    EXPECT_FALSE(verdict.ok()) << value;
  }
}

TEST(LooseName, MoreAddressesThanAreJudgedAreRefused) {
  std::string value;
  for (std::size_t i = 0; i < kNamedDomainsMax; ++i) value += "a@acme.example ";
  EXPECT_FALSE(parse_loose(value + "victim@bank.example <a@acme.example>").ok());
  std::string quoted = "\"";
  for (std::size_t i = 0; i <= kNamedDomainsMax; ++i) quoted += "a@x" + std::to_string(i) + ".example ";
  EXPECT_EQ(parse_loose(quoted + "\" <a@acme.example>").fault, AuthorFault::too_many);
}

// To some readers an address ends at one.
TEST(LooseName, BracketsArePaired) {
  for (const std::string_view value :
       {"bank.test]<a@b.example>", "bank.test [<a@b.example>", "x ]y[ <a@b.example>", "x [[y]] <a@b.example>"})
    EXPECT_EQ(parse_author(value, {}).fault, AuthorFault::syntax) << value;
  EXPECT_TRUE(parse_author("Ann [Sales] [EU] <a@b.example>", {}).ok());
}

}  // namespace
}  // namespace sluice::message

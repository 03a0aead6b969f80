// Whose signature it is, with A-labels and U-labels, each where it belongs (RFC 8616).
#include "engine/dkim/signatory.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice::dkim {
namespace {

Signatory::Tags tags(std::string_view domain, std::string_view selector, std::string_view agent, bool international) {
  const auto made = Signatory::make(domain, selector, agent);
  EXPECT_TRUE(made) << made.error();
  return made ? made->tags(international) : Signatory::Tags{};
}

void expect_tags(const Signatory::Tags& made, std::string_view domain, std::string_view selector,
                 std::string_view agent) {
  EXPECT_EQ(made.domain, domain);
  EXPECT_EQ(made.selector, selector);
  EXPECT_EQ(made.agent, agent);
}

TEST(DkimSignatory, AsciiIsTheSameInBothForms) {
  for (const bool international : {false, true}) {
    expect_tags(tags("Example.COM", "S1_a", "", international), "example.com", "s1_a", "");
    expect_tags(tags("example.com", "a.2026", "joe@example.com", international), "example.com", "a.2026",
                "joe@example.com");
    expect_tags(tags("example.com", "a", "@News.example.com", international), "example.com", "a", "@news.example.com");
  }
}

TEST(DkimSignatory, LabelsAreAsTheMessageIs) {
  for (const std::string_view domain : {"b\u00fccher.example", "xn--bcher-kva.example", "B\u00dcCHER.example"}) {
    expect_tags(tags(domain, "\u00fc", "j\u00f6@b\u00fccher.example", false), "xn--bcher-kva.example", "xn--tda",
                "j=C3=B6@xn--bcher-kva.example");
    expect_tags(tags(domain, "\u00fc", "j\u00f6@xn--bcher-kva.example", true), "b\u00fccher.example", "\u00fc",
                "j\u00f6@b\u00fccher.example");
  }
}

TEST(DkimSignatory, AnAgentIsEncoded) {
  expect_tags(tags("a.example", "s", "a;b=c d\"@a.example", false), "a.example", "s", "a=3Bb=3Dc=20d\"@a.example");
}

TEST(DkimSignatory, WhatIsNoneIsRefused) {
  for (const std::string_view domain : {"", ".", "a..b", "-a.example", "a b.example", "a;d=b.example", "a\r\n.example"})
    EXPECT_FALSE(Signatory::make(domain, "s")) << domain;
  for (const std::string_view selector : {"", "a b", "s;", ".", "s:"})
    EXPECT_FALSE(Signatory::make("a.example", selector)) << selector;
  for (const std::string_view agent : {"joe", "joe@b.example", "joe@ba.example", "joe@", "a\xff@a.example"})
    EXPECT_FALSE(Signatory::make("a.example", "s", agent)) << agent;
  EXPECT_FALSE(Signatory::make(std::string(300, 'a'), "s"));
  EXPECT_FALSE(Signatory::make("a.example", "s", std::string(65, 'a') + "@a.example"));
}

}  // namespace
}  // namespace sluice::dkim

// What whole sessions make of content that is not quite as the RFCs require it: mended where that deceives no reader,
// and never another author, another message or another recipient.
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Platforms;
using testing::SessionClient;
using testing::SessionHost;
using ::testing::SizeIs;

constexpr std::string_view kFrom = "From: <ann@example.com>\r\n";
using testing::kText;
constexpr std::string_view kEnd = "\r\n.\r\n";

class ContentTest : public ::testing::Test {
 protected:
  ~ContentTest() override {
    client_ = nullptr;
    host.close();
  }
  SessionClient& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<SessionClient>(platforms, there, host.address());
      client_->log_in();
    }
    return *client_;
  }
  void envelope() {
    EXPECT_EQ(client().say("MAIL FROM:<ann@example.com>"), 250);
    EXPECT_EQ(client().say("RCPT TO:<bob@example.net>"), 250);
  }
  // `text` ends in CRLF.DATA, and once more in BDAT: both are answered alike.  Returns the code.
  int submit(std::string_view text) {
    envelope();
    EXPECT_EQ(client().say("DATA"), 354);
    client().send(text);
    const int code = client().say(".");
    envelope();
    client().send("BDAT " + std::to_string(text.size()) + " LAST\r\n");
    client().send(text);
    EXPECT_EQ(client().reply().code, code) << text;
    const bool dots = text.contains("\n.");  // which DATA has stuffed
    if (code == 250 && !dots) EXPECT_EQ(arrived(0), arrived(1));
    return code;
  }
  // What came of the message that was taken last, or before it; without what the relay puts in front, or with it.
  std::string arrived(std::size_t before = 0, bool all = false) const {
    const auto& ledger = host.sinks.ledger;
    if (ledger.size() <= before) return "nothing";
    const std::string& content = ledger[ledger.size() - 1 - before].content;
    if (all) return content;
    std::size_t at = content.find("\r\nMessage-ID: <");
    at = at == std::string::npos ? 0 : content.find("\r\n", at + 2) + 2;
    return content.substr(at);
  }

  Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& here{platforms.add_loop(testing::kRelayHost)};
  io::Loop& there{platforms.add_loop(testing::kClientHost)};
  SessionHost host{platforms, here};
  std::unique_ptr<SessionClient> client_;
};

// ------------------------------------------------------------------------------------------ the header's edges

TEST_F(ContentTest, TheLineOfAMailboxFileGoes) {
  EXPECT_EQ(submit("From root Mon Nov 24 10:00:00 2025\r\n" + std::string(kText)), 250);
  EXPECT_EQ(arrived(), kText);
  EXPECT_EQ(submit(">From root Mon\r\n" + std::string(kText)), 250);
  EXPECT_EQ(arrived(), kText);
  EXPECT_EQ(submit("From a Mon\r\nFrom b Mon\r\n" + std::string(kText)), 550);
  EXPECT_EQ(submit("From root Mon\r\nFrom: eve@evil.example\r\n\r\n"), 550);
  EXPECT_EQ(submit("From root Mon\r\n From: eve@evil.example\r\n" + std::string(kText)), 550);
}

TEST_F(ContentTest, AnEmptyLineIsPutBeforeABodyThatHasNone) {
  EXPECT_EQ(submit(std::string(kFrom) + "Hello there\r\nFrom: eve@evil.example\r\n"), 250);
  EXPECT_EQ(arrived(), std::string(kFrom) + "\r\nHello there\r\nFrom: eve@evil.example\r\n");
  // Checked as ever: what comes before it counts.
  EXPECT_EQ(submit("From: eve@evil.example\r\nHello there\r\n"), 550);
  EXPECT_EQ(submit("Subject: x\r\nHello there\r\nFrom: <ann@example.com>\r\n"), 550);
  EXPECT_EQ(submit("Hello there\r\n" + std::string(kText)), 550);
}

TEST_F(ContentTest, ALineOfBlanksDoesNotPartTheHeader) {
  EXPECT_EQ(submit("Subject: x\r\n \t\r\nFrom: <ann@example.com>\r\n\r\nhello\r\n"), 250);
  EXPECT_EQ(arrived(), "Subject: x\r\nFrom: <ann@example.com>\r\n\r\nhello\r\n");
  EXPECT_EQ(submit(std::string(kFrom) + " \r\nFrom: eve@evil.example\r\n\r\n"), 550);
  EXPECT_EQ(submit("From: <ann@example.com>\r\n \r\n , eve@evil.example\r\n\r\n"), 550);
}

// ------------------------------------------------------------------------------------------ what is shown as the
// author

TEST_F(ContentTest, NamesThatProgramsLeaveUnquoted) {
  for (const char* const from :
       {"ann@example.com <ann@example.com>", "Foo [Sales] <ann@example.com>", "bob@EXAMPLE.com <ann@example.com>"})
    EXPECT_EQ(submit("From: " + std::string(from) + "\r\n\r\nhello\r\n"), 250) << from;
  host.rules().foreign_name = policy::ForeignName::allow;
  for (const char* const from :
       {"eve@evil.example <ann@example.com>", "ann@example.com, eve@evil.example <ann@example.com>",
        "Foo, Inc. <ann@example.com>", "Foo; <ann@example.com>", "<eve@evil.example> <ann@example.com>",
        "ann@example.com <eve@evil.example>", "Eve @ evil <ann@example.com>"})
    EXPECT_EQ(submit("From: " + std::string(from) + "\r\n\r\nhello\r\n"), 550) << from;
}

constexpr const char* kForeignNames[] = {"\"eve@evil.example\" <ann@example.com>", "ann@example.com (eve@evil.example)",
                                         "=?utf-8?B?ZXZlQGV2aWwuZXhhbXBsZQ==?= <ann@example.com>",
                                         "=?utf-8?Q?eve=40evil?= =?iso-8859-1?Q?=2Eexample?= <ann@example.com>",
                                         "\"ann@example.com eve@evil.example\" <ann@example.com>"};

TEST_F(ContentTest, AnotherAddressInTheNameIsRefusedUnlessSet) {
  for (const char* const from : kForeignNames)
    EXPECT_EQ(submit("From: " + std::string(from) + "\r\n\r\nhello\r\n"), 550) << from;
  EXPECT_EQ(submit("From: \"bob@example.com\" <ann@example.com> (Ann)\r\n\r\nhello\r\n"), 250);
}

TEST_F(ContentTest, AnotherAddressInTheNameIsMarked) {
  host.rules().foreign_name = policy::ForeignName::mark;
  for (const char* const from : kForeignNames) {
    const std::string text = "From: " + std::string(from) + "\r\n\r\nhello\r\n";
    EXPECT_EQ(submit(text), 250) << from;
    EXPECT_THAT(arrived(0, true), HasSubstr("\r\nX-Sluice-Foreign-Name: "));
    EXPECT_TRUE(arrived().ends_with("\r\n" + text));
  }
  EXPECT_EQ(submit(kText), 250);
  EXPECT_THAT(arrived(0, true), Not(HasSubstr("X-Sluice-Foreign-Name: ")));
}

TEST_F(ContentTest, AnotherAddressInTheNameIsAllowed) {
  host.rules().foreign_name = policy::ForeignName::allow;
  for (const char* const from : kForeignNames) {
    EXPECT_EQ(submit("From: " + std::string(from) + "\r\n\r\nhello\r\n"), 250) << from;
    EXPECT_THAT(arrived(0, true), Not(HasSubstr("X-Sluice-Foreign-Name: ")));
  }
}

constexpr const char* kForeignFields[] = {"Sender: eve@evil.example",
                                          "sender :ann@example.com",
                                          "Sender: ann@example.com, bob@example.com",
                                          "Sender:",
                                          "Sender: ann",
                                          "Author: eve@evil.example",
                                          "author: ann@example.com, \"x\" <eve@evil.example>",
                                          "Resent-From: eve@evil.example",
                                          "Resent-Sender: \"x\" <eve@evil.example>",
                                          "Resent-From: ann@example.com, eve@evil.example",
                                          "SENDER:\r\n eve@evil.example",
                                          "Sender: eve@evil.example <ann@example.com>",
                                          "Sender: \"eve@evil.example\" <ann@example.com>"};

TEST_F(ContentTest, AForeignSenderIsRefused) {
  for (const char* const field : kForeignFields) {
    EXPECT_EQ(submit(std::string(kFrom) + field + "\r\n\r\nhello\r\n"), 550) << field;
    EXPECT_EQ(submit(std::string(field) + "\r\n" + std::string(kFrom) + "\r\nhello\r\n"), 550) << field;
  }
  EXPECT_THAT(host.sinks.ledger, IsEmpty());
}

TEST_F(ContentTest, AForeignSenderIsLeftOutWhereThatIsSet) {
  host.rules().foreign_sender = policy::ForeignSender::drop;
  for (const char* const field : kForeignFields) {
    EXPECT_EQ(submit("Subject: x\r\n" + std::string(field) + "\r\n" + std::string(kFrom) + "\r\nhello\r\n"), 250)
        << field;
    EXPECT_EQ(arrived(), "Subject: x\r\n" + std::string(kFrom) + "\r\nhello\r\n") << field;
    EXPECT_EQ(submit(std::string(kFrom) + field + "\r\nhello there\r\n"), 250) << field;
    EXPECT_EQ(arrived(), std::string(kFrom) + "\r\nhello there\r\n") << field;
  }
}

TEST_F(ContentTest, TwoSendersAreRefusedWhateverTheyAre) {
  for (const auto rule : {policy::ForeignSender::refuse, policy::ForeignSender::drop}) {
    host.rules().foreign_sender = rule;
    EXPECT_EQ(submit(std::string(kFrom) + "Sender: ann@example.com\r\nSender: bob@example.com\r\n\r\n"), 550);
    EXPECT_EQ(submit(std::string(kFrom) + "Sender: ann@example.com\r\nsender : eve@evil.example\r\n\r\n"), 550);
  }
}

TEST_F(ContentTest, OnesOwnSenderAndAnyReplyToGoOn) {
  const std::string text = std::string(kFrom) +
                           "Sender: Bob <bob@example.com>\r\nResent-From: ann@example.com, "
                           "bob@example.com\r\nResent-Sender: ann@example.com\r\n"
                           "Reply-To: eve@evil.example\r\n\r\nhello\r\n";
  EXPECT_EQ(submit(text), 250);
  EXPECT_EQ(arrived(), text);
}

// ------------------------------------------------------------------------------------------ lines

TEST_F(ContentTest, ABareLfBecomesCrlf) {
  host.rules().normalise_line_ends = true;
  EXPECT_EQ(submit("From: <ann@example.com>\nSubject: x\n\nhello\n.\r\nthere\n\r\n"), 250);
  EXPECT_EQ(arrived(1), "From: <ann@example.com>\r\nSubject: x\r\n\r\nhello\r\n..\r\nthere\r\n\r\n");
}

TEST_F(ContentTest, WhatBareLfsHideIsLookedAt) {
  host.rules().normalise_line_ends = true;
  EXPECT_EQ(submit(std::string(kFrom) + "Subject: x\nFrom: eve@evil.example\r\n\r\nhello\r\n"), 550);
  EXPECT_EQ(submit("Subject: x\n\nFrom: <ann@example.com>\r\n\r\nhello\r\n"), 550);
  EXPECT_EQ(submit("Subject: x\r\n\nFrom: <ann@example.com>\r\n\r\nhello\r\n"), 550);
  EXPECT_EQ(submit(std::string(kFrom) + "Sender: eve@evil.example\n\nhello\r\n"), 550);
  EXPECT_EQ(submit("From: ann@example.com\n .evil.example\r\n\r\nhello\r\n"), 550);
}

TEST_F(ContentTest, ABareCrStaysRefused) {
  host.rules().normalise_line_ends = true;
  for (const char* const text : {"hello\rthere\r\n", "hello\r\r\n", "\r\r\n", "x\n\rx\r\n", "\r.\r\n"})
    EXPECT_EQ(submit(std::string(kText) + text), 550) << text;
}

TEST_F(ContentTest, ShortLinesWithBareLfsAreNoLongLine) {
  host.rules().normalise_line_ends = true;
  std::string text(kText);
  for (int i = 0; i < 200; ++i) text += std::string(70, 'x') + "\n";
  EXPECT_EQ(submit(text + "\r\n"), 250);
  EXPECT_EQ(submit(text + std::string(999, 'x') + "\n\r\n"), 550);
  host.rules().long_lines = true;
  EXPECT_EQ(submit(text + std::string(9999, 'x') + "\n\r\n"), 250);
}

// Whatever bare line ends stand before it, the message ends at CRLF.CRLF, and what a smuggler put into it stays in it.
constexpr std::string_view kFalseEnds[] = {"\n.\n",     "\n.\r\n", "\r\n.\n",     "\r.\r\n",   "\r\n.\r",
                                           "\r.\r",     "\n.\r",   "\r\n.\r\r\n", "\r\r\n.\n", "\n\r\n.\n",
                                           "\n\n.\n\n", "\n..\n",  "\n..\r\n",    "\r\n..\n",  "\n.\n.\r\n"};
constexpr std::string_view kSmuggled =
    "MAIL FROM:<ann@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nFrom: <ann@example.com>\r\n\r\nsmuggled";

TEST_F(ContentTest, NoFalseEndEndsAMessageHoweverItIsCut) {
  host.rules().normalise_line_ends = true;
  for (const std::string_view end : kFalseEnds) {
    const std::string text =
        std::string(kText.substr(0, kText.size() - 2)) + std::string(end) + std::string(kSmuggled) + std::string(kEnd);
    const std::size_t begin = kText.size() - 2;
    for (std::size_t cut = begin - 1; cut <= begin + end.size() + 3; ++cut) {
      SCOPED_TRACE(::testing::PrintToString(std::string(end)) + " cut at " + std::to_string(cut));
      host.sinks.ledger.clear();
      envelope();
      ASSERT_EQ(client().say("DATA"), 354);
      client().send(text.substr(0, cut));
      platforms.run_for(100ms);
      client().send(text.substr(cut));
      const int code = client().reply().code;
      EXPECT_EQ(client().say("NOOP"), 250);
      // A bare CR: refused.  Else it is one message, with one end, and no LF without CR.
      const bool bare_cr = (std::string("x") + std::string(end) + "M").find("\r.") != std::string::npos ||
                           std::string(end).find("\r\r") != std::string::npos || end.ends_with('\r');
      EXPECT_EQ(code, bare_cr ? 550 : 250);
      ASSERT_THAT(host.sinks.ledger, SizeIs(bare_cr ? 0 : 1));
      if (bare_cr) continue;
      const std::string& content = host.sinks.ledger[0].content;
      EXPECT_TRUE(content.ends_with("\r\n\r\nsmuggled\r\n"));
      EXPECT_EQ(content.find("\r\n.\r\n"), std::string::npos) << content;
      for (std::size_t at = content.find('\n'); at != std::string::npos; at = content.find('\n', at + 1))
        EXPECT_TRUE(at > 0 && content[at - 1] == '\r');
    }
  }
}

TEST_F(ContentTest, ChunksAreCutAnywhere) {
  host.rules().normalise_line_ends = true;
  for (const std::string_view end : kFalseEnds) {
    const std::string text = std::string(kText.substr(0, kText.size() - 2)) + std::string(end) + "there\n";
    const bool bare_cr = (std::string(end) + "t").find("\r.") != std::string::npos ||
                         end.find("\r\r") != std::string_view::npos || end.ends_with('\r');
    for (std::size_t cut = kText.size() - 3; cut <= kText.size() + end.size(); ++cut) {
      SCOPED_TRACE(::testing::PrintToString(std::string(end)) + " cut at " + std::to_string(cut));
      host.sinks.ledger.clear();
      envelope();
      client().send("BDAT " + std::to_string(cut) + "\r\n" + text.substr(0, cut));
      EXPECT_EQ(client().reply().code, 250);
      client().send("BDAT " + std::to_string(text.size() - cut) + " LAST\r\n" + text.substr(cut));
      EXPECT_EQ(client().reply().code, bare_cr ? 550 : 250);
      ASSERT_THAT(host.sinks.ledger, SizeIs(bare_cr ? 0 : 1));
      if (bare_cr) continue;
      std::string want;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) want += '\r';
        want += text[i];
      }
      EXPECT_EQ(arrived(), want);
    }
  }
}

// ------------------------------------------------------------------------------------------ what a next hop must be
// able to do

TEST_F(ContentTest, WhatIsNotAsciiIsSaidOfTheMessageAndNotOfTheKeyword) {
  struct Row {
    std::string text;
    message::ContentFacts facts;
  };
  const Row rows[] = {
      {std::string(kText), {.whole = true}},
      {std::string(kText) + "gr\xc3\xbc\xc3\x9f"
                            "e\r\n",
       {.eight_bit = true, .whole = true}},
      {"Subject: gr\xc3\xbc\xc3\x9f"
       "e\r\n" +
           std::string(kText),
       {.header_eight_bit = true, .eight_bit = true, .whole = true}},
      {std::string(kFrom) + "hello there \xfc\r\n", {.eight_bit = true, .whole = true}},
      {std::string(kFrom), {.whole = true}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(submit(row.text), 250);
    EXPECT_EQ(host.sinks.facts, row.facts) << row.text;
  }
}

}  // namespace
}  // namespace sluice::session

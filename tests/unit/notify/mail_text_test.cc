// Mails about notifications: RFC 5322 and RFC 3834 as far as they go, and names that would like to be more than names.
#include "engine/notify/mail_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/notify/event_of.h"

namespace sluice::notify {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

MailFrame mail_frame() {
  return {.host = "relay.example.net",
          .from = "sluice@relay.example.net",
          .to = {"postmaster@example.net", "noc@example.net"},
          .now = 1'795'915'425'678,
          .random = 42};
}

std::string header_of(const std::string& mail) { return mail.substr(0, mail.find("\r\n\r\n") + 2); }

std::string body_of(const std::string& mail) { return mail.substr(mail.find("\r\n\r\n") + 4); }

std::vector<std::string> field_names(const std::string& mail) {
  std::vector<std::string> names;
  std::string header = header_of(mail);
  for (std::size_t begin = 0; begin < header.size(); begin = header.find("\r\n", begin) + 2)
    if (header[begin] != ' ') names.push_back(header.substr(begin, header.find(':', begin) - begin));
  return names;
}

TEST(MailText, HasWhatAMailByAProgramHas) {
  const std::string mail = mail_text({.owner = "", .notification = limit_reached("alice@example.com")}, mail_frame());
  EXPECT_EQ(field_names(mail),
            (std::vector<std::string>{"Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version",
                                      "Content-Type", "Content-Transfer-Encoding"}));
  EXPECT_THAT(mail, HasSubstr("Date: Sun, 29 Nov 2026 01:23:45 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("To: <postmaster@example.net>,\r\n <noc@example.net>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Subject: [relay.example.net] Limit reached: account alice@example.com\r\n"));
  EXPECT_THAT(mail, ContainsRegex("Message-ID: <[^<>]+@relay.example.net>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Auto-Submitted: auto-generated\r\n"));
}

TEST(MailText, ShowsTheFiguresAndWhatToDo) {
  const std::string body =
      body_of(mail_text({.owner = "", .notification = limit_reached("alice@example.com"), .further = 7}, mail_frame()));
  EXPECT_THAT(body, HasSubstr("  quantity: recipients\r\n"));
  EXPECT_THAT(body, HasSubstr("  limit: 500\r\n"));
  EXPECT_THAT(body, HasSubstr("Further ones since the last such mail: 7."));
  EXPECT_THAT(body, HasSubstr("sluicectl contain alice@example.com\r\n"));
}

TEST(MailText, AnOwnerIsShownNothingOfTheOperators) {
  const auto contained = notification_from(event::Containment{.step = "contain",
                                                              .containment = 4711,
                                                              .kind = "account",
                                                              .subject = "alice@example.com",
                                                              .actor = "root",
                                                              .reason = "sells watches",
                                                              .messages = 12});
  ASSERT_TRUE(contained);
  EXPECT_EQ(contained->owner, "alice@example.com");
  const std::string body = body_of(mail_text(
      {.owner = contained->owner, .notification = std::make_shared<const Notification>(*contained)}, mail_frame()));
  EXPECT_THAT(body, HasSubstr("Your account sends no mail for now"));
  EXPECT_THAT(body, HasSubstr("  messages: 12\r\n"));
  for (const char* secret : {"watches", "root", "4711", "sluicectl"}) EXPECT_THAT(body, Not(HasSubstr(secret)));
}

TEST(MailText, ANameIsNeverMoreThanAName) {
  for (const std::string name : {"eve@example.com\r\nBcc: all@example.com", "eve\r\n\r\nbody", "eve\n.\r\nQUIT",
                                 "=?utf-8?q?a=0D=0ABcc:_b?=", "\xc3\xa9ve\xe2\x80\xae@example.com", "a\xff\x80z",
                                 "; rm -rf /", "`reboot`", "$(reboot)", "-f"}) {
    SCOPED_TRACE(name);
    const std::string mail = mail_text({.owner = "", .notification = limit_reached(name)}, mail_frame());
    EXPECT_EQ(field_names(mail).size(), 9U) << mail;
    EXPECT_THAT(header_of(mail), Not(ContainsRegex("\nBcc")));
    EXPECT_TRUE(std::ranges::all_of(mail, [](char c) { return (c >= ' ' && c <= '~') || c == '\r' || c == '\n'; }));
    for (std::size_t at = mail.find('\n'); at != std::string::npos; at = mail.find('\n', at + 1))
      EXPECT_TRUE(at > 0 && mail[at - 1] == '\r' && mail.substr(at + 1, 1) != ".") << at;
    EXPECT_THAT(body_of(mail), HasSubstr("sluicectl contain NAME"));
  }
}

TEST(MailText, WhatIsNotAsciiIsEncodedInTheSubject) {
  std::string name;
  for (int i = 0; i < 60; ++i) name += "\xc3\xa9";
  const std::string header = header_of(mail_text({.owner = "", .notification = limit_reached(name)}, mail_frame()));
  EXPECT_THAT(header, HasSubstr("Subject: =?utf-8?q?=5Brelay=2Eexample=2Enet=5D=20Limit"));
  for (std::size_t begin = 0; begin < header.size(); begin = header.find("\r\n", begin) + 2)
    EXPECT_LE(header.find("\r\n", begin) - begin, 90U);
}

TEST(MailText, ALongValueMakesNoLongLine) {
  const std::string mail =
      mail_text({.owner = "", .notification = limit_reached(std::string(2000, '\x01'))}, mail_frame());
  for (std::size_t begin = 0; begin < mail.size(); begin = mail.find("\r\n", begin) + 2)
    EXPECT_LE(mail.find("\r\n", begin) - begin, 998U);
}

TEST(MailText, OnlyAMailboxIsMailedTo) {
  EXPECT_EQ(mailbox_of("alice@example.com"), "alice@example.com");
  EXPECT_EQ(mailbox_of("alice@b\xc3\xbc"
                       "cher.example"),
            "alice@xn--bcher-kva.example");
  for (const std::string_view name : {"", "alice", "postmaster", "a\r\nb@example.com", "a b@example.com",
                                      "\xc3\xa9ve@example.com", "a@b@c", "<a@b.example>"})
    EXPECT_EQ(mailbox_of(name), std::nullopt) << name;
}

}  // namespace
}  // namespace sluice::notify

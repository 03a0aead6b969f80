// The id of an Authentication-Results field (RFC 8601 2.2), as a forger would hide it.
#include "engine/message/authserv_id.h"

#include <gtest/gtest.h>

#include "engine/message/header_scan.h"

namespace sluice::message {
namespace {

TEST(AuthservIdTest, TheIdIsWhatStandsFirst) {
  for (const char* value : {" relay.example; none", "relay.example 1; spf=pass", "\r\n\trelay.example",
                            " (a (b) \\) c) relay.example(d); none", " \"relay.example\"; none", "\"relay\\.example\";",
                            "\"relay.\r\n example\""}) {
    const auto id = authserv_id(value);
    EXPECT_TRUE(id && (*id == "relay.example" || *id == "relay. example")) << value;
  }
}

TEST(AuthservIdTest, WhereNoneCanBeToldThereIsNone) {
  for (const char* value : {"", "  ", "(open", "(a(b)", "\"open", "\"open\\", "(a\\"})
    EXPECT_FALSE(authserv_id(value)) << value;
}

std::size_t dropped(std::string_view header, std::string_view id, std::size_t piece) {
  HeaderScan scan({.authserv_id = id});
  for (std::size_t at = 0; at < header.size(); at += piece) scan.feed(header.substr(at, piece));
  EXPECT_EQ(scan.finish(), HeaderState::complete);
  std::size_t bytes = 0;
  for (const HeaderEdit& edit : scan.edits()) bytes += edit.remove;
  return bytes;
}

TEST(AuthservIdTest, FieldsThatClaimToBeOursGoAndOthersStay) {
  constexpr std::string_view kOurs = "authentication-RESULTS : (x) RELAY.example 1;\r\n\tdkim=pass\r\n";
  constexpr std::string_view kUntold = "Authentication-Results: (open\r\n";
  constexpr std::string_view kTheirs = "Authentication-Results: other.example; relay.example\r\n";
  constexpr std::string_view kFrom = "From: a@b.example\r\n";
  const std::string header =
      std::string(kTheirs) + std::string(kOurs) + std::string(kFrom) + std::string(kUntold) + "\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, header.size()}) {
    EXPECT_EQ(dropped(header, "relay.example", piece), kOurs.size() + kUntold.size());
    EXPECT_EQ(dropped(header, "", piece), 0U);
  }
}

TEST(AuthservIdTest, AnInternationalHostIsOneInBothForms) {
  EXPECT_GT(dropped("Authentication-Results: bücher.example; none\r\n\r\n", "xn--bcher-kva.example", 5), 0U);
}

}  // namespace
}  // namespace sluice::message

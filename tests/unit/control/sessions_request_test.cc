// Requests about open sessions, as lines of the control socket, and their answers.
#include "engine/control/sessions_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "auth/secret.h"

namespace sluice::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SessionsRequest, HasOneLine) {
  const std::pair<SessionsRequest, std::string> cases[] = {
      {{}, "sessions"},
      {{.json = true}, "sessions json"},
      {{.json = true, .limit = 5, .account = "ann@example.com"}, "sessions json limit=5 account=ann@example.com"},
      {{.address = "2001:db8::/32"}, "sessions address=2001:db8::/32"},
      {{.verb = SessionsRequest::Verb::end, .customer = "Example Ltd"}, "sessions end customer=Example%20Ltd"},
      {{.verb = SessionsRequest::Verb::end, .json = true, .account = "a b", .customer = "c=d", .address = "192.0.2.1"},
       "sessions end json account=a%20b customer=c%3Dd address=192.0.2.1"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(sessions_request_fault(request), "");
    EXPECT_EQ(encode_sessions_request(request), line);
    const auto decoded = decode_sessions_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

// A back end may name a customer by 255 bytes; a filter took 200.
TEST(SessionsRequest, ACustomerOfTheLongestNameCanBeNamed) {
  const std::string longest(auth::kCustomerBytesMax, 'a');
  const auto read = decode_sessions_request("sessions end customer=" + longest);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->customer, longest);
}

TEST(SessionsRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  const std::vector<std::string> lines{"",
                                       "session",
                                       "sessions ",
                                       "sessions list",
                                       "sessions  json",
                                       "sessions json json",
                                       "sessions limit=",
                                       "sessions limit=0",
                                       "sessions limit=05",
                                       "sessions limit=1000001",
                                       "sessions limit=99999999999",
                                       "sessions limit=-1",
                                       "sessions account=",
                                       "sessions account=%4",
                                       "sessions account=%41",
                                       "sessions account=%0A",
                                       "sessions customer=x account=y",
                                       "sessions address=192.0.2.1/24",
                                       "sessions address=somewhere",
                                       "sessions end",
                                       "sessions end json",
                                       "sessions end limit=5 account=x",
                                       "sessions end account=x ",
                                       "sessions end account=" + std::string(321, 'a'),
                                       "sessions end customer=" + std::string(256, 'a')};
  for (const std::string& line : lines) EXPECT_FALSE(decode_sessions_request(line).has_value()) << line;
}

CoreSessions of_core(std::uint32_t core, std::size_t shown, std::uint64_t met) {
  CoreSessions sessions{.core = core, .met = met, .sessions = {}};
  for (std::size_t i = 0; i < shown; ++i)
    sessions.sessions.push_back({.id = i,
                                 .client = "192.0.2.1:5",
                                 .listener = "smtp",
                                 .customer = "Example Ltd",
                                 .account = "ann@example.com",
                                 .tls = "",
                                 .waits_for = "a command"});
  return sessions;
}

TEST(SessionsAnswer, IsInPagesAndSaysWhatIsLeftOut) {
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  std::string list = render_sessions_page(of_core(0, 3, 4), 10, true);
  list += render_sessions_page(of_core(1, 0, 0), 7, false);
  list += render_sessions_page(of_core(2, 3, 3), 2, false) + render_sessions_end(false, 2);
  EXPECT_THAT(list, ::testing::StartsWith("[\n {\"core\": 0"));
  EXPECT_THAT(list, HasSubstr("},\n {\"core\": 2"));
  EXPECT_THAT(list, HasSubstr("Example Ltd"));
  EXPECT_THAT(list, ::testing::EndsWith("}\n]\nnote: 2 sessions more\n"));
  EXPECT_EQ(lines(list), 1 + 5 + 2);
  EXPECT_EQ(render_sessions_page(of_core(0, 0, 0), 10, true) + render_sessions_end(true, 0), "[\n]\n");
  EXPECT_THAT(render_sessions_end(true, 1), Not(HasSubstr("sessions more")));
}

TEST(SessionsAnswer, CountsWhatWasEndedAndOnHowManyCores) {
  const SessionsRequest text{.verb = SessionsRequest::Verb::end, .account = "a"};
  EXPECT_EQ(render_sessions_ended(text, std::vector{of_core(0, 0, 2), of_core(1, 0, 0), of_core(2, 0, 1)}),
            "3 sessions on 2 cores ended\n");
  EXPECT_EQ(render_sessions_ended(text, std::vector{of_core(0, 0, 1)}), "1 session on 1 core ended\n");
  EXPECT_EQ(render_sessions_ended({.verb = SessionsRequest::Verb::end, .json = true, .account = "a"},
                                  std::vector{of_core(0, 0, 2)}),
            "{\"sessions\": 2, \"cores\": 1}\n");
}

}  // namespace
}  // namespace sluice::control

// Requests to the shield, as lines of the control socket, and its answers.
#include "engine/control/shield_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

using namespace std::chrono_literals;

TEST(ShieldRequest, HasOneLine) {
  const std::pair<ShieldRequest, std::string> cases[] = {
      {{}, "shield list"},
      {{.json = true}, "shield list json"},
      {{.verb = ShieldRequest::Verb::release, .all = true}, "shield release all"},
      {{.verb = ShieldRequest::Verb::release, .json = true, .all = true}, "shield release json all"},
      {{.verb = ShieldRequest::Verb::release, .subject = "192.0.2.0/24"}, "shield release subject=192.0.2.0/24"},
      {{.verb = ShieldRequest::Verb::release, .json = true, .subject = "2001:db8::1"},
       "shield release json subject=2001:db8::1"},
      {{.verb = ShieldRequest::Verb::release, .subject = "all x=%"}, "shield release subject=all%20x%3D%25"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(shield_request_fault(request), "");
    EXPECT_EQ(encode_shield_request(request), line);
    const auto decoded = decode_shield_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(ShieldRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  std::vector<std::string> lines{"",
                                 "shield",
                                 "shield ",
                                 "shield lis",
                                 "shield list ",
                                 "shield list  json",
                                 "shield list all",
                                 "shield list subject=x",
                                 "shield list json json",
                                 "shield release",
                                 "shield release subject=",
                                 "shield release all all",
                                 "shield release all json",
                                 "shield release all subject=x",
                                 "shield release subject=x all",
                                 "shield release subject=%",
                                 "shield release subject=%4",
                                 "shield release subject=%41",
                                 "shield release subject=%0A",
                                 "shield release subject=%c3%bc",
                                 "shield release subject=192.0.2.1/24",
                                 "shield release subject=192.0.2.0/33",
                                 "shield release subject=" + std::string(321, 'a')};
  for (const std::string& line : lines) EXPECT_FALSE(decode_shield_request(line).has_value()) << line;
}

TEST(ShieldRequest, IsAnsweredForReadersAndPrograms) {
  const std::vector<auth::ShieldEntry> entries{
      {.rule = auth::ShieldRule::address, .subject = "192.0.2.1", .failures = 20, .left = 1ms},
      {.rule = auth::ShieldRule::account, .subject = "a\x1b[2J@example.com", .failures = 7, .left = 90s}};
  const std::string json = render_shield_page(entries, true);
  EXPECT_EQ(json.find('\x1b'), std::string::npos);
  for (const char* part :
       {R"("kind": "address")", R"("subject": "192.0.2.1")", R"("effect": "refused")", R"("failures": 20)",
        R"("seconds_left": 1,)", R"("effect": "slowed")", R"("seconds_left": 90,)", R"(a\u001b[2J@example.com)"})
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  EXPECT_EQ(render_released(1, false), "1 entry released\n");
  EXPECT_EQ(render_released(2, true), "{\"released\": 2}\n");
}

}  // namespace
}  // namespace sluice::control

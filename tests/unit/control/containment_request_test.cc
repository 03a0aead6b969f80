// Requests about a containment, as lines of the control socket, and the relay's answers.
#include "engine/control/containment_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sluice::control {
namespace {

using Verb = ContainmentRequest::Verb;
using Kind = ContainmentRequest::Kind;

TEST(ContainmentRequest, HasOneLine) {
  const std::pair<ContainmentRequest, std::string> cases[] = {
      {{.id = 1, .subject = "a@b.example"}, "containment contain id=1 account=a@b.example"},
      {{.verb = Verb::suspend, .json = true, .id = 23, .kind = Kind::customer, .subject = "Example Ltd"},
       "containment suspend json id=23 customer=Example%20Ltd"},
      {{.verb = Verb::hold, .id = 9, .subject = "a", .reason = "why not"},
       "containment hold id=9 account=a reason=why%20not"},
      {{.verb = Verb::release, .json = true, .mail = true, .id = 4, .kind = Kind::network, .subject = "192.0.2.0/24"},
       "containment release json mail id=4 network=192.0.2.0/24"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(containment_request_fault(request), "");
    EXPECT_EQ(encode_containment_request(request), line);
    const auto decoded = decode_containment_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(ContainmentRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  for (const char* line : {"",
                           "containment",
                           "containment ",
                           "containment contain",
                           "containment contain id=1",
                           "containment contain id=1 account=",
                           "containment contain id=0 account=a",
                           "containment contain id=01 account=a",
                           "containment contain id=-1 account=a",
                           "containment contain id=99999999999999999999 account=a",
                           "containment contain account=a id=1",
                           "containment contain id=1 account=a customer=b",
                           "containment contain id=1 account=a reason=",
                           "containment contain id=1 account=a reason=%0A",
                           "containment contain id=1 account=%0a",
                           "containment contain id=1 account=a ",
                           "containment contain mail id=1 account=a",
                           "containment hold id=1 network=192.0.2.1",
                           "containment contain id=1 network=192.0.2.1/24",
                           "containment containment id=1 account=a",
                           "containment release mail json id=1 account=a"})
    EXPECT_FALSE(decode_containment_request(line).has_value()) << line;
  EXPECT_FALSE(decode_containment_request("containment contain id=1 account=a reason=" + std::string(201, 'x')));
  EXPECT_TRUE(decode_containment_request("containment contain id=1 account=a reason=" + std::string(200, 'x')));
}

TEST(ContainmentRequest, IsAboutSessionsAndMailOfItsSubject) {
  const ContainmentRequest network{.id = 7, .kind = Kind::network, .subject = "192.0.2.1", .reason = "why"};
  EXPECT_EQ(sessions_of(network).address, "192.0.2.1");
  EXPECT_EQ(mail_of(network, "ann").client, "192.0.2.1");
  EXPECT_EQ(mail_of(network, "ann").reason, "contained (7) by ann: why");
  EXPECT_EQ(mail_of(network, "ann").verb, QueueVerb::hold);
  const ContainmentRequest release{.verb = Verb::release, .mail = true, .id = 7, .subject = "a@b.example"};
  EXPECT_EQ(mail_of(release, "ann").verb, QueueVerb::release);
  EXPECT_TRUE(mail_of(release, "ann").held);
  EXPECT_EQ(mail_of(release, "ann").account, "a@b.example");
}

TEST(ContainmentAnswer, SaysWhatIsNotDone) {
  const ContainmentRequest request{.id = 7, .subject = "a@b.example"};
  EXPECT_EQ(render_containment(request, {.sessions = 1, .messages = 2}), "1 session ended\n2 messages held\n");
  const std::string half = render_containment(
      request, {.sessions = 3, .sessions_left = 1, .messages = 0, .under_way = 2, .fault = "the disk is gone"});
  EXPECT_NE(half.find("\nnote: 2 messages in a delivery attempt"), std::string::npos) << half;
  EXPECT_NE(half.find("\nerror: the disk is gone; 1 session still waiting"), std::string::npos) << half;
  EXPECT_EQ(render_containment({.json = true, .id = 7, .subject = "a"}, {.sessions = 1, .messages = 2}),
            "{\"sessions_ended\": 1, \"sessions_left\": 0, \"messages\": 2, \"under_way\": 0}\n");
}

}  // namespace
}  // namespace sluice::control

// Requests about a name, as lines of the control socket, and their answers.
#include "engine/control/name_request.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sluice::control {
namespace {

TEST(NameRequest, HasOneLine) {
  const std::pair<NameRequest, std::string> cases[] = {
      {{.account = "a b@example.com"}, "name account=a%20b@example.com"}, {{.customer = "acme"}, "name customer=acme"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(name_request_fault(request), "");
    EXPECT_EQ(encode_name_request(request), line);
    const auto decoded = decode_name_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(NameRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  for (const std::string& line :
       {std::string(), std::string("name"), std::string("name account="), std::string("name account=a customer=b"),
        std::string("name customer=a account=b"), std::string("name account=%0A"), std::string("name account=a b"),
        std::string("name json account=a"), "name account=" + std::string(321, 'a')})
    EXPECT_FALSE(decode_name_request(line)) << line;
}

TEST(NameRequest, AnAnswerHasAFieldForWhatIsUnknown) {
  EXPECT_EQ(render_name(""), "{\"unknown\": \"\"}\n");
  EXPECT_EQ(render_name("no such account, did you mean \"ann\"?"),
            "{\"unknown\": \"no such account, did you mean \\\"ann\\\"?\"}\n");
}

}  // namespace
}  // namespace sluice::control

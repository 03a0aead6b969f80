// In whose turns of the core a session goes on.
#include <gtest/gtest.h>

#include "engine/base/task.h"
#include "tests/unit/session/session_fixture.h"

namespace sluice::session {
namespace {

class SessionShare : public SessionFixture {
 protected:
  SessionShare() {
    host.sinks.on_recipient = [this](const message::Recipient&) {
      share_ = running_share;
      return smtp::Reply(250, {2, 1, 5}, "OK");
    };
  }
  // In which the recipient of a message is handed over.
  CustomerShare of_a_recipient() {
    share_ = kOwnShare;
    EXPECT_EQ(client().say(kMail), 250);
    EXPECT_EQ(client().say(kRcpt), 250);
    return share_;
  }

 private:
  CustomerShare share_ = kOwnShare;
};

TEST_F(SessionShare, IsItsCustomersFromTheLoginOn) {
  host.people.ann->customer_name = "a customer";
  client().log_in();
  EXPECT_EQ(of_a_recipient(), customer_share("a customer"));
}

TEST_F(SessionShare, WeighsAsTheClassOfItsCustomerSays) {
  host.people.ann->customer_name = "a customer";
  host.people.ann->customer_class = "wide";
  host.people.ann->policy_class = "device";
  host.rules().classes = std::make_shared<const policy::PolicyClasses>(
      std::vector<policy::PolicyClass>{{.name = "device"}, {.name = "wide", .weight = 7}}, "device");
  client().log_in();
  EXPECT_EQ(of_a_recipient(), customer_share("a customer", 7));
  EXPECT_EQ(host.sinks.weights, (std::vector<ShareWeight>{7})) << "its message goes on with it";
}

TEST_F(SessionShare, IsItsNetworksWithoutALogin) {
  host.rules().trusted = {Network::parse("198.51.100.0/24").value()};
  host.rules().trusted_profile.require_auth = false;
  host.rules().trusted_rights.any_domain = true;
  client().reply();
  EXPECT_EQ(client().say("EHLO client.example"), 250);
  EXPECT_EQ(of_a_recipient(),
            customer_share(host.admission.block_of(*io::Address::from_ip(testing::kClientHost, 1)).to_string()));
}

}  // namespace
}  // namespace sluice::session

// What a line of the log says of a delivery: enough to answer where somebody's mail is.
#include "engine/core/log_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/io/log.h"
#include "engine/io/log_sink.h"
#include "tests/support/doors.h"

namespace sluice::core {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LogObserverTest : public ::testing::Test {
 protected:
  std::string line_of(const relay::DeliveryRecord& record) {
    observer_.delivery(record);
    return take();
  }
  std::string take() {
    std::string text = sink_.text();
    sink_.clear();
    return text;
  }
  const std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  io::MemoryLogSink sink_;
  io::LogService service_{{}, *clock_, sink_};
  sluice::testing::Doors doors_{sluice::testing::DoorKind::simulated};
  LogObserver observer_{service_.open(), doors_.add_loop("192.0.2.1")};
};

TEST_F(LogObserverTest, ADeliverySaysWhoseItIsForWhomAndWhereItWent) {
  const std::string line = line_of({.id = "Q1",
                                    .message_id = "<1@example.com>",
                                    .customer = "acme",
                                    .account = "ann@example.com",
                                    .sender = "bounce@example.com",
                                    .destination = "mx/example.net",
                                    .next_hop = "mx1.example.net:25",
                                    .next_hop_address = "192.0.2.25:25",
                                    .tls = "TLSv1.3",
                                    .outcome = relay::DeliveryOutcome::deferred,
                                    .code = 451,
                                    .enhanced = {4, 2, 1},
                                    .text = "Not now",
                                    .recipients = "bob@example.net, eve@example.net",
                                    .count = 2});
  for (const char* part :
       {R"("event":"delivery")", R"("id":"Q1")", R"("verdict":"deferred")", R"("code":451)", R"("enhanced":"4.2.1")",
        R"("customer":"acme")", R"("account":"ann@example.com")", R"("from":"bounce@example.com")",
        R"("to":"bob@example.net, eve@example.net")", R"("message_id":"<1@example.com>")", R"("by":"queue")",
        R"("destination":"mx/example.net")", R"("next_hop":"mx1.example.net:25")", R"("next_hop_address":"192.0.2.25:25")",
        R"("next_hop_tls":"TLSv1.3")", R"("deferred":2)", R"("taken":0)", R"("detail":"Not now")"})
    EXPECT_THAT(line, HasSubstr(part));
}

// Whatever has no connection behind it is not called relayed.
TEST_F(LogObserverTest, AnAttemptThatWasNoneSaysSo) {
  EXPECT_THAT(line_of({.id = "Q1", .text = "all connections are in use", .recipients = "bob@example.net", .count = 1}),
              AllOf(HasSubstr(R"("verdict":"not_attempted")"), HasSubstr(R"("taken":0)"), Not(HasSubstr("relayed"))));
}

TEST_F(LogObserverTest, AMessageSaysItsRecipientsAndTheAddressOfItsNextHop) {
  observer_.message({.id = "Q1",
                                   .recipients = "bob@example.net, eve@example.org",
                                   .message_id = "<1@example.com>",
                                   .next_hop = "mx:25",
                                   .next_hop_address = "192.0.2.25:25",
                                   .next_hop_tls = "TLSv1.3",
                                   .code = 250});
  const std::string line = take();
  for (const char* part : {R"("to":"bob@example.net, eve@example.org")", R"("message_id":"<1@example.com>")",
                           R"("next_hop_address":"192.0.2.25:25")", R"("next_hop_tls":"TLSv1.3")"})
    EXPECT_THAT(line, HasSubstr(part));
}

}  // namespace
}  // namespace sluice::core

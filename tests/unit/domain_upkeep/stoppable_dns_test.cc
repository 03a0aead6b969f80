#include "engine/domain_upkeep/stoppable_dns.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::domain_upkeep {
namespace {

// Keeps what it is asked.
class SlowDns final : public io::Dns {
 public:
  void query(const std::string&, io::DnsType, CustomerShare, std::function<void(io::DnsReply)> on_reply) override {
    waiting.push_back(std::move(on_reply));
  }
  std::vector<std::function<void(io::DnsReply)>> waiting;
};

TEST(StoppableDns, EachQuestionIsAnsweredOnceByTheAnswerOrByTheStop) {
  SlowDns slow;
  StoppableDns dns(slow);
  std::vector<std::string> said;
  const auto note = [&said](const io::DnsReply& reply) {
    said.push_back(reply.status == io::DnsStatus::failed ? reply.error : "answered");
  };
  for (const char* name : {"a.example", "b.example"}) dns.query(name, io::DnsType::a, kOwnShare, note);
  slow.waiting[0]({.status = io::DnsStatus::no_data});
  EXPECT_EQ(said, std::vector<std::string>{"answered"});
  dns.stop();
  EXPECT_EQ(said, (std::vector<std::string>{"answered", "the relay stops"}));
  // Too late.
  slow.waiting[1]({.status = io::DnsStatus::no_data});
  EXPECT_EQ(said.size(), 2U);
  dns.query("c.example", io::DnsType::a, kOwnShare, note);
  EXPECT_EQ(said.size(), 3U);
  EXPECT_EQ(slow.waiting.size(), 2U);
}

}  // namespace
}  // namespace sluice::domain_upkeep

// The real name service against name servers that answer, that do not, and that lie.
#include "engine/io/real_dns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/blocking_dns.h"
#include "tests/support/dns_wire.h"
#include "tests/support/fake_name_server.h"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;
using testing::DnsWire;
using testing::FakeNameServer;
using Question = FakeNameServer::Question;

// Replies as they come, from any thread.
class Replies {
 public:
  void ask(Dns& dns, const std::string& name, DnsType type = DnsType::mx, CustomerShare share = kOwnShare) {
    dns.query(name, type, share, [this, name](DnsReply reply) {
      const std::lock_guard lock(mutex_);
      all_.emplace_back(name, std::move(reply));
      more_.notify_all();
    });
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, 30s, [&] { return all_.size() >= count; });
  }
  std::vector<std::pair<std::string, DnsReply>> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<std::pair<std::string, DnsReply>> all_;
};

std::unique_ptr<Dns> make(const std::string& server, RealDnsOptions options = {.timeout = 200ms, .tries = 1}) {
  options.servers = {server};
  auto dns = make_real_dns(options);
  if (!dns) throw std::runtime_error(dns.error());
  return *std::move(dns);
}

DnsReply ask(Dns& dns, const std::string& name, DnsType type = DnsType::mx) {
  Replies replies;
  replies.ask(dns, name, type);
  EXPECT_TRUE(replies.wait_for(1)) << "no reply";
  return replies.all().at(0).second;
}

std::string many(const Question& question, unsigned count) {
  DnsWire wire(question.name, question.type);
  for (unsigned i = 0; i < count; ++i)
    wire.mx(question.name, static_cast<std::uint16_t>(i), "mx" + std::to_string(i) + ".example");
  return wire.bytes(question.id);
}

TEST(RealDnsTest, Asks) {
  FakeNameServer server([](const Question& question) { return many(question, 2); });
  const auto dns = make(server.address());
  const DnsReply reply = ask(*dns, "Example.NET.");
  EXPECT_EQ(reply.status, DnsStatus::ok);
  ASSERT_EQ(reply.records.size(), 2U);
  EXPECT_EQ(reply.records[1].name, "mx1.example");
  EXPECT_EQ(server.asked_by_tcp(), 0U);
}

// With c-ares of Debian 13 a record that was published a moment ago was not seen: it had been asked for before.
TEST(RealDnsTest, AsksEachTime) {
  std::atomic<int> asked = 0;
  FakeNameServer server([&asked](const Question& question) {
    DnsWire wire(question.name, question.type);
    return wire.record(question.name, 16, 300, ++asked == 1 ? "\x03old" : "\x03new").bytes(question.id);
  });
  const auto dns = make(server.address());
  EXPECT_EQ(ask(*dns, "a.example", DnsType::txt).records.at(0).text, "old");
  EXPECT_EQ(ask(*dns, "a.example", DnsType::txt).records.at(0).text, "new");
  EXPECT_EQ(asked, 2);
}

// A server says whether an answer is authenticated only where it is asked for that (RFC 6840 5.7).
TEST(RealDnsTest, AsksWhetherAnAnswerIsAuthenticated) {
  FakeNameServer server([](const Question& question) -> std::optional<std::string> {
    const std::uint16_t checked = question.asks_authenticated ? 0x0020 : 0;
    if (question.name == "long.example" && !question.tcp)
      return DnsWire(question.name, question.type, DnsWire::kAnswer | DnsWire::kCutOff).bytes(question.id);
    DnsWire wire(question.name, question.type, DnsWire::kAnswer | checked);
    return wire.record(question.name, 16, 300, "\x02ok").bytes(question.id);
  });
  EXPECT_FALSE(ask(*make(server.address()), "a.example", DnsType::txt).authenticated);
  const auto dns = make(server.address(), {.timeout = 2s, .tries = 2, .ask_authenticated = true, .queries_max = 200});
  for (const std::string name : {"a.example", "long.example"}) {
    const DnsReply reply = ask(*dns, name, DnsType::txt);
    ASSERT_EQ(reply.status, DnsStatus::ok) << reply.error;
    EXPECT_EQ(reply.records[0].text, "ok");
    EXPECT_TRUE(reply.authenticated) << name;
  }
  Replies replies;
  for (int i = 0; i < 200; ++i) replies.ask(*dns, "n" + std::to_string(i) + ".example", DnsType::txt);
  ASSERT_TRUE(replies.wait_for(200));
  for (const auto& [name, reply] : replies.all()) EXPECT_EQ(reply.status, DnsStatus::ok) << name << ": " << reply.error;
  EXPECT_EQ(ask(*dns, "a.onion", DnsType::txt).status, DnsStatus::no_such_name);
}

TEST(BlockingDnsTest, FollowsAliasesOverSeveralAnswers) {
  FakeNameServer server([](const Question& question) -> std::optional<std::string> {
    DnsWire wire(question.name, question.type);
    if (question.name == "end.example") return wire.record("end.example", 16, 300, "\x02ok").bytes(question.id);
    // A server that has the CNAME's zone alone stops there.
    const bool round = question.name.starts_with("r");
    return wire.alias(question.name, round ? "r" + question.name : "end.example").bytes(question.id);
  });
  const auto dns = make(server.address());
  BlockingDns blocking(*dns);
  const DnsReply reply = blocking.ask("a.example", DnsType::txt);
  ASSERT_EQ(reply.status, DnsStatus::ok) << reply.error;
  EXPECT_EQ(reply.aliases, std::vector<std::string>{"end.example"});
  const DnsReply endless = blocking.ask("r.example", DnsType::txt);
  EXPECT_EQ(endless.status, DnsStatus::failed);
  EXPECT_EQ(endless.aliases.size(), kDnsAliasesMax + 1);
}

TEST(RealDnsTest, ATruncatedAnswerIsAskedForAgainByTcp) {
  FakeNameServer server([](const Question& question) {
    if (question.tcp) return many(question, 200);
    return DnsWire(question.name, question.type, DnsWire::kAnswer | DnsWire::kCutOff).bytes(question.id);
  });
  const auto dns = make(server.address());
  const DnsReply reply = ask(*dns, "example.net");
  EXPECT_EQ(reply.records.size(), 200U) << reply.error;
  EXPECT_EQ(server.asked_by_tcp(), 1U);
}

TEST(RealDnsTest, ATruncatedAnswerByTcpIsAFailure) {
  FakeNameServer server([](const Question& question) {
    return DnsWire(question.name, question.type, DnsWire::kAnswer | DnsWire::kCutOff).bytes(question.id);
  });
  const auto dns = make(server.address());
  EXPECT_EQ(ask(*dns, "example.net").status, DnsStatus::failed);
}

TEST(RealDnsTest, ANameServerThatSaysNothingIsWaitedForAWhile) {
  FakeNameServer server([](const Question&) { return std::nullopt; });
  const auto dns = make(server.address(), {.timeout = 100ms, .tries = 2});
  const DnsReply reply = ask(*dns, "example.net");
  EXPECT_EQ(reply.status, DnsStatus::failed);
  EXPECT_EQ(reply.error, "no name server answered in time");
  EXPECT_EQ(server.asked(), 2U);
}

TEST(RealDnsTest, FailuresAreSaidInWords) {
  FakeNameServer server([](const Question& question) {
    const std::uint16_t code = question.name.starts_with("refused") ? DnsWire::kRefused : DnsWire::kServFail;
    return DnsWire(question.name, question.type, DnsWire::kAnswer | code).bytes(question.id);
  });
  const auto dns = make(server.address());
  const DnsReply failed = ask(*dns, "servfail.example"), refused = ask(*dns, "refused.example");
  EXPECT_EQ(failed.status, DnsStatus::failed);
  EXPECT_EQ(refused.status, DnsStatus::failed);
  EXPECT_NE(failed.error.find("SERVFAIL"), std::string::npos) << failed.error;
  EXPECT_NE(refused.error.find("refused"), std::string::npos) << refused.error;
}

TEST(RealDnsTest, NoServerAtThePortIsAFailure) {
  std::string address;
  {
    const FakeNameServer server([](const Question&) { return std::nullopt; });
    address = server.address();
  }
  const auto dns = make(address);
  EXPECT_EQ(ask(*dns, "example.net").status, DnsStatus::failed);
}

TEST(RealDnsTest, NothingThereIsNoFailure) {
  FakeNameServer server([](const Question& question) {
    const std::uint16_t code = question.name.starts_with("nobody") ? DnsWire::kNoSuchName : 0;
    return DnsWire(question.name, question.type, DnsWire::kAnswer | code).soa("example", 77, 66).bytes(question.id);
  });
  const auto dns = make(server.address());
  const DnsReply no_name = ask(*dns, "nobody.example"), nothing = ask(*dns, "nothing.example");
  EXPECT_EQ(no_name.status, DnsStatus::no_such_name);
  EXPECT_EQ(nothing.status, DnsStatus::no_data);
  EXPECT_EQ(nothing.negative_ttl_s, 66U);
  EXPECT_EQ(ask(*dns, "hidden.onion").status, DnsStatus::no_such_name);
}

TEST(RealDnsTest, AnswersToOtherQuestionsAndNonsenseAreNotBelieved) {
  FakeNameServer server([](const Question& question) -> std::optional<std::string> {
    if (question.name.starts_with("id")) return many(question, 1).replace(0, 2, "zz");
    if (question.name.starts_with("name"))
      return DnsWire("x.example", question.type).mx("x.example", 1, "x").bytes(question.id);
    if (question.name.starts_with("short")) return std::string("\0\1", 2);
    return DnsWire(question.name, question.type).raw(std::string(40, '\xFF')).bytes(question.id);
  });
  const auto dns = make(server.address());
  for (const char* name : {"id.example", "name.example", "short.example", "nonsense.example"})
    EXPECT_EQ(ask(*dns, name).status, DnsStatus::failed) << name;
}

TEST(RealDnsTest, WhatIsNoNameIsNotAskedFor) {
  FakeNameServer server([](const Question& question) { return many(question, 1); });
  const auto dns = make(server.address());
  for (const char* name : {"", "a..b", "192.0.2.1", "a\\.b", "m\xC3\xBCller.example"})
    EXPECT_EQ(ask(*dns, name).status, DnsStatus::failed) << name;
  EXPECT_EQ(server.asked(), 0U);
}

TEST(RealDnsTest, ManyAreUnderWayAtOnceAndTooManyFail) {
  FakeNameServer server([](const Question& question) {
    return question.name.starts_with("slow") ? std::nullopt : std::optional(many(question, 1));
  });
  const auto dns = make(server.address(), {.timeout = 1s, .tries = 1, .queries_max = 100});
  Replies replies;
  for (unsigned i = 0; i < 100; ++i) replies.ask(*dns, "slow" + std::to_string(i) + ".example");
  while (server.asked() < 100) std::this_thread::sleep_for(1ms);
  // As many more wait.
  for (unsigned i = 0; i < 103; ++i) replies.ask(*dns, "quick" + std::to_string(i) + ".example");
  ASSERT_TRUE(replies.wait_for(203));
  std::map<std::string, unsigned> errors;
  for (const auto& [name, reply] : replies.all()) ++errors[reply.error];
  EXPECT_EQ(errors["too many name look-ups are under way"], 3U);
  EXPECT_EQ(errors["no name server answered in time"], 100U);
  EXPECT_EQ(errors[""], 100U);
}

// One customer's many questions about domains whose servers do not answer made all others' fail at once.
TEST(RealDnsTest, OneCustomersQuestionIsNotBehindTheCrowdOfAnother) {
  std::mutex mutex;
  std::vector<std::string> names;  // under `mutex`: the server has a thread of its own
  FakeNameServer server([&](const Question& question) -> std::optional<std::string> {
    const std::lock_guard lock(mutex);
    names.push_back(question.name);
    if (question.name.starts_with("slow")) return std::nullopt;
    return many(question, 1);
  });
  const auto dns = make(server.address(), {.timeout = 200ms, .tries = 1, .queries_max = 4});
  Replies replies;
  for (unsigned i = 0; i < 4; ++i) replies.ask(*dns, "slow" + std::to_string(i) + ".example", DnsType::mx, {1});
  while (server.asked() < 4) std::this_thread::sleep_for(1ms);
  for (unsigned i = 0; i < 4; ++i) replies.ask(*dns, "crowd" + std::to_string(i) + ".example", DnsType::mx, {1});
  replies.ask(*dns, "other.example", DnsType::mx, {2});
  ASSERT_TRUE(replies.wait_for(9));
  const std::vector<std::string> asked = [&] {
    const std::lock_guard lock(mutex);
    return names;
  }();
  ASSERT_EQ(asked.size(), 9U);
  EXPECT_EQ(std::vector(asked.begin() + 4, asked.begin() + 6),
            (std::vector<std::string>{"crowd0.example", "other.example"}));
  for (const auto& [name, reply] : replies.all())
    EXPECT_EQ(reply.status, name.starts_with("slow") ? DnsStatus::failed : DnsStatus::ok) << name;
}

TEST(RealDnsTest, TheEndAnswersAllThatIsUnderWay) {
  FakeNameServer server([](const Question&) { return std::nullopt; });
  auto dns = make(server.address(), {.timeout = 60s, .tries = 1});
  Replies replies;
  for (unsigned i = 0; i < 50; ++i) replies.ask(*dns, "n" + std::to_string(i) + ".example");
  while (server.asked() < 20) std::this_thread::sleep_for(1ms);
  for (unsigned i = 50; i < 60; ++i) replies.ask(*dns, "n" + std::to_string(i) + ".example");
  dns.reset();
  const auto all = replies.all();
  ASSERT_EQ(all.size(), 60U);
  for (const auto& [name, reply] : all) {
    EXPECT_EQ(reply.status, DnsStatus::failed);
    EXPECT_EQ(reply.error, "the name service is shutting down");
  }
}

// A question that was asked by a caller that was cancelled was never answered.
TEST(RealDnsTest, WhoAsksAgainAtTheEndIsAnswered) {
  FakeNameServer server([](const Question&) { return std::nullopt; });
  auto dns = make(server.address(), {.timeout = 60s, .tries = 1});
  std::string said;
  Dns* raw = dns.get();
  dns->query("a.example", DnsType::mx, kOwnShare, [&said, raw](const DnsReply&) {
    raw->query("b.example", DnsType::mx, kOwnShare, [&said](const DnsReply& reply) { said = reply.error; });
  });
  dns.reset();
  EXPECT_EQ(said, "the name service is shutting down");
}

TEST(RealDnsTest, ManyThreadsMayAsk) {
  FakeNameServer server([](const Question& question) { return many(question, 1); });
  const auto dns = make(server.address(), {.timeout = 5s, .tries = 3});
  Replies replies;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 50; ++i) replies.ask(*dns, "n" + std::to_string(t * 50 + i) + ".example");
    });
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(replies.wait_for(200));
  for (const auto& [name, reply] : replies.all()) EXPECT_EQ(reply.status, DnsStatus::ok) << name << reply.error;
}

TEST(RealDnsTest, ServersMustBeAddresses) {
  for (const char* bad : {"", "ns.example:53", "127.0.0.1", "127.0.0.1:0", "::1:53", "127.0.0.1:99999"}) {
    RealDnsOptions options;
    options.servers = {"127.0.0.1:53", bad};
    EXPECT_FALSE(make_real_dns(options)) << bad;
  }
  RealDnsOptions options;
  options.servers = {"127.0.0.1:53", "[::1]:53"};
  EXPECT_TRUE(make_real_dns(options));
  EXPECT_TRUE(make_real_dns({}));  // the system's
}

}  // namespace
}  // namespace sluice::io

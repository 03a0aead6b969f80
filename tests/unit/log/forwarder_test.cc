// Lines of the log as messages of syslog and entries of the journal.
#include "engine/log/forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "engine/log/journal.h"

namespace sluice::log {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class HandClock final : public io::Clock {
 public:
  Instant now() override { return at; }
  WallMillis wall() override { return 1'767'225'600'000; }
  Instant at{1h};
};

// Takes nothing until it is told to.
class TestChannel final : public Channel {
 public:
  void add(std::string message) override {
    if (messages.size() < kMax)
      messages.push_back(std::move(message));
    else
      ++lost_;
  }
  event::Rest turn(Instant /*now*/) override { return {.pending = !messages.empty()}; }
  [[nodiscard]] const std::string& place() const override { return place_; }
  [[nodiscard]] std::uint64_t lost() const override { return lost_; }
  [[nodiscard]] std::string lost_reason() const override { return "its queue is full"; }

  static constexpr std::size_t kMax = 2;
  std::deque<std::string> messages;

 private:
  const std::string place_ = "/here";
  std::uint64_t lost_ = 0;
};

class Reports final : public event::Consumer {
 public:
  explicit Reports(event::Dispatcher& events) { events.add(*this); }
  void take(const event::Event& event) override {
    if (event.kind == event::Kind::LogDropped) lines.push_back(json_text(event));
  }
  event::Rest turn(event::Emitter& /*own*/) override { return {}; }
  std::vector<std::string> lines;
};

TEST(Forwarder, WhatTheChannelLosesIsReportedOnceAMinute) {
  HandClock clock;
  event::Dispatcher events({}, clock);
  Reports reports(events);
  auto made = std::make_unique<TestChannel>();
  TestChannel& channel = *made;
  Forwarder forwarder(
      {.name = "syslog",
       .format = LogFormat::logfmt,
       .compose = [](const event::Event& /*event*/, std::string_view line) { return std::string(line); }},
      std::move(made), clock, events);
  event::Emitter& emitter = events.open();
  for (int i = 0; i < 3; ++i) emitter.emit(event::Listening{.address = "192.0.2.1:25"});
  EXPECT_EQ(channel.messages[0], "time=2026-01-01T00:00:00.000Z level=info event=listening address=192.0.2.1:25");
  ASSERT_EQ(reports.lines.size(), 1U);
  EXPECT_THAT(reports.lines[0], HasSubstr(R"("dropped":1,"reason":"its queue is full","to":"syslog /here")"));
  for (int i = 0; i < 3; ++i) emitter.emit(event::Listening{.address = "192.0.2.1:25"});
  EXPECT_EQ(reports.lines.size(), 1U);
  clock.at += 1min;
  events.request_turn();
  ASSERT_EQ(reports.lines.size(), 2U);
  EXPECT_THAT(reports.lines[1], HasSubstr(R"("dropped":4)")) << "with the report itself";
}

TEST(Forwarder, LinesBelowTheLevelAreNotForwarded) {
  HandClock clock;
  event::Dispatcher events({}, clock);
  auto made = std::make_unique<TestChannel>();
  TestChannel& channel = *made;
  Forwarder forwarder(
      {.name = "syslog",
       .level = event::Severity::warning,
       .compose = [](const event::Event& event, std::string_view /*line*/) { return std::string(event.row.name); }},
      std::move(made), clock, events);
  event::Emitter& emitter = events.open();
  emitter.emit(event::Listening{});
  emitter.emit(event::StoreFault{});
  EXPECT_THAT(channel.messages, ::testing::ElementsAre("store"));
  forwarder.set(LogFormat::json, event::Severity::info);
  emitter.emit(event::Listening{});
  EXPECT_THAT(channel.messages, ::testing::ElementsAre("store", "listening"));
}

TEST(Journal, EachKeyIsAField) {
  const auto values = values_of(event::WebhookFailed{.webhook = "one", .reason = "two\nlines", .waiting = 3});
  const event::Event event{.at = 0,
                           .kind = event::WebhookFailed::kKind,
                           .severity = event::WebhookFailed::kSeverity,
                           .row = event::row_of(event::WebhookFailed::kKind),
                           .values = std::span(values)};
  using namespace std::string_literals;
  EXPECT_EQ(journal_entry(event, "the line"),
            "MESSAGE=the line\nPRIORITY=4\nSYSLOG_IDENTIFIER=sluice\nSLUICE_EVENT=webhook_failed\n"
            "SLUICE_WEBHOOK=one\nSLUICE_REASON\n\x09\0\0\0\0\0\0\0two\nlines\nSLUICE_WAITING=3\n"s);
}

}  // namespace
}  // namespace sluice::log

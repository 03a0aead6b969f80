// What sluicectl trace and explain make of the trace: moments, messages for readers, counts, and what became of each
// recipient.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/cli/explain_trace.h"
#include "engine/cli/trace.h"
#include "engine/cli/trace_count.h"
#include "engine/cli/trace_run.h"
#include "engine/event/events.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr WallMillis kTraceNow = 1'795'900'000'000;  // 2026-11-28T21:06:40Z
constexpr WallMillis kHourMs = 3'600'000;

// A message of these events, as it is found in a trace.
class TracedStory {
 public:
  template <typename T>
  TracedStory& add(WallMillis at, const T& event) {
    const auto values = event::values_of(event);
    writer_.add(
        {.at = at, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = values});
    return *this;
  }
  TracedStory& taken(WallMillis at, std::string_view to) {
    return add(at, event::Message{.id = "0SB1",
                                  .verdict = "taken",
                                  .code = 250,
                                  .client = "192.0.2.7",
                                  .customer = "Acme",
                                  .account = "alice@example.com",
                                  .from = "alice@example.com",
                                  .to = to,
                                  .recipients = 2,
                                  .recipients_taken = 2,
                                  .bytes = 4096,
                                  .reply = "2.0.0 Ok",
                                  .reply_sent = true});
  }
  TracedStory& tried(WallMillis at, std::string_view verdict, std::string_view to, std::uint64_t code,
                     std::string_view enhanced, std::string_view detail, WallMillis next_try = 0) {
    return add(at, event::Delivery{.id = "0SB1",
                                   .verdict = verdict,
                                   .code = code,
                                   .enhanced = enhanced,
                                   .to = to,
                                   .by = "queue",
                                   .destination = "far.test",
                                   .next_hop = code == 0 ? "" : "mx.far.test:25",
                                   .attempt = 1,
                                   .next_try = next_try,
                                   .detail = detail});
  }
  [[nodiscard]] trace::TracedMessage message() {
    const std::string bytes = writer_.finish();
    const auto head = trace::read_block_head(bytes);
    const auto block =
        trace::StoredBlock::read(*head, std::string_view(bytes).substr(trace::kBlockHeadBytes + head->keys_bytes));
    trace::TracedMessage message{.id = "0SB1", .events = {}};
    for (const trace::StoredEvent& event : block->events()) message.events.push_back({.block = block, .event = &event});
    return message;
  }

 private:
  trace::BlockWriter writer_;
};

TEST(TraceMoment, IsReadInEachOfItsForms) {
  EXPECT_EQ(parse_moment("2026-11-28T21:06:40Z", 0), kTraceNow);
  EXPECT_EQ(parse_moment("2026-11-28T22:06:40+01:00", 0), kTraceNow);
  EXPECT_EQ(parse_moment("2026-11-28 21:06:40", 0), kTraceNow);
  EXPECT_EQ(parse_moment("2026-11-28 21:06", 0), kTraceNow - 40'000);
  EXPECT_EQ(parse_moment("2026-11-28", 0), kTraceNow - 21 * kHourMs - 400'000);
  EXPECT_EQ(parse_moment("@1795900000", 0), kTraceNow);
  EXPECT_EQ(parse_moment("90s", kTraceNow), kTraceNow - 90'000);
  EXPECT_EQ(parse_moment("30m", kTraceNow), kTraceNow - kHourMs / 2);
  EXPECT_EQ(parse_moment("2h", kTraceNow), kTraceNow - 2 * kHourMs);
  EXPECT_EQ(parse_moment("3d", kTraceNow), kTraceNow - 72 * kHourMs);
}

TEST(TraceMoment, IsNothingElse) {
  for (const char* text : {"", "h", "-1h", "2w", "2 h", "9999999h", "@", "@-1", "@1x", "@999999999999999", "yesterday",
                           "2026-13-01", "2026-11-28T25:00:00Z", "21:06"})
    EXPECT_FALSE(parse_moment(text, kTraceNow)) << text;
}

TEST(TraceText, ShowsWhatHappenedAndHowLongThatTook) {
  const auto message =
      TracedStory()
          .taken(kTraceNow, "ralph@far.test")
          .tried(kTraceNow + 250, "deferred", "ralph@far.test", 451, "4.7.1", "Greylisted", kTraceNow + 300'000)
          .tried(kTraceNow + 303'000, "relayed", "ralph@far.test", 250, "2.0.0", "queued \x1b[31m")
          .tried(kTraceNow + 3 * kHourMs, "relayed", "ralph@far.test", 250, "", "")
          .tried(kTraceNow + 75 * kHourMs, "relayed", "ralph@far.test", 250, "", "")
          .message();
  const std::string shown = trace_text(message, 0, TimeForm::iso);
  EXPECT_THAT(shown, HasSubstr("0SB1  account alice@example.com of Acme  from alice@example.com  to ralph@far.test\n"));
  EXPECT_THAT(shown, HasSubstr("taken: 2.0.0 Ok; client 192.0.2.7; 2 of 2 recipients, 4096 bytes"));
  EXPECT_THAT(shown, HasSubstr("+0.250 s  deferred for ralph@far.test: mx.far.test:25: 451 4.7.1 Greylisted"));
  EXPECT_THAT(shown, HasSubstr("next try 2026-11-28T21:11:40.000Z"));
  EXPECT_THAT(shown, HasSubstr("+5 min 2 s  relayed"));
  EXPECT_THAT(shown, HasSubstr("+2 h 54 min  relayed"));
  EXPECT_THAT(shown, HasSubstr("+3 d 0 h  relayed"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
  const std::string epoch = trace_text(message, 0, TimeForm::epoch);
  EXPECT_THAT(epoch, HasSubstr("next try 1795900300.000"));
  EXPECT_THAT(epoch, Not(HasSubstr("2026-11-28T")));
  EXPECT_THAT(trace_text(message, 4, TimeForm::iso), Not(HasSubstr("taken:"))) << "what was shown before";
}

TEST(TraceText, IsAnObjectOnALineForPrograms) {
  const auto message = TracedStory().taken(kTraceNow, "ralph@far.test").message();
  EXPECT_THAT(
      trace_json(message, 0),
      HasSubstr(R"({"id":"0SB1","events":[{"time":"2026-11-28T21:06:40.000Z","level":"info","event":"message")"));
  EXPECT_THAT(trace_json(message, 0), HasSubstr(R"("recipients":2)"));
}

TEST(ExplainTraced, TellsOfEachRecipientWhereItsCopyIsAndWhatWouldChangeThat) {
  const auto message =
      TracedStory()
          .taken(kTraceNow, "ralph@far.test, eve@far.test, ann@far.test, bob@far.test")
          .tried(kTraceNow + 1000, "deferred", "ralph@far.test", 451, "4.7.1", "Greylisted", kTraceNow + 60'000)
          .tried(kTraceNow + 1000, "relayed", "eve@far.test", 250, "2.0.0", "queued as 7")
          .tried(kTraceNow + 1000, "refused", "ann@far.test", 550, "5.1.1", "No such user")
          .tried(kTraceNow + 61'000, "deferred", "ralph@far.test", 451, "4.7.1", "Greylisted", kTraceNow + 900'000)
          .add(kTraceNow + 62'000, event::QueueNote{.id = "0SB1", .what = "report", .detail = "failure: 0SB2"})
          .message();
  const std::string shown = explain_traced(message, false, TimeForm::iso);
  EXPECT_THAT(
      shown,
      HasSubstr(
          "ralph@far.test\n  state          waits since 2026-11-28T21:06:41.000Z: mx.far.test:25 answered \"451 4.7.1 "
          "Greylisted\" 2 times, at last at 2026-11-28T21:07:41.000Z; next try at 2026-11-28T21:21:40.000Z\n"
          "  would change   a later try: a host that greylists"));
  EXPECT_THAT(shown, HasSubstr("eve@far.test\n  state          was taken at 2026-11-28T21:06:41.000Z: mx.far.test:25 "
                               "answered \"250 2.0.0 queued as 7\"\n"));
  EXPECT_THAT(shown, HasSubstr("ann@far.test\n  state          was refused at"));
  EXPECT_THAT(shown, HasSubstr("another address"));
  EXPECT_THAT(shown, HasSubstr("bob@far.test\n  state          is in the queue; nothing was tried yet\n"));
  EXPECT_THAT(shown, HasSubstr("report\n  DSN            failure: 0SB2\n"));
  EXPECT_THAT(explain_traced(message, true, TimeForm::epoch),
              HasSubstr(R"({"event":"recipients","id":"0SB1","recipients":["ralph@far.test"],"verdict":"deferred")"));
}

TEST(ExplainTraced, HasMomentsAsTimeSays) {
  const auto message =
      TracedStory()
          .taken(kTraceNow, "ralph@far.test, eve@far.test")
          .tried(kTraceNow + 1000, "deferred", "ralph@far.test", 451, "4.7.1", "Greylisted", kTraceNow + 60'000)
          .tried(kTraceNow + 1000, "refused", "eve@far.test", 550, "5.1.1", "No such user")
          .add(kTraceNow + 62'000, event::QueueNote{.id = "0SB1", .what = "report", .detail = "failure: 0SB2"})
          .add(kTraceNow + 63'000, event::MessageHeld{.id = "0SB1", .reason = "asked"})
          .message();
  const std::string shown = explain_traced(message, false, TimeForm::epoch);
  for (const char* const part :
       {"1795900000.000  accepted\n",
        "waits since 1795900001.000:", "at last at 1795900001.000; next try at 1795900060.000",
        "was refused at 1795900001.000", "1795900062.000  report\n", "1795900063.000  message_held\n"})
    EXPECT_THAT(shown, HasSubstr(part));
  EXPECT_THAT(shown, Not(HasSubstr("2026-")));
  EXPECT_THAT(explain_traced(message, true, TimeForm::epoch), Not(HasSubstr("1795900")));
}

// It read "the next hop was not reached".
TEST(ExplainTraced, TellsOfMailThatAnOperatorHasGivenUp) {
  const auto explained = [](std::string_view by) {
    return explain_traced(TracedStory()
                              .taken(kTraceNow, "ralph@far.test")
                              .add(kTraceNow + 1000, event::Delivery{.id = "0SB1",
                                                                     .verdict = "refused",
                                                                     .enhanced = "5.1.2",
                                                                     .to = "ralph@far.test",
                                                                     .by = by,
                                                                     .detail = "Rejected by the administrator: gone"})
                              .message(),
                          false, TimeForm::iso);
  };
  const std::string shown = explained("operator");
  EXPECT_THAT(shown,
              HasSubstr("state          was given up by an operator at 2026-11-28T21:06:41.000Z: \"5.1.2 Rejected "
                        "by the administrator: gone\"\n"));
  EXPECT_THAT(shown, HasSubstr("sluicectl queue bounce"));
  EXPECT_THAT(shown, Not(HasSubstr("was not reached")));
  EXPECT_THAT(explained("queue"), Not(HasSubstr("operator"))) << "a host may say the same words";
}

// A host with which the connection was lost was said not to have been reached.
TEST(ExplainTraced, TellsAHostThatGaveNoAnswerFromOneThatWasNotReached) {
  const auto explained = [](std::string_view next_hop) {
    return explain_traced(TracedStory()
                              .add(kTraceNow, event::Delivery{.id = "0SB1",
                                                              .verdict = "deferred",
                                                              .enhanced = "4.4.2",
                                                              .to = "ralph@far.test",
                                                              .by = "queue",
                                                              .destination = "far.test",
                                                              .next_hop = next_hop,
                                                              .attempt = 1,
                                                              .detail = "connection lost"})
                              .message(),
                          false, TimeForm::iso);
  };
  EXPECT_THAT(explained("mx.far.test:25"), HasSubstr("mx.far.test:25 gave no answer: \"4.4.2 connection lost\" once"));
  EXPECT_THAT(explained(""), HasSubstr("far.test was not reached: \"4.4.2 connection lost\" once"));
}

TEST(ExplainTraced, TellsOfExpiryAndOfRefusalsOfOurOwn) {
  const std::string expired = explain_traced(
      TracedStory()
          .taken(kTraceNow, "ralph@far.test")
          .tried(kTraceNow + 1000, "deferred", "ralph@far.test", 0, "4.4.1", "timed out", kTraceNow + 60'000)
          .tried(kTraceNow + kHourMs, "expired", "ralph@far.test", 0, "4.4.7", "timed out")
          .message(),
      false, TimeForm::iso);
  EXPECT_THAT(expired, HasSubstr("was given up at 2026-11-28T22:06:40.000Z after 1 try since "
                                 "2026-11-28T21:06:41.000Z; the last word was \"4.4.7 timed out\""));
  EXPECT_THAT(expired, HasSubstr("queue.expire_s"));
  const std::string refused = explain_traced(
      TracedStory()
          .add(kTraceNow, event::Refused{.id = "0SB1", .code = 550, .reason = "sender_domain", .reply = "No"})
          .message(),
      false, TimeForm::iso);
  EXPECT_THAT(refused, HasSubstr("reply          550 No\n"));
  EXPECT_THAT(refused, HasSubstr("sluicectl domain add"));
}

TEST(TraceCounts, CountsOfRecipientsThoseThatHaveTheVerdict) {
  const trace::Query query{.keys = {{.kind = trace::KeyKind::verdict, .value = "refused"}}, .words = ""};
  const auto message =
      TracedStory()
          .taken(kTraceNow, "ralph@far.test, ann@near.test, eve@near.test")
          .tried(kTraceNow + 1000, "relayed", "ralph@far.test", 250, "2.0.0", "ok")
          .tried(kTraceNow + 1000, "refused", "ann@near.test, eve@near.test", 550, "5.1.1", "No such user")
          .message();
  const auto count = [&](std::string_view by) {
    TraceCounts counts(by, query);
    counts.add(message);
    return counts.print(10, true);
  };
  EXPECT_EQ(count("destination"),
            "[\n {\"destination\": \"near.test\", \"messages\": 1, \"recipients\": 2, \"others\": 0}\n]\n");
  EXPECT_THAT(count("recipient"), HasSubstr(R"("recipient": "eve@near.test", "messages": 1, "recipients": 1)"));
  EXPECT_THAT(count("account"), HasSubstr(R"("account": "alice@example.com", "messages": 1, "recipients": 2)"));
  EXPECT_THAT(count("reason"), HasSubstr(R"("reason": "550 5.1.1")"));
  EXPECT_THAT(count("verdict"), Not(HasSubstr("relayed")));
  EXPECT_THAT(count("next-hop"), HasSubstr(R"("next-hop": "mx.far.test", "messages": 1)"));
}

TEST(TraceCounts, KeepsSoManyValuesAndNoMore) {
  const trace::Query query;
  TraceCounts counts("recipient", query, 2);
  for (const char* const to : {"a@far.test", "b@far.test", "c@far.test, a@far.test", "c@far.test"})
    counts.add(TracedStory().taken(kTraceNow, to).message());
  EXPECT_EQ(counts.left_out(), 2U) << "c@far.test twice";
  EXPECT_THAT(counts.print(10, true), HasSubstr(R"("recipient": "a@far.test", "messages": 2)"));
  EXPECT_THAT(counts.print(10, true), Not(HasSubstr("c@far.test")));
}

TEST(TraceCommandLine, SaysWhatByCounts) {
  const auto parsed = [](std::vector<const char*> words) {
    words.insert(words.begin(), {"sluicectl", "trace"});
    return parse_sluicectl(static_cast<int>(words.size()), words.data());
  };
  const SluicectlCommand good = parsed({"--verdict", "refused", "--by", "customer", "--top", "5"});
  EXPECT_EQ(good.kind, SluicectlCommand::Kind::trace);
  EXPECT_EQ(good.trace.by, "customer");
  EXPECT_EQ(good.trace.top, 5U);
  EXPECT_EQ(parsed({"--time", "epoch"}).trace.time, TimeForm::epoch);
  const auto client = [&parsed](const char* given) { return parsed({"--client", given}).trace.query.keys.at(0).value; };
  EXPECT_EQ(client("2001:DB8:0:0::7"), "2001:db8::7") << "as the trace writes it";
  EXPECT_EQ(client("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client("192.0.2.0/24"), "192.0.2.0/24") << "where addresses are shortened";
  EXPECT_EQ(client("ip-5f1d7c2a90b3e846"), "ip-5f1d7c2a90b3e846") << "where they are hashed";
  EXPECT_THAT(parsed({"--client", "mail.example.com"}).text, HasSubstr("--client takes an IP address"));
  EXPECT_THAT(parsed({"--time", "loca"}).text, HasSubstr("did you mean local?"));
  EXPECT_THAT(parsed({"--by", "custmer"}).text, HasSubstr("did you mean customer?"));
  EXPECT_THAT(parsed({"--by", "customer", "--limit", "3"}).text, HasSubstr("--by without --limit"));
  EXPECT_THAT(parsed({"--top", "3"}).text, HasSubstr("--top is about what --by counts"));
  EXPECT_THAT(parsed({"--by", "customer", "--top", "0"}).text, HasSubstr("--top needs a whole number"));
}

}  // namespace
}  // namespace sluice::cli

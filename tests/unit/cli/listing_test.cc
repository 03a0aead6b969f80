// What the commands that list show of the relay's rows: sorted, cut, put together, as text and as JSON.
#include "engine/cli/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "engine/cli/message_text.h"
#include "engine/cli/usage_listing.h"
#include "engine/cli/views.h"
#include "engine/control/noticed_request.h"
#include "engine/text/escape.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr WallMillis kNow = 1'795'495'202'123;

// As the relay writes them.
const std::vector<std::string> kQueue{
    R"( {"id": "A", "state": "waiting", "customer": "acme", "account": "ann@example.com", "sender": "ann@example.com", "destinations": ["farm", "far"], "bytes": 700, "arrived_ms": 1795495142123, "due_ms": 1795495502123, "tries": 2, "hold_reason": "", "recipients": ["x@a.example", "y@b.example"], "last_response": "451 4.2.1 Later"},)",
    R"( {"id": "B", "state": "held", "customer": "other", "account": "bob@example.net", "sender": "", "destinations": ["farm"], "bytes": 90, "arrived_ms": 1795484402123, "due_ms": 0, "tries": 0, "hold_reason": "asked", "recipients": ["z@a.example"], "last_response": ""},)",
    R"( {"id": "C", "state": "ready", "customer": "acme", "account": "carol@example.com", "sender": "carol@example.com", "destinations": ["farm"], "bytes": 1500, "arrived_ms": 1795495201123, "due_ms": 1795495200000, "tries": 0, "hold_reason": "", "recipients": ["x@a.example"], "last_response": ""})"};

std::string shown(const View& view, const std::vector<std::string>& rows, const ViewOptions& options = {}) {
  std::ostringstream out;
  Listing listing(view, options, kNow, out);
  listing.add("[");
  for (const std::string& row : rows) listing.add(row);
  listing.add("]");
  listing.finish();
  return out.str();
}

// The ids, in the order in which they are shown.
std::string order(const ViewOptions& options) {
  std::string ids;
  std::istringstream text(shown(kQueueListView, kQueue, options));
  std::string line;
  std::getline(text, line);
  while (std::getline(text, line)) ids += line.front();
  return ids;
}

TEST(Listing, ShowsTheQueueAsATable) {
  EXPECT_EQ(
      shown(kQueueListView, kQueue),
      "id  state    age  next_try  tries  bytes  customer  sender               recipients      last_response\n"
      "C   ready    1s   now       0      1500   acme      <carol@example.com>  x@a.example     -\n"
      "A   waiting  60s  in 5m     2      700    acme      <ann@example.com>    x@a.example +1  451 4.2.1 Later\n"
      "B   held     3h   -         0      90     other     <>                   z@a.example     on hold: asked\n");
  EXPECT_EQ(shown(kQueueListView, {}), "no such message\n");
  EXPECT_EQ(shown(kSessionsView, {}),
            "core  id  client  listener  customer  account  tls  seconds  bytes  messages  message  waits_for\n");
}

TEST(Listing, ShowsRowsAsTheRelaysJson) {
  const std::string json = shown(kQueueListView, {kQueue[0], kQueue[2]}, {.json = true});
  EXPECT_THAT(json, StartsWith("[\n {\"id\": \"C\""));
  EXPECT_THAT(json, HasSubstr("},\n {\"id\": \"A\""));
  EXPECT_THAT(json, ::testing::EndsWith("}\n]\n"));
  EXPECT_EQ(shown(kQueueListView, {}, {.json = true}), "[\n]\n");
}

// Most first, names from A on, what is earlier first, and what has no such value last; the other way round on demand.
TEST(Listing, SortsByAKey) {
  EXPECT_EQ(order({.sort = "bytes"}), "CAB");
  EXPECT_EQ(order({.sort = "bytes", .reversed = true}), "BAC");
  EXPECT_EQ(order({.sort = "age"}), "BAC");
  EXPECT_EQ(order({.sort = "next_try"}), "CAB");
  EXPECT_EQ(order({.sort = "next_try", .reversed = true}), "ACB");
  EXPECT_EQ(order({.sort = "state"}), "BCA");
  EXPECT_EQ(order({.sort = "customer"}), "ACB");
  EXPECT_EQ(order({.sort = "last_response"}), "ABC");
}

TEST(Listing, KeepsNoMoreThanTheTop) {
  EXPECT_EQ(order({.sort = "bytes", .top = 2}), "CA");
  EXPECT_EQ(order({.sort = "bytes", .reversed = true, .top = 1}), "B");
  EXPECT_EQ(order({.top = 1}), "C");
  std::vector<std::string> rows;
  for (int i = 0; i < 5000; ++i)
    rows.push_back(" {\"id\": \"" + std::to_string(i) + "\", \"bytes\": " + std::to_string(i * 7919 % 5000) + "},");
  const std::string top = shown(kQueueListView, rows, {.json = true, .sort = "bytes", .top = 3});
  EXPECT_THAT(top, ::testing::MatchesRegex(
                       "\\[\n .*\"bytes\": 4999\\},\n .*\"bytes\": 4998\\},\n .*\"bytes\": 4997\\}\n\\]\n"));
}

TEST(Listing, PutsRowsTogether) {
  EXPECT_EQ(shown(kQueueListView, kQueue, {.by = "customer"}),
            "customer  messages  recipients  bytes  oldest\n"
            "acme      2         3           2200   60s\n"
            "other     1         1           90     3h\n");
  // A message for several destinations counts at each.
  EXPECT_EQ(shown(kQueueListView, kQueue, {.by = "destination"}),
            "destination  messages  recipients  bytes  oldest\n"
            "farm         3         4           2290   3h\n"
            "far          1         2           700    60s\n");
  EXPECT_EQ(shown(kQueueListView, kQueue, {.json = true, .by = "reason"}),
            "[\n {\"reason\": \"451 4.2.1 Later\", \"messages\": 1, \"recipients\": 2, \"bytes\": 700, \"oldest_ms\": "
            "1795495142123},\n {\"reason\": \"on hold: asked\", \"messages\": 1, \"recipients\": 1, \"bytes\": 90, "
            "\"oldest_ms\": 1795484402123},\n {\"reason\": \"\", \"messages\": 1, \"recipients\": 1, \"bytes\": 1500, "
            "\"oldest_ms\": 1795495201123}\n]\n");
  EXPECT_THAT(shown(kQueueListView, kQueue, {.sort = "oldest", .top = 1, .by = "customer"}), HasSubstr("\nother"));
}

const std::vector<std::string> kStatus{
    R"({"core": 0, "state": "running", "sessions": 3, "deliveries": 1, "taken": 10, "deferred": 0, "refused": 2, "next_hop_live": 1, "next_hop_idle": 1, "waiting": 0, "queued": 4, "spool": "accepts"},)",
    R"({"core": 1, "state": "running", "sessions": 2, "deliveries": 0, "taken": 5, "deferred": 1, "refused": 0, "next_hop_live": 1, "next_hop_idle": 0, "waiting": 0, "queued": 1, "spool": "accepts"})"};

TEST(Listing, ShowsTotalsAndCoresOnDemand) {
  EXPECT_EQ(
      shown(kStatusView, kStatus),
      "state    sessions  deliveries  taken  deferred  refused  next_hop_live  next_hop_idle  waiting  queued  spool\n"
      "running  5         1           15     1         2        2              1              0        5       "
      "accepts\n");
  EXPECT_EQ(shown(kStatusView, kStatus, {.cores = true}),
            "core  state    sessions  deliveries  taken  deferred  refused  next_hop_live  next_hop_idle  waiting  "
            "queued  spool\n"
            "all   running  5         1           15     1         2        2              1              0        5   "
            "    accepts\n"
            "0     running  3         1           10     0         2        1              1              0        4   "
            "    accepts\n"
            "1     running  2         0           5      1         0        1              0              0        1   "
            "    accepts\n");
  // Programs have each core, as ever.
  EXPECT_THAT(shown(kStatusView, kStatus, {.json = true}), HasSubstr("{\"core\": 1, "));
  const std::vector<std::string> pools{
      R"({"core": 0, "destination": "farm", "host": "mx1", "live": 2, "idle": 1, "failures": 0, "last_error": ""},)",
      R"({"core": 1, "destination": "farm", "host": "mx1", "live": 1, "idle": 1, "failures": 3, "last_error": "refused"},)",
      R"({"core": 1, "destination": "far", "host": "mx1", "live": 1, "idle": 0, "failures": 0, "last_error": ""})"};
  EXPECT_EQ(shown(kPoolsView, pools),
            "destination  host  live  idle  failures  last_error\n"
            "farm         mx1   3     2     3         refused\n"
            "far          mx1   1     0     0         -\n");
  EXPECT_EQ(shown(kPoolsView, pools, {.by = "host"}),
            "host  live  idle  failures  last_error\n"
            "mx1   4     2     3         refused\n");
}

TEST(Listing, WritesMomentsAsTheOptionSays) {
  EXPECT_THAT(shown(kQueueListView, kQueue, {.time = TimeForm::iso}), HasSubstr("  2026-11-24T04:45:02.123Z  "));
  EXPECT_THAT(shown(kQueueListView, kQueue, {.time = TimeForm::epoch}), HasSubstr("  1795495502.123  "));
  EXPECT_THAT(shown(kQueueListView, kQueue, {.by = "customer", .time = TimeForm::epoch}),
              HasSubstr(" 1795495142.123\n"));
  EXPECT_EQ(moment_text(0, TimeForm::iso), "-");
  EXPECT_THAT(moment_text(kNow, TimeForm::local), ::testing::MatchesRegex("2026-11-2[345] ..:..:.. [+-]...."));
}

// A list that is longer than memory: what is not needed any more is printed, in the relay's order.
TEST(Listing, PrintsLongListsAsTheyCome) {
  std::ostringstream out;
  Listing listing(kQueueListView, {}, kNow, out);
  std::size_t printed = 0;
  constexpr std::size_t kRows = 3 * kSortedRowsMax;
  for (std::size_t i = 0; i < kRows; ++i) {
    listing.add(" {\"id\": \"" + std::to_string(i) + "\", \"due_ms\": " + std::to_string(kRows - i) + "},");
    const std::string text = out.str();
    if (i % 5000 != 0) continue;
    printed = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    EXPECT_GE(printed + kSortedRowsMax + 256, i);
  }
  EXPECT_GT(printed, kSortedRowsMax);
  listing.finish();
  const std::string text = out.str();
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<std::ptrdiff_t>(kRows) + 1);
  EXPECT_THAT(text, StartsWith("id"));
  EXPECT_LT(text.find("\n0 "), text.find("\n1 "));
}

// What others have sent: names, replies, error texts.
TEST(Listing, PassesNothingToATerminalButText) {
  const std::string hostile = R"("\u001b[2J\u009b\u0000\r\n\u202eé\u0007")";
  for (const View* const view :
       {&kPoolsView, &kQueueListView, &kQueueDestinationsView, &kSessionsView, &kShieldView, &kUsageWindowsView,
        &kUsageSendersView, &kUsageDecisionsView, &kCountersView, &kStatusView}) {
    std::string row;
    for (const ViewColumn& column : view->columns)
      row.append(row.empty() ? "{" : ", ").append("\"").append(column.key).append("\": ").append(hostile);
    row += ", \"recipients_\": 0, \"hold_reason\": " + hostile + "}";
    std::vector<ViewOptions> all{{}, {.cores = true}};
    for (const ViewGroup& group : view->groups) all.push_back({.by = std::string(group.word)});
    for (const ViewOptions& options : all) {
      std::string text = shown(*view, {row}, options);
      std::erase(text, '\n');
      EXPECT_EQ(text, text::with_question_marks(text)) << view->name;
    }
  }
}

TEST(Listing, PassesOverWhatIsNoRow) {
  for (const char* line : {"", "[", "]", "{", "{}x", " {\"a\": 1, \"a\": 2}", " {\"a\": }", " [1]", "{\"a\": \xff}"})
    EXPECT_EQ(ViewRow::read(line), nullptr) << line;
}

TEST(UsageListing, ShowsItsTablesOrOneOfThem) {
  const std::vector<std::string> answer{
      R"({"windows": [)",
      R"( {"subject": "account", "quantity": "recipients", "window": "day", "used": 30, "limit": 1000, "left": 970, "used_here": 20, "scope": "cluster", "name": "a@example.com"},)",
      R"( {"subject": "account", "quantity": "messages", "window": "day", "used": 40, "limit": "", "left": "", "used_here": 40, "scope": "relay", "name": "a@example.com"})",
      "]",
      R"(,"senders": [)",
      R"( {"most": "", "subject": "account", "networks": 1, "answered": 20, "unknown": 3, "unknown_percent": 15, "large_messages": 0, "refused": 1, "held": 0, "name": "a@example.com", "customer": "acme"})",
      "]",
      R"(,"decisions": [)",
      R"( {"at": "2026-11-24T04:38:22.123Z", "event": "refused", "id": "A", "account": "a@example.com", "reason": "limit_reached", "figures": "2 of 2"})",
      "]",
      "}"};
  const auto usage = [&answer](const View* only, const ViewOptions& options) {
    std::ostringstream out;
    UsageListing listing(only, options, kNow, out);
    for (const std::string& line : answer) listing.add(line);
    listing.finish();
    return out.str();
  };
  EXPECT_EQ(usage(nullptr, {.time = TimeForm::epoch}),
            "subject  quantity    window  used  limit  left  used_here  scope    name\n"
            "account  recipients  day     30    1000   970   20         cluster  a@example.com\n"
            "account  messages    day     40    -      -     40         relay    a@example.com\n"
            "\n"
            "most  subject  networks  answered  unknown  unknown_percent  large_messages  refused  held  name          "
            " customer\n"
            "-     account  1         20        3        15               0               1        0     a@example.com "
            " acme\n"
            "\n"
            "at              event    id  account        reason         figures\n"
            "1795495102.123  refused  A   a@example.com  limit_reached  2 of 2\n");
  EXPECT_THAT(usage(&kUsageWindowsView, {.sort = "used"}), HasSubstr("name\naccount  messages "));
  EXPECT_EQ(usage(&kUsageSendersView, {.by = "customer"}),
            "customer  accounts  answered  unknown  large_messages  refused  held\n"
            "acme      1         20        3        0               1        0\n");
}

TEST(MessageText, TellsAllAboutAMessage) {
  const auto row = ViewRow::read(
      R"( {"id": "A", "core": 0, "state": "waiting", "customer": "acme", "account": "ann@example.com", "sender": "", "destinations": ["farm"], "bytes": 700, "arrived_ms": 1795495142123, "due_ms": 1795495502123, "tries": 2, "client": "192.0.2.1", "hold_reason": "asked", "on_hold": true, "waits_for_room": "disk full", "recipients": [{"recipient": "x@a.example", "state": "waiting", "code": 451, "enhanced": "4.2.1", "text": "Later", "next_hop": "mx1", "at_ms": 1795495152123, "tries": 2, "due_ms": 0}, {"recipient": "y@a.example", "state": "waiting", "code": 0, "enhanced": "", "text": "", "next_hop": "", "at_ms": 0, "tries": 0, "due_ms": 0}], "attempts": [{"at_ms": 1795495152123, "next_hop": "mx1", "tls": "", "recipients": 2, "taken": 1, "code": 451, "text": "Later"}]})");
  EXPECT_EQ(message_text(*row, TimeForm::epoch, kNow),
            "message      A\n"
            "state        waiting\n"
            "customer     acme\n"
            "account      ann@example.com\n"
            "sender       <>\n"
            "bytes        700\n"
            "arrived      1795495142.123 (60s ago)\n"
            "next try     1795495502.123\n"
            "tries        2\n"
            "on hold      asked\n"
            "waits        disk full\n"
            "recipient    <x@a.example> waiting, 1795495152.123: 451 4.2.1 Later (mx1)\n"
            "recipient    <y@a.example> waiting\n"
            "attempt      1795495152.123  mx1  1 of 2 taken: 451 Later\n");
}

TEST(MessageText, TellsWhatWasNoticedOfAnAccountAndUntilWhen) {
  const control::NoticedRequest request{.account = "ann\x1b[2J@example.com"};
  control::NoticedAccount account{.known = true,
                                  .policy_class = "home",
                                  .step = "hold",
                                  .effect = "hold",
                                  .score = 71,
                                  .recipients = 300,
                                  .reasons = "300 recipients in a day",
                                  .until = 1'795'495'502'123};
  const auto shown = [&](TimeForm form) {
    const std::string line = control::render_noticed(request, account);
    const auto row = ViewRow::read(line.substr(0, line.find('\n')));
    return row == nullptr ? "no row" : noticed_account_text(*row, form, kNow);
  };
  EXPECT_THAT(shown(TimeForm::epoch), ::testing::StartsWith("account               ann?[2J@example.com\n"
                                                            "class                 home\n"
                                                            "step                  hold\n"
                                                            "effect                hold\n"
                                                            "until                 1795495502.123\n"
                                                            "score                 71\n"));
  EXPECT_THAT(shown(TimeForm::iso), HasSubstr("until                 2026-11-24T04:45:02.123Z\n"));
  EXPECT_THAT(shown(TimeForm::iso), HasSubstr("recipients            300\n"));
  EXPECT_THAT(shown(TimeForm::iso), ::testing::EndsWith("reasons               300 recipients in a day\n"));
  account.until = 0;
  EXPECT_THAT(shown(TimeForm::iso), ::testing::Not(HasSubstr("until")));
  account = {};
  EXPECT_EQ(shown(TimeForm::iso), "ann?[2J@example.com has sent nothing that is remembered\n");
}

// Each byte of an umlaut was a question mark.
TEST(TableText, ShowsNamesInAnyScriptInTheirColumns) {
  const text::Table table{{"customer", "accounts"},
                          {{"Müller GmbH", std::uint64_t{1}},
                           {"日本", std::uint64_t{2}},
                           {"Acme\u202e\u009b\x1b[2J\xff", std::uint64_t{3}}}};
  EXPECT_EQ(text::as_text(table), "customer     accounts\nMüller GmbH  1\n日本           2\nAcme???[2J?  3\n");
  EXPECT_EQ(text::printable(""), "-");
}

TEST(MessageText, ShowsWhatIsOnHoldAndNothingButText) {
  const auto row = ViewRow::read(
      R"({"id": "A", "hold_reason": "contained (1) by ann\u001b]0;", "customer": "Acme\u009b", "account": "", "client": "", "sender": "a\u001b[2J@b.example", "recipients": ["c\u0007@d.example"], "bytes": 5, "arrived_ms": 1795495142123, "expires_ms": 1795495502123, "header": {"Subject": "\u001b]0;x\u0007\u202e", "From": "\u001b[31m"}, "lines": ["\u001b[2J\u009b!"], "more_lines": true})");
  EXPECT_EQ(review_text(*row, TimeForm::epoch, kNow),
            "message      A\n"
            "on hold      contained (1) by ann?]0;\n"
            "customer     Acme?\n"
            "account      -\n"
            "client       -\n"
            "sender       <a?[2J@b.example>\n"
            "recipient    <c?@d.example>\n"
            "bytes        5\n"
            "arrived      1795495142.123 (60s ago)\n"
            "expires      1795495502.123\n"
            "  Subject: \\u001b]0;x\\u0007\\u202e\n"
            "  From: \\u001b[31m\n"
            "  | \\u001b[2J\\u009b!\n"
            "  | ...\n");
}

}  // namespace
}  // namespace sluice::cli

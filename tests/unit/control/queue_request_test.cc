// Requests to the queue: as lines and back, whatever is in them; and lines from untrusted peers.
#include "engine/control/queue_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One request for each command and filter, then all there is at its longest.
std::vector<QueueRequest> requests() {
  std::vector<QueueRequest> all{{},
                                {.json = true},
                                {.limit = 1},
                                {.limit = kQueueLimitMax},
                                {.sender = "<>"},
                                {.sender = "@example.com"},
                                {.recipient = "PostMaster"},
                                {.recipient = "\"a b=c%20\"@example.com"},
                                {.recipient = "b\xc3\xbc@b\xc3\xbc.example"},
                                {.customer = "Example Ltd & Co. = 100 %"},
                                {.destination = "direct/[IPv6:2001:db8::1]"},
                                {.verb = QueueVerb::show, .json = true, .id = "1QZ3K5M7N9P0R2S4"},
                                {.verb = QueueVerb::flush, .all = true},
                                {.verb = QueueVerb::hold, .customer = "all"},
                                {.verb = QueueVerb::release, .id = "json", .sender = "a@b.example"},
                                {.verb = QueueVerb::remove, .json = true, .recipient = "a@b.example"},
                                {.verb = QueueVerb::destinations, .limit = 5, .destination = "farm"},
                                {.account = "user@example.com", .client = "192.0.2.0/24", .subject = "You & \xc3\xbc"},
                                {.verb = QueueVerb::hold, .client = "2001:db8::1", .reason = "why not? 100 %"},
                                {.verb = QueueVerb::review, .json = true, .limit = 3, .account = "a"},
                                {.verb = QueueVerb::reject, .all = true, .held = true, .reason = "x"},
                                {.verb = QueueVerb::release, .id = "1QZ3", .held = true},
                                {.verb = QueueVerb::reject,
                                 .id = "1QZ3",
                                 .reason = "why = not",
                                 .text = std::string(kRejectTextBytesMax - 2, '%') + "\xc3\xbc",
                                 .status = "5.999.999"}};
  all.push_back({.json = true, .limit = kQueueLimitDefault});
  QueueRequest longest{.verb = QueueVerb::release};
  for (const QueueFilter& filter : kQueueFilters) longest.*filter.text = std::string(filter.bytes_max - 1, '%') + "@";
  longest.client = "2001:db8:1111:2222:3333:4444:5555:6666/128";
  all.push_back(longest);
  return all;
}

TEST(QueueRequest, ComesBackAsItWas) {
  for (const QueueRequest& request : requests()) {
    ASSERT_EQ(queue_request_fault(request), "");
    const std::string line = encode_queue_request(request);
    EXPECT_LE(line.size(), kQueueRequestBytesMax);
    EXPECT_EQ(line.find_first_of("\r\n\t\""), std::string::npos);
    const auto decoded = decode_queue_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request) << line;
  }
}

TEST(QueueRequest, IsALineThatCanBeRead) {
  const auto lines = [] {
    std::vector<std::string> all;
    for (const QueueRequest& request : requests()) all.push_back(encode_queue_request(request));
    return all;
  }();
  EXPECT_EQ(lines[0], "queue list");
  EXPECT_EQ(lines[1], "queue list json");
  EXPECT_EQ(lines[2], "queue list limit=1");
  EXPECT_EQ(lines[4], "queue list sender=%3C%3E");
  EXPECT_EQ(lines[7], "queue list recipient=%22a%20b%3Dc%2520%22@example.com");
  EXPECT_EQ(lines[8], "queue list recipient=b%C3%BC@b%C3%BC.example");
  EXPECT_EQ(lines[12], "queue flush all");
  EXPECT_EQ(lines[13], "queue hold customer=all");
  EXPECT_EQ(lines[14], "queue release id=json sender=a@b.example");
  EXPECT_EQ(lines[16], "queue destinations limit=5 destination=farm");
}

TEST(QueueRequest, TakesTheStatusOfAFailureAlone) {
  EXPECT_EQ(parse_failure_status("5.1.2"), (smtp::EnhancedCode{5, 1, 2}));
  EXPECT_EQ(parse_failure_status("5.0.0"), (smtp::EnhancedCode{5, 0, 0}));
  EXPECT_EQ(parse_failure_status("5.999.999"), (smtp::EnhancedCode{5, 999, 999}));
  for (const std::string_view wrong : {"", "5", "5.", "5.1", "5.1.", "5..1", "5.1.2.", "5.1.2.3", "5.01.2", "5.1.1000",
                                       "4.1.2", "2.0.0", "55.1.2", "5.1.2 ", "5.x.2", "5.-1.2", "5.+1.2", "5.1.\x1b"})
    EXPECT_EQ(parse_failure_status(wrong), std::nullopt) << wrong;
}

TEST(QueueRequest, RefusesWhatNoReportMaySay) {
  const std::pair<std::string, std::string> cases[] = {
      {"queue hold id=a text=b", "takes no --text"},
      {"queue remove id=a status=5.1.2", "takes no --status"},
      {"queue reject id=a status=4.1.2", "--status takes 5.X.Y"},
      {"queue reject id=a text=%0D%0AStatus:%202.0.0", "--text takes"},
      {"queue reject id=a text=%FF", "--text takes"},
      {"queue reject id=a text=" + std::string(kRejectTextBytesMax + 1, 'x'), "--text takes up to 400"},
      {"queue reject id=a text=b reason=c", "not written as"},
      {"queue bounce id=a", "no such command"}};
  for (const auto& [line, problem] : cases) {
    const auto decoded = decode_queue_request(line);
    ASSERT_FALSE(decoded.has_value()) << line;
    EXPECT_THAT(decoded.error(), HasSubstr(problem)) << line;
  }
}

TEST(QueueRequest, RefusesWhatSluicectlDoesNotWrite) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "no request to the queue"},
      {"queue", "no such command"},
      {"queue ", "no such command"},
      {"queues list", "no request"},
      {"Queue list", "no request"},
      {"queue drop", "no such command"},
      {"queue LIST", "no such command"},
      {"queue list ", "not written as"},
      {"queue  list", "no such command"},
      {"queue list  json", "a word"},
      {" queue list", "no request"},
      {"queue list json json", "not written as"},
      {"queue list limit=100", "not written as"},
      {"queue list limit=007", "not written as"},
      {"queue list limit=0", "--limit takes"},
      {"queue list limit=10001", "--limit takes"},
      {"queue list limit=4294967297", "a word"},
      {"queue list limit=-1", "a word"},
      {"queue list limit=", "a word"},
      {"queue list limit=5x", "a word"},
      {"queue list limit=5 json", "not written as"},
      {"queue list all", "takes no --all"},
      {"queue list colour=red", "a word"},
      {"queue list =x", "a word"},
      {"queue list id", "a word"},
      {"queue list id=", "not written as"},
      {"queue list id=a id=a", "not written as"},
      {"queue list id=a id=b", "not written as"},
      {"queue list customer=a id=b", "not written as"},
      {"queue list id=a=b", "not written as"},
      {"queue list id=%", "a word"},
      {"queue list id=%4", "a word"},
      {"queue list id=%4g", "a word"},
      {"queue list id=%41", "not written as"},
      {"queue list sender=%3c%3e", "not written as"},
      {"queue list customer=%00", "control characters"},
      {"queue list customer=%0A", "control characters"},
      {"queue list customer=%0D%0A", "control characters"},
      {"queue list customer=%7F", "control characters"},
      {"queue list customer=%C2%85", "control characters"},
      {"queue list customer=%E2%80%A8", "control characters"},
      {"queue list customer=%FF", "UTF-8"},
      {"queue list customer=a\tb", "control characters"},
      {"queue list\n", "no such command"},
      {std::string("queue list\0", 11), "no such command"},
      {"queue list id=" + std::string(65, 'a'), "--id takes up to 64 bytes"},
      {"queue list id=" + std::string(kQueueRequestBytesMax, 'a'), "too long"},
      {"queue list sender=example.com", "--sender takes"},
      {"queue list recipient=%3C%3E", "--recipient takes"},
      {"queue show", "needs an ID"},
      {"queue show customer=a", "needs an ID"},
      {"queue show id=a customer=a", "no filters"},
      {"queue show limit=5 id=a", "takes no --limit"},
      {"queue remove", "needs an ID, a filter or --all"},
      {"queue remove json", "needs an ID, a filter or --all"},
      {"queue remove all id=a", "either a filter or --all"},
      {"queue hold limit=5 id=a", "takes no --limit"},
      {"queue destinations customer=a", "no filter but"},
      {"queue destinations all", "takes no --all"}};
  for (const auto& [line, problem] : cases) {
    const auto decoded = decode_queue_request(line);
    ASSERT_FALSE(decoded.has_value()) << line;
    EXPECT_THAT(decoded.error(), HasSubstr(problem)) << line;
    EXPECT_THAT(decoded.error(), Not(HasSubstr("colour")));
  }
}

// Whatever comes in: it is refused, or it is the one line of the request that comes out.
void expect_one_line(const std::string& line, int& taken) {
  const auto decoded = decode_queue_request(line);
  if (!decoded) return;
  ++taken;
  EXPECT_EQ(encode_queue_request(*decoded), line);
  EXPECT_EQ(queue_request_fault(*decoded), "");
}

TEST(QueueRequest, HasOneLineHoweverALineIsSpoilt) {
  int taken = 0;
  for (const QueueRequest& request : requests()) {
    const std::string line = encode_queue_request(request).substr(0, 200);
    for (std::size_t at = 0; at < line.size(); ++at) {
      for (const char c : std::string("\0 \n%=A7azj\xff<", 12)) {
        std::string changed = line;
        changed[at] = c;
        expect_one_line(changed, taken);
        expect_one_line(std::string(line).insert(at, 1, c), taken);
      }
      expect_one_line(std::string(line).erase(at, 1), taken);
      expect_one_line(line.substr(0, at), taken);
    }
  }
  EXPECT_GT(taken, 100);  // or little was tried
}

TEST(QueueRequest, HasOneLineWhateverWordsCome) {
  static constexpr std::string_view kWords[] = {
      "list", "show", "remove",   "destinations",    "json",      "all", "limit=7", "id=A",
      "id=B", "",     "id=%2520", "customer=%C3%BC", "sender=@x", "x=y", "limit=1", "queue"};
  int taken = 0;
  std::mt19937 chance(3);
  for (int i = 0; i < 50'000; ++i) {
    std::string line = "queue";
    for (auto words = chance() % 6; words > 0; --words) (line += ' ') += kWords[chance() % std::size(kWords)];
    expect_one_line(line, taken);
  }
  EXPECT_GT(taken, 500);
}

TEST(MatchesAddress, TakesAMailboxADomainOrNobody) {
  struct Case {
    std::string_view filter;
    std::string_view mailbox;
    bool matches;
  };
  const Case cases[] = {{"user@example.com", "user@example.com", true},
                        {"user@EXAMPLE.com", "user@example.COM", true},
                        {"User@example.com", "user@example.com", false},
                        {"user@example.com", "user@example.com.net", false},
                        {"ser@example.com", "user@example.com", false},
                        {"@example.com", "user@Example.com", true},
                        {"@example.com", "user@www.example.com", false},
                        {"@example.com", "\"x@example.com\"@other.example", false},
                        {"@example.com", "", false},
                        {"@", "", false},
                        {"@[192.0.2.1]", "user@[192.0.2.1]", true},
                        {"@b\u00fccher.example", "user@xn--bcher-kva.example", true},
                        {"user@XN--BCHER-KVA.example", "user@B\u00dccher.example", true},
                        {"User@xn--bcher-kva.example", "user@b\u00fccher.example", false},
                        {"<>", "", true},
                        {"<>", "user@example.com", false},
                        {"postmaster", "Postmaster", true},
                        {"postmaster", "postmaster@example.com", false},
                        {"@postmaster", "Postmaster", false},
                        {"\"A b\"@example.com", "\"A b\"@EXAMPLE.com", true}};
  for (const Case& each : cases) {
    EXPECT_EQ(matches_address(each.filter, each.mailbox), each.matches) << each.filter << " " << each.mailbox;
  }
}

}  // namespace
}  // namespace sluice::control

// The command lines of both tools.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tools/load/load_options.h"
#include "tools/load/sink_options.h"

namespace sluice::load {
namespace {

using namespace std::chrono_literals;

template <typename Command>
Command parse(Command (*parser)(int, const char* const*), std::vector<const char*> words) {
  words.insert(words.begin(), "program");
  return parser(static_cast<int>(words.size()), words.data());
}
LoadCommand load(const std::vector<const char*>& words) { return parse(&parse_load, words); }
SinkCommand sink(const std::vector<const char*>& words) { return parse(&parse_sink, words); }

TEST(LoadOptionsTest, DefaultsSendAThousandMessages) {
  const LoadCommand command = load({"127.0.0.1:25"});
  ASSERT_EQ(command.kind, LoadCommand::Kind::run) << command.text;
  EXPECT_EQ(command.options.messages, 1000U);
  EXPECT_EQ(command.options.sessions, 20U);
  EXPECT_EQ(command.options.rate, 0);
  EXPECT_EQ(command.options.auth, LoadAuth::none);
  EXPECT_EQ(command.options.server_name, "localhost");
}

TEST(LoadOptionsTest, WithADurationThereIsNoOtherEnd) {
  EXPECT_EQ(load({"--duration", "2.5", "h:25"}).options.messages, 0U);
  EXPECT_EQ(load({"--duration", "2.5", "h:25"}).options.duration, 2500ms);
  EXPECT_EQ(load({"--duration=1", "--messages=5", "h:25"}).options.messages, 5U);
  EXPECT_EQ(load({"h:25"}).options.server_name, "h");
}

TEST(LoadOptionsTest, LoginsThatAreMailboxesAreTheSenders) {
  const LoadCommand command = load({"--user", "u%a@x.example", "--logins", "3", "--password", "p", "h:25"});
  ASSERT_EQ(command.kind, LoadCommand::Kind::run) << command.text;
  EXPECT_EQ(command.options.auth, LoadAuth::plain);
  ASSERT_EQ(command.options.logins.size(), 3U);
  EXPECT_EQ(command.options.logins[2].name, "u3@x.example");
  EXPECT_EQ(expand(command.options.from, {}, 0, 2, command.options.logins), "u3@x.example");
  EXPECT_EQ(load({"--user", "alice", "h:25"}).options.from, "load@client.example");
}

TEST(LoadOptionsTest, TemplatesAreExpanded) {
  const MessageId id{.run = 0x1, .number = 4, .copies = 9};
  EXPECT_EQ(expand("a-%i.%a%%@b", id, 2, 6, {}), "a-0000000000000001-4-2-9.7%@b");
  EXPECT_EQ(expand("", id, 2, 6, {}), "");
  EXPECT_EQ(load({"--from", "", "h:25"}).options.from, "");
}

TEST(LoadOptionsTest, WhatIsWrongIsSaid) {
  const std::vector<std::pair<std::vector<const char*>, std::string_view>> cases = {
      {{}, "HOST:PORT is missing"},
      {{"a:1", "b:2"}, "one HOST:PORT only"},
      {{"--mesages", "5", "h:25"}, "did you mean --messages?"},
      {{"--messages", "0", "h:25"}, "--messages takes 1 to"},
      {{"--messages", "x", "h:25"}, "--messages takes 1 to"},
      {{"--rate", "0", "h:25"}, "--rate takes"},
      {{"--size", "5-1", "h:25"}, "--size takes"},
      {{"--tls", "yes", "h:25"}, "--tls takes"},
      {{"--recipients", "2", "--to", "bob@x.example", "h:25"}, "needs %i"},
      {{"--to", "bob", "h:25"}, "gives no mailbox"},
      {{"--to", "bob%x@x.example", "h:25"}, "has a %"},
      {{"--threads", "4", "--sessions", "2", "h:25"}, "--threads takes at most"},
      {{"--auth", "plain", "h:25"}, "--auth needs"},
      {{"--size", "1000M", "--chunk", "1K", "--bdat", "h:25"}, "--chunk is too small"},
      {{"--timeout", "0", "h:25"}, "--timeout takes"},
      {{"--messages", "100000000", "--recipients", "3", "h:25"}, "copies in all"},
      {{"--user", "b", "--from", "%u", "h:25"}, "gives no mailbox with the login"},
  };
  for (const auto& [words, said] : cases) {
    const LoadCommand command = load(words);
    EXPECT_EQ(command.kind, LoadCommand::Kind::error) << said;
    EXPECT_NE(command.text.find(said), std::string::npos) << command.text;
  }
}

TEST(LoadOptionsTest, AccountsAreLinesOfNameTabPassword) {
  const auto logins = parse_logins("a@x.example\tone two\n\nb\tthree\n");
  ASSERT_TRUE(logins);
  ASSERT_EQ(logins->size(), 2U);
  EXPECT_EQ((*logins)[0].password, "one two");
  EXPECT_EQ((*logins)[1].name, "b");
  EXPECT_EQ(parse_logins("a\tb\nc d\n").error(), "line 2 is not a name, a TAB and a password");
  EXPECT_FALSE(parse_logins(""));
}

TEST(LoadOptionsTest, LoginsOfAFileAreTheSendersToo) {
  LoadCommand command = load({"--accounts", "file", "h:25"});
  ASSERT_EQ(command.kind, LoadCommand::Kind::run) << command.text;
  EXPECT_EQ(use_logins(*parse_logins("a@x.example\tone\nb@x.example\ttwo\n"), command), "");
  EXPECT_EQ(expand(command.options.from, {}, 0, 1, command.options.logins), "b@x.example");
  EXPECT_NE(use_logins(*parse_logins("a@x.example\tone\nb\ttwo\n"), command), "") << "b is no mailbox";
  EXPECT_NE(use_logins(*parse_logins("a@x.example\tone\na\rb@x.example\ttwo\n"), command), "");
  EXPECT_NE(use_logins({{"a@x.example", std::string(2000, 'x')}}, command), "");
  LoadCommand fixed = load({"--accounts", "file", "--from", "me@x.example", "h:25"});
  EXPECT_EQ(use_logins(*parse_logins("b\ttwo\n"), fixed), "");
  EXPECT_EQ(expand(fixed.options.from, {}, 0, 0, fixed.options.logins), "me@x.example");
}

TEST(SinkOptionsTest, StagesTakeTheirOrders) {
  const SinkCommand command =
      sink({"--delay", "content=20,connect=5", "--refuse=rcpt=451:10,content=554", "--reset", "accepted:1"});
  ASSERT_EQ(command.kind, SinkCommand::Kind::run) << command.text;
  SinkOptions options = command.options;
  EXPECT_EQ(options.at(SinkStage::content).delay, 20ms);
  EXPECT_EQ(options.at(SinkStage::connect).delay, 5ms);
  EXPECT_EQ(options.at(SinkStage::rcpt).code, 451);
  EXPECT_EQ(options.at(SinkStage::rcpt).refuse.percent(), 10U);
  EXPECT_EQ(options.at(SinkStage::content).refuse.percent(), 100U);
  EXPECT_EQ(options.at(SinkStage::accepted).reset.percent(), 1U);
  EXPECT_EQ(options.at(SinkStage::mail).reset.percent(), 0U);
}

TEST(SinkOptionsTest, ExtensionsAreLeftOut) {
  const smtp::Extensions on = sink({"--without", "8bitmime,chunking"}).options.extensions;
  EXPECT_FALSE(on.eight_bit_mime || on.smtputf8 || on.chunking || on.auth);
  EXPECT_TRUE(on.pipelining && on.size && on.dsn);
  EXPECT_TRUE(sink({"--auth", "on"}).options.extensions.auth);
  EXPECT_TRUE(sink({"--auth", "required"}).options.require_auth);
}

TEST(SinkOptionsTest, WhatIsWrongIsSaid) {
  const std::vector<std::pair<std::vector<const char*>, std::string_view>> cases = {
      {{"word"}, "there is no option"},
      {{"--listen", "host"}, "--listen takes"},
      {{"--refuse", "ehlo=451"}, "--refuse takes"},
      {{"--refuse", "rcpt=250"}, "--refuse takes"},
      {{"--refuse", "rcpt=451:101"}, "--refuse takes"},
      {{"--reset", "nowhere"}, "--reset takes"},
      {{"--delay", "accepted=1"}, "--delay takes"},
      {{"--delay", "mail"}, "--delay takes"},
      {{"--certificate", "x"}, "go together"},
      {{"--without", "tls"}, "there is no extension"},
      {{"--size", "1K"}, "--size takes"},
  };
  for (const auto& [words, said] : cases) {
    const SinkCommand command = sink(words);
    EXPECT_EQ(command.kind, SinkCommand::Kind::error) << said;
    EXPECT_NE(command.text.find(said), std::string::npos) << command.text;
  }
}

TEST(SinkOptionsTest, AShareIsSpreadEvenly) {
  Share quarter(25);
  std::string pattern;
  for (int i = 0; i < 12; ++i) pattern.push_back(quarter.next() ? 'x' : '.');
  EXPECT_EQ(pattern, "...x...x...x");
  Share none;
  Share all(100);
  EXPECT_FALSE(none.next());
  EXPECT_TRUE(all.next());
}

// Each word of a help page that begins with two hyphens.
std::vector<std::string> options_in(std::string_view help) {
  std::vector<std::string> found;
  for (std::size_t at = help.find("--"); at != std::string_view::npos; at = help.find("--", at + 2)) {
    const std::size_t end = help.find_first_not_of("-abcdefghijklmnopqrstuvwxyz", at);
    found.emplace_back(help.substr(at, end - at));
  }
  return found;
}

TEST(HelpTest, NamesOptionsThatAreTaken) {
  constexpr std::string_view kUnknown = "there is no option";
  const std::string load_help = load({"--help"}).text;
  const std::string sink_help = sink({"-h"}).text;
  for (const std::string& name : options_in(load_help))
    if (name != "--ledger" && name != "--listen")
      EXPECT_EQ(load({name.c_str()}).text.find(kUnknown), std::string::npos) << name;
  for (const std::string& name : options_in(sink_help))
    if (name != "--sink") EXPECT_EQ(sink({name.c_str()}).text.find(kUnknown), std::string::npos) << name;
  EXPECT_GT(options_in(load_help).size(), 30U);
  EXPECT_GT(options_in(sink_help).size(), 15U);
}

TEST(HelpTest, FitsATerminal) {
  for (const std::string& help : {load({"--help"}).text, sink({"-h"}).text}) {
    EXPECT_TRUE(help.starts_with("NAME\n"));
    for (std::size_t at = 0; at < help.size();) {
      const std::size_t end = help.find('\n', at);
      EXPECT_LE(end - at, 80U) << help.substr(at, end - at);
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace sluice::load

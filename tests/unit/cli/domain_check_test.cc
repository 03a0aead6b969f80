// sluicectl domain check, as an operator types it, against a DNS that a test has written.
#include "engine/cli/domain_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/account_grammar.h"
#include "tests/support/zone_source.h"
#include "tests/unit/cli/store_commands.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class NoRandom final : public io::Random {
 public:
  void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, std::byte{1}); }
};

class DomainCheckCommandTest : public StoreCommandTest {
 protected:
  void SetUp() override {
    zone_.add_text("right.example", "v=spf1 ip4:192.0.2.25 -all");
    zone_.add_text("_dmarc.right.example", "v=DMARC1; p=none");
    zone_.add_mx("right.example", 10, "mx.right.example");
    zone_.add_address("mx.right.example", "198.51.100.1");
    zone_.add_name("25.2.0.192.in-addr.arpa", "out.isp.example");
    zone_.add_address("out.isp.example", "192.0.2.25");
    zone_.add_text("wrong.example", "v=spf1 -all");
    zone_.fail("silent.example");
    zone_.fail("_dmarc.silent.example");
  }
  // The exit status; the texts are in out_ and err_.
  int run(std::vector<std::string_view> args, bool check = true) {
    return in_world({.clock = clock_, .random = random_}, [&](const AccountCommandWorld& world) -> int {
      if (!check) return run_account_command(args, world);
      args.insert(args.begin(), {"domain", "check"});
      const ParsedAccountCommand parsed = parse_account_command(args);
      world.err << (parsed.kind == ParsedAccountCommand::Kind::error ? parsed.text : "");
      ZoneDns dns(zone_);
      return parsed.kind == ParsedAccountCommand::Kind::request ? run_domain_check(parsed.request, world, dns)
                                                                : kCtlUsage;
    });
  }

  testing::ZoneSource zone_;
  SetClock clock_;
  NoRandom random_;
};

TEST_F(DomainCheckCommandTest, ShowsEachRecordOfADomainThatIsRight) {
  EXPECT_EQ(run({"Right.Example.", "--address", "192.0.2.25"}), kCtlDone) << err_;
  EXPECT_THAT(out_, StartsWith("right.example: right\n"));
  for (const std::string_view line : {"SPF            right: 192.0.2.25: pass", "DMARC          right",
                                      "MX             right", "Gmail          cannot be told: not known is DKIM"})
    EXPECT_THAT(out_, HasSubstr(line));
}

TEST_F(DomainCheckCommandTest, ShowsWhatIsWrongWithItsRemedy) {
  EXPECT_EQ(run({"right.example", "wrong.example", "--address", "192.0.2.25", "--selector", "s1"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr("wrong.example: wrong\n"));
  EXPECT_THAT(
      out_, HasSubstr("    there is     v=spf1 -all\n    should be    v=spf1 ip4:192.0.2.25 -all\n    remedy       "));
  EXPECT_THAT(out_, HasSubstr("DKIM s1        missing"));
}

TEST_F(DomainCheckCommandTest, PrintsOneJsonValue) {
  EXPECT_EQ(run({"wrong.example", "--address", "192.0.2.25", "--json"}), kCtlFailed);
  EXPECT_THAT(out_,
              StartsWith("[{\"domain\":\"wrong.example\",\"verdict\":\"wrong\",\"records\":[{\"record\":\"SPF\","));
  EXPECT_THAT(out_, HasSubstr("\"there\":[\"v=spf1 -all\"]"));
  EXPECT_THAT(out_, HasSubstr("{\"receiver\":\"Gmail\",\"takes\":\"unknown\",\"takes_bulk\":\"no\""));
  EXPECT_EQ(out_.find('\n'), out_.size() - 1);
}

TEST_F(DomainCheckCommandTest, WithAllTellsTotalsFirstThenWhatIsNotRight) {
  ASSERT_EQ(run({"customer", "add", "Acme"}, false), kCtlDone) << err_;
  for (const std::string_view domain : {"right.example", "wrong.example", "silent.example", "*.right.example"})
    ASSERT_EQ(run({"domain", "add", domain, "--customer", "acme"}, false), kCtlDone) << err_;
  EXPECT_EQ(run({"--all", "--address", "192.0.2.25"}), kCtlFailed) << err_;
  EXPECT_THAT(out_, StartsWith("3 domains: 1 right, 1 wrong, 1 could not be asked, 1 with * not looked at\n"));
  EXPECT_THAT(out_, HasSubstr("silent.example  SPF"));
  EXPECT_THAT(out_, Not(HasSubstr("right.example  SPF")));
  EXPECT_EQ(run({"--all", "--address", "192.0.2.25", "--json"}), kCtlFailed);
  EXPECT_THAT(out_, StartsWith("{\"right\":1,\"wrong\":1,\"not_asked\":1,\"skipped\":1,\"domains\":[{"));
  EXPECT_EQ(run({"domain", "remove", "wrong.example"}, false), kCtlDone);
  EXPECT_EQ(run({"domain", "remove", "silent.example"}, false), kCtlDone);
  EXPECT_EQ(run({"--all", "--address", "192.0.2.25"}), kCtlDone);
  EXPECT_EQ(out_, "1 domain: 1 right, 0 wrong, 0 could not be asked, 1 with * not looked at\n");
}

TEST_F(DomainCheckCommandTest, WithAllLooksAtTheKeysOfTheStore) {
  settings_.makes_domain_keys = true;
  settings_.domain_keys.sending_addresses = {"192.0.2.25"};
  ASSERT_EQ(run({"customer", "add", "Acme"}, false), kCtlDone) << err_;
  ASSERT_EQ(run({"domain", "add", "right.example", "--customer", "acme"}, false), kCtlDone) << err_;
  EXPECT_EQ(run({"--all"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr("DKIM sl1r"));
  EXPECT_THAT(out_, HasSubstr("DKIM sl1e"));
  EXPECT_THAT(out_, Not(HasSubstr("SPF")));
  settings_.domain_keys.sending_addresses = {"198.51.100.25"};
  EXPECT_EQ(run({"--all"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr("SPF"));
}

TEST_F(DomainCheckCommandTest, ShowsNothingOfATerminalsControl) {
  zone_.add_text("evil.example", "v=spf1 \x1b[2J -all");
  EXPECT_EQ(run({"evil.example", "--address", "192.0.2.25"}), kCtlFailed);
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
  EXPECT_EQ(run({"evil.example", "--address", "192.0.2.25", "--json"}), kCtlFailed);
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
}

TEST_F(DomainCheckCommandTest, SaysWhatItDoesNotUnderstand) {
  const std::vector<std::pair<std::vector<std::string_view>, std::string_view>> wrong{
      {{}, "needs either DOMAINs or --all"},
      {{"a.example", "--all"}, "needs either"},
      {{"localhost"}, "is no domain"},
      {{"*.a.example"}, "name the domains"},
      {{"a.example", "--address", "192.0.2"}, "is no IP address"},
      {{"a.example", "--selector", "a b"}, "is no selector"},
      {{"a.example", "--public-key-file", "f"}, "belongs to the --selector"},
      {{"a.example", "--mail-from", "b"}, "is no domain"},
      {{"a.example", "--customer", "b"}, "no option --customer"},
  };
  for (const auto& [args, what] : wrong) {
    EXPECT_EQ(run(args), kCtlUsage) << what;
    EXPECT_THAT(err_, HasSubstr(what));
  }
  EXPECT_EQ(run({"a.example", "--selector", "s1", "--public-key-file", "/nowhere/s1.pem"}), kCtlFailed);
}

}  // namespace
}  // namespace sluice::cli

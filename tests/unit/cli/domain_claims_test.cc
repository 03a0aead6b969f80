// sluicectl's commands about domains that are to be proven, as an operator types them, against a DNS that a test has
// written.
#include "engine/cli/domain_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "engine/cli/domain_check.h"
#include "engine/io/real_platform.h"
#include "tests/support/zone_source.h"
#include "tests/unit/cli/store_commands.h"

namespace sluice::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class DomainClaimsTest : public StoreCommandTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"customer", "add", "Acme"}), kCtlDone) << err_;
    ASSERT_EQ(run({"customer", "add", "Globex"}), kCtlDone) << err_;
  }
  // The exit status; the texts are in out_ and err_.
  int run(std::vector<std::string_view> args) {
    return in_world({.clock = clock_, .random = *random_}, [&](const AccountCommandWorld& world) {
      const ParsedAccountCommand parsed = parse_account_command(args);
      ZoneDns dns(*zone_);
      if (parsed.kind == ParsedAccountCommand::Kind::request && parsed.request.command->verb == AccountVerb::prove)
        return finish_command(world, prove_domain(parsed.request, world, dns));
      if (parsed.kind == ParsedAccountCommand::Kind::request && parsed.request.command->verb == AccountVerb::check_dns)
        return run_domain_check(parsed.request, world, dns);
      return run_account_command(args, world);
    });
  }
  void claim(std::string_view domain, std::string_view customer = "Acme") {
    ASSERT_EQ(run({"domain", "add", domain, "--customer", customer, "--prove"}), kCtlDone) << err_;
  }
  std::string proof(std::string_view customer = "Acme") {
    return "token=" + auth::DomainStateAdmin::open(path_).value()->proof_token(customer).value();
  }
  void publish(std::string_view domain, std::string_view customer = "Acme") {
    zone_->add_text("_sluice-challenge." + std::string(domain), proof(customer));
  }

  std::optional<testing::ZoneSource> zone_{std::in_place};
  SetClock clock_;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
};

TEST_F(DomainClaimsTest, PrintsTheProofFirstAndIsNew) {
  claim("Shop.Example");
  EXPECT_THAT(out_, StartsWith("domain Shop.Example: to be proven by its customer, then: sluicectl domain prove "
                               "shop.example\n\nTo be published by the customer, the proof for good:\n"));
  EXPECT_THAT(out_, HasSubstr("proof    _sluice-challenge.shop.example  TXT   " + proof()));
  EXPECT_LT(out_.find(proof()), out_.find("_dmarc.shop.example"));
  EXPECT_THAT(out_, HasSubstr("_dmarc.shop.example"));
  EXPECT_THAT(out_, Not(HasSubstr("_domainkey")));
  EXPECT_THAT(out_, Not(HasSubstr("keys")));
  ASSERT_EQ(run({"domain", "show", "shop.example", "--time", "iso"}), kCtlDone) << err_;
  EXPECT_EQ(out_,
            "name: shop.example\ncustomer: Acme\nownership: claimed\nstate: new\ncreated: 2026-01-01T00:00:00.000Z\n");
  ASSERT_EQ(run({"domain", "list", "--json"}), kCtlDone) << err_;
  EXPECT_THAT(out_, StartsWith(R"([{"name":"shop.example","customer":"Acme","ownership":"claimed","state":"new",)"));
}

TEST_F(DomainClaimsTest, WithAZoneTheKeysNamesAreKnownBefore) {
  settings_.makes_domain_keys = true;
  settings_.domain_keys.zone = "dkim.isp.example";
  settings_.domain_keys.proof_label = "_isp-challenge";
  ASSERT_EQ(run({"domain", "add", "shop.example", "--customer", "Acme", "--prove", "--zone"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "_isp-challenge.shop.example. IN TXT \"" + proof() +
                      "\"\n"
                      "sl1r._domainkey.shop.example. IN CNAME sl1r.shop.example.dkim.isp.example.\n"
                      "sl2r._domainkey.shop.example. IN CNAME sl2r.shop.example.dkim.isp.example.\n"
                      "sl1e._domainkey.shop.example. IN CNAME sl1e.shop.example.dkim.isp.example.\n"
                      "sl2e._domainkey.shop.example. IN CNAME sl2e.shop.example.dkim.isp.example.\n"
                      "_dmarc.shop.example. IN TXT \"v=DMARC1; p=none\"\n");
  const std::string records = out_;
  ASSERT_EQ(run({"domain", "records", "shop.example", "--zone"}), kCtlDone) << err_;
  EXPECT_EQ(out_, records);
  settings_.domain_keys.zone.clear();
  claim("other.example");
  EXPECT_THAT(out_, EndsWith("\nThe records of its keys follow once it is proven: sluicectl domain records "
                             "other.example\n"));
}

TEST_F(DomainClaimsTest, IsProvenOnceTheRecordIsThereAndGetsKeys) {
  settings_.makes_domain_keys = true;
  claim("shop.example");
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("domain shop.example is not proven: _sluice-challenge.shop.example: there is no TXT "
                              "record; there should be \"" +
                              proof() + "\" of customer \"Acme\"; publish the record"));
  zone_->add_text("_sluice-challenge.shop.example", "token=\x1b[2J");
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("another token"));
  EXPECT_THAT(err_, Not(HasSubstr("\x1b")));
  publish("shop.example");
  ASSERT_EQ(run({"domain", "prove", "Shop.Example"}), kCtlDone) << err_;
  EXPECT_THAT(out_, StartsWith("domain shop.example: proven, of customer Acme\n\nTo be published by the customer:\n"));
  EXPECT_THAT(out_, HasSubstr("sl1r._domainkey.shop.example"));
  EXPECT_EQ(auth::SigningKeyAdmin::open(path_).value()->keys_of("shop.example").value().size(), 2U);
  ASSERT_EQ(run({"domain", "show", "shop.example", "--time", "iso"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("ownership: proven\nstate: proven\n"));
  EXPECT_THAT(out_, HasSubstr("proof_seen: 2026-01-01T00:00:00.000Z\n"));
  ASSERT_EQ(run({"domain", "records", "shop.example"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("_sluice-challenge.shop.example"));
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("domain shop.example is proven, of customer \"Acme\""));
}

TEST_F(DomainClaimsTest, ANameServerThatFailsChangesNothing) {
  claim("shop.example");
  zone_->fail("_sluice-challenge.shop.example");
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("SERVFAIL"));
  EXPECT_THAT(err_, EndsWith("nothing is changed\n"));
  ASSERT_EQ(run({"domain", "list", "--state", "new"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("shop.example"));
}

TEST_F(DomainClaimsTest, OfTwoWhoWantToProveItTheOneWhoseTokenIsThereHasIt) {
  claim("shop.example");
  claim("shop.example", "Globex");
  EXPECT_EQ(run({"domain", "records", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("several customers want to prove shop.example: \"Acme\", \"Globex\""));
  ASSERT_EQ(run({"domain", "records", "shop.example", "--customer", "globex"}), kCtlDone) << err_;
  EXPECT_THAT(out_, HasSubstr(proof("Globex")));
  publish("shop.example", "Globex");
  EXPECT_EQ(run({"domain", "prove", "shop.example", "--customer", "Acme"}), kCtlFailed);
  ASSERT_EQ(run({"domain", "prove", "shop.example"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "domain shop.example: proven, of customer Globex\n");
  // The other one proves it, too.
  publish("shop.example");
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("another customer has it, \"Globex\" (proven)"));
  ASSERT_EQ(run({"domain", "list", "--json"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr(R"("customer":"Globex","ownership":"proven","state":"proven")"));
  EXPECT_THAT(out_, HasSubstr(R"("customer":"Acme","ownership":"claimed","state":"new")"));
  // Removed is the domain, and with --customer the claim.
  EXPECT_EQ(run({"domain", "remove", "shop.example", "--customer", "acme"}), kCtlDone) << err_;
  EXPECT_EQ(run({"domain", "remove", "shop.example", "--customer", "acme"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("is not that customer's"));
  EXPECT_EQ(run({"domain", "remove", "shop.example"}), kCtlDone) << err_;
  ASSERT_EQ(run({"domain", "list"}), kCtlDone);
  EXPECT_EQ(out_, "no domains\n");
}

TEST_F(DomainClaimsTest, TheListHasTheStatesAndIsNarrowedToOne) {
  ASSERT_EQ(run({"domain", "add", "asserted.example", "--customer", "Acme"}), kCtlDone);
  ASSERT_EQ(run({"domain", "add", "failing.example", "--customer", "Acme"}), kCtlDone);
  claim("new.example");
  claim("proven.example");
  publish("proven.example");
  ASSERT_EQ(run({"domain", "prove", "proven.example"}), kCtlDone) << err_;
  {
    const auto states = auth::DomainStateAdmin::open(path_).value();
    auth::DomainState state = states->state("failing.example").value();
    state.checked = state.failing_since = auth::kTestNow;
    state.verdict = "wrong";
    state.finding = "SPF: there is no SPF record";
    expect_ok(states->save(state));
  }
  for (const std::string_view state : {"new", "proven", "asserted", "failing"}) {
    ASSERT_EQ(run({"domain", "list", "--state", state, "--time", "iso"}), kCtlDone);
    EXPECT_THAT(out_, HasSubstr("\n" + std::string(state) + ".example"));
    EXPECT_EQ(std::ranges::count(out_, '\n'), 2) << out_;
  }
  EXPECT_THAT(out_, HasSubstr("2026-01-01T00:00:00.000Z  SPF: there is no SPF record"));
  ASSERT_EQ(run({"domain", "show", "failing.example", "--json"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr(R"("ownership":"asserted","state":"failing")"));
  EXPECT_THAT(out_, HasSubstr(R"("checked":"2026-01-01T00:00:00Z","verdict":"wrong","failing_since":)"));
  EXPECT_EQ(run({"domain", "list", "--state", "old"}), kCtlUsage);
}

TEST_F(DomainClaimsTest, ACustomerIsShownWithItsClaims) {
  ASSERT_EQ(run({"domain", "add", "own.example", "--customer", "Acme"}), kCtlDone);
  claim("new.example");
  claim("new.example", "Globex");
  ASSERT_EQ(run({"customer", "show", "acme"}), kCtlDone) << err_;
  EXPECT_THAT(out_, HasSubstr("\nnew.example"));
  EXPECT_THAT(out_, HasSubstr("\nown.example"));
  EXPECT_THAT(out_, Not(HasSubstr("Globex")));
  ASSERT_EQ(run({"customer", "show", "Acme", "--json"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr(R"("ownership":"claimed","state":"new")"));
}

TEST_F(DomainClaimsTest, OfADomainThatIsRemovedTheZoneHasKeysUntilItIsWritten) {
  settings_.makes_domain_keys = true;
  settings_.domain_keys.zone = "dkim.isp.example";
  const auto removed = [this](std::string_view option = "--json") {
    EXPECT_EQ(run({"domain", "add", "shop.example", "--customer", "Acme", option}), kCtlDone) << err_;
    EXPECT_EQ(run({"domain", "remove", "shop.example"}), kCtlDone) << err_;
    return out_;
  };
  EXPECT_EQ(removed(),
            "domain shop.example: removed\nThe records of its keys stay in dkim.isp.example until: sluicectl domain "
            "zone\n");
  EXPECT_EQ(removed("--no-keys"), "domain shop.example: removed\n");
  settings_.domain_keys.zone_update = "192.0.2.53";
  EXPECT_EQ(removed(), "domain shop.example: removed\n");
}

TEST_F(DomainClaimsTest, TheCheckLooksForTheProofOfAProvenDomain) {
  claim("shop.example");
  publish("shop.example");
  ASSERT_EQ(run({"domain", "prove", "shop.example"}), kCtlDone) << err_;
  EXPECT_EQ(run({"domain", "check", "shop.example", "--address", "192.0.2.25"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr("proof          right: the domain is proven"));
  zone_.emplace();
  EXPECT_EQ(run({"domain", "check", "shop.example", "--address", "192.0.2.25"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr("proof          missing"));
  EXPECT_THAT(out_, HasSubstr("should be    " + proof()));
  EXPECT_EQ(run({"domain", "check", "--all", "--address", "192.0.2.25", "--json"}), kCtlFailed);
  EXPECT_THAT(out_, HasSubstr(proof()));
  ASSERT_EQ(run({"domain", "add", "asserted.example", "--customer", "Acme"}), kCtlDone);
  EXPECT_EQ(run({"domain", "check", "asserted.example", "--address", "192.0.2.25"}), kCtlFailed);
  EXPECT_THAT(out_, Not(HasSubstr("proof")));
}

TEST_F(DomainClaimsTest, SaysWhatCannotBe) {
  EXPECT_EQ(run({"domain", "add", "shop.example", "--customer", "Acme", "--prove", "--no-keys"}), kCtlUsage);
  EXPECT_EQ(run({"domain", "add", "*.shop.example", "--customer", "Acme", "--prove"}), kCtlFailed);
  EXPECT_EQ(run({"domain", "add", "shop.example", "--customer", "Acmee", "--prove"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("did you mean \"Acme\"?"));
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("there is no domain \"shop.example\""));
  ASSERT_EQ(run({"domain", "add", "shop.example", "--customer", "Acme"}), kCtlDone);
  EXPECT_EQ(run({"domain", "prove", "shop.example"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("domain shop.example is asserted, of customer \"Acme\""));
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                              std::string(46, 'd') + ".example";
  EXPECT_EQ(run({"domain", "add", longest, "--customer", "Acme", "--prove"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("no names longer than 253 bytes"));
}

}  // namespace
}  // namespace sluice::cli

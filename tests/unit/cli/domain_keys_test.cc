// sluicectl's commands about domains' keys, as an operator types them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/signing_key_admin.h"
#include "engine/cli/accounts.h"
#include "engine/dkim/key_generation.h"
#include "engine/io/real_platform.h"
#include "engine/smtp/base64.h"
#include "tests/unit/cli/store_commands.h"

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr WallMillis kDay = WallMillis{24} * 3600 * 1000;

class DomainKeysTest : public StoreCommandTest {
 protected:
  void SetUp() override {
    settings_.makes_domain_keys = true;
    settings_.domain_keys.zone = "dkim.isp.example";
    settings_.domain_keys.zone_name_servers = {"ns.isp.example"};
    settings_.domain_keys.record_ttl = std::chrono::minutes(5);
    ASSERT_EQ(run({"customer", "add", "Acme"}), kCtlDone) << err_;
  }

  int run(std::vector<std::string_view> args) {
    return in_world({.clock = clock_, .random = *random_},
                    [&args](const AccountCommandWorld& world) { return run_account_command(args, world); });
  }
  void add_domain(std::string_view name = "example.com") {
    ASSERT_EQ(run({"domain", "add", name, "--customer", "Acme"}), kCtlDone) << err_;
  }
  // "selector state since", in minutes from the beginning.
  std::vector<std::string> keys(std::string_view domain = "example.com") {
    std::vector<std::string> all;
    const auto admin = auth::SigningKeyAdmin::open(path_).value();
    for (const auto& key : admin->keys_of(domain).value())
      all.push_back(key.selector + " " + std::string(auth::key_state_name(key.state)) + " " +
                    std::to_string((key.since - auth::kTestNow) / 60'000));
    return all;
  }
  std::string wrapping_key(char byte) {
    std::string path = directory_ + "/wrapping-" + byte;
    std::ofstream(path) << std::string(32, byte);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    return path;
  }
  std::string private_keys() {
    std::string all;
    const auto read = open_database()->query(
        "SELECT private_key, sealed FROM signing_key", {},
        [&all](const auto& row) { all += row.text(0) + " " + std::to_string(row.integer(1)) + "\n"; });
    EXPECT_TRUE(read.has_value());
    return all;
  }

  SetClock clock_;
  std::unique_ptr<io::Random> random_ = io::make_real_random();
};

TEST_F(DomainKeysTest, AnAddedDomainGetsKeysAndItsRecordsArePrinted) {
  add_domain("Example.COM");
  EXPECT_THAT(out_, StartsWith("domain Example.COM: added\n\nTo be published by the customer:\n"));
  EXPECT_THAT(out_, HasSubstr("sl2e._domainkey.example.com"));
  EXPECT_THAT(out_, HasSubstr("sl2e.example.com.dkim.isp.example"));
  EXPECT_THAT(keys(), ElementsAre("sl1e published 0", "sl1r published 0"));
  const std::string table = out_.substr(out_.find("purpose"));
  ASSERT_EQ(run({"domain", "records", "example.com"}), kCtlDone);
  EXPECT_EQ(out_, table);
}

TEST_F(DomainKeysTest, WithoutDkimNothingIsDifferent) {
  settings_ = {};
  add_domain();
  EXPECT_EQ(out_, "domain example.com: added\n");
  EXPECT_THAT(keys(), IsEmpty());
  ASSERT_EQ(run({"domain", "show", "example.com", "--time", "iso"}), kCtlDone);
  EXPECT_EQ(
      out_,
      "name: example.com\ncustomer: Acme\nownership: asserted\nstate: asserted\ncreated: 2026-01-01T00:00:00.000Z\n");
}

TEST_F(DomainKeysTest, NoKeysWhereNoneAreWantedOrForAllBelowADomain) {
  ASSERT_EQ(run({"domain", "add", "example.com", "--customer", "Acme", "--no-keys"}), kCtlDone);
  EXPECT_EQ(out_, "domain example.com: added\n");
  add_domain("*.example.com");
  EXPECT_EQ(out_,
            "domain *.example.com: added\n"
            "Mail of the names below it is signed with the keys of example.com, where the customer has that, too; "
            "add those by themselves that are to have keys of their own\n");
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_THAT(keys("*.example.com"), IsEmpty());
  EXPECT_EQ(run({"domain", "rotate", "*.example.com"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("keys are of one domain"));
}

// Another process changes the store while a key is made: it would wait for a transaction in vain.
class InterferingRandom final : public io::Random {
 public:
  InterferingRandom(io::Random& random, auth::AccountAdmin& admin) : random_(random), admin_(admin) {}
  void fill(std::span<std::byte> bytes) override {
    random_.fill(bytes);
    added_ = added_ && admin_.add_customer("Customer " + std::to_string(++count_), auth::kTestNow).has_value();
  }
  bool added_ = true;

 private:
  io::Random& random_;
  auth::AccountAdmin& admin_;
  int count_ = 0;
};

TEST_F(DomainKeysTest, KeysAreMadeWhileOthersMayChangeTheStore) {
  settings_.domain_keys.wrapping_key_file = wrapping_key('w');
  const auto others = open_admin(auth::IfMissing::fail);
  auto own = std::make_unique<InterferingRandom>(*random_, *others);
  InterferingRandom& interfering = *own;
  const auto real = std::exchange(random_, std::move(own));
  add_domain();
  ASSERT_EQ(run({"domain", "rotate", "example.com"}), kCtlFailed);
  EXPECT_TRUE(interfering.added_);
  EXPECT_THAT(keys(), ElementsAre("sl1e published 0", "sl1r published 0"));
}

TEST_F(DomainKeysTest, AZoneIsUpdatedWhereThatIsConfigured) {
  EXPECT_EQ(run({"domain", "zone", "--update"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("dkim.zone_update is not set"));
  settings_.domain_keys.zone_update = "192.0.2.53";
  settings_.domain_keys.zone_update_key = directory_ + "/absent.key";
  EXPECT_EQ(run({"domain", "zone", "--update"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("dkim.zone_update_key: "));
  EXPECT_EQ(run({"domain", "zone", "--update", "--output", "zone"}), kCtlUsage);
}

TEST_F(DomainKeysTest, JsonAndZoneAreAllThatIsPrinted) {
  settings_.domain_keys.spf_include = "spf.isp.example";
  ASSERT_EQ(run({"domain", "add", "example.com", "--customer", "Acme", "--json"}), kCtlDone);
  EXPECT_THAT(out_,
              StartsWith("[{\"purpose\": \"dkim\", \"name\": \"sl1r._domainkey.example.com\", \"type\": \"CNAME\", "
                         "\"value\": \"sl1r.example.com.dkim.isp.example\"},"));
  EXPECT_EQ(std::ranges::count(out_, '\n'), 1);
  ASSERT_EQ(run({"domain", "add", "example.org", "--customer", "Acme", "--zone"}), kCtlDone);
  EXPECT_EQ(out_,
            "sl1r._domainkey.example.org. IN CNAME sl1r.example.org.dkim.isp.example.\n"
            "sl2r._domainkey.example.org. IN CNAME sl2r.example.org.dkim.isp.example.\n"
            "sl1e._domainkey.example.org. IN CNAME sl1e.example.org.dkim.isp.example.\n"
            "sl2e._domainkey.example.org. IN CNAME sl2e.example.org.dkim.isp.example.\n"
            "example.org. IN TXT \"v=spf1 include:spf.isp.example ~all\"\n"
            "_dmarc.example.org. IN TXT \"v=DMARC1; p=none\"\n");
  EXPECT_EQ(run({"domain", "records", "example.org", "--zone", "--json"}), kCtlUsage);
}

TEST_F(DomainKeysTest, AWholeLifeOfKeys) {
  add_domain();
  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone) << err_;
  EXPECT_THAT(out_, HasSubstr("key sl1r: active from 2026-01-01T00:05:00.000Z"));
  EXPECT_THAT(keys(), ElementsAre("sl1e active 5", "sl1r active 5"));
  EXPECT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("sluicectl domain rotate example.com"));
  EXPECT_EQ(run({"domain", "rotate", "example.com"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("signs from"));

  clock_.now_ += kDay;
  ASSERT_EQ(run({"domain", "rotate", "example.com", "--algorithm", "rsa-sha256"}), kCtlDone) << err_;
  EXPECT_THAT(out_, HasSubstr("made sl2r;"));
  EXPECT_THAT(keys(), ElementsAre("sl1e active 5", "sl1r active 5", "sl2r published 1440"));
  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone);
  EXPECT_THAT(keys(), ElementsAre("sl1e active 5", "sl1r retired 1445", "sl2r active 1445"));
  ASSERT_EQ(run({"domain", "show", "example.com", "--time", "iso"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("retired from 2026-01-02T00:05:00.000Z"));
  EXPECT_THAT(out_, HasSubstr("signs no more at 2026-01-02T00:05:00.000Z"));

  clock_.now_ += 2 * kDay;
  EXPECT_EQ(run({"domain", "rotate", "example.com", "--algorithm", "rsa-sha256"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("free from 2026-01-09T00:05:00.000Z"));
  ASSERT_EQ(run({"domain", "show", "example.com", "--json"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr(R"("keys":[{"selector": "sl1e", "algorithm": "ed25519-sha256", "state": "active")"));
  EXPECT_THAT(out_, HasSubstr("is revoked at 2026-01-09T00:05:00.000Z"));
  clock_.now_ += 8 * kDay;
  ASSERT_EQ(run({"domain", "rotate", "example.com", "--algorithm", "rsa-sha256"}), kCtlDone) << err_;
  EXPECT_THAT(out_, HasSubstr("made sl1r;"));
}

TEST_F(DomainKeysTest, AKeyThatIsKeptBackIsShownAsOneThatDoesNotSign) {
  add_domain();
  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone) << err_;
  clock_.now_ += kDay;
  const auto admin = auth::SigningKeyAdmin::open(path_).value();
  const auto all = admin->keys_of("example.com").value();
  ASSERT_TRUE(admin->save_fit(all[0], {.wrong_since = auth::kTestNow + kDay}).value());
  ASSERT_TRUE(admin->save_fit(all[1], {.wrong_since = auth::kTestNow, .kept_back = true}).value());
  ASSERT_EQ(run({"domain", "show", "example.com", "--time", "iso"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("yes (record wrong since 2026-01-02T00:00:00.000Z)"));
  EXPECT_THAT(out_, HasSubstr("no (record wrong since 2026-01-01T00:00:00.000Z)"));
  EXPECT_THAT(out_, HasSubstr("signs again once the relay has seen its record in the DNS"));
  ASSERT_EQ(run({"domain", "show", "example.com", "--json"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr(R"("record": "wrong", "wrong_since": "2026-01-02T00:00:00.000Z"})"));
  EXPECT_THAT(out_, HasSubstr(R"("signs": "no")"));
  EXPECT_THAT(out_, HasSubstr(R"("record": "kept back", "wrong_since": "2026-01-01T00:00:00.000Z"})"));
  // Where the relay checks nothing all of them sign.
  settings_.domain_keys.check_every = {};
  ASSERT_EQ(run({"domain", "show", "example.com", "--json"}), kCtlDone);
  EXPECT_THAT(out_, Not(HasSubstr(R"("signs": "no")")));
  EXPECT_THAT(out_, HasSubstr(R"("record": "", "wrong_since": ""})"));
}

TEST_F(DomainKeysTest, TheZoneIsWrittenInOneStepAndRevokesWhatIsDue) {
  add_domain();
  const std::string file = directory_ + "/zone";
  ASSERT_EQ(run({"domain", "zone", "--output", file}), kCtlDone) << err_;
  EXPECT_EQ(out_, "zone dkim.isp.example: serial 1767225600 in " + file + "\n");
  std::ostringstream written;
  written << std::ifstream(file).rdbuf();
  ASSERT_EQ(run({"domain", "zone"}), kCtlDone);
  EXPECT_EQ(out_, written.str());
  EXPECT_THAT(out_, HasSubstr("sl1r.example.com IN TXT \"v=DKIM1; k=rsa; p=MII"));
  EXPECT_FALSE(std::filesystem::exists(file + ".draft"));
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0644));

  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone);
  clock_.now_ += kDay;
  ASSERT_EQ(run({"domain", "rotate", "example.com"}), kCtlDone) << err_;
  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone);
  clock_.now_ += 8 * kDay;
  ASSERT_EQ(run({"domain", "zone"}), kCtlDone);
  EXPECT_THAT(out_, HasSubstr("sl1r.example.com IN TXT \"v=DKIM1; k=rsa; p=\"\n"));
  EXPECT_THAT(out_, HasSubstr("sl2r.example.com IN TXT \"v=DKIM1; k=rsa; p=MII"));
  EXPECT_THAT(keys(), ElementsAre("sl1e revoked 12960", "sl1r revoked 12960", "sl2e active 1445", "sl2r active 1445"));
  EXPECT_EQ(run({"domain", "zone", "--output", directory_ + "/absent/zone"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("/absent/zone"));
}

TEST_F(DomainKeysTest, WithoutAZoneThereIsNoneToWrite) {
  settings_.domain_keys.zone.clear();
  EXPECT_EQ(run({"domain", "zone"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("dkim.zone is not set"));
}

TEST_F(DomainKeysTest, KeysAreSealedAndSealedAnew) {
  add_domain();
  EXPECT_THAT(private_keys(), HasSubstr(" 0\n"));
  settings_.domain_keys.wrapping_key_file = wrapping_key('a');
  ASSERT_EQ(run({"domain", "rewrap"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "2 keys sealed anew\n");
  EXPECT_THAT(private_keys(), Not(HasSubstr(" 0\n")));
  const std::string before = private_keys();
  settings_.domain_keys.wrapping_key_file = wrapping_key('b');
  EXPECT_EQ(run({"domain", "rewrap"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("domain rewrap --old-key-file"));
  EXPECT_EQ(private_keys(), before);
  const std::string old = wrapping_key('a' + 2);
  EXPECT_EQ(run({"domain", "rewrap", "--old-key-file", old}), kCtlFailed);
  ASSERT_EQ(run({"domain", "rewrap", "--old-key-file", directory_ + "/wrapping-a"}), kCtlDone) << err_;
  EXPECT_NE(private_keys(), before);
  // A run that was cut off is made whole by another.
  ASSERT_EQ(run({"domain", "rewrap", "--old-key-file", directory_ + "/wrapping-a"}), kCtlDone) << err_;
  settings_.domain_keys.wrapping_key_file = directory_ + "/absent";
  EXPECT_EQ(run({"domain", "rotate", "example.com"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("dkim.wrapping_key_file: "));
}

TEST_F(DomainKeysTest, NoByteOfAPrivateKeyIsPrinted) {
  add_domain();
  std::string all = out_;
  for (const std::vector<std::string_view>& args : {std::vector<std::string_view>{"domain", "show", "example.com"},
                                                    {"domain", "show", "example.com", "--json"},
                                                    {"domain", "records", "example.com", "--json"},
                                                    {"domain", "zone"},
                                                    {"domain", "list", "--json"}}) {
    ASSERT_EQ(run(args), kCtlDone);
    all += out_ + err_;
  }
  std::istringstream stored(private_keys());
  for (std::string key, sealed; stored >> key >> sealed;) EXPECT_THAT(all, Not(HasSubstr(key.substr(0, 60))));
}

TEST_F(DomainKeysTest, UnknownNamesAreSaidWithTheOneThatWasMeant) {
  add_domain();
  EXPECT_EQ(run({"domain", "show", "exmple.com"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("did you mean \"example.com\"?"));
  EXPECT_EQ(run({"domain", "add", "other.example", "--customer", "Acmee"}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("did you mean \"Acme\"?"));
  EXPECT_EQ(run({"domain", "records", "other.example"}), kCtlFailed);
  EXPECT_EQ(run({"domain", "rotate", "example.com", "--algorithm", "rsa"}), kCtlUsage);
}

class KeyImportTest : public DomainKeysTest {
 protected:
  void SetUp() override {
    DomainKeysTest::SetUp();
    ASSERT_EQ(run({"domain", "add", "example.com", "--customer", "Acme", "--no-keys"}), kCtlDone);
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  }
  std::string write_key(const std::string& name, dkim::Algorithm algorithm = dkim::Algorithm::rsa_sha256) {
    const auto der = dkim::generate_key(algorithm);
    std::string base64;
    smtp::append_base64(der->reveal(), base64);
    std::string text = "-----BEGIN PRIVATE KEY-----\n";
    constexpr std::size_t kLine = 64;
    for (std::size_t at = 0; at < base64.size(); at += kLine) text += base64.substr(at, kLine) + "\n";
    return write(name, text + "-----END PRIVATE KEY-----\n");
  }
};

TEST_F(KeyImportTest, OfOpendkimsTablesSignAtOnce) {
  const std::string key_table = write("KeyTable", "a example.com:old:" + write_key("a.private") + "\n" +
                                                      "b absent.example:s:" + write_key("b.private") + "\n" +
                                                      "c example.com:twice:" + write_key("c.private") + "\n" +
                                                      "d example.com:broken:" + write("d.private", "nothing") + "\n");
  const std::string signing_table =
      write("SigningTable", "*@example.com a\n*@absent.example b\nexample.com c\nexample.com d\nme@example.com a\n");
  const std::vector<std::string_view> args{"domain",  "import-keys",     "--opendkim-key-table",
                                           key_table, "--signing-table", signing_table};
  std::vector<std::string_view> dry = args;
  dry.emplace_back("--dry-run");
  EXPECT_EQ(run(dry), kCtlFailed);
  EXPECT_EQ(out_, "1 keys would be imported\n");
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_EQ(run(args), kCtlFailed);
  EXPECT_EQ(out_, "1 keys imported\n");
  EXPECT_THAT(err_, HasSubstr(key_table + ":2: key s: there is no domain \"absent.example\""));
  EXPECT_THAT(err_, HasSubstr(key_table + ":3: key twice: another key for rsa-sha256 was taken before"));
  EXPECT_THAT(err_, HasSubstr(key_table + ":4: " + directory_ + "/d.private"));
  EXPECT_THAT(err_, HasSubstr(signing_table + ":5: is for one sender"));
  EXPECT_THAT(err_, HasSubstr("4 of the keys were not taken"));
  EXPECT_THAT(keys(), ElementsAre("old active 0"));
}

TEST_F(KeyImportTest, OfRspamdsMapsSignAtOnce) {
  write_key("example.com.s24.key");
  const std::string selectors = write("selectors", "absent.example s\nexample.com s24\n");
  const std::string paths = write("paths", "example.com " + directory_ + "/$domain.$selector.key\n");
  EXPECT_EQ(run({"domain", "import-keys", "--rspamd-path-map", paths, "--rspamd-selector-map", selectors}), kCtlFailed);
  EXPECT_EQ(out_, "1 keys imported\n");
  EXPECT_THAT(err_, HasSubstr(selectors + ":1: /var/lib/rspamd/dkim/absent.example.s.key"));
  EXPECT_THAT(keys(), ElementsAre("s24 active 0"));
}

TEST_F(KeyImportTest, OfADirectoryIsFollowedByOurOwn) {
  write_key("keys/example.com/mail.pem");
  write_key("keys/example.com/ed.pem", dkim::Algorithm::ed25519_sha256);
  const std::string directory = directory_ + "/keys";
  ASSERT_EQ(run({"domain", "import-keys", "--pem", directory}), kCtlDone) << err_;
  EXPECT_EQ(out_, "2 keys imported\n");
  EXPECT_THAT(keys(), ElementsAre("ed active 0", "mail active 0"));
  EXPECT_EQ(run({"domain", "import-keys", "--pem", directory}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("domain example.com has a key for"));
  ASSERT_EQ(run({"domain", "rotate", "example.com"}), kCtlDone) << err_;
  ASSERT_EQ(run({"domain", "activate", "example.com", "--seen"}), kCtlDone) << err_;
  EXPECT_THAT(keys(), ElementsAre("ed retired 5", "mail retired 5", "sl1e active 5", "sl1r active 5"));
}

TEST_F(KeyImportTest, NothingToImportIsAnError) {
  const std::string file = write("file", "");
  for (const std::string& none : {directory_ + "/absent", directory_, file}) {
    EXPECT_EQ(run({"domain", "import-keys", "--pem", none}), kCtlFailed) << none;
    EXPECT_THAT(err_, HasSubstr("has no files DOMAIN/SELECTOR.pem"));
  }
  EXPECT_EQ(run({"domain", "import-keys", "--opendkim-key-table", file, "--signing-table", file}), kCtlFailed);
  EXPECT_THAT(err_, HasSubstr("the tables name no key"));
  EXPECT_EQ(out_, "");
}

TEST_F(KeyImportTest, TakesOneOfTheTwo) {
  EXPECT_EQ(run({"domain", "import-keys"}), kCtlUsage);
  EXPECT_EQ(run({"domain", "import-keys", "--opendkim-key-table", "a"}), kCtlUsage);
  EXPECT_EQ(run({"domain", "import-keys", "--opendkim-key-table", "a", "--signing-table", "b", "--pem", "c"}),
            kCtlUsage);
  EXPECT_EQ(run({"domain", "import-keys", "--opendkim-key-table", directory_ + "/a", "--signing-table", "b"}),
            kCtlFailed);
}

}  // namespace
}  // namespace sluice::cli

// What a reload cannot follow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConfigChanges, TellsWhatARunningRelayCannotFollow) {
  const Config before = load("[[listener]]\naddress = [\"0.0.0.0:25\", \"0.0.0.0:587\"]\n" + std::string(kRoute));
  EXPECT_THAT(changes_that_need_restart(before, before), IsEmpty());
  const Config after = load(
      "[server]\ncores = 4\nuser = \"mail\"\nstate_dir = \"/x\"\n[store]\ngranted_ttl_s = 60\n"
      "[[listener]]\naddress = [\"0.0.0.0:25\", \"[::]:587\"]\n" +
      std::string(kRoute));
  EXPECT_THAT(
      changes_that_need_restart(before, after),
      ElementsAre("server.cores: 0 became 4", R"(server.user: "sluice" became "mail")",
                  R"(server.state_dir: "/var/lib/sluice" became "/x")",
                  R"(store.accounts: "/var/lib/sluice/accounts.db" became "/x/accounts.db")",
                  "store.granted_ttl_s: 300 became 60", R"(spool.directory: "/var/lib/sluice/spool" became "/x/spool")",
                  "listener: 0.0.0.0:587 is gone", "listener: [::]:587 is new"));
}

TEST(ConfigChanges, TellsThoseOfTheSpoolAndOfDns) {
  const Config before = load(std::string(kRoute));
  const Config after = load(
      "[spool]\ndirectory = \"/x\"\ndurability = \"unsynced\"\nsegment_bytes = 8388608\n"
      "free_bytes_min = 1\nmemory_bytes = 65536\n[dns]\nservers = [\"192.0.2.53\", \"::1\"]\n"
      "timeout_ms = 100\ntries = 1\n" +
      std::string(kRoute));
  EXPECT_THAT(
      changes_that_need_restart(before, after),
      ElementsAre(R"(spool.directory: "/var/lib/sluice/spool" became "/x")",
                  R"(spool.durability: "synced" became "unsynced")", "spool.segment_bytes: 67108864 became 8388608",
                  "spool.free_bytes_min: 536870912 became 1", "spool.memory_bytes: 1048576 became 65536",
                  R"(dns.servers: [] became ["192.0.2.53:53", "[::1]:53"])", "dns.timeout_ms: 5000 became 100",
                  "dns.tries: 2 became 1"));
}

TEST(ConfigChanges, FollowsTheRest) {
  const Config before = load(std::string(kRoute));
  const Config after = load(
      "[server]\npolicy_url = \"https://x.example/\"\n[limits]\nidle_s = 5\n[tls]\ncertificates = "
      "\"/x\"\n"
      "[log]\nfile = \"/x\"\n[queue]\nretry_s = 5\nexpire_s = 60\n[reports]\nper_customer_hour = 1\n"
      "[[route]]\nname = \"x\"\ncustomers = \"x\"\nmx = true\n[[route]]\nhosts = "
      "\"other.example\"\n");
  EXPECT_THAT(changes_that_need_restart(before, after), IsEmpty());
}

TEST(ConfigChanges, SocketsBelongToTheirListener) {
  const std::string a = "[[listener]]\naddress = \"0.0.0.0:25\"\n";
  const std::string b = "[[listener]]\naddress = \"0.0.0.0:587\"\n";
  const std::string both = "[[listener]]\naddress = [\"0.0.0.0:587\", \"0.0.0.0:25\"]\n";
  const std::string turned = "[[listener]]\naddress = [\"0.0.0.0:25\", \"0.0.0.0:587\"]\n";
  const std::string route(kRoute);
  EXPECT_THAT(changes_that_need_restart(load(a + b + route), load(b + a + route)),
              ElementsAre("listener: the same addresses are divided or ordered in another way"));
  EXPECT_THAT(changes_that_need_restart(load(a + b + route), load(both + route)), ::testing::SizeIs(1));
  EXPECT_THAT(changes_that_need_restart(load(both + route), load(turned + route)), IsEmpty());
}

// A reload with another number of back ends ended the relay.
TEST(ConfigChanges, BackEndsThatComeAndGoAreListedAsTables) {
  const std::string a = "[[backend]]\nname = \"a\"\nkind = \"store\"\n";
  const std::string b = "[[backend]]\nname = \"b\"\nkind = \"store\"\n";
  const std::string route(kRoute);
  EXPECT_THAT(changes_that_need_restart(load(route), load(a + route)), ElementsAre("backend[1] is new"));
  EXPECT_THAT(changes_that_need_restart(load(a + b + route), load(a + route)), ElementsAre("backend[2] is gone"));
  EXPECT_THAT(changes_that_need_restart(load(a + route), load(b + a + route)),
              ElementsAre(R"(backend[1].name: "a" became "b")", "backend[2] is new"));
}

}  // namespace
}  // namespace sluice::config

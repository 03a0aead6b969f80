// Where the accounts are: a file, or a database that several relays share.
#include <gtest/gtest.h>

#include <string>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

TEST(StoreConfig, KeepsTheAccountsInADatabaseWhereThatIsNamed) {
  const auto loaded = load_config(
      "[store]\nserver = [\"db.example.net\", \"/run/postgresql/.s.PGSQL.5433\"]\ndatabase = \"mail\"\nuser = "
      "\"relay\"\n"
      "password_file = \"/etc/sluice/password\"\nconnections = 8\ntimeout_s = 3\n" +
          std::string(kRoute),
      "sluice.toml");
  ASSERT_TRUE(loaded.has_value());
  const Config& config = *loaded;
  const auth::BackendOptions& server = config.store.server;
  ASSERT_EQ(server.servers.size(), 2U);
  EXPECT_EQ(server.servers[0].to_string(), "db.example.net:5432");
  EXPECT_TRUE(server.servers[1].is_path());
  EXPECT_EQ(server.tls, auth::BackendTls::implicit);
  EXPECT_EQ(server.database, "mail");
  EXPECT_EQ(server.user, "relay");
  EXPECT_EQ(server.password_file, "/etc/sluice/password");
  EXPECT_EQ(server.connections, 8U);
  EXPECT_EQ(server.timeout, std::chrono::seconds(3));
  EXPECT_EQ(config.store.key(), "store.server");
  EXPECT_EQ(StoreConfig().key(), "store.accounts");
}

}  // namespace
}  // namespace sluice::config

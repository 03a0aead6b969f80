// What `sluice check` finds, beyond what is wrong in the text of the configuration: the machine, files, users, and
// routes that no mail takes.
#include "engine/server/inspection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "auth/store/account_admin.h"
#include "engine/io/local_socket.h"
#include "engine/io/real_platform.h"
#include "engine/tls/self_signed.h"

namespace sluice::server {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ------------------------------------------------------------------------------------------ routes

std::vector<std::size_t> unreachable(const std::string& text) {
  const auto config = config::load_config("[server]\nhostname = \"relay.example.net\"\n" + text, "sluice.toml");
  if (!config) {
    ADD_FAILURE() << config.error().front().to_string();
    return {};
  }
  std::vector<route::RouteConditions> conditions;
  for (const config::RouteConfig& route : config->routes) conditions.push_back(route.conditions);
  return unreachable_routes(config->routes, route::RouteTable(conditions, config->server.hostname));
}

std::string route(const std::string& name, const std::string& conditions) {
  return "[[route]]\nname = \"" + name + "\"\nhosts = \"192.0.2.1\"\n" + conditions + "\n";
}

TEST(UnreachableRoutes, AreThoseWhoseMailAllGoesElsewhere) {
  EXPECT_THAT(unreachable(route("a", "recipients = \"*.example.com\"") + route("b", "recipients = \"mx.example.com\"") +
                          route("c", "")),
              ElementsAre(1));
  EXPECT_THAT(unreachable(route("a", "customers = \"acme\"") +
                          route("b", "customers = \"ACME\"\nsenders = \"example.com\"") + route("c", "")),
              ElementsAre(1));
  // Two of them together.
  EXPECT_THAT(
      unreachable(route("a", "senders = \"a.example\"") + route("b", "senders = \"b.example\"") +
                  route("c", "senders = [\"a.example\", \"b.example\"]\nrecipients = \"x.example\"") + route("d", "")),
      ElementsAre(2));
}

TEST(UnreachableRoutes, AreNotThoseThatHaveSomeMailToThemselves) {
  EXPECT_THAT(unreachable(route("a", "recipients = \"*.example.com\"") + route("b", "recipients = \"example.com\"") +
                          route("c", "")),
              IsEmpty())
      << "a wildcard stands for what is below";
  EXPECT_THAT(unreachable(route("a", "recipients = \"mx.example.com\"") + route("b", "recipients = \"*.example.com\"") +
                          route("c", "")),
              IsEmpty());
  EXPECT_THAT(unreachable(route("a", "recipients = \"a.example\"\ncustomers = \"acme\"") +
                          route("b", "recipients = \"a.example\"") + route("c", "senders = \"<>\"") + route("d", "")),
              IsEmpty());
  EXPECT_THAT(unreachable(route("a", "senders = \"a.example\"") + route("b", "recipients = \"b.example\"") +
                          route("c", "senders = \"a.example\"\nrecipients = \"b.example\"") + route("d", "")),
              ElementsAre(2));
}

// ------------------------------------------------------------------------------------------ a whole configuration

class InspectionTest : public ::testing::Test {
 protected:
  InspectionTest() {
    for (const char* part : {"state", "run", "log", "tls"}) fs::create_directory(folder_ / part);
    auto admin = auth::AccountAdmin::open(at("state/accounts.db"), auth::IfMissing::create, auth::kLeastHashCost);
    EXPECT_TRUE(admin.has_value());
    EXPECT_TRUE((*admin)->add_customer("acme", 0).has_value());
  }
  ~InspectionTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  void certificate(const std::string& host, WallMillis now) {
    const auto made = tls::make_self_signed(std::array{host}, now);
    fs::create_directories(folder_ / "tls" / host);
    std::ofstream(folder_ / "tls" / host / "fullchain.pem") << made->certificate_pem;
    std::ofstream(folder_ / "tls" / host / "privkey.pem") << made->key_pem;
  }
  Inspection found() {
    const std::string user = ::geteuid() == 0 ? user_ : "";
    std::ofstream(at("sluice.toml")) << "[server]\nhostname = \"relay.example.net\"\nstate_dir = \"" << state_
                                     << "\"\ncontrol = \"" << at("run/control.sock") << "\"\nuser = \"" << user
                                     << "\"\ngroup = \"" << group_ << "\"\n[store]\naccounts = \""
                                     << at("state/accounts.db") << "\"\n[tls]\ncertificates = \"" << at("tls")
                                     << "\"\n[log]\nfile = \"" << log_ << "\"\n"
                                     << log_more_ << "[[listener]]\naddress = \"" << address_ << "\"\n"
                                     << more_ << routes_;
    return inspect(at("sluice.toml"));
  }

  // Of the kernel's choice; nothing listens there any more.
  std::string free_address() {
    const auto socket = sockets_->listen(*io::Address::from_ip("127.0.0.1", 0), {});
    EXPECT_TRUE(socket.has_value());
    const std::string text = sockets_->local(*socket).to_string();
    sockets_->close(*socket);
    return text;
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(at(name)) << text; }
  static fs::path make_folder() {
    std::string path = (fs::temp_directory_path() / "sluice-inspection-XXXXXX").string();
    return mkdtemp(path.data());
  }

  fs::path folder_ = make_folder();
  std::string state_ = at("state");
  std::string log_ = at("log/relay.log");
  std::string log_more_;  // keys of [log]
  std::string user_ = "root";
  std::string group_;
  std::unique_ptr<io::Sockets> sockets_ = io::make_real_sockets();
  std::string address_ = free_address();
  std::string more_;  // sections
  std::string routes_ = route("farm", "");
};

TEST_F(InspectionTest, NothingIsWrong) {
  EXPECT_THAT(found().errors, IsEmpty());
  EXPECT_THAT(found().notes, Contains(HasSubstr("has no certificate in it")));
  EXPECT_FALSE(fs::exists(at("log/relay.log"))) << "nothing is made";
  EXPECT_FALSE(fs::exists(at("state/spool")));
}

TEST_F(InspectionTest, AStateDirectoryThatCannotBeMadeIsNamed) {
  state_ = at("run/file/absent");
  write("run/file", "");
  EXPECT_THAT(found().errors, Contains(AllOf(HasSubstr("server.state_dir"),
                                             HasSubstr("run/file: is not a directory that can be looked into"))));
}

// It was an error, though serve makes it, and the spool in it.
TEST_F(InspectionTest, AStateDirectoryThatIsMadeAtTheStartIsFine) {
  state_ = at("absent");
  EXPECT_THAT(found().errors, IsEmpty());
  EXPECT_FALSE(fs::exists(state_));
  more_ = "[spool]\ndirectory = \"" + at("absent/below/spool") + "\"\n";
  EXPECT_THAT(found().errors, IsEmpty());
}

TEST_F(InspectionTest, AMissingLogDirectoryIsNamed) {
  log_ = at("absent/relay.log");
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("log.file"), HasSubstr("absent: does not exist"))));
}

// The log says so only once lines of it are lost.
TEST_F(InspectionTest, ASocketThatTheLogCannotSendToIsNamedWithItsRemedy) {
  const std::string place = at("run/dev-log");
  log_more_ = "syslog = \"" + place + "\"\n";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("log.syslog: " + place + ": there is no socket"),
                                                HasSubstr("start the syslog daemon, or name another place"))));
  log_more_ = "journal = \"" + place + "\"\n";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("log.journal: " + place + ": there is no socket"),
                                                HasSubstr("start systemd-journald"))));
  write("run/dev-log", "");
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("log.journal: " + place + ": is not a socket")));
  fs::remove(place);
  const auto socket = io::listen_local(place);
  ASSERT_TRUE(socket.has_value()) << socket.error();
  EXPECT_THAT(found().errors, IsEmpty());
  log_more_ = "syslog = \"" + place + "\"\n";
  EXPECT_THAT(found().errors, IsEmpty());
  sockets_->close(*socket);
  log_more_ = "syslog = \"127.0.0.1:514\"\n";
  EXPECT_THAT(found().errors, IsEmpty()) << "whether a server listens is not known";
}

TEST_F(InspectionTest, AKeyOfTheLogThatIsNoneIsNamedWithItsRemedy) {
  write("state/log_key", "00ff\n");
  EXPECT_THAT(found().errors, IsEmpty()) << "nothing is hashed with it";
  for (const char* setting : {"client_addresses", "recipients"}) {
    log_more_ = std::string(setting) + " = \"hash\"\n";
    EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("log: " + at("state/log_key") + ": is no key"),
                                                  HasSubstr("bring it back as it was, or remove it"))));
  }
  fs::remove(at("state/log_key"));
  EXPECT_THAT(found().errors, IsEmpty()) << "it is made at the start";
  EXPECT_FALSE(fs::exists(at("state/log_key")));
}

TEST_F(InspectionTest, AMissingStoreIsNamed) {
  fs::remove(at("state/accounts.db"));
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("store.accounts"), HasSubstr("does not exist"))));
}

// It was found at the start alone.
TEST_F(InspectionTest, ABackEndThatCannotBeOpenedIsNamed) {
  more_ =
      "[[backend]]\nname = \"boxes\"\nkind = \"pop3\"\nserver = \"127.0.0.1\"\nca_file = \"" + at("absent") + "\"\n";
  EXPECT_THAT(found().errors, Contains(HasSubstr("backend boxes: ca_file: ")));
}

TEST_F(InspectionTest, AMissingUserOrGroupIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  user_ = "no-such-user";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("server.user"), HasSubstr("no-such-user does not exist"))));
  user_ = "root";
  group_ = "no-such-group";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("server.group"), HasSubstr("no-such-group does not exist"))));
}

TEST_F(InspectionTest, WhatTheUserMayNotReadIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  user_ = "nobody";
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::others_exec);
  certificate("relay.example.net", 1000LL * ::time(nullptr));
  fs::permissions(folder_ / "tls/relay.example.net/privkey.pem", fs::perms::owner_read);
  std::ofstream(at("secret")) << "password\n";
  fs::permissions(folder_ / "secret", fs::perms::owner_read);
  routes_ = route("farm", "login = \"relay\"\ntls = \"required\"\npassword_file = \"" + at("secret") + "\"");
  const auto errors = found().errors;
  EXPECT_THAT(errors, Contains(AllOf(HasSubstr("relay.example.net/privkey.pem"), HasSubstr("Permission denied"))));
  EXPECT_THAT(errors, Contains(AllOf(HasSubstr("password_file"), HasSubstr("at a reload"))));
  EXPECT_THAT(errors, Contains(AllOf(HasSubstr("server.state_dir"), HasSubstr("nobody may not write there"))));
  EXPECT_THAT(errors, Contains(AllOf(HasSubstr("log.file"), HasSubstr("nobody may not write there"))));
  EXPECT_THAT(errors, Contains(HasSubstr("store.accounts")));
}

TEST_F(InspectionTest, EveryPairOfCertificatesIsLookedAt) {
  const WallMillis now = 1000LL * ::time(nullptr);
  certificate("relay.example.net", now);
  certificate("old.example.net", now - 1000LL * 86'400 * 1000);
  certificate("other.example.net", now);
  fs::copy_file(at("tls/relay.example.net/privkey.pem"), at("tls/other.example.net/privkey.pem"),
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(found().errors,
              ElementsAre(AllOf(HasSubstr("old.example.net"), HasSubstr("has expired on ")),
                          AllOf(HasSubstr("other.example.net"), HasSubstr("is not the key of the first certificate"))));
}

TEST_F(InspectionTest, CustomersAreKnownAndRoutesCanMatch) {
  routes_ = route("theirs", "customers = [\"ACME\", \"Acme Ltd\"]") +
            route("again", "customers = \"acme\"\nrecipients = \"x.example\"") + route("farm", "");
  EXPECT_THAT(found().errors,
              ElementsAre(AllOf(HasSubstr("route theirs"), HasSubstr("there is no customer \"Acme Ltd\"")),
                          AllOf(HasSubstr("route again"), HasSubstr("can never match"))));
}

// Nobody could log in, and nothing was said.
TEST_F(InspectionTest, ScramAloneWhileAccountsHaveNoKeysIsNamed) {
  auto admin = auth::AccountAdmin::open(at("state/accounts.db"), auth::IfMissing::fail, auth::kLeastHashCost);
  ASSERT_TRUE(admin.has_value());
  const auto secret = auth::Secret::make("secret");
  ASSERT_TRUE((*admin)->add_account("tim@example.com", "acme", *secret, std::nullopt, 0).has_value());
  const auto has_note = Contains(AllOf(HasSubstr("mechanisms: SCRAM is all that there is, and 1 account that may"),
                                       HasSubstr("sluicectl account password")));
  EXPECT_THAT(found().notes, Not(has_note));
  more_ = "mechanisms = [\"SCRAM-SHA-256\", \"PLAIN\"]\n";
  EXPECT_THAT(found().notes, Not(has_note)) << "PLAIN makes them";
  more_ = "mechanisms = [\"SCRAM-SHA-256\", \"XOAUTH2\"]\n";
  EXPECT_THAT(found().notes, has_note) << "there is no [oauth]";
  more_ = "mechanisms = \"SCRAM-SHA-256\"\n";
  EXPECT_THAT(found().notes, has_note);
  (*admin)->set_scram_iterations(auth::kScramIterationsMin);
  ASSERT_TRUE((*admin)->set_password("tim@example.com", *secret, 0).has_value());
  EXPECT_THAT(found().notes, Not(has_note));
}

TEST_F(InspectionTest, AClusterThatDoesNotAnswerIsNoted) {
  more_ = "[cluster]\nserver = \"" + free_address() + "\"\ntls = \"none\"\n";
  const Inspection found = this->found();
  EXPECT_THAT(found.errors, IsEmpty());
  EXPECT_THAT(found.notes, Contains(AllOf(HasSubstr("cluster: 127.0.0.1:"), HasSubstr("Connection refused"))));
  more_ += "password_file = \"" + at("missing") + "\"\n";
  EXPECT_THAT(this->found().errors, Contains(HasSubstr("cluster.password_file: ")));
}

TEST_F(InspectionTest, AnAddressThatIsNotOursIsNamed) {
  address_ = "192.0.2.1:2525";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("listener"), HasSubstr("192.0.2.1:2525"))));
}

TEST_F(InspectionTest, APortThatAnotherProcessHoldsIsNamed) {
  const auto socket = sockets_->listen(*io::Address::from_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(socket.has_value());
  address_ = sockets_->local(*socket).to_string();
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("listener.address: cannot listen on " + address_),
                                                HasSubstr("Address already in use, by test_server (process "))));
  // The relay that runs by this configuration has its control socket, too.
  const auto control = io::listen_local(at("run/control.sock"));
  ASSERT_TRUE(control.has_value()) << control.error();
  EXPECT_THAT(found().errors, IsEmpty());
  sockets_->close(*control);
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("Address already in use"))) << "a socket that a crash has left";
  sockets_->close(*socket);
}

// ------------------------------------------------------------------------------------------ the spool

TEST_F(InspectionTest, ASpoolThatCannotBeUsedIsNamedAndLeftAsItIs) {
  fs::create_directory(at("state/spool"));
  EXPECT_THAT(found().errors, IsEmpty()) << "an empty directory becomes a spool";
  EXPECT_TRUE(fs::is_empty(at("state/spool")));
  write("state/spool/format", "sluice-spool 99\n");
  EXPECT_THAT(found().errors,
              ElementsAre(AllOf(HasSubstr("spool.directory: "), HasSubstr("another version ('sluice-spool 99')"))));
  write("state/spool/format", "sluice-spool 1\n");
  write("state/spool/in-use-by", "relay.example.net\n");
  EXPECT_THAT(found().errors, IsEmpty()) << "this host";
  write("state/spool/in-use-by", "old.example.net\nboot of another machine\n");
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("in use by the host old.example.net")));
  fs::remove(at("state/spool/in-use-by"));
  fs::create_symlink(at("elsewhere"), at("state/spool/00000001.log"));
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("00000001.log: is no plain file")));
  fs::remove(at("state/spool/00000001.log"));
  fs::create_symlink(at("elsewhere"), at("state/spool/lock"));
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("spool/lock: is no plain file")));
  fs::remove(at("state/spool/lock"));
  fs::create_symlink(at("elsewhere"), at("state/spool/free-00000002"));
  const Inspection some = found();
  EXPECT_THAT(some.errors, IsEmpty());
  EXPECT_THAT(some.notes, Contains(AllOf(HasSubstr("free-00000002: is no plain file"), HasSubstr("it is not used"))));
  fs::rename(at("state/spool"), at("state/moved"));
  fs::create_directory_symlink(at("state/moved"), at("state/spool"));
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("name the directory itself")));
  EXPECT_FALSE(fs::exists(at("state/moved/lock")));
  EXPECT_FALSE(fs::exists(at("state/moved/in-use-by")));
}

TEST_F(InspectionTest, TooLittleSpaceForTheSpoolIsNamed) {
  more_ = "[spool]\nfree_bytes_min = 1000000000000000\n";
  EXPECT_THAT(found().errors, ElementsAre(AllOf(HasSubstr("spool.free_bytes_min: " + at("state")), HasSubstr("452"))));
  state_ = at("absent");
  EXPECT_THAT(found().errors, ElementsAre(HasSubstr("spool.free_bytes_min: " + folder_.string())));
}

TEST_F(InspectionTest, AMailboxThatCannotBeWrittenToIsNamed) {
  const auto maildir = [&](const std::string& place) {
    routes_ = "[[route]]\nname = \"farm\"\nmaildir = \"" + place + "\"\n";
    return found().errors;
  };
  EXPECT_THAT(maildir(at("mail/box")), IsEmpty());
  EXPECT_FALSE(fs::exists(at("mail"))) << "it is made with the first message";
  write("file", "");
  EXPECT_THAT(maildir(at("file/box")),
              ElementsAre(AllOf(HasSubstr("route farm: maildir: "), HasSubstr("file: is not a directory"))));
  fs::create_directories(at("box/new"));
  write("box/cur", "");
  EXPECT_THAT(maildir(at("box")), ElementsAre(HasSubstr("box/cur: is not a directory")));
}

}  // namespace
}  // namespace sluice::server

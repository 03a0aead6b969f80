// `sluicectl contain` and `review`, as an operator types them.
#include "engine/cli/containment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/control/containment_request.h"
#include "tests/unit/auth_backend/store_fixture.h"
#include "tests/unit/cli/file_stores.h"

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = SluicectlCommand::Kind;

SluicectlCommand read_line(std::vector<const char*> words) {
  words.insert(words.begin(), "sluicectl");
  return parse_sluicectl(static_cast<int>(words.size()), words.data());
}

TEST(ContainmentCommandLine, ReadsWhatIsToBeDone) {
  const SluicectlCommand contain =
      read_line({"contain", "--reason", "stolen", "user@example.com", "--json", "--config", "c"});
  ASSERT_EQ(contain.kind, Kind::contain) << contain.text;
  EXPECT_EQ(contain.containment.verb, ContainmentCommand::Verb::contain);
  EXPECT_EQ(contain.containment.name, "user@example.com");
  EXPECT_EQ(contain.containment.reason, "stolen");
  EXPECT_FALSE(contain.containment.kind);
  EXPECT_TRUE(contain.containment.json);
  EXPECT_EQ(contain.config_file, "c");
  EXPECT_TRUE(read_line({"--json", "contain", "x"}).containment.json);
  const SluicectlCommand release = read_line({"release", "--customer", "Acme", "--with-mail"});
  ASSERT_EQ(release.kind, Kind::contain) << release.text;
  EXPECT_EQ(release.containment.kind, std::uint8_t{1});
  EXPECT_TRUE(release.containment.with_mail);
  EXPECT_EQ(read_line({"suspend-outgoing", "--", "-x"}).containment.name, "-x");
  EXPECT_TRUE(read_line({"contain", "--list"}).containment.list);
  EXPECT_EQ(read_line({"hold-outgoing", "--help"}).text, containment_help());
}

TEST(ContainmentCommandLine, SaysWhatIsWrong) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"contain"}, "contain: needs the name"},
      {{"contain", ""}, "contain: the name is empty"},
      {{"contain", "a", "b"}, "contain: takes one name only"},
      {{"contain", "a", "--account", "b"}, "contain: takes one name only"},
      {{"contain", "a", "--with-mail"}, "contain: takes no --with-mail"},
      {{"release", "a", "--reason", "b"}, "release: takes no --reason"},
      {{"release", "--list"}, "release: takes no --list"},
      {{"contain", "a", "--reason", "\xc3\xbc"}, "contain: --reason takes up to 200"},
      {{"contain", "a", "--resaon", "b"}, "--reason"},
      {{"contian", "a"}, "contain"}};
  for (const auto& [words, problem] : cases) {
    const SluicectlCommand command = read_line(words);
    EXPECT_EQ(command.kind, Kind::error) << problem;
    EXPECT_THAT(command.text, HasSubstr(problem));
  }
}

TEST(ReviewCommandLine, IsAboutWhatIsOnHoldAlone) {
  const std::pair<std::vector<const char*>, std::string> cases[] = {
      {{"review"}, "queue review json limit=100"},
      {{"review", "--account", "a@b.example", "--limit", "3"}, "queue review json limit=3 account=a@b.example"},
      {{"review", "list", "--json"}, "queue review json"},
      {{"review", "release", "--all"}, "queue release all held"},
      {{"review", "remove", "--subject", "You won"}, "queue remove held subject=You%20won"},
      {{"review", "reject", "--client", "192.0.2.0/24", "--reason", "no"},
       "queue reject held client=192.0.2.0/24 reason=no"},
      {{"review", "reject", "--all", "--text", "not yours", "--status", "5.7.0"},
       "queue reject all held text=not%20yours status=5.7.0"},
      {{"queue", "bounce", "--destination", "mx/a.example", "--text", "gone"},
       "queue reject destination=mx/a.example text=gone"}};
  for (const auto& [words, request] : cases) {
    const SluicectlCommand command = read_line(words);
    EXPECT_EQ(command.kind, request.contains("review") ? Kind::view : Kind::ask) << command.text;
    EXPECT_EQ(command.request, request);
  }
  const std::pair<std::vector<const char*>, std::string> wrong[] = {
      {{"review", "remove"}, "needs an ID, a filter or --all"},
      {{"review", "remove", "--account", ""}, "--account needs a value"},
      {{"review", "release", "--all", "--reason", "x"}, "takes no --reason"},
      {{"review", "--client", "192.0.2.1/24"}, "--client"},
      {{"review", "rejcet"}, "did you mean reject?"},
      {{"queue", "bonuce", "a"}, "did you mean bounce?"},
      {{"queue", "bounce"}, "needs an ID, a filter or --all"},
      {{"queue", "bounce", "a", "--text", ""}, "--text needs a value"},
      {{"queue", "bounce", "a", "--text", "a\nb"}, "--text takes"},
      {{"queue", "bounce", "a", "--status", "2.0.0"}, "--status takes 5.X.Y"},
      {{"queue", "hold", "a", "--text", "b"}, "takes no --text"},
      {{"review", "--held"}, "takes no --held"}};
  for (const auto& [words, problem] : wrong) {
    EXPECT_EQ(read_line(words).kind, Kind::error) << problem;
    EXPECT_THAT(read_line(words).text, HasSubstr(problem));
  }
}

class StillClock final : public io::Clock {
 public:
  Instant now() override { return {}; }
  WallMillis wall() override { return auth::kTestNow; }
};

class SameRandom final : public io::Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = std::byte{next_++};
  }

 private:
  unsigned char next_ = 0;
};

class ScriptedRelay final : public RelayDialog {
 public:
  std::expected<void, std::string> ask(const std::string& line,
                                       const std::function<void(std::string_view)>& piece) override {
    lines.push_back(line);
    if (answer.empty()) return std::unexpected("/run/control.sock: is sluice running?");
    piece(answer);
    return {};
  }
  std::vector<std::string> lines;
  std::string answer;
};

class CtlContainmentTest : public auth::StoreTest {
 protected:
  void SetUp() override { fill(*open_admin()); }
  int run(std::vector<const char*> words) {
    const SluicectlCommand command = read_line(std::move(words));
    EXPECT_EQ(command.kind, Kind::contain) << command.text;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    FileStores stores(path_);
    const int status = run_containment_command(command.containment,
                                               {.stores = stores,
                                                .hash_cost = auth::kLeastHashCost,
                                                .clock = clock_,
                                                .random = random_,
                                                .in = in,
                                                .out = out,
                                                .err = err},
                                               relay_, "ann");
    out_ = out.str();
    err_ = err.str();
    return status;
  }

  StillClock clock_;
  SameRandom random_;
  ScriptedRelay relay_;
  std::string out_;
  std::string err_;
};

TEST_F(CtlContainmentTest, TellsTheRelayWhatTheStoreSays) {
  relay_.answer = "2 sessions ended\n1 message held\nend\n";
  EXPECT_EQ(run({"contain", "TIM@example.com", "--reason", "stolen"}), 0) << err_;
  EXPECT_THAT(relay_.lines, ElementsAre("containment contain id=1 account=tim@example.com reason=stolen\n"));
  EXPECT_THAT(out_, HasSubstr("account tim@example.com: contained (1)\n"));
  EXPECT_THAT(out_, HasSubstr("1 password and 0 device passwords"));
  EXPECT_THAT(out_, HasSubstr("\n2 sessions ended\n1 message held\n"));
  EXPECT_EQ(err_, "");
}

TEST_F(CtlContainmentTest, WithoutARelayTheStoresPartIsDone) {
  EXPECT_EQ(run({"contain", "tim@example.com"}), 1);
  EXPECT_THAT(out_, HasSubstr("contained (1)"));
  EXPECT_THAT(err_, HasSubstr("is sluice running?"));
  EXPECT_THAT(err_, HasSubstr("its queued mail is not held; give the command again"));
  EXPECT_EQ(open_store()->check(auth::name_of("tim@example.com"), auth::secret_of("right")).kind,
            auth::AnswerKind::wrong);
  relay_.answer = "0 sessions ended\nerror: 1 session still waiting\nend\n";
  EXPECT_EQ(run({"contain", "tim@example.com"}), 1);
  EXPECT_THAT(out_, HasSubstr("as before"));
  EXPECT_THAT(err_, HasSubstr("1 session still waiting"));
  EXPECT_EQ(run({"contain", "tim@example.com", "--json"}), 1);
  EXPECT_THAT(out_, HasSubstr("\"done\": false, \"relay\": null}"));
}

TEST_F(CtlContainmentTest, ANameThatIsNoneIsSaid) {
  EXPECT_EQ(run({"contain", "tin@example.com"}), 1);
  EXPECT_THAT(err_, HasSubstr("did you mean tim@example.com?"));
  EXPECT_EQ(run({"contain", "quite@another.example"}), 1);
  EXPECT_THAT(err_, HasSubstr("--account NAME"));
  EXPECT_EQ(run({"hold-outgoing", "192.0.2.1"}), 1);
  EXPECT_THAT(err_, HasSubstr("queue hold --client 192.0.2.1"));
  EXPECT_THAT(relay_.lines, IsEmpty());
}

TEST_F(CtlContainmentTest, ReleaseSaysWhatRemains) {
  relay_.answer = "end\n";
  EXPECT_EQ(run({"release", "tim@example.com"}), 0);
  EXPECT_EQ(out_, "account tim@example.com: was not contained\n");
  EXPECT_EQ(run({"contain", "tim@example.com"}), 0);
  EXPECT_EQ(run({"contain", "--list"}), 0);
  EXPECT_THAT(out_, HasSubstr("tim@example.com"));
  EXPECT_EQ(run({"release", "tim@example.com", "--with-mail"}), 0);
  EXPECT_EQ(relay_.lines.back(), "containment release mail id=1 account=tim@example.com\n");
  EXPECT_THAT(out_, HasSubstr("sluicectl account password tim@example.com"));
  EXPECT_EQ(run({"contain", "--list"}), 0);
  EXPECT_EQ(out_, "nothing is contained\n");
}

}  // namespace
}  // namespace sluice::cli

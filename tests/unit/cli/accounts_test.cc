// sluicectl's account commands, as an operator types them.
#include "engine/cli/accounts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "auth/store/embedded_store.h"
#include "engine/cli/account_table.h"
#include "engine/control/explain_request.h"
#include "tests/unit/cli/accounts_fixture.h"

namespace sluice::cli {
namespace {

TEST_F(CtlAccountsTest, FromNothingToALogin) {
  set_up_acme();
  EXPECT_EQ(out_, "account tim@example.com: added\n");
  EXPECT_EQ(err_, "");
  const auth::Answer answer = log_in("tim@example.com", "right");
  ASSERT_EQ(answer.kind, auth::AnswerKind::granted);
  EXPECT_TRUE(answer.identity->may_send_from("example.com"));
}

TEST_F(CtlAccountsTest, NothingButCustomerAddMakesAStore) {
  EXPECT_EQ(run({"customer", "list"}), kCtlFailed);
  EXPECT_TRUE(says("does not exist; make it with: sluicectl customer add")) << err_;
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(CtlAccountsTest, GeneratesAPasswordAndPrintsItOnce) {
  set_up_acme();
  ASSERT_EQ(run({"account", "add", "new@example.com", "--customer", "Acme", "--generate"}), kCtlDone) << err_;
  const std::string label = "password: ";
  const std::size_t at = out_.find(label);
  ASSERT_NE(at, std::string::npos) << out_;
  const std::string password = out_.substr(at + label.size(), 23);
  EXPECT_EQ(out_, "account new@example.com: added\npassword: " + password + "\n");
  EXPECT_EQ(log_in("new@example.com", password).kind, auth::AnswerKind::granted);
  ASSERT_EQ(run({"account", "password", "new@example.com", "--generate"}), kCtlDone);
  EXPECT_EQ(out_.find(password), std::string::npos);
  EXPECT_EQ(log_in("new@example.com", password).kind, auth::AnswerKind::wrong);
}

TEST_F(CtlAccountsTest, AGeneratedPasswordThatIsNotInForceIsNotPrinted) {
  set_up_acme();
  EXPECT_EQ(run({"account", "add", "tim@example.com", "--customer", "Acme", "--generate"}), kCtlFailed);
  EXPECT_EQ(out_, "");
  EXPECT_TRUE(says("already")) << err_;
}

TEST_F(CtlAccountsTest, ANameThatIsNonesIsComparedWithThoseThereAre) {
  set_up_acme();
  EXPECT_EQ(run({"account", "show", "tom@example.com"}), kCtlFailed);
  EXPECT_TRUE(says("see them with: sluicectl account list; did you mean \"tim@example.com\"?")) << err_;
  EXPECT_EQ(run({"customer", "show", "acne"}), kCtlFailed);
  EXPECT_TRUE(says("did you mean \"Acme\"?")) << err_;
  EXPECT_EQ(run({"domain", "add", "example.org", "--customer", "Acmee"}), kCtlFailed);
  EXPECT_TRUE(says("did you mean \"Acme\"?")) << err_;
  EXPECT_EQ(run({"account", "show", "quite.other@elsewhere.test"}), kCtlFailed);
  EXPECT_FALSE(says("did you mean")) << err_;
}

TEST_F(CtlAccountsTest, APasswordIsNeverTakenFromTheCommandLineNorRepeated) {
  set_up_acme();
  const std::vector<std::vector<std::string_view>> attempts{
      {"account", "password", "tim@example.com", "hunter2"},
      {"account", "password", "tim@example.com", "--password", "hunter2"},
      {"account", "password", "tim@example.com", "--password=hunter2"},
      {"account", "password", "tim@example.com", "--password-stdin=hunter2"},
      {"account", "password", "tim@example.com", "--generate=hunter2"},
      {"account", "password", "tim@example.com", "--secret=hunter2"},
      {"account", "hunter2"},
  };
  for (const auto& attempt : attempts) {
    EXPECT_EQ(run(attempt), kCtlUsage);
    EXPECT_EQ(err_.find("hunter2"), std::string::npos) << err_;
    EXPECT_EQ(out_, "");
  }
  EXPECT_EQ(log_in("tim@example.com", "right").kind, auth::AnswerKind::granted);
  EXPECT_EQ(run({"account", "password", "tim@example.com", "--password=hunter2"}), kCtlUsage);
  EXPECT_TRUE(says("where others can see it; use --password-stdin")) << err_;
}

TEST_F(CtlAccountsTest, ReadsOneLineAsPassword) {
  set_up_acme();
  const std::vector<std::string_view> command{"account", "password", "tim@example.com", "--password-stdin"};
  EXPECT_EQ(run(command, "one two\r\nthree\n"), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "one two").kind, auth::AnswerKind::granted);
  EXPECT_EQ(run(command, "no line end"), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "no line end").kind, auth::AnswerKind::granted);
  EXPECT_EQ(run(command, std::string(1024, 'p') + "\n"), kCtlDone);
  for (const std::string& bad :
       {std::string(), std::string("\nsecond\n"), std::string("a\0b\n", 4), std::string("a\tb\n"),
        std::string("\xff\n"), std::string(1025, 'p'), std::string(1'000'000, 'p')}) {
    EXPECT_EQ(run(command, bad), kCtlFailed);
    EXPECT_TRUE(says("nothing was changed")) << err_;
  }
  EXPECT_EQ(log_in("tim@example.com", std::string(1024, 'p')).kind, auth::AnswerKind::granted);
}

TEST_F(CtlAccountsTest, WithoutATerminalItSaysWhatToDo) {
  set_up_acme();
  EXPECT_EQ(run({"account", "password", "tim@example.com"}, "right\n"), kCtlFailed);
  EXPECT_TRUE(says("--password-stdin or --generate")) << err_;
}

TEST_F(CtlAccountsTest, ListsAndShows) {
  set_up_acme();
  ASSERT_EQ(run({"customer", "list", "--time", "iso"}), kCtlDone);
  EXPECT_EQ(out_,
            "name  status  reason  created                   domain_count  account_count  class  sign_as  limits\n"
            "Acme  active  -       2026-01-01T00:00:01.500Z  1             1              -      -        -\n");
  ASSERT_EQ(run({"domain", "show", "EXAMPLE.COM", "--time", "epoch"}), kCtlDone);
  EXPECT_EQ(out_, "name: example.com\ncustomer: Acme\nownership: asserted\nstate: asserted\ncreated: 1767225601.500\n");
  ASSERT_EQ(run({"account", "list", "--customer", "Acme"}), kCtlDone);
  EXPECT_NE(out_.find("tim@example.com  Acme"), std::string::npos) << out_;
  ASSERT_EQ(run({"customer", "show", "acme"}), kCtlDone);
  for (const std::string_view part : {"name: Acme\n", "example.com", "tim@example.com"}) {
    EXPECT_NE(out_.find(part), std::string::npos) << out_;
  }
  ASSERT_EQ(run({"customer", "remove", "Acme", "--recursive"}), kCtlDone);
  ASSERT_EQ(run({"account", "list"}), kCtlDone);
  EXPECT_EQ(out_, "no accounts\n");
}

TEST_F(CtlAccountsTest, PrintsJson) {
  set_up_acme();
  ASSERT_EQ(run({"customer", "add", "A \"quoted\\\" n\u00e4me"}), kCtlDone) << err_;
  ASSERT_EQ(run({"customer", "list", "--json"}), kCtlDone);
  EXPECT_EQ(out_, R"([{"name":"A \"quoted\\\" näme","status":"active","reason":"","created":"2026-01-01T00:00:01Z",)"
                  R"("domain_count":0,"account_count":0,"class":"","sign_as":"","limits":[]},)"
                  R"({"name":"Acme","status":"active","reason":"","created":"2026-01-01T00:00:01Z",)"
                  R"("domain_count":1,"account_count":1,"class":"","sign_as":"","limits":[]}])"
                  "\n");
  ASSERT_EQ(run({"account", "narrow", "tim@example.com", "--only", "example.com"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "show", "tim@example.com", "--json"}), kCtlDone);
  EXPECT_EQ(out_,
            R"({"name":"tim@example.com","customer":"Acme","status":"active","reason":"",)"
            R"("narrowed_to":["example.com"],"created":"2026-01-01T00:00:01Z","password_set":"2026-01-01T00:00:01Z",)"
            R"("class":"","limits":[]})"
            "\n");
  ASSERT_EQ(run({"customer", "show", "Acme", "--json"}), kCtlDone);
  EXPECT_NE(out_.find(R"("domains":[{"name":"example.com",)"), std::string::npos) << out_;
  EXPECT_NE(out_.find(R"("accounts":[{"name":"tim@example.com",)"), std::string::npos) << out_;
  ASSERT_EQ(run({"customer", "remove", "Acme", "--recursive"}), kCtlDone);
  ASSERT_EQ(run({"domain", "list", "--json"}), kCtlDone);
  EXPECT_EQ(out_, "[]\n");
}

TEST_F(CtlAccountsTest, SuspendsHoldsAndActivates) {
  set_up_acme();
  ASSERT_EQ(run({"account", "suspend", "tim@example.com", "--reason", "call 555-0100"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").reason, "call 555-0100");
  ASSERT_EQ(run({"account", "activate", "tim@example.com"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").kind, auth::AnswerKind::granted);
  ASSERT_EQ(run({"customer", "suspend", "Acme"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").kind, auth::AnswerKind::suspended);
  ASSERT_EQ(run({"customer", "hold", "Acme"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").identity->status(), auth::AccountStatus::held);
  ASSERT_EQ(run({"customer", "activate", "Acme"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").identity->status(), auth::AccountStatus::active);
  ASSERT_EQ(run({"account", "hold", "tim@example.com"}), kCtlDone);
  EXPECT_EQ(log_in("tim@example.com", "right").identity->status(), auth::AccountStatus::held);
}

TEST_F(CtlAccountsTest, NarrowsAndWidens) {
  set_up_acme();
  ASSERT_EQ(run({"domain", "add", "example.net", "--customer", "Acme"}), kCtlDone);
  ASSERT_EQ(run({"account", "add", "zoe@example.com", "--customer", "Acme", "--only", "example.net", "--generate"}),
            kCtlDone);
  ASSERT_EQ(run({"account", "narrow", "tim@example.com", "--only", "example.net", "--only=example.com"}), kCtlDone);
  ASSERT_EQ(run({"account", "narrow", "tim@example.com", "--only", "example.net"}), kCtlDone);
  EXPECT_FALSE(log_in("tim@example.com", "right").identity->may_send_from("example.com"));
  ASSERT_EQ(run({"account", "narrow", "tim@example.com", "--any-domain"}), kCtlDone);
  EXPECT_TRUE(log_in("tim@example.com", "right").identity->may_send_from("example.com"));
  EXPECT_EQ(run({"account", "narrow", "tim@example.com", "--only", "example.org"}), kCtlFailed);
  EXPECT_TRUE(says("sluicectl domain add")) << err_;
}

TEST_F(CtlAccountsTest, RemovesACustomerWithEverythingOnlyOnRequest) {
  set_up_acme();
  EXPECT_EQ(run({"customer", "remove", "Acme"}), kCtlFailed);
  EXPECT_TRUE(says("\"Acme\" still has 1 domain(s) and 1 account(s)")) << err_;
  EXPECT_TRUE(says("--recursive")) << err_;
  EXPECT_EQ(run({"account", "remove", "tim@example.com"}), kCtlDone);
  EXPECT_EQ(run({"domain", "remove", "example.com"}), kCtlDone);
  EXPECT_EQ(run({"customer", "remove", "Acme"}), kCtlDone);
  EXPECT_EQ(run({"customer", "show", "Acme"}), kCtlFailed);
}

TEST_F(CtlAccountsTest, SaysWhatIsWrongWithACommandLine) {
  const std::vector<std::pair<std::vector<std::string_view>, std::string>> cases{
      {{}, "expected customer, domain, account or store"},
      {{"mailbox", "list"}, "expected customer, domain, account or store"},
      {{"customer"}, "a command is missing"},
      {{"customer", "explode"}, "no such command"},
      {{"domain", "suspend", "a.example"}, "no such command"},
      {{"customer", "add"}, "needs a NAME"},
      {{"customer", "add", ""}, "needs a NAME"},
      {{"customer", "add", "a", "b"}, "takes one operand only"},
      {{"customer", "list", "a"}, "takes no operand"},
      {{"account", "device", "list", ""}, "the operand is empty"},
      {{"customer", "add", "a", "--json"}, "no option --json here"},
      {{"domain", "add", "a.example"}, "needs --customer NAME"},
      {{"domain", "add", "a.example", "--customer"}, "--customer needs a value"},
      {{"domain", "add", "a.example", "--customer", "a", "--customer", "b"}, "given twice"},
      {{"customer", "list", "--json=yes"}, "takes no value"},
      {{"account", "password", "a", "--generate", "--password-stdin"}, "exclude each other"},
      {{"account", "narrow", "a"}, "either --only DOMAIN or --any-domain"},
      {{"account", "narrow", "a", "--only", "a.example", "--any-domain"}, "either --only DOMAIN or --any-domain"},
  };
  for (const auto& [args, what] : cases) {
    EXPECT_EQ(run(args), kCtlUsage) << what;
    EXPECT_TRUE(says(what)) << err_;
    EXPECT_TRUE(says("; see: sluicectl") || says("--password-stdin")) << err_;
    EXPECT_EQ(out_, "");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(CtlAccountsTest, AnOperandMayFollowTwoDashes) {
  ASSERT_EQ(run({"customer", "add", "--", "Acme"}), kCtlDone) << err_;
  EXPECT_EQ(run({"customer", "show", "--", "--help"}), kCtlFailed);
}

// The words of each command: object, of one word or two, and verb.
std::vector<std::vector<std::string>> commands_of_overview() {
  std::vector<std::vector<std::string>> commands;
  std::istringstream overview(account_commands_overview());
  for (std::string program, object, verb, rest; overview >> program >> object >> verb;) {
    commands.push_back({object, verb});
    const bool two_words = verb == "device" || verb == "certificate";
    if (std::string second; two_words && overview >> second) commands.back().push_back(second);
    std::getline(overview, rest);
  }
  return commands;
}

// One remedy said: sluicectl account set ACCOUNT --status active.
TEST_F(CtlAccountsTest, HasTheCommandsAndOptionsThatExplainNames) {
  std::size_t commands = 0;
  for (const control::Rule& rule : control::rules()) {
    std::istringstream text{std::string(rule.remedy)};
    std::string object, verb;
    for (std::string word; text >> word;) {
      const bool ends = std::erase_if(word, [](char c) { return c == ',' || c == ';'; }) > 0;
      if (word == "sluicectl") {
        object.clear();
        verb.clear();
        text >> object;
        if (object != "account" && object != "customer" && object != "domain") object.clear();
      } else if (!object.empty() && verb.empty()) {
        verb = word;
        ++commands;
        EXPECT_EQ(run({object, verb, "--help"}), kCtlDone) << rule.remedy;
      } else if (!verb.empty() && word.starts_with("--")) {
        EXPECT_NE(out_.find(word), std::string::npos) << rule.remedy;
      }
      if (ends) object.clear();
    }
  }
  EXPECT_GT(commands, 6U);
}

std::vector<std::string_view> help_of(const std::vector<std::string>& command) {
  std::vector<std::string_view> words(command.begin(), command.end());
  words.emplace_back("--help");
  return words;
}

TEST_F(CtlAccountsTest, EveryCommandHasItsPage) {
  for (const std::string_view object : {"customer", "domain", "account"}) {
    EXPECT_EQ(run({object, "--help"}), kCtlDone);
    EXPECT_NE(out_.find("sluicectl " + std::string(object) + " add"), std::string::npos) << out_;
  }
  std::size_t pages = 0;
  for (const auto& command : commands_of_overview()) {
    EXPECT_EQ(run(help_of(command)), kCtlDone) << command.back();
    for (const std::string_view part :
         {"NAME\n", "\nSYNOPSIS\n", "\nDESCRIPTION\n", "\nOPTIONS\n", "\nEXIT STATUS\n", "\nEXAMPLE\n"}) {
      EXPECT_NE(out_.find(part), std::string::npos) << command.front() << " " << command.back() << part;
    }
    std::istringstream page(out_);
    for (std::string line; std::getline(page, line);) EXPECT_LE(line.size(), 100U) << line;
    ++pages;
  }
  EXPECT_EQ(pages, kAccountCommands.size());
}

TEST_F(CtlAccountsTest, CertificatesAreGivenListedAndRevoked) {
  const std::string print(64, 'a');
  ASSERT_EQ(run({"customer", "add", "Acme"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "add", "tim@example.com", "--customer", "Acme", "--generate"}), kCtlDone) << err_;
  EXPECT_EQ(run({"account", "certificate", "add", "tim@example.com"}), kCtlUsage);
  EXPECT_TRUE(says("needs --fingerprint SHA256")) << err_;
  EXPECT_EQ(run({"account", "certificate", "add", "tim@example.com", "--fingerprint", "abc"}), kCtlFailed);
  EXPECT_TRUE(says("openssl x509")) << err_;
  EXPECT_EQ(run({"account", "certificate", "add", "tim@example.com", "--fingerprint", print}), kCtlDone) << err_;
  EXPECT_EQ(run({"account", "certificate", "list", "tim@example.com", "--json"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("[{\"account\":\"tim@example.com\",\"fingerprint\":\"" + print + "\",\"customer\":\"Acme\""),
            std::string::npos)
      << out_;
  EXPECT_EQ(run({"account", "certificate", "revoke", "tim@example.com", "--fingerprint", print}), kCtlDone) << err_;
  EXPECT_EQ(run({"account", "certificate", "list"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "no certificates\n");
}

TEST_F(CtlAccountsTest, ADeviceIsGoodForCramMd5WhereThatIsAskedFor) {
  ASSERT_EQ(run({"customer", "add", "Acme"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "add", "tim@example.com", "--customer", "Acme", "--generate"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "device", "add", "tim@example.com", "--name", "a", "--cram-md5"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "device", "add", "tim@example.com", "--name", "b"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "device", "list", "--json"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\"cram_md5\":true"), std::string::npos) << out_;
  EXPECT_NE(out_.find("\"cram_md5\":false"), std::string::npos) << out_;
}

TEST_F(CtlAccountsTest, ClassesAreSetAndShown) {
  set_up_acme();
  ASSERT_EQ(run({"customer", "set", "acme", "--class", "business"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "customer acme: class business\n");
  ASSERT_EQ(run({"account", "set", "tim@example.com", "--class=device"}), kCtlDone) << err_;
  EXPECT_EQ(log_in("tim@example.com", "right").identity->policy_class, "device");
  ASSERT_EQ(run({"account", "device", "add", "tim@example.com", "--name", "a", "--class", "device"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "device", "list", "--json"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\"class\":\"device\""), std::string::npos) << out_;
  ASSERT_EQ(run({"account", "show", "tim@example.com"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\nclass: device\n"), std::string::npos) << out_;
  ASSERT_EQ(run({"account", "set", "tim@example.com", "--class", ""}), kCtlDone) << err_;
  EXPECT_EQ(out_, "account tim@example.com: no class of its own\n");
  EXPECT_EQ(log_in("tim@example.com", "right").identity->policy_class, "business");
  EXPECT_EQ(run({"account", "set", "tim@example.com"}), kCtlUsage);
  EXPECT_TRUE(says("needs --class CLASS")) << err_;
}

TEST_F(CtlAccountsTest, TheDomainThatSignsForACustomerIsSetAndShown) {
  set_up_acme();
  ASSERT_EQ(run({"customer", "set", "acme", "--sign-as", "Example.COM"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "customer acme: signed as Example.COM\n");
  ASSERT_EQ(run({"customer", "show", "acme"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\nsign_as: example.com\n"), std::string::npos) << out_;
  ASSERT_EQ(run({"customer", "set", "acme", "--sign-as=none"}), kCtlDone) << err_;
  EXPECT_EQ(out_, "customer acme: no domain signs for it\n");
  ASSERT_EQ(run({"customer", "show", "acme", "--json"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\"sign_as\":\"\""), std::string::npos) << out_;
  EXPECT_EQ(run({"customer", "set", "acme", "--sign-as", "other.example"}), kCtlFailed);
  EXPECT_TRUE(says("there is no domain \"other.example\"")) << err_;
  for (const std::vector<std::string_view>& command :
       {std::vector<std::string_view>{"customer", "set", "acme"},
        {"customer", "set", "acme", "--class", "business", "--sign-as", "example.com"}}) {
    EXPECT_EQ(run(command), kCtlUsage);
    EXPECT_TRUE(says("needs either --class CLASS or --sign-as DOMAIN")) << err_;
  }
  EXPECT_EQ(run({"customer", "set", "acme", "--sign-as="}), kCtlUsage);
  EXPECT_TRUE(says("--sign-as takes a domain, or none")) << err_;
}

TEST_F(CtlAccountsTest, AClassThatTheConfigurationDoesNotHaveIsRefused) {
  set_up_acme();
  settings_.classes = {"home", "business"};
  for (const std::vector<std::string_view>& command :
       {std::vector<std::string_view>{"customer", "set", "acme", "--class", "bussiness"},
        {"account", "set", "tim@example.com", "--class", "bussiness"},
        {"account", "device", "add", "tim@example.com", "--name", "a", "--class", "bussiness"}}) {
    EXPECT_EQ(run(command), kCtlFailed);
    EXPECT_TRUE(
        says("there is no class \"bussiness\" in the configuration, did you mean \"business\"?; there are: "
             "\"home\", \"business\""))
        << err_;
  }
  EXPECT_EQ(log_in("tim@example.com", "right").identity->policy_class, "");
  EXPECT_EQ(run({"customer", "set", "acme", "--class", "business"}), kCtlDone) << err_;
}

TEST_F(CtlAccountsTest, LimitsAreSetShownAndRemoved) {
  set_up_acme();
  ASSERT_EQ(run({"account", "limit", "tim@example.com", "recipients/day=1000", "bytes/month=5000000000"}), kCtlDone)
      << err_;
  EXPECT_EQ(out_, "account tim@example.com: limits set\n");
  ASSERT_EQ(run({"customer", "limit", "Acme", "sessions/hour=7"}), kCtlDone) << err_;
  ASSERT_EQ(run({"account", "show", "tim@example.com"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\nlimits: recipients/day=1000 bytes/month=5000000000\n"), std::string::npos) << out_;
  ASSERT_EQ(run({"account", "show", "tim@example.com", "--json"}), kCtlDone) << err_;
  EXPECT_NE(out_.find(R"("limits":[{"quantity":"recipients","window":"day","amount":1000},{"quantity":"bytes",)"),
            std::string::npos)
      << out_;
  ASSERT_EQ(run({"customer", "show", "Acme"}), kCtlDone) << err_;
  EXPECT_NE(out_.find("\nlimits: sessions/hour=7\n"), std::string::npos) << out_;
  ASSERT_EQ(run({"account", "limit", "tim@example.com", "recipients/day="}), kCtlDone) << err_;
  EXPECT_EQ(log_in("tim@example.com", "right").identity->account_overrides->size(), 1U);
}

TEST_F(CtlAccountsTest, ALimitThatIsNoneIsRefusedWithTheReason) {
  set_up_acme();
  for (const auto& [limit, why] : std::vector<std::pair<std::string_view, std::string>>{
           {"recipients", "is no limit"},
           {"recipients/day", "is no limit"},
           {"recipients=5", "is no limit"},
           {"recipient/day=5", "has a quantity that is none of"},
           {"recipients/week=5", "has a window that is none of"},
           {"recipients/day=0", "has no amount of 1 to"},
           {"recipients/day=-5", "has no amount of 1 to"},
           {"recipients/day=5k", "has no amount of 1 to"},
           {"recipients/day=99999999999999999999", "has no amount of 1 to"},
           {"recipients/day=1000000000000001", "has no amount of 1 to"}}) {
    EXPECT_EQ(run({"account", "limit", "tim@example.com", "bytes/day=1", limit}), kCtlFailed) << limit;
    EXPECT_TRUE(says(why)) << err_;
  }
  EXPECT_EQ(run({"account", "limit", "tim@example.com", "bytes/day=1", "bytes/day=2"}), kCtlFailed);
  EXPECT_TRUE(says("is there twice")) << err_;
  EXPECT_EQ(log_in("tim@example.com", "right").identity->account_overrides, nullptr);
  EXPECT_EQ(run({"account", "limit", "tim@example.com"}), kCtlUsage);
  EXPECT_TRUE(says("needs a LIMIT")) << err_;
}

TEST_F(CtlAccountsTest, TheExamplesOfTheHelpAreUnderstood) {
  for (const auto& command : commands_of_overview()) {
    ASSERT_EQ(run(help_of(command)), kCtlDone);
    std::string example = out_.substr(out_.find("\nEXAMPLE\n") + 9);
    example = example.substr(example.find("sluicectl ") + 10);
    std::vector<std::string> words(1);
    bool quoted = false;
    for (const char c : example) {
      if (c == '\'') {
        quoted = !quoted;
      } else if ((c == ' ' && !quoted) || c == '\n') {
        words.emplace_back();
      } else {
        words.back() += c;
      }
    }
    words.pop_back();
    EXPECT_EQ(parse_account_command(std::vector<std::string_view>(words.begin(), words.end())).kind,
              ParsedAccountCommand::Kind::request)
        << example;
  }
}

TEST_F(CtlAccountsTest, AFullDiskBehindTheOutputIsAFailure) {
  set_up_acme();
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  const std::vector<std::string_view> args{"customer", "list"};
  FileStores stores(path_);
  EXPECT_EQ(run_account_command(args, stores, {}, in, out, err), kCtlFailed);
  EXPECT_NE(err.str().find("could not be written"), std::string::npos);
}

TEST_F(CtlAccountsTest, CopiesAStoreIntoAnother) {
  set_up_acme();
  const std::string other = directory_ + "/other.db";
  EXPECT_EQ(run({"store", "copy"}), kCtlUsage);
  EXPECT_NE(err_.find("needs --from STORE"), std::string::npos) << err_;
  ASSERT_EQ(run({"store", "copy", "--to", other}), kCtlDone) << err_;
  EXPECT_EQ(out_, "copied: 1 customers, 1 domains, 1 accounts, 0 device passwords\n");
  EXPECT_EQ(run({"store", "copy", "--to", other}), kCtlFailed);
  EXPECT_NE(err_.find("--force"), std::string::npos) << err_;
  ASSERT_EQ(run({"store", "copy", "--to", other, "--force"}), kCtlDone) << err_;
  ASSERT_EQ(run({"customer", "remove", "Acme", "--recursive"}), kCtlDone) << err_;
  ASSERT_EQ(run({"store", "copy", "--from", other}), kCtlDone) << err_;
  EXPECT_EQ(log_in("tim@example.com", "right").kind, auth::AnswerKind::granted);
  EXPECT_EQ(run({"store", "copy", "--from", directory_ + "/absent.db"}), kCtlFailed);
}

}  // namespace
}  // namespace sluice::cli

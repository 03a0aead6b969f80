// What is read of other programs' files of accounts.
#include "auth/store/account_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kHash = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";

// "3 tim@example.com acme held hash", or "... =password".
std::vector<std::string> accounts_of(const Dump& dump) {
  std::vector<std::string> texts;
  for (const DumpedAccount& account : dump.accounts)
    texts.push_back(std::to_string(account.line) + " " + account.name + " " + account.customer + " " +
                    std::string(status_name(account.status)) + " " +
                    (account.clear ? "=" + std::string(account.clear->reveal()) : account.hash));
  return texts;
}

std::vector<std::string> refusals_of(const Dump& dump) {
  std::vector<std::string> texts;
  for (const DumpRefusal& refusal : dump.refusals)
    texts.push_back(std::to_string(refusal.line) + " " + refusal.name + ": " + refusal.why);
  return texts;
}

TEST(AccountDumpTest, PasswdFile) {
  const Dump dump = read_dump(DumpFormat::passwd_file, std::string("# all\n\ntim@example.com:") + kHash +
                                                           "\nann:{PLAIN}secret:1:::/home:customer=acme nologin\n"
                                                           "sam:!x\nmax:{DES}secret\nsecret\neve:" +
                                                           kHash);
  EXPECT_THAT(accounts_of(dump), ElementsAre("3 tim@example.com  active " + std::string(kHash), "4 ann  active =secret",
                                             "8 eve  active " + std::string(kHash)));
  EXPECT_THAT(refusals_of(dump), ElementsAre("5 sam: it is locked, or has no password",
                                             "6 max: its password cannot be taken: it is of no scheme that is known",
                                             "7 : it has no colon"));
}

TEST(AccountDumpTest, ExtraFieldsStandInTheEighthField) {
  const std::string text = "ann:{PLAIN}secret:::::/bin/sh:customer=acme nologin\n";
  EXPECT_THAT(accounts_of(read_dump(DumpFormat::passwd_file, text)), ElementsAre("1 ann acme suspended =secret"));
  EXPECT_THAT(accounts_of(read_dump(DumpFormat::htpasswd, text)), ElementsAre("1 ann  active =secret"));
}

// What costs too much is refused before anything is computed.
TEST(AccountDumpTest, AHashThatCostsTooMuchIsRefused) {
  const Dump dump = read_dump(DumpFormat::htpasswd, "tim:$2y$31$" + std::string(53, 'a') + "\n");
  EXPECT_THAT(refusals_of(dump),
              ElementsAre("1 tim: its password cannot be taken: a check of it would take more than about a second"));
}

// saslpasswd2 -p -c -f sdb -u example.com tim ("correct horse"), ann ("p\q"); db_dump sdb, db_dump -p sdb
TEST(AccountDumpTest, SaslDbAsDbDumpWritesIt) {
  const std::string head = "VERSION=3\nformat=bytevalue\ntype=hash\nh_nelem=2\ndb_pagesize=4096\nHEADER=END\n";
  const std::string hex =
      " 616e6e006578616d706c652e636f6d007573657250617373776f7264\n 705c71\n"
      " 74696d006578616d706c652e636f6d007573657250617373776f7264\n 636f727265637420686f727365\n";
  EXPECT_THAT(accounts_of(read_dump(DumpFormat::sasldb, head + hex + "DATA=END\n")),
              ElementsAre("7 ann@example.com  active =p\\q", "9 tim@example.com  active =correct horse"));
  const std::string print =
      "VERSION=3\nformat=print\ntype=hash\nHEADER=END\n"
      " ann\\00example.com\\00userPassword\n p\\\\q\n tim\\00\\00cmusaslsecretOTP\n secret\n"
      " max@example.net\\00example.com\\00userPassword\n a\\c3\\a4\n";
  const Dump dump = read_dump(DumpFormat::sasldb, print + "DATA=END\n");
  EXPECT_THAT(accounts_of(dump),
              ElementsAre("5 ann@example.com  active =p\\q", "9 max@example.net  active =a\xC3\xA4"));
  EXPECT_THAT(dump.refusals, IsEmpty());
}

TEST(AccountDumpTest, ASaslDbThatIsCutOffIsSaidToBe) {
  const std::string head = "VERSION=3\nformat=bytevalue\nHEADER=END\n";
  const std::string key = " 616e6e0000757365725061737377 6f7264\n";
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::sasldb, "ann:secret\n")),
              ElementsAre("1 : there is no HEADER=END: this is not what db_dump writes"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::sasldb, head + " 616e6e\n 00\n")),
              ElementsAre("4 : it is no key of a sasldb", "5 : there is no DATA=END: the dump is not all there"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::sasldb, head + key + " 00\nDATA=END\n")),
              ElementsAre("4 : it is no key of a sasldb"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::sasldb, head + " 616e6e00007573657250617373776f7264\n 0x\n"
                                                               " 616e6e00007573657250617373776f7264\n 00\nDATA=END\n")),
              ElementsAre("5 ann: its value is not written as the header says",
                          "6 ann: its password cannot be one: that takes 1 to 1024 bytes of UTF-8 without control "
                          "characters"));
}

TEST(AccountDumpTest, Csv) {
  const Dump dump = read_dump(DumpFormat::csv, std::string("\xEF\xBB\xBFStatus,name,customer,hash,password\r\n"
                                                           ",tim,\"Acme, \"\"Ltd\"\"\nand more\",,\"sec,\"\"ret\"\r\n"
                                                           "held,ann,,") +
                                                   kHash +
                                                   ",\n"
                                                   "\n"
                                                   "gone,sam,,,secret\n"
                                                   "active,max,,,\n"
                                                   "active,eve,," +
                                                   kHash +
                                                   ",secret\n"
                                                   "active,bob\n"
                                                   "active,\"bob\"x,,,secret\n"
                                                   "suspended,zoe,,,secret");
  EXPECT_THAT(accounts_of(dump), ElementsAre("2 tim Acme, \"Ltd\"\nand more active =sec,\"ret",
                                             "4 ann  held " + std::string(kHash), "11 zoe  suspended =secret"));
  EXPECT_THAT(refusals_of(dump),
              ElementsAre("6 sam: its status is none of active, held and suspended",
                          "7 max: it has neither a password nor a hash", "8 eve: it has a password and a hash",
                          "9 : it has not as many fields as the header",
                          "10 : it is no record of CSV: a quote is out of place, or it is too long"));
}

TEST(AccountDumpTest, ACsvWithoutTheColumnsThatItTakesIsRefusedWhole) {
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::csv, "name,customer\ntim,acme\n")),
              ElementsAre("1 : the header must have the columns name, and password or hash"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::csv, "name,secret\ntim,acme\n")),
              ElementsAre("1 : the header has a column that is none of name, password, hash, customer and status"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::csv, "name,hash,NAME\n")),
              ElementsAre("1 : the header has a column twice"));
  EXPECT_THAT(refusals_of(read_dump(DumpFormat::csv, "")),
              ElementsAre("1 : the header has a column that is none of name, password, hash, customer and status"));
}

TEST(AccountDumpTest, NoRefusalShowsASecret) {
  const std::string secret = "s3cret";
  for (const DumpFormat format : {DumpFormat::passwd_file, DumpFormat::htpasswd, DumpFormat::sasldb, DumpFormat::csv}) {
    for (const std::string& text :
         {secret, "tim:" + secret + "\n", "tim:{X}" + secret + "\n", ":" + secret + "\n", "name,password\n\"" + secret,
          "name,password\n" + secret + ",\"" + secret + "\"x\n", "name,hash\ntim," + secret + "\n",
          "name," + secret + "\n", "format=print\nHEADER=END\n " + secret + "\n " + secret + "\n",
          "format=print\nHEADER=END\n tim\\00\\00userPassword\n" + secret + "\nDATA=END\n"}) {
      const Dump dump = read_dump(format, text);
      for (const std::string& refusal : refusals_of(dump)) EXPECT_THAT(refusal, Not(HasSubstr(secret))) << text;
    }
  }
}

TEST(AccountDumpTest, FormatsByName) {
  EXPECT_EQ(dump_format("passwd-file"), DumpFormat::passwd_file);
  EXPECT_EQ(dump_format("csv"), DumpFormat::csv);
  EXPECT_FALSE(dump_format("CSV").has_value());
  EXPECT_FALSE(dump_format("").has_value());
}

}  // namespace
}  // namespace sluice::auth

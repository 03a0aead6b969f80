// Stored passwords as the tools write them that make them: each vector has the command that it came from. The password
// is "correct horse" throughout.
#include "auth/store/password_scheme.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

struct Vector {
  std::string_view scheme;
  std::string_view stored;
};

constexpr Vector kVectors[] = {
    // doveadm pw -s ARGON2ID (also: ARGON2I, BLF-CRYPT, SHA512-CRYPT, ...) -p 'correct horse'
    {"ARGON2ID",
     "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$FD5Deuzae3uX2mc7GLSx0w$Fuijm00yqlue2rEZz2OIy/wjguOo+SMsGojypwdluLc"},
    {"ARGON2I",
     "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pXa/D4kFuNOAX55K1be94w$qDHmQ7FnPz8f0jkLOxeO6UTqWOVmUNtwymV51nWoZAc"},
    {"BLF-CRYPT", "{BLF-CRYPT}$2y$05$caLChFLTQ4HO1UT4mV5b7.RNNljdhrR0beJoxN5bWdmtPO38ziXB2"},
    {"SHA512-CRYPT",
     "{SHA512-CRYPT}$6$MBW5611s7E.hi4U0$d67hQYHjr7TLbl0khlmLKOCVqd.SIRSjBXMt1Npnz5ZFFz3go3s/sJl4v/p/"
     "Zg0ULLMj74/z/jDPUewD2lHde1"},
    {"SHA256-CRYPT", "{SHA256-CRYPT}$5$eZw8BQH7Y1lHLD2G$FZhMmN9gaCVos3xLYd29b3ma4zFWtHy77En6jZpU/L."},
    {"MD5-CRYPT", "{MD5-CRYPT}$1$tKKRemrP$yNM6hxiscHZ/3Fc.Ru7Pw/"},
    {"BLF-CRYPT", "{CRYPT}$2y$05$0Ii1qbip5VibvjerTJUny.ImMu2iqBpJZwAC1Xj2SZypU8a2774F2"},
    {"PBKDF2", "{PBKDF2}$1$2P7SfSuQeW4f.NY7$5000$d3f6c326accb30e1fa7ee756b9cbe1527993bd7e"},
    {"PBKDF2", "{PBKDF2}$1$pXpR7tYAT/mHkcLu$1000$5767f34ddee374da1312d31d007e6c32afdcb305"},  // -r 1000
    {"SSHA", "{SSHA}ajjP+x1oud4vC2ds15pGjFWeMmA+/SNx"},
    {"SSHA256", "{SSHA256}sN8TxRxjx5RjJH2TVz1e5gEsYI9FFXFOYqhGi+jqAkhAJqyv"},
    {"SSHA512",
     "{SSHA512}WRoNWp+fd/7Vrkq+1iMKqMA8XrTRoO78WHvVP56PY6zaAGpeU17VCPeFW3FMk0zpfRbSnAoW8hpvdhhJsuvgOAc47Gg="},
    {"SHA", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="},
    {"SHA1", "{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A="},
    {"SHA256", "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE="},
    {"SHA512", "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew=="},
    {"SHA256", "{SHA256.HEX}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631"},  // -s SHA256.hex
    {"SSHA512",
     "{SSHA512.HEX}902dc90a7698df37bb6a70a3c25472eaa46b874fb2fdaa36c36d026c564a12577661b3a76ed8331c1b648a1e91e8077436f3"
     "e113de69fb0d3d601fdcfa3e6d114cde5716"},
    {"SHA512", "{SHA512.B64}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew=="},
    // In any case, and hex where the length says so, as Dovecot takes them.
    {"SHA256", "{sha256}4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631"},
    // htpasswd -nbm, -nbs, -nbB -C 5
    {"APR1", "$apr1$YqQeyZto$Yu/8DG9Xj0SpNDv3t7mC.1"},
    {"SHA", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="},
    {"BLF-CRYPT", "$2y$05$z7DNjO8izipEU56GQHDZ4e1oPMqI.TdWO1J.C.n9F4Ylzztmko71e"},
    // openssl passwd -6 (also: -5, -apr1, -1) -salt saltsalt 'correct horse'
    {"SHA512-CRYPT",
     "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0"},
    {"SHA256-CRYPT", "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/"},
    {"APR1", "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/"},
    {"MD5-CRYPT", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60"},
    // mkpasswd -m yescrypt [-R 1], -m bcrypt-a -R 5, -m bcrypt -R 5, -m sha512crypt -R 1000
    {"YESCRYPT", "$y$j75$EH2UZpFYhv/Jiv7aTfmSJ0$joIYB3Wg564F8vPN1Pfq5zvAznLBVFXu05AX7WtRCo4"},
    {"YESCRYPT", "$y$j9T$KtPfgmeMUAJbHDsPFSid/.$OsquVDTtQf2SkD9yKfjRcVpcONZnfWlytiIQvWyXsR5"},
    {"BLF-CRYPT", "$2a$05$od.D3UUSPFpsWwa1x4FbROZmoDZHzh7d3gttUncBhsLoGD3hDVQfi"},
    {"BLF-CRYPT", "$2b$05$yFDDCMEmFGnwaO/MxdJMu.btHEEvuKZcOqha7wKIf9y75ZVtiCBBS"},
    {"SHA512-CRYPT",
     "$6$rounds=1000$kwbH76jpcU8iU2er$M2xn8GdB7ula01nYb8BGAa55w2OXDUoZE.9srrzSBEPKvdpNc3hH0YUTS7hC8Lv7B/epO6/"
     "VLoEkLkUjJ7EWQ/"},
    // python3-passlib: pbkdf2_sha256.using(rounds=1000).hash('correct horse'), and of pbkdf2_sha512
    {"PBKDF2-SHA256", "$pbkdf2-sha256$1000$CmEMYawV4hxDKMW4t5YSgg$lj2ZlNBVtSaxI3BamSpTkH2LoVeNU/hky.HJfxSsPSA"},
    {"PBKDF2-SHA512",
     "$pbkdf2-sha512$1000$0/o/B4Cwdk6JcY6xtrbW.g$GN1aeomROcxEMai6PCCVOehQDG7fhbCLya0vpB8UCJeJxExFVyyrvAmjZ5WluZE."
     "jgWoin8atmMfqlbde11TQg"},
};

PasswordMatch match(std::string_view stored, std::string_view secret, PlainPasswords plain = PlainPasswords::refused) {
  return match_password(stored, secret_of(secret), plain).match;
}

std::string why_not(std::string_view stored) {
  const auto scheme = scheme_of(stored, PlainPasswords::refused);
  EXPECT_EQ(match_password(stored, secret_of("correct horse"), PlainPasswords::refused).match, PasswordMatch::unknown)
      << stored;
  return scheme ? "is taken" : std::string(scheme.error());
}

class PasswordSchemeTest : public ::testing::TestWithParam<Vector> {};

TEST_P(PasswordSchemeTest, TakesTheRightPasswordAlone) {
  const auto& [scheme, stored] = GetParam();
  EXPECT_EQ(scheme_of(stored, PlainPasswords::refused).value_or("none"), scheme);
  EXPECT_EQ(match(stored, "correct horse"), PasswordMatch::right);
  EXPECT_EQ(match(stored, "Correct horse"), PasswordMatch::wrong);
  EXPECT_EQ(match(stored, "correct horse "), PasswordMatch::wrong);
}

// A table that was cut off or mistyped says nothing of a password.
TEST_P(PasswordSchemeTest, ACutOffTextIsNeverAWrongPassword) {
  std::string stored(GetParam().stored);
  while (stored.ends_with('=')) stored.pop_back();  // has nothing of the digest
  for (std::size_t size = 0; size < stored.size(); ++size) {
    const PasswordMatch cut = match(std::string_view(stored).substr(0, size), "correct horse");
    // A shorter salt is another salt, and looks like one.
    const bool salted = GetParam().scheme.starts_with("SSHA");
    if (cut != PasswordMatch::unknown) EXPECT_TRUE(salted && cut == PasswordMatch::wrong) << size;
  }
}

TEST_P(PasswordSchemeTest, LongSecretsAreWrongOnesToo) {
  EXPECT_EQ(match(GetParam().stored, std::string(kSecretBytesMax, 'x')), PasswordMatch::wrong);
}

INSTANTIATE_TEST_SUITE_P(Vectors, PasswordSchemeTest, ::testing::ValuesIn(kVectors), [](const auto& info) {
  std::string name = "V" + std::to_string(info.index) + "_" + std::string(info.param.scheme);
  std::erase(name, '-');
  return name;
});

TEST(PasswordSchemes, PlainOnlyWhereItIsAllowed) {
  // doveadm pw -s PLAIN, -s PLAIN.b64
  for (const std::string_view stored : {"{PLAIN}correct horse", "{PLAIN.B64}Y29ycmVjdCBob3JzZQ==",
                                        "{CLEARTEXT}correct horse", "{plain}correct horse"}) {
    EXPECT_EQ(why_not(stored), "it is in clear, which is not allowed here");
    EXPECT_EQ(match(stored, "correct horse", PlainPasswords::allowed), PasswordMatch::right);
    EXPECT_EQ(match(stored, "correct hors", PlainPasswords::allowed), PasswordMatch::wrong);
    EXPECT_EQ(clear_password(stored).value().reveal(), "correct horse");
  }
  EXPECT_EQ(match("{PLAIN}", "correct horse", PlainPasswords::allowed), PasswordMatch::unknown);
  EXPECT_FALSE(clear_password("{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=").has_value());
}

TEST(PasswordSchemes, WhatTakesTooLongOrTooMuchIsRefusedUnseen) {
  const std::string digest86(86, 'a');
  const std::string digest43(43, 'a');
  const std::string of_argon = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string memory = "a check of it would take more than 256 MiB";
  const std::string time = "a check of it would take more than about a second";
  EXPECT_EQ(why_not("$argon2id$v=19$m=262145,t=1,p=1" + of_argon), memory);
  EXPECT_EQ(why_not("$argon2id$v=19$m=4294967295,t=4294967295,p=1" + of_argon), memory);
  EXPECT_EQ(why_not("$argon2id$v=19$m=262144,t=13,p=1" + of_argon), time);
  EXPECT_EQ(why_not("$argon2id$v=19$m=31,t=1,p=4" + of_argon), "it is damaged, or not of the scheme that it names");
  EXPECT_EQ(why_not("$2y$15$" + std::string(53, 'a')), time);
  EXPECT_EQ(why_not("$2y$31$" + std::string(53, 'a')), time);
  EXPECT_EQ(why_not("$6$rounds=1000001$salt$" + digest86), time);
  EXPECT_EQ(why_not("$5$rounds=999999999$salt$" + digest43), time);
  // As mkpasswd -m yescrypt -R 10 and -R 13: 512 MiB and 4 GiB
  EXPECT_EQ(why_not("$y$jET$saltsaltsalt$" + digest43), memory);
  EXPECT_EQ(why_not("$y$jHT$saltsaltsalt$" + digest43), memory);
  EXPECT_EQ(why_not("{PBKDF2}$1$salt$2147483647$" + std::string(40, 'a')), time);
  EXPECT_EQ(why_not("$pbkdf2-sha512$1300000$c2FsdA$" + std::string(86, 'A')), time);
}

TEST(PasswordSchemes, WhatIsOfNoSchemeHasAReason) {
  const std::string none = "it is of no scheme that is known";
  const std::string damaged = "it is damaged, or not of the scheme that it names";
  EXPECT_EQ(why_not(""), none);
  EXPECT_EQ(why_not("correct horse"), none);
  EXPECT_EQ(why_not("zSA37rHmScoMY"), none);  // htpasswd -nbd: eight characters of a password count
  EXPECT_EQ(why_not("{SMD5}abc"), none);
  EXPECT_EQ(why_not("{CRYPT}zSA37rHmScoMY"), none);
  EXPECT_EQ(why_not("{CRYPT}$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/"), none);
  EXPECT_EQ(why_not("{SHA"), none);
  EXPECT_EQ(why_not("{SHA.utf9}abc"), "its encoding is not known");
  EXPECT_EQ(why_not("{SHA512-CRYPT}$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/"), damaged);
  EXPECT_EQ(why_not("{SHA}L55TUjtiq8FBorTWAZ0jy6g129"), damaged);
  EXPECT_EQ(why_not("{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A="), damaged);  // no salt
  EXPECT_EQ(why_not("$6$rounds=999$salt$" + std::string(86, 'a')), damaged);
  EXPECT_EQ(why_not("$6$rounds=-1$salt$" + std::string(86, 'a')), damaged);
  EXPECT_EQ(why_not("$2y$03$" + std::string(53, 'a')), damaged);
  EXPECT_EQ(why_not("{SHA}" + std::string(5000, 'a')), "it is too long");
}

// libcrypt hashes no secret of 512 bytes or more, so that the first 511 of one must not pass for it.
TEST(PasswordSchemes, ALongSecretIsNotTakenByItsBeginning) {
  // openssl passwd -6 -salt saltsalt cuts at 256; this is perl -e 'print crypt("x" x 511, q($6$saltsalt$))'
  constexpr std::string_view kOf511 =
      "$6$saltsalt$JAV3aVyW8E1GiN.RBWNCuKunpF/l5jUawTna3MV8gb6VI4f7Oa6rd727mrkQuMnYSu8l64vcVSrgSX5LCXOrp/";
  EXPECT_EQ(match(kOf511, std::string(511, 'x')), PasswordMatch::right);
  EXPECT_EQ(match(kOf511, std::string(512, 'x')), PasswordMatch::wrong);
}

}  // namespace
}  // namespace sluice::auth

// The ClientHello reader: finds the server name in any honest hello, and never more than is there
// in any other.
#include "engine/tls/hello.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>

#include "engine/tls/limits.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

using testing::counted;
using testing::extension;
using testing::number;

std::string server_name(std::string_view name, std::uint8_t type = 0) {
  return counted(number(type, 1) + counted(name, 2), 2);
}

std::string message(std::string_view extensions) {
  std::string body = "\x03\x03" + std::string(32, 'r') + counted("session", 1) + counted("\x13\x01", 2) +
                     counted(std::string_view("\0", 1), 1);
  body += counted(extensions, 2);
  return number(1, 1) + counted(body, 3);
}

std::string record(std::string_view fragment) { return "\x16\x03\x01" + counted(fragment, 2); }

TEST(TlsHello, FindsTheNameAmongOtherExtensions) {
  const std::string extensions =
      extension(10, "xx") + extension(0, server_name("mail.example.com")) + extension(43, "");
  const ClientHello hello = read_client_hello(record(message(extensions)));
  EXPECT_EQ(hello.result, HelloResult::done);
  EXPECT_EQ(hello.server_name, "mail.example.com");
}

TEST(TlsHello, NeedsMoreUntilTheLastByte) {
  const std::string fragment = message(extension(0, server_name("mail.example.com")));
  for (const std::string& bytes :
       {record(fragment), record(fragment.substr(0, 1)) + record(fragment.substr(1, 7)) + record(fragment.substr(8))}) {
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(read_client_hello(std::string_view(bytes).substr(0, size)).result, HelloResult::need_more) << size;
    EXPECT_EQ(read_client_hello(bytes).server_name, "mail.example.com");
  }
}

TEST(TlsHello, TakesAHelloWithoutAName) {
  EXPECT_EQ(read_client_hello(record(message(""))).result, HelloResult::done);
  EXPECT_EQ(read_client_hello(record(message(extension(10, "xx")))).server_name, "");
}

TEST(TlsHello, LaterRecordsAreNotItsBusiness) {
  const std::string bytes = record(message("")) + "\x14\x03\x03";
  EXPECT_EQ(read_client_hello(bytes).result, HelloResult::done);
}

TEST(TlsHello, OtherKindsOfNamesAreSkipped) {
  const std::string list = counted(number(9, 1) + counted("other", 2) + number(0, 1) + counted("a.test", 2), 2);
  EXPECT_EQ(read_client_hello(record(message(extension(0, list)))).server_name, "a.test");
}

TEST(TlsHello, AmbiguousOrBrokenNamesAreBad) {
  const std::string name = server_name("a.test");
  const std::string twice = number(0, 1) + counted("a.test", 2) + number(0, 1) + counted("b.test", 2);
  for (const std::string& extensions : {
           extension(0, name) + extension(0, name),  // the extension twice
           extension(0, counted(twice, 2)),          // two host names
           extension(0, server_name("")),            // an empty one
           extension(0, ""),                         // no list
           extension(0, counted("", 2)),             // an empty list
           extension(0, name + "x"),                 // more than the list
           extension(0, name.substr(0, name.size() - 1)),
       })
    EXPECT_EQ(read_client_hello(record(message(extensions))).result, HelloResult::bad);
}

TEST(TlsHello, LengthsThatDisagreeAreBad) {
  const std::string good = message(extension(0, server_name("a.test")));
  // Longer inside than outside, wherever a length stands.
  for (const std::size_t at : {std::size_t{38}, std::size_t{47}, std::size_t{50}, std::size_t{53}, std::size_t{57}}) {
    std::string bytes = good;
    bytes[at] = '\x7f';
    EXPECT_EQ(read_client_hello(record(bytes)).result, HelloResult::bad) << at;
  }
  EXPECT_EQ(read_client_hello(record(good + "x")).result, HelloResult::bad) << "a second message";
  EXPECT_EQ(read_client_hello(record("")).result, HelloResult::bad) << "an empty record";
  EXPECT_EQ(read_client_hello(record(std::string("\x02\0\0\0", 4))).result, HelloResult::bad) << "a ServerHello";
  EXPECT_EQ(read_client_hello("\x16\x02\x00").result, HelloResult::bad) << "SSL 2";
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x40\x01", 5)).result, HelloResult::bad) << "a long record";
}

TEST(TlsHello, TheLongestIsTakenAndNoLonger) {
  const std::size_t around = message(extension(21, "")).size();
  const auto padded = [&](std::size_t size) {
    const std::string bytes = message(extension(21, std::string(size - around, '\0')));
    std::string records;
    for (std::size_t at = 0; at < bytes.size(); at += 4'096)
      records += record(std::string_view(bytes).substr(at, 4'096));
    return read_client_hello(records).result;
  };
  EXPECT_EQ(padded(kTlsClientHelloBytesMax), HelloResult::done);
  EXPECT_EQ(padded(kTlsClientHelloBytesMax + 1), HelloResult::bad);
}

// ------------------------------------------------------------------------------------------ kinds of keys

std::string hello_with(std::string_view suites, std::string_view extensions) {
  std::string body = "\x03\x03" + std::string(32, 'r') + counted("session", 1) + counted(suites, 2) +
                     counted(std::string_view("\0", 1), 1) + counted(extensions, 2);
  return record(number(1, 1) + counted(body, 3));
}

std::string numbers(std::initializer_list<std::size_t> values) {
  std::string out;
  for (const std::size_t value : values) out += number(value, 2);
  return out;
}

std::string signatures(std::initializer_list<std::size_t> of) { return extension(13, counted(numbers(of), 2)); }
std::string groups(std::initializer_list<std::size_t> of) { return extension(10, counted(numbers(of), 2)); }
const std::string kTls13 = extension(43, counted(numbers({0x0304, 0x0303}), 1));

// "p256 rsa": what a client takes.
std::string taken(std::string_view suites, std::string_view extensions) {
  constexpr std::array<const char*, kKeyKinds> names{"p256", "p384", "p521", "ed25519", "rsa"};
  const ClientHello hello = read_client_hello(hello_with(suites, extensions));
  EXPECT_EQ(hello.result, HelloResult::done) << hello.error;
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (hello.keys.has(static_cast<KeyKind>(i))) text += (text.empty() ? "" : " ") + std::string(names[i]);
  return text;
}

TEST(TlsHelloKeys, InTls13TheSignatureAlgorithmsSayIt) {
  const std::string suite = numbers({0x1301});
  EXPECT_EQ(taken(suite, kTls13 + signatures({0x0403, 0x0804})), "p256 rsa");
  EXPECT_EQ(taken(suite, signatures({0x0503}) + kTls13), "p384");
  EXPECT_EQ(taken(suite, signatures({0x0603, 0x0807}) + kTls13), "p521 ed25519");
  EXPECT_EQ(taken(suite, signatures({0x0401, 0x0501}) + kTls13), "") << "RSA signs with PSS in TLS 1.3";
  EXPECT_EQ(taken(suite, kTls13), "");
}

TEST(TlsHelloKeys, InTls12TheSuitesAndTheCurvesSayItToo) {
  const std::string ecdsa = numbers({0xC02B});
  const std::string rsa = numbers({0xC030});
  const std::string both = ecdsa + rsa;
  EXPECT_EQ(taken(both, groups({23}) + signatures({0x0403, 0x0401})), "p256 rsa");
  EXPECT_EQ(taken(both, groups({24, 29}) + signatures({0x0403, 0x0401})), "p384 rsa");
  EXPECT_EQ(taken(ecdsa, groups({23}) + signatures({0x0403, 0x0401})), "p256");
  EXPECT_EQ(taken(rsa, groups({23}) + signatures({0x0403, 0x0401})), "rsa");
  EXPECT_EQ(taken(both, groups({23}) + signatures({0x0401})), "rsa");
  EXPECT_EQ(taken(both, groups({23}) + signatures({0x0503})), "p256") << "any hash goes with any curve";
  EXPECT_EQ(taken(both, signatures({0x0804})), "rsa");
  EXPECT_EQ(taken(both, groups({23})), "p256 rsa") << "without the extension all that goes with the suites";
  EXPECT_EQ(taken(numbers({0x002F}), signatures({0x0403, 0x0401})), "") << "none of our suites";
}

TEST(TlsHelloKeys, MalformedListsSayNothing) {
  const std::string both = numbers({0xC02B, 0xC030});
  EXPECT_EQ(taken(both, extension(13, std::string_view("\0\x09\x04\x03", 4)) + kTls13), "");
  EXPECT_EQ(taken(both, extension(13, "") + kTls13), "");
  EXPECT_EQ(taken(both, extension(13, counted("\x04\x03\x08", 2)) + kTls13), "p256") << "an odd byte at the end";
}

}  // namespace
}  // namespace sluice::tls

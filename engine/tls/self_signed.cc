#include "engine/tls/self_signed.h"

#include <wolfssl/options.h>
#include <algorithm>
// options.h comes first.
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/io/address.h"
#include "engine/tls/certificates.h"

namespace sluice::tls {
namespace {

constexpr int kP256Bytes = 32;
constexpr std::size_t kCertificateBytesMax = 32'768;

using Error = std::unexpected<std::string>;

Error failed(const char* what, int code) {
  return Error(std::string("cannot make a certificate: ") + what + " (" + std::to_string(code) + ")");
}

struct Random {
  WC_RNG state{};
  int status = wc_InitRng(&state);
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  ~Random() { wc_FreeRng(&state); }
};

struct EccKey {
  ecc_key key{};
  int status = wc_ecc_init(&key);
  EccKey() = default;
  EccKey(const EccKey&) = delete;
  EccKey& operator=(const EccKey&) = delete;
  ~EccKey() { wc_ecc_free(&key); }
};

// X.690 section 8.1.3: the short form below 128, else the long.
void append_der(std::string& out, std::uint8_t tag, std::string_view value) {
  out += static_cast<char>(tag);
  const std::size_t size = value.size();
  if (size >= 0x100) {
    out += '\x82';
    out += static_cast<char>(size >> 8);
  } else if (size >= 0x80) {
    out += '\x81';
  }
  out += static_cast<char>(size & 0xFF);
  out += value;
}

// RFC 5280 section 4.2.1.6: a sequence of dNSName [2] and iPAddress [7].
std::expected<std::string, std::string> alternative_names(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) {
    if (const auto address = io::Address::from_ip(name, 0)) {
      const auto ip = address->ip_bytes();
      append_der(list, 0x87, {reinterpret_cast<const char*>(ip.data()), ip.size()});
      continue;
    }
    const bool wildcard = name.starts_with("*.");
    const auto clean = clean_host_name(std::string_view(name).substr(wildcard ? 2 : 0));
    if (!clean) return Error("'" + name + "' is neither a host name nor an address");
    append_der(list, 0x82, wildcard ? "*." + *clean : *clean);
  }
  std::string sequence;
  append_der(sequence, 0x30, list);
  if (sequence.size() > CTC_MAX_ALT_SIZE) return Error("too many names for one certificate");
  return sequence;
}

std::expected<std::string, std::string> to_pem(std::span<const unsigned char> der, int type) {
  std::string pem(2 * der.size() + 256, '\0');
  const int size = wc_DerToPem(der.data(), static_cast<word32>(der.size()),
                               reinterpret_cast<unsigned char*>(pem.data()), static_cast<word32>(pem.size()), type);
  if (size < 0) return failed("PEM", size);
  pem.resize(static_cast<std::size_t>(size));
  return pem;
}

// RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from then on.  Returns the size.
int write_date(byte* out, std::chrono::sys_seconds at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  const int year = static_cast<int>(date.year());
  const bool utc = year < 2050;
  std::array<char, 32> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d%02u%02u%02d%02d%02dZ", year, static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                    static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  const std::string_view digits = std::string_view(text.data(), static_cast<std::size_t>(size)).substr(utc ? 2 : 0);
  std::string der;
  append_der(der, utc ? 0x17 : 0x18, digits);
  std::ranges::copy(der, out);
  return static_cast<int>(der.size());
}

int describe(Cert& certificate, const std::string& subject, std::string_view names, ecc_key& key) {
  certificate.sigType = CTC_SHA256wECDSA;
  certificate.selfSigned = 1;
  certificate.isCA = 1;  // so that a client can be configured to trust it
  // Section 4.2.1.6 again: a name too long for the subject stands among the alternatives all the
  // same.
  const bool fits = subject.size() < sizeof(certificate.subject.commonName);
  std::strcpy(certificate.subject.commonName, fits ? subject.c_str() : "Sluice");
  std::memcpy(certificate.altNames, names.data(), names.size());
  certificate.altNamesSz = static_cast<int>(names.size());
  if (const int result = wc_SetKeyUsage(&certificate, "digitalSignature,keyCertSign"); result != 0) return result;
  if (const int result = wc_SetExtKeyUsage(&certificate, "serverAuth"); result != 0) return result;
  return wc_SetSubjectKeyIdFromPublicKey_ex(&certificate, ECC_TYPE, &key);
}

std::expected<std::string, std::string> sign(Cert& certificate, ecc_key& key, WC_RNG& random) {
  std::vector<unsigned char> der(kCertificateBytesMax);
  const auto room = static_cast<word32>(der.size());
  int size = wc_MakeCert_ex(&certificate, der.data(), room, ECC_TYPE, &key, &random);
  if (size < 0) return failed("encoding", size);
  size = wc_SignCert_ex(certificate.bodySz, certificate.sigType, der.data(), room, ECC_TYPE, &key, &random);
  if (size < 0) return failed("signing", size);
  return to_pem(std::span(der).first(static_cast<std::size_t>(size)), CERT_TYPE);
}

std::expected<std::string, std::string> key_pem(ecc_key& key) {
  std::vector<unsigned char> der(512);
  auto size = static_cast<word32>(der.size());
  const int result = wc_EccKeyToPKCS8(&key, der.data(), &size);
  if (result < 0) return failed("key", result);
  return to_pem(std::span(der).first(size), PKCS8_PRIVATEKEY_TYPE);
}

}  // namespace

std::expected<SelfSigned, std::string> make_self_signed(std::span<const std::string> names, WallMillis now,
                                                        const SelfSignedOptions& options) {
  if (names.empty()) return Error("a certificate needs a name");
  auto alternatives = alternative_names(names);
  if (!alternatives) return Error(alternatives.error());
  Random random;
  if (random.status != 0) return failed("random numbers", random.status);
  EccKey key;
  if (key.status != 0) return failed("key", key.status);
  if (const int result = wc_ecc_make_key_ex(&random.state, kP256Bytes, &key.key, ECC_SECP256R1); result != 0)
    return failed("key", result);
  const auto certificate = std::make_unique<Cert>();  // some 20 KB
  if (const int result = wc_InitCert(certificate.get()); result != 0) return failed("fields", result);
  const std::chrono::sys_seconds begin(std::chrono::seconds(now / 1'000));
  certificate->beforeDateSz = write_date(certificate->beforeDate, begin - std::chrono::days(1));
  certificate->afterDateSz = write_date(certificate->afterDate, begin + options.life);
  const int result = describe(*certificate, names.front(), *alternatives, key.key);
  if (result != 0) return failed("fields", result);
  auto certificate_pem = sign(*certificate, key.key, random.state);
  if (!certificate_pem) return Error(certificate_pem.error());
  auto private_pem = key_pem(key.key);
  if (!private_pem) return Error(private_pem.error());
  return SelfSigned{.certificate_pem = std::move(*certificate_pem), .key_pem = std::move(*private_pem)};
}

}  // namespace sluice::tls

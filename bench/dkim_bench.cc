// What a DKIM signature costs: bare SHA-256 and bare signatures of the libraries at hand, each in microseconds of CPU;
// bodies hashed in their canonical form, with the part of bare SHA-256's speed that is reached; a header; and both
// signatures of a message beside the two bare ones.
//
//   bench_dkim [--benchmark_filter=...]
//
// Bodies: base64 (lines of 76), prose (lines of 72, words with single spaces), html (indented by blanks or tabs, which
// relaxed canonicalization reduces).  Fed in pieces of 16 KB, as reads bring them.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/dkim_wolfssl.h"
#include "engine/base/check.h"
#include "engine/dkim/body_hashes.h"
#include "engine/dkim/private_key.h"
#include "engine/dkim/sha256.h"
#include "engine/dkim/signature_field.h"
#include "engine/dkim/signing_input.h"
#include "tests/support/rfc8463_keys.h"

namespace {

using namespace sluice;

constexpr std::size_t kPieceBytes = 16 * 1024;

enum Text { kBase64, kProse, kHtml };
constexpr std::string_view kTextNames[] = {"base64", "prose", "html"};

std::string make_body(Text text, std::size_t size) {
  std::string body;
  std::uint32_t seed = 1;
  const auto random = [&seed] { return (seed = seed * 1'103'515'245 + 12'345) >> 16U; };
  while (body.size() < size) {
    if (text == kHtml)
      body += random() % 2 == 0 ? std::string(2 * (random() % 8), ' ') : std::string(random() % 4, '\t');
    std::size_t line = text == kHtml ? 20 + random() % 60 : text == kProse ? 72 : 76;
    while (line-- > 0)
      body += text != kBase64 && random() % 6 == 0 && body.back() > ' ' ? ' ' : static_cast<char>('a' + random() % 26);
    if (body.back() == ' ') body.back() = '.';
    body += "\r\n";
  }
  body.resize(size);
  return body;
}

std::string make_header(std::size_t size) {
  std::string header =
      "Received: from client.example (client.example [192.0.2.1])\r\n\tby relay.example with ESMTPSA id "
      "0123456789AB\r\n"
      "\tfor <bob@example.net>; Sun, 29 Nov 2026 12:00:00 +0000\r\n"
      "From: \"Alice of Example\" <alice@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: The figures of "
      "November\r\n"
      "Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <0123456789abcdef@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative;\r\n\tboundary=\"----=_Part_0123456789\"\r\n"
      "List-Unsubscribe: <https://example.com/u/0123456789abcdef>\r\n"
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  // Half of the rest is a field that is signed, half are fields that are not.
  std::string references = "References:";
  while (header.size() + references.size() < (size + header.size()) / 2)
    references += "\r\n <0123456789abcdef@mail.example.com>";
  header += references + "\r\n";
  while (header.size() < size) header += "X-Mailer-Data: 0123456789 0123456789 0123456789\r\n";
  return header;
}

std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> make_rsa() { return {EVP_RSA_gen(2048), &EVP_PKEY_free}; }

std::string der_of(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PrivateKey(key, &bytes);
  CHECK(size > 0);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

const dkim::PrivateKey& rsa_2048() {
  static const auto key = *dkim::parse_key(dkim::KeyDer(der_of(make_rsa().get())));
  return *key;
}

const dkim::PrivateKey& ed25519() {
  static const auto key = testing::ed25519_key();
  return *key;
}

void hash_body(dkim::BodyHashes& hashes, dkim::BodyForms forms, message::BodyForm form, std::string_view body) {
  hashes.reset(forms, form);
  for (std::size_t at = 0; at < body.size(); at += kPieceBytes) hashes.feed(body.substr(at, kPieceBytes));
  hashes.finish();
}

// ------------------------------------------------------------------------------------------ what libraries take

void bare_sha256(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    dkim::Sha256Hash hash;
    hash.update(bytes);
    benchmark::DoNotOptimize(hash.finish());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void libcrypto_sha256(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  EVP_MD* kind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char digest[32];
  for (auto _ : state) {
    EVP_DigestInit_ex(context, kind, nullptr);
    EVP_DigestUpdate(context, bytes.data(), bytes.size());
    EVP_DigestFinal_ex(context, digest, nullptr);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  EVP_MD_CTX_free(context);
  EVP_MD_free(kind);
}

void libsodium_sha256(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  unsigned char digest[32];
  for (auto _ : state) crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void key_signs(benchmark::State& state, const dkim::PrivateKey& key) {
  const dkim::Digest digest{1, 2, 3};
  for (auto _ : state) benchmark::DoNotOptimize(key.sign(digest));
}

void libcrypto_rsa(benchmark::State& state) { key_signs(state, rsa_2048()); }
void wolfssl_rsa(benchmark::State& state) {
  bench::WolfsslRsa key(der_of(make_rsa().get()));
  const dkim::Digest digest{1, 2, 3};
  for (auto _ : state) CHECK(key.sign(digest));
}
void wolfssl_ed25519(benchmark::State& state) { key_signs(state, ed25519()); }

void libcrypto_ed25519(benchmark::State& state) {
  const std::string secret = testing::from_base64(testing::kEd25519Secret);
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                               reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  const dkim::Digest digest{1, 2, 3};
  unsigned char signature[64];
  for (auto _ : state) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    std::size_t size = sizeof(signature);
    CHECK(EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key) == 1 &&
          EVP_DigestSign(context, signature, &size, digest.data(), digest.size()) == 1);
    EVP_MD_CTX_free(context);
  }
  EVP_PKEY_free(key);
}

void libsodium_ed25519(benchmark::State& state) {
  unsigned char public_key[32];
  unsigned char secret_key[64];
  unsigned char signature[64];
  const dkim::Digest digest{1, 2, 3};
  CHECK(crypto_sign_keypair(public_key, secret_key) == 0);
  for (auto _ : state) crypto_sign_detached(signature, nullptr, digest.data(), digest.size(), secret_key);
}

void parse_rsa(benchmark::State& state) {
  const dkim::KeyDer der(der_of(make_rsa().get()));
  for (auto _ : state) benchmark::DoNotOptimize(dkim::parse_key(der));
}

// -------------------------------------------------------------------------------------------------- what we add

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The part of the bare hash's speed that hashing a canonical body reaches.  Both are measured in turns of a few
// milliseconds, so that what else runs on the machine slows both; the best turns count.
template <typename Bare, typename Ours>
void compare(benchmark::State& state, const Bare& bare, const Ours& ours) {
  // The clock is a system call of some 0.4 us.
  constexpr std::size_t kWorkOfALook = 16;
  const auto once = [](const auto& work) {
    const double begin = cpu_us();
    double end = begin;
    std::size_t count = 0;
    do {
      for (std::size_t i = 0; i < kWorkOfALook; ++i) work();
      count += kWorkOfALook;
      end = cpu_us();
    } while (end - begin < 2000);
    return (end - begin) / static_cast<double>(count);
  };
  double bare_us = 1e18;
  double ours_us = 1e18;
  for (auto _ : state) {
    bare_us = std::min(bare_us, once(bare));
    ours_us = std::min(ours_us, once(ours));
  }
  state.counters["bare_us"] = bare_us;
  state.counters["ours_us"] = ours_us;
  state.counters["percent"] = 100 * bare_us / ours_us;
}

void body(benchmark::State& state) {
  const auto form = state.range(0) == 0 ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  const auto text = static_cast<Text>(state.range(1));
  const auto wire = state.range(3) == 0 ? message::BodyForm::literal : message::BodyForm::dot_stuffed;
  const std::string bytes = make_body(text, static_cast<std::size_t>(state.range(2)));
  const dkim::BodyForms forms{.simple = form == dkim::Canonicalization::simple,
                              .relaxed = form == dkim::Canonicalization::relaxed};
  dkim::BodyHashes hashes;
  compare(
      state,
      [&] {
        dkim::Sha256Hash hash;
        hash.update(bytes);
        benchmark::DoNotOptimize(hash.finish());
      },
      [&] { hash_body(hashes, forms, wire, bytes); });
  state.SetLabel(std::string(dkim::name(form)) + " " + std::string(kTextNames[text]) +
                 (state.range(3) == 0 ? "" : " dot-stuffed"));
}

struct Requests {
  const dkim::Signatory signatory = *dkim::Signatory::make("example.com", "s2026a");
  const dkim::Signatory other = *dkim::Signatory::make("example.com", "e2026a");
  const std::vector<dkim::SignatureRequest> both{{.signatory = &signatory},
                                                 {.signatory = &other, .algorithm = dkim::Algorithm::ed25519_sha256}};
};

// bare_us: the hash of as many bytes as are hashed of it.
void header(benchmark::State& state) {
  const Requests requests;
  const std::string text = make_header(static_cast<std::size_t>(state.range(0)));
  const auto form = state.range(2) == 0 ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
  std::vector<dkim::SignatureRequest> wanted = requests.both;
  wanted.resize(static_cast<std::size_t>(state.range(1)));
  for (dkim::SignatureRequest& each : wanted) each.header = form;
  dkim::BodyHashes hashes;
  hash_body(hashes, dkim::body_forms(wanted), message::BodyForm::literal, "");
  const auto inputs = std::make_unique<dkim::SigningInputs>();
  const dkim::MessageToSign message{.header = text, .body = &hashes.digests(), .now_s = 1'764'400'000};
  const std::size_t field_bytes = inputs->prepare(message, wanted)->front().field.size();
  const auto signed_fields = std::make_unique<dkim::SignedFields>();
  signed_fields->select(text);
  std::size_t size = wanted.size() * field_bytes;
  for (const dkim::HeaderField* field : signed_fields->fields()) size += field->whole.size() + 2;
  const std::string bytes(size, 'x');
  compare(
      state,
      [&] {
        dkim::Sha256Hash hash;
        hash.update(bytes);
        benchmark::DoNotOptimize(hash.finish());
      },
      [&] { CHECK(inputs->prepare(message, wanted)); });
  state.counters["hashed"] = static_cast<double>(size);
  state.SetLabel(std::string(dkim::name(form)));
}

// A header of 1 KB and a body of as much as is missing.
void both_signatures(benchmark::State& state) {
  const Requests requests;
  const std::string text = make_header(1024);
  const std::string content = make_body(kProse, static_cast<std::size_t>(state.range(0)) - text.size());
  dkim::BodyHashes hashes;
  const auto inputs = std::make_unique<dkim::SigningInputs>();
  const dkim::PrivateKey* keys[] = {&rsa_2048(), &ed25519()};
  const dkim::Digest digest{1, 2, 3};
  std::string fields;
  compare(
      state,
      [&] {
        for (const auto* key : keys) benchmark::DoNotOptimize(key->sign(digest));
      },
      [&] {
        fields.clear();
        hash_body(hashes, dkim::body_forms(requests.both), message::BodyForm::dot_stuffed, content);
        const auto made =
            inputs->prepare({.header = text, .body = &hashes.digests(), .now_s = 1'764'400'000}, requests.both);
        for (std::size_t i = 0; i < 2; ++i)
          dkim::append_signature_field((*made)[i].field, *keys[i]->sign((*made)[i].digest), fields);
      });
  state.counters["times"] = state.counters["ours_us"] / state.counters["bare_us"];
}

void body_arguments(benchmark::internal::Benchmark* bench) {
  bench->Iterations(50);
  for (const int form : {0, 1})
    for (const int text : {kBase64, kProse, kHtml})
      for (const int size : {4096, 16'384, 65'536, 1 << 20}) bench->Args({form, text, size, 0});
  for (const int size : {4096, 16'384, 1 << 20}) bench->Args({1, kProse, size, 1});
}

BENCHMARK(bare_sha256)->Arg(64)->Arg(4096)->Arg(16'384)->Arg(65'536);
BENCHMARK(libcrypto_sha256)->Arg(64)->Arg(4096)->Arg(16'384)->Arg(65'536);
BENCHMARK(libsodium_sha256)->Arg(4096);
BENCHMARK(libcrypto_rsa)->Unit(benchmark::kMicrosecond);
BENCHMARK(wolfssl_rsa)->Unit(benchmark::kMicrosecond);
BENCHMARK(wolfssl_ed25519)->Unit(benchmark::kMicrosecond);
BENCHMARK(libcrypto_ed25519)->Unit(benchmark::kMicrosecond);
BENCHMARK(libsodium_ed25519)->Unit(benchmark::kMicrosecond);
BENCHMARK(parse_rsa)->Unit(benchmark::kMicrosecond);
BENCHMARK(body)->Apply(body_arguments)->Unit(benchmark::kMicrosecond);
BENCHMARK(header)
    ->Args({1024, 1, 1})
    ->Args({4096, 1, 0})
    ->Args({4096, 1, 1})
    ->Args({4096, 2, 1})
    ->Args({65'536, 1, 1})
    ->Iterations(100)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(both_signatures)->Arg(4096)->Arg(51'200)->Arg(1 << 20)->Iterations(50)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();

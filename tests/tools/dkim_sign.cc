// Signs messages for tests/interop/signatures.py:   dkim_sign RSA.der ED25519.der
// First it prints p= of either key's record, in base64, each in a line of its own.  Then it reads messages, each behind
// a line "HEADER_FORM BODY_FORM DOMAIN SELECTOR AGENT|- smtputf8|ascii stuffed|literal NOW PIECE HEADER_SIZE SIZE", and
// prints for each "SIZE\n" and that many bytes: the two fields, RSA's first; or "no-from\n".  PIECE: how many bytes of
// the body are fed at a time.
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/dkim/body_hashes.h"
#include "engine/dkim/private_key.h"
#include "engine/dkim/signature_field.h"
#include "engine/dkim/signing_input.h"
#include "engine/smtp/base64.h"

namespace {

using namespace sluice;

std::unique_ptr<dkim::PrivateKey> read_key(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string der{std::istreambuf_iterator<char>(file), {}};
  auto key = dkim::parse_key(dkim::KeyDer(der));
  if (!key) std::cerr << "dkim_sign: " << path << ": " << key.error() << "\n";
  CHECK(key);
  return *std::move(key);
}

dkim::Canonicalization form_of(std::string_view name) {
  CHECK(name == "simple" || name == "relaxed");
  return name == "simple" ? dkim::Canonicalization::simple : dkim::Canonicalization::relaxed;
}

class Signer {
 public:
  Signer(const char* rsa, const char* ed25519) : keys_{read_key(rsa), read_key(ed25519)} {}

  void print_public_keys() const {
    for (const auto& key : keys_) {
      std::string text;
      smtp::append_base64(key->public_key(), text);
      std::cout << text << std::endl;
    }
  }

  // False at the end of the input.
  bool sign_next() {
    std::string header_form;
    std::string body_form;
    std::string domain;
    std::string selector;
    std::string agent;
    std::string utf8;
    std::string stuffed;
    std::int64_t now = 0;
    std::size_t piece = 0;
    std::size_t header_size = 0;
    std::size_t size = 0;
    if (!(std::cin >> header_form >> body_form >> domain >> selector >> agent >> utf8 >> stuffed >> now >> piece >>
          header_size >> size))
      return false;
    CHECK(std::cin.get() == '\n' && piece > 0 && header_size <= size);
    std::string content(size, '\0');
    CHECK(std::cin.read(content.data(), static_cast<std::streamsize>(size)));

    const auto rsa = dkim::Signatory::make(domain, selector + "-rsa", agent == "-" ? "" : agent);
    const auto ed25519 = dkim::Signatory::make(domain, selector + "-ed25519", agent == "-" ? "" : agent);
    CHECK(rsa && ed25519);
    const std::vector<dkim::SignatureRequest> requests{
        {.signatory = &*rsa, .header = form_of(header_form), .body = form_of(body_form), .lifetime_s = 86'400},
        {.signatory = &*ed25519,
         .algorithm = dkim::Algorithm::ed25519_sha256,
         .header = form_of(header_form),
         .body = form_of(body_form),
         .lifetime_s = 86'400},
    };
    const std::string_view body = std::string_view(content).substr(header_size);
    const auto form = stuffed == "stuffed" ? message::BodyForm::dot_stuffed : message::BodyForm::literal;
    hashes_.reset(dkim::body_forms(requests), form);
    for (std::size_t at = 0; at < body.size(); at += piece) hashes_.feed(body.substr(at, piece));
    hashes_.finish();
    print(inputs_.prepare({.header = std::string_view(content).substr(0, header_size),
                           .form = form,
                           .body = &hashes_.digests(),
                           .internationalized = utf8 == "smtputf8",
                           .now_s = now},
                          requests));
    return true;
  }

 private:
  void print(const std::expected<std::span<const dkim::SigningInput>, dkim::SigningFault>& inputs) const {
    if (!inputs) {
      std::cout << "no-from" << std::endl;
      return;
    }
    std::string fields;
    for (std::size_t i = 0; i < inputs->size(); ++i) {
      const auto signature = keys_[i]->sign((*inputs)[i].digest);
      CHECK(signature);
      dkim::append_signature_field((*inputs)[i].field, *signature, fields);
    }
    std::cout << fields.size() << "\n" << fields << std::flush;
  }

  std::array<std::unique_ptr<dkim::PrivateKey>, 2> keys_;
  dkim::BodyHashes hashes_;
  dkim::SigningInputs inputs_;
};

}  // namespace

int main(int argc, char** argv) {
  CHECK(argc == 3);
  const auto signer = std::make_unique<Signer>(argv[1], argv[2]);
  signer->print_public_keys();
  while (signer->sign_next()) {
  }
  return 0;
}

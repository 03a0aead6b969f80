// Checks DKIM's canonical forms against RFC 6376 3.4 written plainly (tests/support/plain_canonical.h), whatever the
// text and however it is cut; that what is hashed of a dot-stuffed body is what is hashed of it without; and that of a
// header the fields are found, and those that are signed, bounded in number, and their field is one that ends where it
// should. Input: a byte that seeds the cuts, then a message: LF becomes CRLF but behind a CR, so that bare CRs and LFs
// come up, too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/dkim/body_canonical.h"
#include "engine/dkim/header_canonical.h"
#include "engine/dkim/header_fields.h"
#include "engine/dkim/signing_input.h"
#include "engine/smtp/ascii.h"
#include "tests/support/plain_canonical.h"

namespace {

using namespace sluice;
using dkim::Canonicalization;

class Text final : public dkim::BodyOutput {
 public:
  void write(std::string_view bytes) override {
    CHECK(!bytes.empty());
    text += bytes;
  }
  void mark() override { marked = text.size(); }
  void rewind() override { text.resize(marked); }
  std::string text;
  std::size_t marked = 0;
};

// Calls feed(piece) for pieces of odd sizes.
template <typename Feed>
void cut(std::string_view text, std::uint32_t seed, Feed feed) {
  while (!text.empty()) {
    seed = seed * 1'103'515'245 + 12'345;
    const std::size_t size = std::min<std::size_t>(text.size(), 1 + (seed >> 16U) % (seed % 7 == 0 ? 500 : 20));
    feed(text.substr(0, size));
    text.remove_prefix(size);
  }
}

void check_body(std::string_view body, std::uint32_t seed) {
  for (const Canonicalization form : {Canonicalization::simple, Canonicalization::relaxed}) {
    const std::string expected = testing::plain_body(body, form == Canonicalization::relaxed);
    Text whole;
    dkim::BodyCanonicalizer machine(form, whole);
    machine.feed(body);
    machine.finish();
    CHECK(whole.text == expected);
    Text pieces;
    dkim::BodyCanonicalizer again(form, pieces);
    cut(body, seed, [&again](std::string_view piece) { again.feed(piece); });
    again.finish();
    CHECK(pieces.text == expected);
  }
}

dkim::Digest hash(std::string_view body, message::BodyForm form, std::uint32_t seed) {
  dkim::BodyHashes hashes;
  hashes.reset({.relaxed = true}, form);
  cut(body, seed, [&hashes](std::string_view piece) { hashes.feed(piece); });
  hashes.finish();
  return hashes.digests().digest(Canonicalization::relaxed);
}

void check_dots(std::string_view body, std::uint32_t seed) {
  std::string stuffed;
  for (std::size_t at = 0; at < body.size(); ++at) {
    if (body[at] == '.' && (at == 0 || body.substr(0, at).ends_with("\r\n"))) stuffed += '.';
    stuffed += body[at];
  }
  CHECK(hash(body, message::BodyForm::literal, seed) == hash(stuffed, message::BodyForm::dot_stuffed, seed + 1));
}

void check_header(std::string_view header) {
  dkim::HeaderFieldReader reader(header);
  const std::vector<std::string> fields = testing::plain_fields(header);
  std::size_t count = 0;
  bool from = false;
  while (const auto field = reader.next()) {
    CHECK(count < fields.size() && field->whole == fields[count]);
    ++count;
    std::string canonical;
    for (const dkim::SqueezeField squeeze : {dkim::squeeze_field_of_this_machine(), &dkim::squeeze_field_by_changes}) {
      canonical.clear();
      append_canonical(*field, Canonicalization::relaxed, canonical, squeeze);
      CHECK(canonical == testing::plain_relaxed_field(field->whole));
    }
    canonical.clear();
    append_canonical(*field, Canonicalization::simple, canonical);
    CHECK(canonical == field->whole);
    from = from || smtp::equals_ignore_case(field->name, "from");
  }
  CHECK(count == fields.size());
  static const dkim::Signatory signatory = *dkim::Signatory::make("example.com", "s", "joe@example.com");
  const std::vector<dkim::SignatureRequest> requests{{.signatory = &signatory},
                                                     {.signatory = &signatory, .header = Canonicalization::simple}};
  dkim::BodyHashes hashes;
  hashes.reset(body_forms(requests), message::BodyForm::literal);
  hashes.finish();
  static const auto inputs = std::make_unique<dkim::SigningInputs>();
  const auto made = inputs->prepare({.header = header, .body = &hashes.digests(), .now_s = 1}, requests);
  CHECK(made.has_value() == from);
  if (!made) return;
  for (const dkim::SigningInput& input : *made) {
    CHECK(input.field.ends_with(" b=") && input.field.size() < 40'000);
    CHECK(dkim::HeaderFieldReader(input.field).next()->whole.size() == input.field.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string text;
  for (const std::uint8_t byte : std::basic_string_view(data + 1, size - 1)) {
    if (byte == '\n' && !text.ends_with('\r')) text += '\r';
    text += byte == '\v' ? '\n' : static_cast<char>(byte);
  }
  check_body(text, data[0]);
  check_dots(text, data[0]);
  check_header(text);
  return 0;
}

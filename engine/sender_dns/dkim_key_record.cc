#include "engine/sender_dns/dkim_key_record.h"

#include <algorithm>

#include "engine/base/tag_list.h"
#include "engine/smtp/base64.h"

namespace sluice::sender_dns {
namespace {

constexpr std::size_t kStringBytesMax = 255;  // of one string of a TXT record (RFC 1035 3.3)

std::vector<std::string> words_of(const Tag* tag) {
  if (tag == nullptr) return {};
  const auto parts = value_parts(tag->value);
  return {parts.begin(), parts.end()};
}

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string base64_of(std::string_view bytes) {
  std::string text;
  smtp::append_base64(bytes, text);
  return text;
}

constexpr std::string_view kPublish = "publish the record as it should be";
constexpr std::string_view kSplit =
    "a string of a TXT record takes 255 characters: enter the record as several strings in quotes (\"...\" \"...\") of "
    "one record, or have the provider do so, or publish a CNAME";

DkimKeyFault fault(std::string what, std::string_view remedy = kPublish) {
  return {.what = std::move(what), .remedy = std::string(remedy), .note = {}};
}

DkimKeyFault judge_rsa(const DkimKeyRecord& record, std::string_view text, const PublicKey* expected) {
  std::string key;
  const bool decoded = smtp::decode_base64(record.key_text, key);
  const auto bits = decoded ? rsa_key_bits(key) : std::nullopt;
  if (expected != nullptr && bits && same_rsa_key(key, expected->bytes)) {
    if (*bits < kRsaBitsMin)
      return fault("the key has " + std::to_string(*bits) + " bits; verifiers take 1024 at least");
    return {};
  }
  if (expected != nullptr) {
    const std::string wanted = base64_of(expected->bytes);
    if (record.key_text.size() < wanted.size() && wanted.starts_with(record.key_text))
      return fault("the key is cut off after " + std::to_string(record.key_text.size()) + " of " +
                       std::to_string(wanted.size()) + " characters of p=",
                   kSplit);
  }
  if (!bits && text.size() == kStringBytesMax)
    return fault("the record ends after 255 characters, in the middle of its key", kSplit);
  if (!decoded) return fault("p= is no base64");
  if (!bits) return fault("p= is no key of RSA");
  if (expected != nullptr) return fault("it is another key than the one that mail is signed with");
  if (*bits < kRsaBitsMin || *bits > kRsaBitsMax)
    return fault("the key has " + std::to_string(*bits) + " bits; verifiers take 1024 to 4096");
  return {};
}

DkimKeyFault judge_ed25519(const DkimKeyRecord& record, const PublicKey* expected) {
  std::string key;
  if (!smtp::decode_base64(record.key_text, key)) return fault("p= is no base64");
  if (key.size() != kEd25519KeyBytes)
    return fault("a key of Ed25519 has 32 bytes, and p= has " + std::to_string(key.size()) +
                 " (RFC 8463: the bare key, without SubjectPublicKeyInfo)");
  if (expected != nullptr && key != expected->bytes)
    return fault("it is another key than the one that mail is signed with");
  return {};
}

}  // namespace

std::expected<DkimKeyRecord, std::string> parse_dkim_key_record(std::string_view text) {
  const TagList tags(text);
  if (!tags.fault().empty()) return std::unexpected(tags.fault());
  if (const Tag* const version = tags.find("v"); version != nullptr) {
    // RFC 6376 3.6.1: "This tag MUST be the first tag in the record", and says DKIM1.
    if (version->value != "DKIM1") return std::unexpected("v= is not DKIM1");
    if (version != tags.all().data()) return std::unexpected("v= is not the first tag");
  }
  const Tag* const key = tags.find("p");
  if (key == nullptr) return std::unexpected("it has no p=");
  DkimKeyRecord record{.key_text = without_white_space(key->value)};
  if (const Tag* const type = tags.find("k"); type != nullptr) record.type = type->value;
  record.hashes = words_of(tags.find("h"));
  record.services = words_of(tags.find("s"));
  const auto flags = words_of(tags.find("t"));
  record.testing = has(flags, "y");
  record.exact_domain = has(flags, "s");
  return record;
}

std::string dkim_key_record(const PublicKey& key) {
  return "v=DKIM1; k=" + std::string(name(key.type)) + "; p=" + base64_of(key.bytes);
}

DkimKeyFault judge_dkim_key(std::string_view text, const PublicKey* expected) {
  const auto record = parse_dkim_key_record(text);
  if (!record) return fault("it is no record of a key: " + record.error());
  if (record->key_text.empty()) return fault("the key is revoked: p= is empty");
  const bool rsa = record->type == name(KeyType::rsa);
  if (!rsa && record->type != name(KeyType::ed25519))
    return fault("k= says \"" + record->type.substr(0, 40) + "\", which verifiers do not know");
  if (expected != nullptr && record->type != name(expected->type))
    return fault("it is a key of " + record->type + ", and mail is signed with one of " +
                 std::string(name(expected->type)));
  DkimKeyFault found = rsa ? judge_rsa(*record, text, expected) : judge_ed25519(*record, expected);
  if (!found.what.empty()) return found;
  // RFC 8301 3.1: signatures are made with SHA-256 alone.
  if (!record->hashes.empty() && !has(record->hashes, "sha256")) return fault("h= does not allow sha256");
  if (!record->services.empty() && !has(record->services, "*") && !has(record->services, "email"))
    return fault("s= does not allow email");
  if (record->testing) found.note = "t=y says that the domain only tests DKIM";
  return found;
}

}  // namespace sluice::sender_dns

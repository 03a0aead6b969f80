#include "engine/signing/senders_signature.h"

#include <algorithm>
#include <span>

#include "engine/base/domain_name.h"
#include "engine/base/tag_list.h"
#include "engine/dkim/header_fields.h"
#include "engine/dkim/signature_field.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"

namespace sluice::signing {
namespace {

constexpr std::size_t kSignaturesJudged = 8;  // of a message that has more of them
constexpr std::size_t kSelectorShown = 63;

std::string_view value_of(const TagList& tags, std::string_view name) {
  const Tag* const tag = tags.find(name);
  return tag == nullptr ? std::string_view() : tag->value;
}

// RFC 6376 3.5: without c= both are simple; with one word it is the header's.
dkim::Canonicalization body_form(std::string_view canonicalization) {
  const std::size_t slash = canonicalization.find('/');
  const bool relaxed = slash != std::string_view::npos && canonicalization.substr(slash + 1) == "relaxed";
  return relaxed ? dkim::Canonicalization::relaxed : dkim::Canonicalization::simple;
}

bool has_other_hash(const TagList& tags, const ContentToSign& content, dkim::Canonicalization hashed) {
  if (!value_of(tags, "a").ends_with("-sha256") || tags.find("l") != nullptr ||
      body_form(value_of(tags, "c")) != hashed)
    return false;
  std::string there;
  const dkim::Digest& body = content.body().digest(hashed);
  if (!smtp::decode_base64(without_white_space(value_of(tags, "bh")), there) || there.size() != body.size())
    return false;
  const auto bytes = std::as_bytes(std::span(there));
  return !std::ranges::equal(bytes, std::as_bytes(std::span(body)));
}

// Empty: nothing that is looked at here.
std::string fault_of(const TagList& tags, const ContentToSign& content, dkim::Canonicalization hashed) {
  // RFC 6376 6.1.1: a verifier fails what does not keep to the syntax, and what lacks a tag that is required.
  if (!tags.fault().empty()) return tags.fault();
  for (const std::string_view required : {"v", "a", "b", "bh", "d", "h", "s"})
    if (tags.find(required) == nullptr) return "it has no " + std::string(required) + "=";
  if (has_other_hash(tags, content, hashed)) return "its body hash is not that of the body";
  return {};
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

std::optional<BrokenSignature> find_broken_signature(const ContentToSign& content, std::string_view domain,
                                                     dkim::Canonicalization hashed) {
  if (domain.empty()) return std::nullopt;
  dkim::HeaderFieldReader reader(content.header());
  std::size_t judged = 0;
  while (const auto field = reader.next()) {
    if (!smtp::equals_ignore_case(field->name, dkim::kSignatureFieldName)) continue;
    if (++judged > kSignaturesJudged) break;
    const TagList tags(field->whole.substr(field->colon + 1));
    if (domain_key(value_of(tags, "d")) != domain) continue;
    std::string fault = fault_of(tags, content, hashed);
    if (fault.empty()) continue;
    return BrokenSignature{.selector = printable(std::string(value_of(tags, "s").substr(0, kSelectorShown))),
                           .fault = printable(std::move(fault))};
  }
  return std::nullopt;
}

}  // namespace sluice::signing

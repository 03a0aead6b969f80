#include "engine/signing/senders_signature.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/dkim/header_fields.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"

namespace sluice::signing {
namespace {

constexpr std::size_t kSignaturesJudged = 8;  // of a message that has more of them
constexpr std::size_t kSelectorShown = 63;

// The tags that it is judged by (RFC 6376 3.5), without white space.
struct SendersTags {
  std::string algorithm;         // a=
  std::string body_hash;         // bh=
  std::string canonicalization;  // c=
  std::string domain;            // d=
  std::string length;            // l=
  std::string selector;          // s=
};

SendersTags read_tags(std::string_view list) {
  SendersTags tags;
  const std::array<std::pair<std::string_view, std::string*>, 6> wanted{{{"a", &tags.algorithm},
                                                                         {"bh", &tags.body_hash},
                                                                         {"c", &tags.canonicalization},
                                                                         {"d", &tags.domain},
                                                                         {"l", &tags.length},
                                                                         {"s", &tags.selector}}};
  while (!list.empty()) {
    std::string tag(list.substr(0, list.find(';')));
    list.remove_prefix(std::min(tag.size() + 1, list.size()));
    std::erase_if(tag, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos) continue;
    for (const auto& [name, value] : wanted)
      if (std::string_view(tag).substr(0, equals) == name) *value = tag.substr(equals + 1);
  }
  return tags;
}

// RFC 6376 3.5: without c= both are simple; with one word it is the header's.
dkim::Canonicalization body_form(const std::string& canonicalization) {
  const std::size_t slash = canonicalization.find('/');
  const bool relaxed = slash != std::string::npos && canonicalization.substr(slash + 1) == "relaxed";
  return relaxed ? dkim::Canonicalization::relaxed : dkim::Canonicalization::simple;
}

bool is_broken(const SendersTags& tags, const ContentToSign& content, dkim::Canonicalization hashed) {
  if (!tags.algorithm.ends_with("-sha256") || !tags.length.empty() || body_form(tags.canonicalization) != hashed)
    return false;
  std::string there;
  const dkim::Digest& body = content.body().digest(hashed);
  if (!smtp::decode_base64(tags.body_hash, there) || there.size() != body.size()) return false;
  const auto bytes = std::as_bytes(std::span(there));
  return !std::ranges::equal(bytes, std::as_bytes(std::span(body)));
}

}  // namespace

std::optional<std::string> find_broken_signature(const ContentToSign& content, std::string_view domain,
                                                 dkim::Canonicalization hashed) {
  if (domain.empty()) return std::nullopt;
  dkim::HeaderFieldReader reader(content.header());
  std::size_t judged = 0;
  while (const auto field = reader.next()) {
    if (!smtp::equals_ignore_case(field->name, "DKIM-Signature")) continue;
    if (++judged > kSignaturesJudged) break;
    SendersTags tags = read_tags(field->whole.substr(field->colon + 1));
    if (domain_key(tags.domain) != domain || !is_broken(tags, content, hashed)) continue;
    tags.selector.resize(std::min(tags.selector.size(), kSelectorShown));
    std::ranges::replace_if(tags.selector, [](char c) { return c <= ' ' || c > '~'; }, '?');
    return tags.selector;
  }
  return std::nullopt;
}

}  // namespace sluice::signing

#include "auth/domain_list.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/text.h"
#include "engine/base/domain_name.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kLabelBytesMax = 63;
constexpr std::string_view kBelow = "*.";

bool is_label_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, is_label_byte);
}

bool is_domain(std::string_view text) {
  if (text.size() > kDomainBytesMax) return false;
  std::size_t labels = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    ++labels;
    if (dot == std::string_view::npos) return labels >= 2;
    text.remove_prefix(dot + 1);
  }
}

std::string entry_key(std::string_view entry) {
  if (!entry.starts_with(kBelow)) return domain_key(entry);
  return std::string(kBelow) + domain_key(entry.substr(kBelow.size()));
}

// True if `domain` lies below `base`: www.example.com below example.com, which is not below itself.
bool lies_below(std::string_view domain, std::string_view base) {
  return domain.size() > base.size() + 1 && domain.ends_with(base) && domain[domain.size() - base.size() - 1] == '.';
}

}  // namespace

DomainList::DomainList(std::vector<std::string> entries) : entries_(std::move(entries)) {
  for (std::string& entry : entries_) entry = entry_key(entry);
  std::ranges::sort(entries_);
  const auto repeated = std::ranges::unique(entries_);
  entries_.erase(repeated.begin(), repeated.end());
}

bool DomainList::has(std::string_view entry) const { return std::ranges::binary_search(entries_, entry); }

bool DomainList::covers(std::string_view domain) const {
  // The parser has seen to the syntax; this keeps "*" and empty labels from matching an entry as
  // written.
  if (domain.empty() || domain.size() > kDomainBytesMax || domain.front() == '[') return false;
  if (domain.front() == '.' || domain.find("..") != std::string_view::npos) return false;
  if (domain.find('*') != std::string_view::npos) return false;
  std::string name = domain_key(domain);
  if (is_international(name)) return false;  // no domain by IDNA
  if (has(name)) return true;
  // "a.b.example.com" asks for "*.b.example.com", then "*.example.com", then "*.com", in place.
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    name[dot - 1] = '*';
    if (has(std::string_view(name).substr(dot - 1))) return true;
  }
  return false;
}

std::optional<std::string> canonical_domain_entry(std::string_view text) {
  bool below = true;
  if (text.starts_with(kBelow)) {
    text.remove_prefix(kBelow.size());
  } else if (text.starts_with('.')) {
    text.remove_prefix(1);
  } else {
    below = false;
  }
  if (!is_clean_text(text)) return std::nullopt;
  const std::string domain = domain_key(text);
  if (!is_domain(domain)) return std::nullopt;
  return std::string(below ? kBelow : "") + domain;
}

bool entries_overlap(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const bool below_a = a.starts_with(kBelow);
  const bool below_b = b.starts_with(kBelow);
  if (below_a) a.remove_prefix(kBelow.size());
  if (below_b) b.remove_prefix(kBelow.size());
  return (below_a && lies_below(b, a)) || (below_b && lies_below(a, b));
}

}  // namespace sluice::auth

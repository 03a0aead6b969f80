// The domains that a customer may send from, and the one rule for whether a domain is among them.
// Immutable once made, so it may be shared between threads.
//
// An entry is either a domain, which covers exactly itself and no subdomain, or "*." and a domain,
// which covers every name below that domain, at any depth, but not the domain itself. All spellings
// of a domain are one, be it written in U-labels or in A-labels ("xn--..."): they compare by
// domain_key(). Address literals are covered by nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

inline constexpr std::size_t kDomainBytesMax = 255;

class DomainList {
 public:
  DomainList() = default;
  // Puts the entries in lower-case A-labels and in order, each once. Entries are to be in the form that
  // canonical_domain_entry() gives; others simply cover nothing.
  explicit DomainList(std::vector<std::string> entries);

  [[nodiscard]] bool covers(std::string_view domain) const;

  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  friend bool operator==(const DomainList&, const DomainList&) = default;

 private:
  [[nodiscard]] bool has(std::string_view entry) const;
  std::vector<std::string> entries_;  // sorted, lower-case A-labels
};

// The form in which an entry is stored and compared: lower-case A-labels, ".example.com" written
// "*.example.com". Nothing if `text` is not a domain of two labels or more (so neither "com" nor
// "*.com" can be given away), is an address literal, is over 255 bytes, or has a label that is
// empty, over 63 bytes, not clean text, begins or ends with "-", or holds an ASCII character other
// than letters, digits, "-" and "_".
[[nodiscard]] std::optional<std::string> canonical_domain_entry(std::string_view text);

// True if some domain is covered by both entries (both in canonical form).
[[nodiscard]] bool entries_overlap(std::string_view a, std::string_view b);

}  // namespace sluice::auth

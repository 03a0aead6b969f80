// Domain names in the one form in which they are compared: lower-case A-labels (RFC 5890), so that "Bücher.example" and
// "xn--bcher-kva.example" are one domain for senders, authors, logins, routes and destinations alike.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// `domain` has bytes beyond ASCII.
[[nodiscard]] bool is_international(std::string_view domain);

// The A-labels of an international domain, in lower case: "xn--bcher-kva.example" for "Bücher.example" (IDNA 2008 with
// the mapping of UTS 46, not transitional; decomposed letters are composed first, NFC).  nullopt: it is no such domain,
// or too long as one.
[[nodiscard]] std::optional<std::string> ascii_domain(std::string_view domain);

// The U-labels of a domain in A-labels: "bücher.example" for "xn--bcher-kva.example".  nullopt: an A-label that has
// none.
[[nodiscard]] std::optional<std::string> unicode_domain(const std::string& ascii);

// An address, an international domain in it as A-labels: "bob@xn--bcher-kva.example".  nullopt: that is not all that is
// not ASCII, or it is no domain.
[[nodiscard]] std::optional<std::string> ascii_address(std::string_view address);

// Each A-label ("xn--...") of a domain in ASCII is the one that its U-label has.  One that is not, as of a decomposed
// letter, is shown by many programs as another domain (RFC 5891 5.4), and is refused as a customer's.
[[nodiscard]] bool has_true_a_labels(std::string_view domain);

// An international domain is written with the letters of its U-labels, small or capital, and nothing is in it that
// their mapping leaves out or makes ASCII of: not as "exam(U+00AD)ple.com", which many programs take for another domain
// than "example.com".  True of every domain in ASCII, and of what is no domain.
[[nodiscard]] bool has_plain_u_labels(std::string_view domain);

// What a domain is compared and looked up by.  Equal for all spellings of one domain.  What has no A-labels (an address
// literal, a name that IDNA does not allow) keeps its bytes, ASCII letters in lower case, and so equals itself alone.
// For a domain in ASCII it costs a copy.
[[nodiscard]] std::string domain_key(std::string_view domain);

}  // namespace sluice

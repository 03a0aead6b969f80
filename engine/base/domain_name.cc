#include "engine/base/domain_name.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "engine/base/ascii.h"

namespace sluice {
namespace {

constexpr std::size_t kDomainBytesMax = 255;  // RFC 5321 4.5.3.1.2, in bytes of UTF-8
constexpr std::size_t kAsciiBytesMax = 253;  // RFC 1035 2.3.4, without the length bytes of the first label and the root
constexpr std::size_t kLabelBytesMax = 63;

struct Free {
  void operator()(char* text) const { idn2_free(text); }
};

bool is_label_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

// The mapping may have made an "@", a blank or an empty label of what looked like a letter.
bool is_host_name(std::string_view name) {
  if (name.size() > kAsciiBytesMax) return false;
  for (;;) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, end);
    if (label.empty() || label.size() > kLabelBytesMax || label.front() == '-' || label.back() == '-' ||
        !std::ranges::all_of(label, is_label_byte))
      return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

// The first letter of text in UTF-8.
std::string_view take_letter(std::string_view& text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) ++size;
  const std::string_view letter = text.substr(0, size);
  text.remove_prefix(size);
  return letter;
}

}  // namespace

bool is_international(std::string_view domain) {
  return std::ranges::any_of(domain, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::optional<std::string> ascii_domain(std::string_view domain) {
  if (domain.size() > kDomainBytesMax || domain.find('\0') != std::string_view::npos) return std::nullopt;
  char* converted = nullptr;
  const int result = idn2_to_ascii_8z(std::string(domain).c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, Free> owned(converted);
  if (result != IDN2_OK) return std::nullopt;
  std::string ascii(converted);
  std::ranges::transform(ascii, ascii.begin(), to_lower);
  if (!is_host_name(ascii)) return std::nullopt;
  return ascii;
}

std::optional<std::string> unicode_domain(const std::string& ascii) {
  char* converted = nullptr;
  const int result = idn2_to_unicode_8z8z(ascii.c_str(), &converted, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, Free> owned(converted);
  if (result != IDN2_OK) return std::nullopt;
  return std::string(converted);
}

std::optional<std::string> ascii_address(std::string_view address) {
  if (!is_international(address)) return std::string(address);
  const std::size_t domain = address.rfind('@') + 1;
  if (domain < 2 || is_international(address.substr(0, domain))) return std::nullopt;
  const auto ascii = ascii_domain(address.substr(domain));
  if (!ascii) return std::nullopt;
  return std::string(address.substr(0, domain)) + *ascii;
}

bool has_true_a_labels(std::string_view domain) {
  std::string lower(domain);
  std::ranges::transform(lower, lower.begin(), to_lower);
  if (!lower.starts_with("xn--") && lower.find(".xn--") == std::string::npos) return true;
  const auto shown = unicode_domain(lower);
  return shown && is_international(*shown) && ascii_domain(*shown) == lower;
}

bool has_plain_u_labels(std::string_view domain) {
  if (!is_international(domain)) return true;
  const auto ascii = ascii_domain(domain);
  if (!ascii) return true;
  const auto shown = unicode_domain(*ascii);
  if (!shown) return false;
  std::string_view mapped = *shown;
  while (!domain.empty() && !mapped.empty()) {
    const std::string_view letter = take_letter(domain);
    const std::string_view as = take_letter(mapped);
    const bool same = letter.size() > 1 ? as.size() > 1 : as.size() == 1 && to_lower(letter.front()) == as.front();
    if (!same) return false;
  }
  return domain.empty() && mapped.empty();
}

std::string domain_key(std::string_view domain) {
  if (is_international(domain))
    if (auto ascii = ascii_domain(domain)) return *std::move(ascii);
  std::string lower(domain);
  std::ranges::transform(lower, lower.begin(), to_lower);
  return lower;
}

}  // namespace sluice

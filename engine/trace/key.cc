#include "engine/trace/key.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/base/address_list.h"
#include "engine/base/ascii.h"

namespace sluice::trace {
namespace {

constexpr std::array kRoles{
    std::pair{std::string_view("id"), KeyRole{KeyForm::plain, KeyKind::id}},
    std::pair{std::string_view("message_id"), KeyRole{KeyForm::plain, KeyKind::message_id}},
    std::pair{std::string_view("account"), KeyRole{KeyForm::plain, KeyKind::account}},
    std::pair{std::string_view("customer"), KeyRole{KeyForm::plain, KeyKind::customer}},
    std::pair{std::string_view("from"), KeyRole{KeyForm::address, KeyKind::sender}},
    std::pair{std::string_view("author"), KeyRole{KeyForm::address, KeyKind::sender}},
    std::pair{std::string_view("to"), KeyRole{KeyForm::addresses, KeyKind::recipient}},
    std::pair{std::string_view("argument"), KeyRole{KeyForm::path, KeyKind::recipient}},
    std::pair{std::string_view("next_hop"), KeyRole{KeyForm::host, KeyKind::next_hop}},
    std::pair{std::string_view("next_hop_address"), KeyRole{KeyForm::host, KeyKind::next_hop}},
    std::pair{std::string_view("client"), KeyRole{KeyForm::plain, KeyKind::client}},
    std::pair{std::string_view("verdict"), KeyRole{KeyForm::plain, KeyKind::verdict}},
};

constexpr std::array kVerdicts{
    std::pair{std::string_view("refused"), std::string_view("refused")},
    std::pair{std::string_view("message_held"), std::string_view("held")},
    std::pair{std::string_view("message_aborted"), std::string_view("aborted")},
};

constexpr std::array kWordKeys{std::string_view("reply"), std::string_view("detail"), std::string_view("reason"),
                               std::string_view("reasons")};

// Of the domain of such an address.
constexpr KeyKind domain_kind(KeyKind address) {
  return address == KeyKind::sender ? KeyKind::sender_domain : KeyKind::recipient_domain;
}

constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kLowerCase = 0x2020202020202020;

// Multiplied to 128 bits, and folded.
std::uint64_t folded(std::uint64_t one, std::uint64_t other) {
  const auto product = static_cast<unsigned __int128>(one) * other;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t word_at(const char* begin) {
  std::uint64_t word = 0;
  std::memcpy(&word, begin, sizeof word);
  return word;
}

// `mask`: bits that are set in each byte beforehand.  The bytes of the last word that a text has not are 0.
std::uint64_t hash_words(std::string_view text, std::uint64_t seed, std::uint64_t mask) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t hash = seed ^ text.size() * kSpread;
  const char* next = text.data();
  std::size_t left = text.size();
  for (; left >= kWord; left -= kWord, next += kWord) hash = folded(hash ^ (word_at(next) | mask), kSpread);
  if (left > 0) {
    std::uint64_t word = 0;
    if (text.size() >= kWord) {
      word = word_at(next + left - kWord) >> (8 * (kWord - left));
    } else {
      for (std::size_t i = 0; i < left; ++i) word |= std::uint64_t{static_cast<unsigned char>(next[i])} << (8 * i);
    }
    hash = folded(hash ^ (word | mask), kSpread);
  }
  return folded(hash, kSpread);
}

std::string_view without(std::string_view text, char first, char last) {
  if (text.size() >= 2 && text.front() == first && text.back() == last) return text.substr(1, text.size() - 2);
  return text;
}

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool digits = colon != std::string_view::npos && colon + 1 < host.size() &&
                      host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  const bool one_colon = digits && (host.find(':') == colon || host[colon - 1] == ']');
  return without(one_colon ? host.substr(0, colon) : host, '[', ']');
}

std::string_view address_in_path(std::string_view argument) {
  const std::size_t begin = argument.find('<');
  const std::size_t end = argument.rfind('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return argument.substr(begin + 1, end - begin - 1);
}

}  // namespace

KeyRole role_of(std::string_view key) {
  for (const auto& [name, role] : kRoles)
    if (name == key) return role;
  return {};
}

bool may_have(KeyRole role, KeyKind kind) {
  switch (role.form) {
    case KeyForm::none:
      return false;
    case KeyForm::plain:
    case KeyForm::host:
      return kind == role.kind;
    case KeyForm::address:
    case KeyForm::addresses:
      return kind == role.kind || kind == domain_kind(role.kind);
    case KeyForm::path:
      return kind == KeyKind::sender || kind == KeyKind::sender_domain || kind == KeyKind::recipient ||
             kind == KeyKind::recipient_domain;
  }
  return false;
}

bool has_words(std::string_view key) { return std::ranges::find(kWordKeys, key) != kWordKeys.end(); }

std::string_view verdict_of(std::string_view event) {
  for (const auto& [name, verdict] : kVerdicts)
    if (name == event) return verdict;
  return {};
}

KeyValues::KeyValues(KeyRole role, std::string_view value) : role_(role), rest_(value) {
  switch (role.form) {
    case KeyForm::none:
      rest_ = {};
      break;
    case KeyForm::plain:
      if (role.kind == KeyKind::message_id) rest_ = without(value, '<', '>');
      break;
    case KeyForm::address:
    case KeyForm::addresses:
      break;
    case KeyForm::host:
      rest_ = without_port(value);
      break;
    case KeyForm::path:
      if (!value.empty() && to_lower(value.front()) == 'f') role_.kind = KeyKind::sender;
      rest_ = address_in_path(value);
      role_.form = KeyForm::address;
      break;
  }
}

std::string_view KeyValues::next_address() {
  const bool one = role_.form == KeyForm::address;
  return without(one ? std::exchange(rest_, {}) : take_address(rest_), '<', '>');
}

std::optional<KeyValue> KeyValues::next() {
  if (!domain_.empty()) {
    return KeyValue{.kind = domain_kind(role_.kind), .text = std::exchange(domain_, {})};
  }
  if (rest_.empty()) return std::nullopt;
  if (role_.form != KeyForm::address && role_.form != KeyForm::addresses)
    return KeyValue{.kind = role_.kind, .text = std::exchange(rest_, {})};
  const std::string_view address = next_address();
  const std::size_t at = address.rfind('@');
  if (at != std::string_view::npos) domain_ = address.substr(at + 1);
  return KeyValue{.kind = role_.kind, .text = address};
}

std::uint32_t key_hash(KeyKind kind, std::string_view text) {
  return static_cast<std::uint32_t>(hash_words(text, static_cast<std::uint64_t>(kind) + 1, kLowerCase));
}

bool same_key(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (one.size() >= kWord) {  // most differ in their last letters, if at all
    const std::size_t last = one.size() - kWord;
    if ((word_at(one.data() + last) | kLowerCase) != (word_at(other.data() + last) | kLowerCase)) return false;
  }
  return std::ranges::equal(one, other, {}, to_lower, to_lower);
}

bool contains_in_any_case(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, {}, to_lower, to_lower).empty() || part.empty();
}

std::uint64_t text_hash(std::string_view text) { return hash_words(text, 0, 0); }

}  // namespace sluice::trace

#include "engine/event/privacy.h"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <span>

#include "engine/base/address_list.h"
#include "engine/base/ascii.h"
#include "engine/base/check.h"
#include "engine/base/network.h"
#include "engine/text/hex.h"

namespace sluice::event {
namespace {

// What a key's value is.
enum class Holds : std::uint8_t {
  neither,
  client,      // an IP address or network; or whatever else an event is about, which stays
  recipients,  // "a@example.com, b@example.net"
  words,       // a text of others, with addresses in it
  filter,      // a text of an operator's, with addresses of both kinds in it
};

Holds holds(std::string_view key) {
  struct Row {
    std::string_view key;
    Holds holds;
  };
  static constexpr Row kRows[] = {
      {"client", Holds::client},  {"subject", Holds::client}, {"name", Holds::client},
      {"to", Holds::recipients},  {"detail", Holds::words},   {"reply", Holds::words},
      {"argument", Holds::words}, {"helo", Holds::words},     {"filter", Holds::filter},
  };
  const auto* const found = std::ranges::find(kRows, key, &Row::key);
  return found == std::end(kRows) ? Holds::neither : found->holds;
}

std::optional<Network> network_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  auto network = Network::parse(text);
  return network ? std::optional(*network) : std::nullopt;
}

bool parts_words(char c) { return c <= ' ' || std::string_view("<>()[]{},;\"'=").contains(c); }

// Without what ends a sentence behind it: dots and colons, but for those of an address, such as 2001:db8::.
std::string_view without_end(std::string_view word) {
  while (!word.empty() && std::string_view(".:!?").contains(word.back()) && !network_of(word)) word.remove_suffix(1);
  return word;
}

// The bytes of "a b"@ (RFC 5321 4.1.2) at the beginning of `text`; 0: it does not begin with one.
std::size_t quoted_local_part(std::string_view text) {
  if (!text.starts_with('"')) return 0;
  const std::size_t end = text.find("\"@", 1);
  return end == std::string_view::npos ? 0 : end + 2;
}

}  // namespace

// Of 64 bits: among a hundred million addresses two have the same with a probability of some ten thousandth.
std::string Privacy::token(std::string_view what, std::string_view address) const {
  std::string hashed(what);
  hashed.push_back('\0');
  std::ranges::transform(address, std::back_inserter(hashed), to_lower);
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash;
  CHECK(crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(hashed.data()),
                           hashed.size(), reinterpret_cast<const unsigned char*>(options_.key.data()),
                           options_.key.size()) == 0);
  return text::hex(std::as_bytes(std::span(hash)).first<kTokenDigits / 2>());
}

std::string Privacy::client(std::string_view address) const {
  constexpr unsigned kIpv4Bits = 24;
  constexpr unsigned kIpv6Bits = 48;
  const auto network = network_of(address);
  if (!network || options_.clients == AddressForm::keep) return std::string(address);
  if (options_.clients == AddressForm::hash)
    return std::string(kHashedClientPrefix) + token("client", network->to_string());
  const std::string_view base = address.substr(0, address.find('/'));
  const unsigned bits = std::min(network->prefix_bits(), network->is_ipv4() ? kIpv4Bits : kIpv6Bits);
  return Network::around(parse_ip(base).value_or(IpBytes{}).span(), bits, bits).to_string();
}

std::string Privacy::recipient(std::string_view address) const {
  if (options_.recipients == AddressForm::keep || address.empty()) return std::string(address);
  const std::size_t at = address.rfind('@');
  const std::string_view domain = at == std::string_view::npos ? std::string_view() : address.substr(at);
  const std::string local = options_.recipients == AddressForm::hash ? token("recipient", address) : "*";
  return local + std::string(domain);
}

std::string Privacy::recipients(std::string_view list) const {
  std::string made;
  while (!list.empty()) {
    const std::string_view address = take_address(list);
    made.append(made.empty() ? "" : kAddressSeparator).append(recipient(address));
  }
  return made;
}

std::string Privacy::words(std::string_view text, std::string_view own_client, bool any_client) const {
  std::string made;
  while (!text.empty()) {
    const std::size_t quoted = quoted_local_part(text);
    if (quoted == 0 && parts_words(text.front())) {
      made.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    const auto* const end = std::find_if(text.begin() + quoted, text.end(), parts_words);
    std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    // Behind a word, "IPv6:" of an address literal in front, a sentence goes on or ends.
    constexpr std::string_view kTag = "IPv6:";
    if (word.starts_with(kTag)) {
      made.append(kTag);
      word.remove_prefix(kTag.size());
    }
    const std::string_view core = without_end(word);
    if (core.contains('@'))
      made.append(recipient(core));
    else if (any_client || (!core.empty() && core == own_client))
      made.append(client(core));
    else
      made.append(core);
    made.append(word.substr(core.size()));
  }
  return made;
}

Event Privacy::apply(const Event& event, PrivateValues& room) const {
  room.texts.clear();
  std::ranges::copy(event.values, room.values.begin());
  const Value* const client_value = find_value(event, "client");
  const auto* const client_text = client_value == nullptr ? nullptr : std::get_if<std::string_view>(client_value);
  const std::string_view own_client = client_text == nullptr ? std::string_view() : *client_text;
  for (std::size_t i = 0; i < event.values.size(); ++i) {
    const auto* const text = std::get_if<std::string_view>(&event.values[i]);
    if (text == nullptr || text->empty()) continue;
    switch (holds(event.row.keys[i].name)) {
      case Holds::neither:
        continue;
      case Holds::client:
        room.texts.push_back(client(*text));
        break;
      case Holds::recipients:
        room.texts.push_back(recipients(*text));
        break;
      case Holds::words:
        room.texts.push_back(words(*text, own_client, /*any_client=*/false));
        break;
      case Holds::filter:
        room.texts.push_back(words(*text, own_client, /*any_client=*/true));
        break;
    }
    room.values[i] = std::string_view(room.texts.back());
  }
  return {.at = event.at,
          .kind = event.kind,
          .severity = event.severity,
          .row = event.row,
          .values = std::span<const Value>(room.values).first(event.values.size())};
}

}  // namespace sluice::event

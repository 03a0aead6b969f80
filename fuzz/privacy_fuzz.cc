// Checks of what is left of addresses where the log shortens or hashes them, whatever others have written:
//   - in a list of recipients and in words no mail address is left in full: in front of each @ is "*", or a token;
//   - nor is the client's own address, as a word of its own;
//   - what is made is not much longer than what came, and is made again to the same;
//   - where all is kept, nothing changes.
// Input: a byte that chooses the forms, the client's address up to a newline, a text.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/check.h"
#include "engine/base/network.h"
#include "engine/event/events.h"
#include "engine/event/privacy.h"
#include "engine/event/rows.h"

namespace {

using namespace sluice;
using event::AddressForm;

constexpr std::size_t kTokenChars = 16;

// A key of what apply() makes of an event that happened.
template <typename T>
std::string kept(const event::Privacy& privacy, const T& happened, std::string_view key) {
  const auto values = event::values_of(happened);
  const event::Event event{
      .at = 0, .kind = T::kKind, .severity = T::kSeverity, .row = event::row_of(T::kKind), .values = std::span(values)};
  event::PrivateValues room;
  const event::Event made = privacy.apply(event, room);
  const event::Value* const value = event::find_value(made, key);
  CHECK(value != nullptr);
  const auto* const text = std::get_if<std::string_view>(value);
  return text == nullptr ? std::string() : std::string(*text);
}

bool is_token(std::string_view text) {
  return text.size() == kTokenChars &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0 && std::isupper(c) == 0; });
}

void check_recipients(std::string_view made, AddressForm form) {
  for (std::size_t at = made.find('@'); at != std::string_view::npos; at = made.find('@', at + 1)) {
    if (form == AddressForm::shorten) CHECK(at > 0 && made[at - 1] == '*');
    if (form == AddressForm::hash) CHECK(at >= kTokenChars && is_token(made.substr(at - kTokenChars, kTokenChars)));
  }
}

// As a word of its own, or the address of a literal, and not within a longer one.
void check_client(std::string_view made, std::string_view client) {
  const auto parts = [](char c) { return c <= ' ' || std::string_view("<>()[]{},;\"'=").contains(c); };
  for (std::size_t at = made.find(client); at != std::string_view::npos; at = made.find(client, at + 1)) {
    std::string_view before = made.substr(0, at);
    constexpr std::string_view kTag = "IPv6:";
    if (before.ends_with(kTag)) before.remove_suffix(kTag.size());
    const std::string_view behind = made.substr(at + client.size());
    CHECK((!before.empty() && !parts(before.back())) || (!behind.empty() && !parts(behind.front())));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr unsigned kForms = 3;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view client = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(std::min(input.size(), client.size() + 1));
  const auto clients = static_cast<AddressForm>(data[0] % kForms);
  const auto recipients = static_cast<AddressForm>(data[0] / kForms % kForms);
  const event::Privacy privacy({.clients = clients, .recipients = recipients});

  const std::string words = kept(privacy, event::Refused{.client = client, .reply = text}, "reply");
  const std::string list = kept(privacy, event::Delivery{.to = text}, "to");
  if (clients == AddressForm::keep && recipients == AddressForm::keep) {
    CHECK(words == text);
    return 0;
  }
  check_recipients(words, recipients);
  check_recipients(list, recipients);
  const std::size_t bytes_max = 20 * (text.size() + 1);
  CHECK(words.size() <= bytes_max && list.size() <= bytes_max);
  CHECK(kept(privacy, event::Refused{.client = client, .reply = text}, "reply") == words);
  // A network may be what it was shortened to, and a mail address that is kept may have it for its local part.
  const bool address = Network::parse(client).has_value() && !client.contains('/');
  if (clients == AddressForm::hash && recipients != AddressForm::keep && address) check_client(words, client);
  return 0;
}

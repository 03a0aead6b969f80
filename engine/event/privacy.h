// What of strangers' addresses may outlast the process: of clients their IP addresses, of recipients their mail
// addresses.  The dispatcher gives consumers that keep events (Consumer::keeps) each event as this makes it.
//
//   keep       as it is
//   shorten    192.0.2.0/24, 2001:db8:1::/48; *@example.net
//   hash       ip-5f1d7c2a90b3e846; 5f1d7c2a90b3e846@example.net: a keyed hash, so that the same address, in whatever
//              case, is the same token as long as the key is the same, and nobody finds it by trying all addresses
//
// Which keys of an event have such addresses is said here once, by the keys' names, as a name says the same in every
// event.  In texts of others (replies, arguments, helo) mail addresses are treated as recipients, and the client's own
// address as itself.  Account names and reverse-paths stay: they are the operator's own customers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "engine/event/record.h"

namespace sluice::event {

enum class AddressForm : std::uint8_t { keep, shorten, hash };

inline constexpr std::size_t kPrivacyKeyBytes = 32;
using PrivacyKey = std::array<std::byte, kPrivacyKeyBytes>;

struct PrivacyOptions {
  AddressForm clients = AddressForm::keep;
  AddressForm recipients = AddressForm::keep;
  PrivacyKey key{};  // of hashes; a secret

  [[nodiscard]] bool keeps_all() const { return clients == AddressForm::keep && recipients == AddressForm::keep; }
};

// Where the values of an event are that apply() has returned.
struct PrivateValues {
  std::array<Value, kKeysMax> values;
  std::deque<std::string> texts;
};

// How hashes look: a client's is behind this, a recipient's local part is the digits alone.
inline constexpr std::string_view kHashedClientPrefix = "ip-";
inline constexpr std::size_t kTokenDigits = 16;

// Pure; any thread.
class Privacy {
 public:
  explicit Privacy(const PrivacyOptions& options) : options_(options) {}

  // Valid as long as `event` and `room` are.
  [[nodiscard]] Event apply(const Event& event, PrivateValues& room) const;
  // One value of such a key. A client that is no IP address or network stays as it is.
  [[nodiscard]] std::string client(std::string_view address) const;
  [[nodiscard]] std::string recipient(std::string_view address) const;

 private:
  [[nodiscard]] std::string recipients(std::string_view list) const;
  [[nodiscard]] std::string words(std::string_view text, std::string_view own_client, bool any_client) const;
  [[nodiscard]] std::string token(std::string_view what, std::string_view address) const;

  const PrivacyOptions options_;
};

}  // namespace sluice::event

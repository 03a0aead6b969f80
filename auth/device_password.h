// Device passwords: made by us, one for each printer, program or phone, so that the mailbox's own password is in none
// of them, and each can be revoked alone.  20 characters of [a-z2-7]: 100 bits, more than anybody can guess, so that a
// plain keyed hash keeps them, and one look-up finds them. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

inline constexpr std::size_t kDevicePasswordBytes = 20;
inline constexpr std::size_t kDevicesMax = 50;  // of one account

// The password that `secret` is if it is one, in its one spelling: people type it with capitals, and with the blanks or
// hyphens that they were shown it with.  Overwrite it after use.
[[nodiscard]] std::optional<std::string> device_password(std::string_view secret);

// Whether it could be one; most passwords are not.
[[nodiscard]] bool is_device_password(std::string_view secret);

// `random`: kDevicePasswordBytes random bytes.
[[nodiscard]] std::string make_device_password(std::string_view random);
// As it is shown: four groups of five.
[[nodiscard]] std::string shown_device_password(std::string_view password);

// What a store keeps of it, in hex.  `key`: the store's own, so that the hashes of two stores cannot be compared.
[[nodiscard]] std::string device_hash(std::string_view key, std::string_view password);

}  // namespace sluice::auth

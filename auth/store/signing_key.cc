#include "auth/store/signing_key.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/store/signing_key_rows.h"

namespace sluice::auth {
namespace {

constexpr std::array kStates{std::pair(std::string_view("published"), KeyState::published),
                             std::pair(std::string_view("active"), KeyState::active),
                             std::pair(std::string_view("retired"), KeyState::retired),
                             std::pair(std::string_view("revoked"), KeyState::revoked)};

}  // namespace

std::string_view key_state_name(KeyState state) {
  return std::ranges::find(kStates, state, &std::pair<std::string_view, KeyState>::second)->first;
}

SigningKeyRecord signing_key_of(const Row& row) {
  const std::string state = row.text(3);
  // The table takes no other.
  const auto* const known = std::ranges::find(kStates, state, &std::pair<std::string_view, KeyState>::first);
  return {.domain = row.text(0),
          .selector = row.text(1),
          .algorithm = row.text(2),
          .state = known == kStates.end() ? KeyState::revoked : known->second,
          .since = row.integer(4),
          .created = row.integer(5),
          .public_key = row.text(6),
          .fit = {.wrong_since = row.integer(7), .kept_back = row.integer(8) != 0}};
}

std::optional<StoredPrivateKey> private_key_of(const Row& row, int text, int sealed) {
  std::string read = row.text(text);
  auto secret = Secret::make_token(read);
  wipe_bytes(read.data(), read.size());
  if (!secret) return std::nullopt;
  return StoredPrivateKey{.text = *std::move(secret), .sealed = row.integer(sealed) != 0};
}

StoreResult<> count_key_change(Database& database) {
  return database.run(
      {"INSERT INTO setting (key, value) VALUES ('signing_key_changes', '1') ON CONFLICT (key) DO UPDATE SET value ="
       " CAST(CAST(setting.value AS INTEGER) + 1 AS TEXT)",
       "INSERT INTO setting (key, value) VALUES ('signing_key_changes', '1') ON CONFLICT (key) DO UPDATE SET value ="
       " CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT)"});
}

}  // namespace sluice::auth

#include "engine/domain_keys/key_life.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/text/time_text.h"

namespace sluice::domain_keys {
namespace {

using auth::KeyState;
using auth::SigningKeyRecord;

// By the last letter of the selector.
constexpr std::array kAlgorithmLetters{std::pair(dkim::Algorithm::rsa_sha256, 'r'),
                                       std::pair(dkim::Algorithm::ed25519_sha256, 'e')};
constexpr std::array kSlotDigits{'1', '2'};

std::string slot(std::string_view prefix, char digit, char letter) {
  return std::string(prefix).append(1, digit).append(1, letter);
}

const SigningKeyRecord* with_selector(Keys keys, std::string_view selector) {
  const auto found = std::ranges::find(keys, selector, &SigningKeyRecord::selector);
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> slots(std::string_view prefix) {
  std::vector<std::string> all;
  for (const auto& [algorithm, letter] : kAlgorithmLetters)
    for (const char digit : kSlotDigits) all.push_back(slot(prefix, digit, letter));
  return all;
}

std::vector<auth::KeyStateChange> due_changes(Keys keys, const LifeRules& rules, WallMillis now) {
  std::vector<auth::KeyStateChange> due;
  for (const SigningKeyRecord& key : keys)
    if (key.state == KeyState::retired && key.since + rules.retire_after <= now)
      due.push_back({.selector = key.selector, .state = KeyState::revoked, .since = now});
  return due;
}

std::vector<SigningKeyRecord> changed(Keys keys, std::span<const auth::KeyStateChange> changes) {
  std::vector<SigningKeyRecord> after(keys.begin(), keys.end());
  for (const auth::KeyStateChange& change : changes) {
    const auto found = std::ranges::find(after, change.selector, &SigningKeyRecord::selector);
    if (found == after.end()) continue;
    found->state = change.state;
    found->since = change.since;
  }
  return after;
}

std::expected<std::string, std::string> next_selector(Keys keys, dkim::Algorithm algorithm, const LifeRules& rules,
                                                      WallMillis now) {
  for (const SigningKeyRecord& key : keys) {
    if (key.algorithm != name(algorithm)) continue;
    if (key.state == KeyState::published)
      return std::unexpected("key " + key.selector + " was made for that already, at " +
                             text::time_string(key.created) +
                             "; it signs once it is activated: sluicectl domain activate");
    if (key.state == KeyState::active && key.since > now)
      return std::unexpected("key " + key.selector + " signs from " + text::time_string(key.since) +
                             "; the next one can be made behind that");
  }
  const char letter =
      std::ranges::find(kAlgorithmLetters, algorithm, [](const auto& each) { return each.first; })->second;
  std::optional<WallMillis> free_from;
  for (const char digit : kSlotDigits) {
    std::string selector = slot(rules.selector_prefix, digit, letter);
    const SigningKeyRecord* const key = with_selector(keys, selector);
    if (key == nullptr || key->state == KeyState::revoked) return selector;
    if (key->state == KeyState::retired) free_from = key->since + rules.retire_after;
  }
  return std::unexpected("the record of the key before the present one is still needed for mail that is on its way" +
                         (free_from ? "; its selector is free from " + text::time_string(*free_from) : std::string()));
}

std::vector<auth::KeyStateChange> activation(Keys keys, std::span<const std::string> seen, const LifeRules& rules,
                                             WallMillis now) {
  const WallMillis from = now + rules.record_ttl;
  std::vector<auth::KeyStateChange> changes;
  for (const SigningKeyRecord& next : keys) {
    if (next.state != KeyState::published || std::ranges::find(seen, next.selector) == seen.end()) continue;
    changes.push_back({.selector = next.selector, .state = KeyState::active, .since = from});
    for (const SigningKeyRecord& key : keys)
      if (key.state == KeyState::active && key.algorithm == next.algorithm)
        changes.push_back({.selector = key.selector, .state = KeyState::retired, .since = from});
  }
  return changes;
}

bool signs(const SigningKeyRecord& key, WallMillis now) {
  return (key.state == KeyState::active && key.since <= now) || (key.state == KeyState::retired && key.since > now);
}

NextStep next_step(const SigningKeyRecord& key, const LifeRules& rules, WallMillis now) {
  if (rules.looked_for && key.fit.kept_back && signs(key, now))
    return {.what = "signs again once the relay has seen its record in the DNS", .at = std::nullopt};
  switch (key.state) {
    case KeyState::published:
      return {.what = rules.looked_for ? "signs once the relay has seen its record in the DNS"
                                       : "signs once its record is in the DNS: sluicectl domain activate",
              .at = std::nullopt};
    case KeyState::active:
      if (key.since > now) return {.what = "signs", .at = key.since};
      if (rules.rotate_after > 0) return {.what = "the next key is made", .at = key.since + rules.rotate_after};
      return {};
    case KeyState::retired:
      if (key.since > now) return {.what = "signs no more", .at = key.since};
      return {.what = "is revoked", .at = key.since + rules.retire_after};
    case KeyState::revoked:
      return {};
  }
  return {};
}

}  // namespace sluice::domain_keys

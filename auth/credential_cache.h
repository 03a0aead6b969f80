// Remembers for a short while what a back end said about a name with a secret, so that a customer
// who sends a thousand messages in a thousand sessions costs one password hash. It keeps no
// password: the key is a SipHash-2-4 of both (128 bits), keyed with bytes drawn at process start, which are
// never written anywhere; where relays share their shields, with bytes made of cluster.key_file.
//
// One a core, owned by the core, used by its thread only. Pure: the time is given in each call.
//
// Bounded: a fixed number of sets of eight; a full set drops what has expired, then what was
// longest unused. A granted answer that has expired is stale: it is kept for the grace time, if there is one, and is no
// answer but where the back end that granted it is unavailable. Granted and refused answers live in separate tables, so
// that guessing passwords evicts no customer; and an answer is kept under name *and* secret, so that a wrong secret
// never locks out a right one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/answer.h"
#include "auth/refused_logins.h"
#include "auth/secret.h"
#include "engine/base/time.h"

namespace sluice::auth {

inline constexpr std::size_t kCacheKeyBytes = 32;

// Stands for a name with a secret; worthless outside this process. Also the key for SingleFlight.
struct CredentialKey {
  std::array<std::uint8_t, 16> pair{};  // keyed hash of name and secret
  std::uint64_t account = 0;            // keyed hash of the folded name alone
  friend bool operator==(const CredentialKey&, const CredentialKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const CredentialKey& key) {
    return H::combine(std::move(state), key.pair);
  }
};

struct CredentialCacheLimits {
  std::size_t granted_max = 32768;  // rounded up to a power of two, at least 8
  std::size_t refused_max = 8192;   // likewise
  Duration granted_ttl = std::chrono::minutes(5);
  Duration refused_ttl = std::chrono::seconds(10);  // wrong and suspended
  // After the check that granted a login, for as long as its back end is unavailable; not above granted_ttl: none.
  Duration grace = Duration::zero();
  std::shared_ptr<RefusedLogins> refused = nullptr;  // of all cores; null: of this cache alone
};

class CredentialCache {
 public:
  // Of the moment at which a check was begun. A check that was under way while something was
  // forgotten may bring an answer from before the change, so put() then drops it.
  enum class Ticket : std::uint64_t {};

  CredentialCache(std::span<const std::byte, kCacheKeyBytes> process_key, const CredentialCacheLimits& limits);
  ~CredentialCache();
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;

  // `backends`: see Credentials; a login that one back end has granted is none where another one is asked.  `bearer`:
  // the secret is an access token, whose key no password has.
  [[nodiscard]] CredentialKey key_of(const Name& name, const Secret& secret,
                                     std::span<const std::uint8_t> backends = {}, bool bearer = false) const;

  // What is known, if not expired. Never `unavailable`.
  [[nodiscard]] std::optional<Answer> find(const CredentialKey& key, Instant now);

  // Where `backend` is unavailable: that it, or one behind it, granted this within the grace time, and that no back
  // end has refused it since.
  [[nodiscard]] std::optional<Answer> find_in_grace(const CredentialKey& key, std::uint16_t backend, Instant now);

  // Taken before the check is handed to the back end...
  [[nodiscard]] Ticket ticket() const { return Ticket{forgotten_}; }
  // ...and given with its answer. False if not kept: `unavailable`, no longer valid, or something was
  // forgotten meanwhile. A refusal drops what was granted before in any case.
  bool put(Ticket ticket, const CredentialKey& key, const Answer& answer, Instant now);

  // By the name that was logged in with, or the account's own, in any case; all secrets, right and
  // wrong.
  void forget(std::string_view account_name);
  void forget_customer(std::int64_t customer_id);
  void forget_all();

  [[nodiscard]] std::size_t size() const { return held_; }  // entries held, expired ones included
  [[nodiscard]] std::size_t bytes() const { return (granted_.size() + refused_.size()) * sizeof(Entry); }
  // For tests: the bound on size().
  [[nodiscard]] std::size_t capacity() const { return granted_.size() + refused_.size(); }

 private:
  struct Entry {
    Instant expires;
    std::uint64_t used = 0;  // order of use; 0: the entry is free
    CredentialKey key;
    std::uint64_t identity_account = 0;  // like key.account, of the identity's own name
    std::int64_t customer_id = 0;
    AnswerKind kind = AnswerKind::wrong;
    std::uint8_t source = kNoSource;
    std::uint16_t backend = 0;
    IdentityRef identity;
    std::unique_ptr<const std::string> reason;  // few have one
  };
  static_assert(sizeof(Entry) <= 96, "a million entries are to take less than 128 MB");
  using Table = std::vector<Entry>;

  [[nodiscard]] std::uint64_t account_tag(std::string_view account_name) const;
  static std::span<Entry> set_of(Table& table, const CredentialKey& key);
  static Entry* find_in(Table& table, const CredentialKey& key);
  static Entry& place_in(Table& table, const CredentialKey& key, Instant now, Duration kept);
  void drop(Entry& entry);
  template <typename Match>
  void forget_if(Match match);

  std::array<std::uint8_t, kCacheKeyBytes> process_key_;
  Duration granted_ttl_;
  Duration refused_ttl_;
  Duration stale_for_;  // granted ones, after they expired
  std::shared_ptr<RefusedLogins> refused_logins_;
  std::uint64_t uses_ = 0;
  std::uint64_t forgotten_ = 0;
  std::size_t held_ = 0;  // entries
  Table granted_;
  Table refused_;
};

}  // namespace sluice::auth

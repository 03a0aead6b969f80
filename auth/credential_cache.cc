#include "auth/credential_cache.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "auth/text.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kSetSize = 8;
// What the hashes are of, so that one can never stand for another.
constexpr char kPairPurpose = 'p';
constexpr char kTokenPurpose = 't';
constexpr char kAccountPurpose = 'a';

// The bytes of one hash, on the stack: a name and a secret, and what stands in front of them.
class HashInput {
 public:
  explicit HashInput(char purpose) { bytes_[size_++] = static_cast<unsigned char>(purpose); }
  ~HashInput() { wipe_bytes(bytes_.data(), size_); }
  HashInput(const HashInput&) = delete;
  HashInput& operator=(const HashInput&) = delete;

  // With its length in front, so that ("ab", "c") is not ("a", "bc").
  void add(std::string_view part) {
    const auto size = static_cast<std::uint16_t>(part.size());
    CHECK(part.size() + sizeof size <= bytes_.size() - size_);
    std::memcpy(bytes_.data() + size_, &size, sizeof size);
    std::memcpy(bytes_.data() + size_ + sizeof size, part.data(), part.size());
    size_ += sizeof size + part.size();
  }
  // As login_key() has it, without memory for that; false where the name is not all ASCII, and nothing is added.
  bool add_folded(std::string_view name);

  [[nodiscard]] const unsigned char* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
  // Not initialised: only what was added is read.
  std::array<unsigned char, kNameBytesMax + kTokenBytesMax + UINT8_MAX + 16> bytes_;
};

bool HashInput::add_folded(std::string_view name) {
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return false;
  const std::size_t begin = size_ + sizeof(std::uint16_t);
  add(name);
  for (std::size_t i = begin; i < size_; ++i) {
    const unsigned char c = bytes_[i];
    if (c >= 'A' && c <= 'Z') bytes_[i] = static_cast<unsigned char>(c - 'A' + 'a');
  }
  return true;
}

std::uint64_t first_word(const std::array<std::uint8_t, 16>& digest) {
  std::uint64_t word = 0;
  std::memcpy(&word, digest.data(), sizeof(word));
  return word;
}

std::size_t table_size(std::size_t wanted) { return std::bit_ceil(std::max(wanted, kSetSize)); }

}  // namespace

CredentialCache::CredentialCache(std::span<const std::byte, kCacheKeyBytes> process_key,
                                 const CredentialCacheLimits& limits)
    : granted_ttl_(limits.granted_ttl),
      refused_ttl_(limits.refused_ttl),
      stale_for_(std::max(limits.grace - limits.granted_ttl, Duration::zero())),
      refused_logins_(limits.refused),
      granted_(table_size(limits.granted_max)),
      refused_(table_size(limits.refused_max)) {
  CHECK(sodium_init() >= 0);
  static_assert(kCacheKeyBytes >= crypto_shorthash_siphashx24_KEYBYTES + crypto_shorthash_KEYBYTES);
  std::memcpy(process_key_.data(), process_key.data(), process_key_.size());
}

CredentialCache::~CredentialCache() { wipe_bytes(process_key_.data(), process_key_.size()); }

// SipHash-2-4 of 128 bits: what a stranger sends cannot be made to collide without the process's key.
CredentialKey CredentialCache::key_of(const Name& name, const Secret& secret, std::span<const std::uint8_t> backends,
                                      bool bearer) const {
  HashInput input(bearer ? kTokenPurpose : kPairPurpose);
  input.add(name.text());
  input.add(secret.reveal());
  if (!backends.empty()) input.add({reinterpret_cast<const char*>(backends.data()), backends.size()});
  CredentialKey key{.pair = {}, .account = account_tag(name.text())};
  static_assert(sizeof key.pair == crypto_shorthash_siphashx24_BYTES);
  CHECK(crypto_shorthash_siphashx24(key.pair.data(), input.data(), input.size(), process_key_.data()) == 0);
  return key;
}

std::uint64_t CredentialCache::account_tag(std::string_view account_name) const {
  HashInput input(kAccountPurpose);
  if (!input.add_folded(account_name)) input.add(login_key(account_name));
  std::uint64_t tag = 0;
  static_assert(sizeof tag == crypto_shorthash_BYTES);
  CHECK(crypto_shorthash(reinterpret_cast<unsigned char*>(&tag), input.data(), input.size(),
                         process_key_.data() + crypto_shorthash_siphashx24_KEYBYTES) == 0);
  return tag;
}

std::span<CredentialCache::Entry> CredentialCache::set_of(Table& table, const CredentialKey& key) {
  const std::size_t sets = table.size() / kSetSize;
  const std::size_t set = first_word(key.pair) & (sets - 1);
  return std::span(table).subspan(set * kSetSize, kSetSize);
}

CredentialCache::Entry* CredentialCache::find_in(Table& table, const CredentialKey& key) {
  for (Entry& entry : set_of(table, key)) {
    if (entry.used != 0 && entry.key == key) return &entry;
  }
  return nullptr;
}

// The entry itself if it is there, else a free one, else one that expired, else the one longest
// unused.
CredentialCache::Entry& CredentialCache::place_in(Table& table, const CredentialKey& key, Instant now, Duration kept) {
  if (Entry* known = find_in(table, key)) return *known;
  const auto worth = [now, kept](const Entry& entry) { return entry.expires + kept <= now ? 0 : entry.used; };
  return *std::ranges::min_element(set_of(table, key), {}, worth);
}

std::optional<Answer> CredentialCache::find(const CredentialKey& key, Instant now) {
  for (Table* table : {&granted_, &refused_}) {
    Entry* entry = find_in(*table, key);
    if (entry == nullptr) continue;
    if (entry->expires <= now) {
      const bool stale = table == &granted_ && now < entry->expires + stale_for_;
      if (!stale) drop(*entry);
      continue;
    }
    entry->used = ++uses_;
    return Answer{.kind = entry->kind,
                  .identity = entry->identity,
                  .reason = entry->reason == nullptr ? std::string() : *entry->reason,
                  .backend = entry->backend,
                  .source = entry->source};
  }
  return std::nullopt;
}

std::optional<Answer> CredentialCache::find_in_grace(const CredentialKey& key, std::uint16_t backend, Instant now) {
  Entry* const entry = find_in(granted_, key);
  if (entry == nullptr || entry->backend < backend || entry->expires + stale_for_ <= now) return std::nullopt;
  const Instant granted = entry->expires - granted_ttl_;
  if (refused_logins_ != nullptr && refused_logins_->since(first_word(key.pair), granted)) {
    drop(*entry);
    return std::nullopt;
  }
  entry->used = ++uses_;
  return Answer{.kind = AnswerKind::granted,
                .identity = entry->identity,
                .reason = {},
                .backend = entry->backend,
                .source = entry->source,
                .grace = true};
}

bool CredentialCache::put(Ticket begun, const CredentialKey& key, const Answer& answer, Instant now) {
  if (answer.kind == AnswerKind::unavailable || answer.kind == AnswerKind::refused) return false;
  const bool granted = answer.kind == AnswerKind::granted;
  const Instant expires = std::min(answer.valid_until, now + (granted ? granted_ttl_ : refused_ttl_));
  if (expires <= now) return false;
  CHECK(!granted || answer.identity != nullptr);
  if (granted && begun != ticket()) return false;

  // The newer answer is the only one.
  if (Entry* other = find_in(granted ? refused_ : granted_, key)) drop(*other);
  if (!granted && refused_logins_ != nullptr) refused_logins_->note(first_word(key.pair), now);
  if (begun != ticket()) return false;
  Entry& entry = place_in(granted ? granted_ : refused_, key, now, granted ? stale_for_ : Duration::zero());
  held_ += entry.used == 0 ? 1 : 0;
  entry = Entry{.expires = expires,
                .used = ++uses_,
                .key = key,
                .kind = answer.kind,
                .source = answer.source,
                .backend = answer.backend,
                .identity = answer.identity,
                .reason = answer.reason.empty() ? nullptr : std::make_unique<const std::string>(answer.reason)};
  if (answer.identity != nullptr) {
    entry.identity_account = account_tag(answer.identity->account_name);
    entry.customer_id = answer.identity->customer_id;
  }
  return true;
}

void CredentialCache::drop(Entry& entry) {
  CHECK(entry.used != 0);
  --held_;
  entry = Entry{};
}

template <typename Match>
void CredentialCache::forget_if(Match match) {
  ++forgotten_;
  for (Table* table : {&granted_, &refused_}) {
    for (Entry& entry : *table) {
      if (entry.used != 0 && match(entry)) drop(entry);
    }
  }
}

void CredentialCache::forget(std::string_view account_name) {
  const std::uint64_t tag = account_tag(account_name);
  forget_if([tag](const Entry& entry) {
    return entry.key.account == tag || (entry.identity != nullptr && entry.identity_account == tag);
  });
}

void CredentialCache::forget_customer(std::int64_t customer_id) {
  forget_if(
      [customer_id](const Entry& entry) { return entry.identity != nullptr && entry.customer_id == customer_id; });
}

void CredentialCache::forget_all() {
  forget_if([](const Entry&) { return true; });
}

}  // namespace sluice::auth

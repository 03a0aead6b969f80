#include "auth/store/signing_key_admin.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "auth/store/known_names.h"
#include "auth/store/signing_key_rows.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

// "SERIAL DIGEST" of the last zone that was made.
constexpr std::string_view kZoneSetting = "dkim_zone";

struct ZoneMade {
  std::uint32_t serial = 0;
  std::string digest;
};

ZoneMade parse_zone_setting(const std::string& text) {
  ZoneMade made;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), made.serial);
  if (error == std::errc() && end != text.data() + text.size()) made.digest = end + 1;
  return made;
}

// RFC 1982 3.1: what is added to a serial is less than half of all of them.
std::uint32_t next_serial(std::uint32_t last, WallMillis now) {
  constexpr std::uint32_t kRiseMax = 0x7FFFFFFF;
  constexpr WallMillis kMillisOfSecond = 1000;
  const auto seconds = static_cast<std::uint32_t>(now / kMillisOfSecond);
  const std::uint32_t rise = seconds - last;
  return last == 0 || (rise != 0 && rise <= kRiseMax) ? seconds : last + 1;
}

}  // namespace

StoreResult<std::unique_ptr<SigningKeyAdmin>> SigningKeyAdmin::open(const StoreAddress& address) {
  auto database = open_store(address, IfMissing::fail, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<SigningKeyAdmin>(new SigningKeyAdmin(*std::move(database)));
}

SigningKeyAdmin::~SigningKeyAdmin() { static_cast<void>(database_->settle()); }

StoreResult<std::string> SigningKeyAdmin::entry_of(std::string_view domain) {
  auto entry = stored_domain_entry(domain);
  if (!entry) return entry;
  bool there = false;
  StoreResult<> read =
      database_->query("SELECT 1 FROM domain WHERE name = $1", {*entry}, [&there](const Row&) { there = true; });
  if (!read) return std::unexpected(read.error());
  if (!there) return no_such_domain(domain);
  return entry;
}

StoreResult<std::vector<SigningKeyRecord>> SigningKeyAdmin::read_keys(const std::string& domain) {
  std::vector<SigningKeyRecord> keys;
  StoreResult<> read = database_->query(
      "SELECT domain, selector, algorithm, state, since_ms, created_ms, public_key, wrong_since_ms, kept_back"
      " FROM signing_key WHERE domain = $1 ORDER BY selector",
      {domain}, [&keys](const Row& row) { keys.push_back(signing_key_of(row)); });
  if (!read) return std::unexpected(read.error());
  return keys;
}

StoreResult<std::vector<SigningKeyRecord>> SigningKeyAdmin::keys_of(std::string_view domain) {
  const auto entry = entry_of(domain);
  if (!entry) return std::unexpected(entry.error());
  return read_keys(*entry);
}

StoreResult<> SigningKeyAdmin::write_key(const std::string& domain, const NewSigningKey& key) {
  const SigningKeyRecord& record = key.record;
  // One that is in use is not to be lost by a change that was decided wrongly.
  StoreResult<> gone = database_->run(
      "DELETE FROM signing_key WHERE domain = $1 AND selector = $2 AND state = 'revoked'", {domain, record.selector});
  if (!gone) return gone;
  return database_->run(
      "INSERT INTO signing_key (domain, selector, algorithm, state, since_ms, created_ms, public_key, private_key,"
      " sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {domain, record.selector, record.algorithm, key_state_name(record.state), record.since, record.created,
       record.public_key, key.private_key.text.reveal(), std::int64_t{key.private_key.sealed ? 1 : 0}});
}

StoreResult<> SigningKeyAdmin::write_state(const std::string& domain, const KeyStateChange& change) {
  StoreResult<> done =
      database_->run("UPDATE signing_key SET state = $1, since_ms = $2 WHERE domain = $3 AND selector = $4",
                     {key_state_name(change.state), change.since, domain, change.selector});
  if (!done || change.state != KeyState::revoked) return done;
  return database_->run("UPDATE signing_key SET private_key = '' WHERE domain = $1 AND selector = $2",
                        {domain, change.selector});
}

StoreResult<> SigningKeyAdmin::change(std::string_view domain, const Decide& decide) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto entry = entry_of(domain);
  if (!entry) return std::unexpected(entry.error());
  const auto keys = read_keys(*entry);
  if (!keys) return std::unexpected(keys.error());
  const auto changes = decide(*keys);
  if (!changes) return std::unexpected(changes.error());
  for (const KeyStateChange& each : changes->states)
    if (StoreResult<> done = write_state(*entry, each); !done) return done;
  for (const NewSigningKey& each : changes->keys)
    if (StoreResult<> done = write_key(*entry, each); !done) return done;
  StoreResult<> counted = count_key_change(*database_);
  if (!counted) return counted;
  return (*transaction)->commit();
}

StoreResult<bool> SigningKeyAdmin::save_fit(const SigningKeyRecord& key, const KeyFit& fit) {
  const auto number = [](bool is_so) { return std::int64_t{is_so ? 1 : 0}; };
  StoreResult<> saved = database_->run(
      "UPDATE signing_key SET wrong_since_ms = $1, kept_back = $2 WHERE domain = $3 AND selector = $4"
      " AND public_key = $5 AND state = $6 AND wrong_since_ms = $7 AND kept_back = $8",
      {fit.wrong_since, number(fit.kept_back), key.domain, key.selector, key.public_key, key_state_name(key.state),
       key.fit.wrong_since, number(key.fit.kept_back)});
  if (!saved) return std::unexpected(saved.error());
  return database_->rows_changed() > 0;
}

StoreResult<std::int64_t> SigningKeyAdmin::changes() {
  return database_->number(
      {"SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM setting"
       " WHERE key = 'signing_key_changes'",
       "SELECT coalesce(max(CAST(value AS BIGINT)), 0) FROM setting"
       " WHERE key = 'signing_key_changes'"});
}

StoreResult<std::uint32_t> SigningKeyAdmin::serial(const std::string& digest, WallMillis now) {
  ZoneMade made;
  StoreResult<> done = database_->query("SELECT value FROM setting WHERE key = $1", {kZoneSetting},
                                        [&made](const Row& row) { made = parse_zone_setting(row.text(0)); });
  if (!done) return std::unexpected(done.error());
  if (made.serial != 0 && made.digest == digest) return made.serial;
  made.serial = next_serial(made.serial, now);
  done = database_->run(
      "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      {kZoneSetting, absl::StrCat(made.serial, " ", digest)});
  if (!done) return std::unexpected(done.error());
  return made.serial;
}

StoreResult<> SigningKeyAdmin::revoke(WallMillis now, WallMillis before) {
  StoreResult<> done = database_->run(
      "UPDATE signing_key SET state = 'revoked', since_ms = $1, private_key = ''"
      " WHERE state = 'retired' AND since_ms <= $2",
      {now, before});
  return done && database_->rows_changed() > 0 ? count_key_change(*database_) : done;
}

StoreResult<> SigningKeyAdmin::each_key(const OnKey& on_key) {
  return database_->query(
      "SELECT domain, selector, algorithm, state, since_ms, created_ms, public_key, wrong_since_ms, kept_back"
      " FROM signing_key ORDER BY domain, selector",
      {}, [&on_key](const Row& row) { on_key(signing_key_of(row)); });
}

StoreResult<> SigningKeyAdmin::revoke_retired(WallMillis now, WallMillis before) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> done = revoke(now, before);
  return done ? (*transaction)->commit() : done;
}

StoreResult<std::uint32_t> SigningKeyAdmin::publish(const Publication& publication) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> done = revoke(publication.now, publication.revoked_before);
  if (done) done = each_key(publication.on_key);
  if (!done) return std::unexpected(done.error());
  const auto made = serial(publication.digest(), publication.now);
  if (!made) return made;
  if (StoreResult<> committed = (*transaction)->commit(); !committed) return std::unexpected(committed.error());
  return made;
}

StoreResult<std::size_t> SigningKeyAdmin::reseal_some(const Seal& seal, std::string& domain, std::string& selector) {
  constexpr std::int64_t kAtATime = 1000;
  std::vector<NewSigningKey> keys;
  StoreResult<> read = database_->query(
      "SELECT domain, selector, algorithm, state, since_ms, created_ms, public_key, wrong_since_ms, kept_back,"
      " private_key, sealed FROM signing_key WHERE (domain, selector) > ($1, $2) AND private_key <> ''"
      " ORDER BY domain, selector LIMIT $3",
      {domain, selector, kAtATime}, [&keys](const Row& row) {
        // Another program may have written what is none: kept out of sight, and so as it is.
        if (auto key = private_key_of(row, 9, 10))
          keys.push_back({.record = signing_key_of(row), .private_key = *std::move(key)});
      });
  if (!read) return std::unexpected(read.error());
  for (const NewSigningKey& key : keys) {
    const auto sealed = seal(key.record, key.private_key);
    if (!sealed) return std::unexpected(sealed.error());
    StoreResult<> written = database_->run(
        "UPDATE signing_key SET private_key = $1, sealed = $2 WHERE domain = $3 AND selector = $4",
        {sealed->text.reveal(), std::int64_t{sealed->sealed ? 1 : 0}, key.record.domain, key.record.selector});
    if (!written) return std::unexpected(written.error());
    domain = key.record.domain;
    selector = key.record.selector;
  }
  return keys.size();
}

StoreResult<std::size_t> SigningKeyAdmin::reseal(const Seal& seal) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  std::string domain;
  std::string selector;
  std::size_t all = 0;
  while (true) {
    const auto some = reseal_some(seal, domain, selector);
    if (!some) return some;
    all += *some;
    if (*some == 0) break;
  }
  if (StoreResult<> committed = (*transaction)->commit(); !committed) return std::unexpected(committed.error());
  return all;
}

}  // namespace sluice::auth

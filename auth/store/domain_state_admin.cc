#include "auth/store/domain_state_admin.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "auth/keyed_hash.h"
#include "auth/store/domain_owner.h"
#include "auth/store/known_names.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

constexpr WallMillis kDayMs = WallMillis{24} * 3600 * 1000;
constexpr WallMillis kClaimDays = 30;
constexpr WallMillis kNeverDue = std::numeric_limits<WallMillis>::max();

// What a token is made of.
struct TokenParts {
  std::string key;  // the store's
  std::int64_t customer = 0;
  WallMillis customer_created = 0;
};

// The store's key makes device passwords' hashes, too: those are made of 20 characters without a blank.
std::string token_of(const TokenParts& parts) {
  constexpr std::size_t kTokenBytes = 20;
  const std::string text = absl::StrCat("domain proof of customer ", parts.customer, " of ", parts.customer_created);
  return keyed_hash<kTokenBytes>(parts.key, text);
}

// Columns 0 to 5: name, customer's name, created_ms; the customer's id and created_ms; the store's key.
DomainClaim claim_of(const Row& row) {
  return {.domain = row.text(0),
          .customer = row.text(1),
          .token = token_of({.key = row.text(5), .customer = row.integer(3), .customer_created = row.integer(4)}),
          .created = row.integer(2)};
}

// Columns 0 to 7.
DomainState state_of(const Row& row) {
  return {.domain = row.text(0),
          .customer = row.text(1),
          .proven = row.text(2) == "proven",
          .proof_seen = row.integer(3),
          .checked = row.integer(4),
          .verdict = row.text(5),
          .finding = row.text(6),
          .failing_since = row.integer(7)};
}

// Printable ASCII: strangers publish what findings repeat.
std::string kept_finding(std::string_view text) {
  std::string kept(text.substr(0, kDomainFindingBytesMax));
  std::ranges::replace_if(kept, [](char c) { return c < ' ' || c > '~'; }, '?');
  return kept;
}

std::unexpected<StoreError> no_claim(std::string_view domain, std::string_view customer) {
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("customer ", in_quotes(customer), " has no claim to ", in_quotes(domain),
                                  "; make it with: sluicectl domain add --prove"));
}

}  // namespace

StoreResult<std::unique_ptr<DomainStateAdmin>> DomainStateAdmin::open(const StoreAddress& address) {
  auto database = open_store(address, IfMissing::fail, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  return std::unique_ptr<DomainStateAdmin>(new DomainStateAdmin(*std::move(database)));
}

DomainStateAdmin::~DomainStateAdmin() { static_cast<void>(database_->settle()); }

StoreResult<std::optional<DomainState>> DomainStateAdmin::take_domain(WallMillis now, WallMillis before) {
  std::optional<DomainState> taken;
  // With SKIP LOCKED: what another relay takes at this moment it has.
  StoreResult<> done = database_->query(
      {"UPDATE domain SET taken_ms = $1 WHERE name ="
       " (SELECT name FROM domain WHERE taken_ms < $2 AND substr(name, 1, 2) <> '*.' ORDER BY taken_ms LIMIT 1)"
       " RETURNING name, (SELECT name FROM customer WHERE id = domain.customer), ownership, proof_seen_ms,"
       " checked_ms, verdict, finding, failing_since_ms",
       "UPDATE domain SET taken_ms = $1 WHERE name ="
       " (SELECT name FROM domain WHERE taken_ms < $2 AND substr(name, 1, 2) <> '*.' ORDER BY taken_ms LIMIT 1"
       " FOR NO KEY UPDATE SKIP LOCKED)"
       " RETURNING name, (SELECT name FROM customer WHERE id = domain.customer), ownership, proof_seen_ms,"
       " checked_ms, verdict, finding, failing_since_ms"},
      {now, before}, [&taken](const Row& row) { taken = state_of(row); });
  if (!done) return std::unexpected(done.error());
  return taken;
}

StoreResult<std::optional<DomainClaim>> DomainStateAdmin::take_claim(WallMillis now, WallMillis before) {
  std::optional<DomainClaim> taken;
  const WallMillis wait = std::max<WallMillis>(now - before, 0);
  StoreResult<> done = database_->query(
      {"UPDATE domain_claim SET due_ms = CASE WHEN created_ms > $1 THEN $2 WHEN created_ms > $3 THEN $4 ELSE $5 END"
       " WHERE (name, customer) = (SELECT name, customer FROM domain_claim WHERE due_ms < $6 ORDER BY due_ms LIMIT 1)"
       " RETURNING name, (SELECT name FROM customer WHERE id = domain_claim.customer), created_ms, customer,"
       " (SELECT created_ms FROM customer WHERE id = domain_claim.customer),"
       " (SELECT value FROM setting WHERE key = 'device_key')",
       "UPDATE domain_claim SET due_ms = CASE WHEN created_ms > $1 THEN $2 WHEN created_ms > $3 THEN $4 ELSE $5 END"
       " WHERE (name, customer) = (SELECT name, customer FROM domain_claim WHERE due_ms < $6 ORDER BY due_ms LIMIT 1"
       " FOR NO KEY UPDATE SKIP LOCKED)"
       " RETURNING name, (SELECT name FROM customer WHERE id = domain_claim.customer), created_ms, customer,"
       " (SELECT created_ms FROM customer WHERE id = domain_claim.customer),"
       " (SELECT value FROM setting WHERE key = 'device_key')"},
      {now - kDayMs, now + wait, now - kClaimDays * kDayMs, now + std::max(wait, kDayMs), kNeverDue, now},
      [&taken](const Row& row) { taken = claim_of(row); });
  if (!done) return std::unexpected(done.error());
  return taken;
}

StoreResult<> DomainStateAdmin::save(const DomainState& state) {
  const auto entry = stored_domain_entry(state.domain);
  if (!entry) return std::unexpected(entry.error());
  return database_->run(
      {"UPDATE domain SET proof_seen_ms = CASE ownership WHEN 'proven' THEN $1 ELSE 0 END, checked_ms = $2,"
       " verdict = $3, finding = $4, failing_since_ms = $5"
       " WHERE name = $6 AND customer = (SELECT id FROM customer WHERE name = $7)",
       "UPDATE domain SET proof_seen_ms = CASE ownership WHEN 'proven' THEN $1 ELSE 0 END, checked_ms = $2,"
       " verdict = $3, finding = $4, failing_since_ms = $5"
       " WHERE name = $6 AND customer = (SELECT id FROM customer WHERE lower(name) = lower($7 COLLATE \"C\"))"},
      {state.proof_seen, state.checked, state.verdict, kept_finding(state.finding), state.failing_since, *entry,
       state.customer});
}

StoreResult<DomainState> DomainStateAdmin::state(std::string_view domain) {
  const auto entry = stored_domain_entry(domain);
  if (!entry) return std::unexpected(entry.error());
  std::optional<DomainState> state;
  StoreResult<> read = database_->query(
      "SELECT d.name, c.name, d.ownership, d.proof_seen_ms, d.checked_ms, d.verdict, d.finding, d.failing_since_ms"
      " FROM domain d JOIN customer c ON c.id = d.customer WHERE d.name = $1",
      {*entry}, [&state](const Row& row) { state = state_of(row); });
  if (!read) return std::unexpected(read.error());
  if (state) return *std::move(state);
  return no_such_domain(domain);
}

StoreResult<std::string> DomainStateAdmin::proof_token(std::string_view customer) {
  const auto id = customer_of_name(*database_, customer);
  if (!id) return std::unexpected(id.error());
  TokenParts parts{.key = {}, .customer = *id};
  StoreResult<> read = database_->query(
      "SELECT created_ms, (SELECT value FROM setting WHERE key = 'device_key') FROM customer WHERE id = $1", {*id},
      [&parts](const Row& row) {
        parts.customer_created = row.integer(0);
        parts.key = row.text(1);
      });
  if (!read) return std::unexpected(read.error());
  return token_of(parts);
}

StoreResult<> DomainStateAdmin::each_proof(const OnProof& on_proof) {
  return database_->query(
      "SELECT d.name, c.id, c.created_ms, s.value FROM domain d JOIN customer c ON c.id = d.customer"
      " JOIN setting s ON s.key = 'device_key' WHERE d.ownership = 'proven' ORDER BY d.name",
      {}, [&on_proof](const Row& row) {
        on_proof(row.text(0),
                 token_of({.key = row.text(3), .customer = row.integer(1), .customer_created = row.integer(2)}));
      });
}

StoreResult<bool> DomainStateAdmin::owns(std::int64_t customer, const std::string& domain) {
  bool owns = false;
  StoreResult<> read = database_->query("SELECT 1 FROM domain WHERE name = $1 AND customer = $2", {domain, customer},
                                        [&owns](const Row&) { owns = true; });
  if (!read) return std::unexpected(read.error());
  return owns;
}

StoreResult<DomainClaim> DomainStateAdmin::add_claim(std::string_view domain, std::string_view customer,
                                                     WallMillis now) {
  const auto entry = stored_new_domain_entry(domain);
  if (!entry) return std::unexpected(entry.error());
  if (entry->starts_with("*."))
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat(in_quotes(domain),
                                    " cannot be proven, as one name can; you can assert it, without "
                                    "--prove"));
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto id = customer_of_name(*database_, customer);
  if (!id) return std::unexpected(id.error());
  const auto its_own = owns(*id, *entry);
  if (!its_own) return std::unexpected(its_own.error());
  if (*its_own)
    return store_error(StoreError::Kind::exists, absl::StrCat("domain ", in_quotes(*entry),
                                                              " is that customer's "
                                                              "already"));
  std::int64_t others = 0;
  StoreResult<> done = database_->query("SELECT count(*) FROM domain_claim WHERE customer = $1 AND name <> $2",
                                        {*id, *entry}, [&others](const Row& row) { others = row.integer(0); });
  if (!done) return std::unexpected(done.error());
  if (others >= static_cast<std::int64_t>(kDomainClaimsMax))
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("customer ", in_quotes(customer), " has ", others,
                                    " domains that are to be proven, which is all it may have; remove some first, "
                                    "with: sluicectl domain remove DOMAIN --customer NAME"));
  done = database_->run(
      "INSERT INTO domain_claim (name, customer, created_ms, due_ms) VALUES ($1, $2, $3, 0)"
      " ON CONFLICT (name, customer) DO UPDATE SET created_ms = excluded.created_ms, due_ms = 0",
      {*entry, *id, now});
  if (!done) return std::unexpected(done.error());
  const auto all = claims(*entry, customer);
  if (!all) return std::unexpected(all.error());
  if (done = (*transaction)->commit(); !done) return std::unexpected(done.error());
  return all->front();
}

StoreResult<std::vector<DomainClaim>> DomainStateAdmin::claims(std::optional<std::string_view> domain,
                                                               std::optional<std::string_view> customer) {
  std::optional<std::string> entry;
  if (domain) {
    auto stored = stored_domain_entry(*domain);
    if (!stored) return std::unexpected(stored.error());
    entry = *std::move(stored);
  }
  std::optional<std::int64_t> id;
  if (customer) {
    const auto known = customer_of_name(*database_, *customer);
    if (!known) return std::unexpected(known.error());
    id = *known;
  }
  std::vector<DomainClaim> all;
  StoreResult<> read = database_->query(
      "SELECT d.name, c.name, d.created_ms, c.id, c.created_ms, s.value FROM domain_claim d"
      " JOIN customer c ON c.id = d.customer JOIN setting s ON s.key = 'device_key'"
      " WHERE ($1 IS NULL OR d.name = $1) AND ($2 IS NULL OR c.id = $2) ORDER BY d.name, c.name",
      {Bound::or_null(entry), Bound::or_null(id)}, [&all](const Row& row) { all.push_back(claim_of(row)); });
  if (!read) return std::unexpected(read.error());
  return all;
}

StoreResult<> DomainStateAdmin::remove_claim(std::string_view domain, std::string_view customer) {
  const auto entry = stored_domain_entry(domain);
  if (!entry) return std::unexpected(entry.error());
  const auto id = customer_of_name(*database_, customer);
  if (!id) return std::unexpected(id.error());
  StoreResult<> removed = database_->run("DELETE FROM domain_claim WHERE name = $1 AND customer = $2", {*entry, *id});
  if (removed && database_->rows_changed() == 0) return no_claim(domain, customer);
  return removed;
}

StoreResult<DomainStateAdmin::Proof> DomainStateAdmin::prove(std::string_view domain, std::string_view customer,
                                                             WallMillis now) {
  const auto entry = stored_domain_entry(domain);
  if (!entry) return std::unexpected(entry.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const auto id = customer_of_name(*database_, customer);
  if (!id) return std::unexpected(id.error());
  const auto owner = owner_of_domain(*database_, *entry);
  if (!owner) return std::unexpected(owner.error());
  StoreResult<> done = database_->run("DELETE FROM domain_claim WHERE name = $1 AND customer = $2", {*entry, *id});
  if (!done) return std::unexpected(done.error());
  if (database_->rows_changed() == 0) return no_claim(domain, customer);
  if (*owner && **owner != *id) return Proof::has_owner;
  // What the operator asserted meanwhile stays so: it does not hang on a record.
  done = database_->run(
      "INSERT INTO domain (name, customer, ownership, created_ms, proof_seen_ms) VALUES ($1, $2, 'proven', $3, $3)"
      " ON CONFLICT DO NOTHING",
      {*entry, *id, now});
  if (done) done = (*transaction)->commit();
  if (!done) return std::unexpected(done.error());
  return Proof::done;
}

StoreResult<DomainStateAdmin::Counts> DomainStateAdmin::counts() {
  Counts counts;
  const auto number = [](const Row& row, int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  StoreResult<> read = database_->query(
      "SELECT (SELECT count(*) FROM domain_claim),"
      " count(CASE WHEN failing_since_ms = 0 AND ownership = 'asserted' THEN 1 END),"
      " count(CASE WHEN failing_since_ms = 0 AND ownership = 'proven' THEN 1 END),"
      " count(CASE WHEN failing_since_ms <> 0 THEN 1 END),"
      " count(CASE WHEN checked_ms = 0 AND substr(name, 1, 2) <> '*.' THEN 1 END),"
      " (SELECT count(*) FROM signing_key WHERE kept_back = 1 AND state = 'active') FROM domain",
      {}, [&](const Row& row) {
        counts = {.claims = number(row, 0),
                  .asserted = number(row, 1),
                  .proven = number(row, 2),
                  .failing = number(row, 3),
                  .never_checked = number(row, 4),
                  .unfit_keys = number(row, 5)};
      });
  if (!read) return std::unexpected(read.error());
  return counts;
}

}  // namespace sluice::auth

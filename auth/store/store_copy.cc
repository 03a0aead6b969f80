#include "auth/store/store_copy.h"

#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auth/store/postgresql_store.h"

namespace sluice::auth {
namespace {

struct CopiedTable {
  Sql read;
  Sql write;
  std::string_view columns;  // one letter each: a number or text
  std::size_t StoreCounts::* count;
};

// Those that others refer to go first; ids stay as they are.
constexpr CopiedTable kTables[] = {
    {"SELECT id, name, status, reason, created_ms, class, sign_as FROM customer",
     "INSERT INTO customer (id, name, status, reason, created_ms, class, sign_as) VALUES ($1, $2, $3, $4, $5, $6, $7)",
     "ntntntt", &StoreCounts::customers},
    {"SELECT name, customer, ownership, created_ms, proof_seen_ms, taken_ms, checked_ms, verdict, finding,"
     " failing_since_ms FROM domain",
     "INSERT INTO domain (name, customer, ownership, created_ms, proof_seen_ms, taken_ms, checked_ms, verdict, finding,"
     " failing_since_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
     "tntnnnnttn", &StoreCounts::domains},
    {"SELECT name, customer, created_ms, due_ms FROM domain_claim",
     "INSERT INTO domain_claim (name, customer, created_ms, due_ms) VALUES ($1, $2, $3, $4)", "tnnn", nullptr},
    {"SELECT id, name, customer, status, reason, password_hash, password_set_ms, narrowed, created_ms, scram,"
     " scram_iterations, class FROM account",
     "INSERT INTO account (id, name, customer, status, reason, password_hash, password_set_ms, narrowed, created_ms,"
     " scram, scram_iterations, class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
     "ntnnttnnntnt", &StoreCounts::accounts},
    {"SELECT account, domain FROM narrowing", "INSERT INTO narrowing (account, domain) VALUES ($1, $2)", "nt", nullptr},
    {"SELECT key, value FROM setting",
     "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", "tt",
     nullptr},
    {"SELECT id, account, name, customer, secret, created_ms, expires_ms, networks, senders, used_ms, used_from,"
     " asked_ms, gone_ms, dead, cram_md5, class FROM device",
     "INSERT INTO device (id, account, name, customer, secret, created_ms, expires_ms, networks, senders, used_ms,"
     " used_from, asked_ms, gone_ms, dead, cram_md5, class)"
     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
     "nttntnnttntnnttt", &StoreCounts::devices},
    {"SELECT domain, selector, algorithm, state, since_ms, created_ms, public_key, private_key, sealed, wrong_since_ms,"
     " kept_back FROM signing_key",
     "INSERT INTO signing_key (domain, selector, algorithm, state, since_ms, created_ms, public_key, private_key,"
     " sealed, wrong_since_ms, kept_back) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
     "ttttnnttnnn", nullptr},
    {"SELECT fingerprint, account, created_ms FROM certificate",
     "INSERT INTO certificate (fingerprint, account, created_ms) VALUES ($1, $2, $3)", "tnn", nullptr},
    {"SELECT account, customer, quantity, span, amount FROM limit_override",
     "INSERT INTO limit_override (account, customer, quantity, span, amount) VALUES ($1, $2, $3, $4, $5)", "nnttn",
     nullptr},
    {"SELECT id, kind, subject, status, reason, actor, created_ms, was_status, was_reason, released_ms, released_by"
     " FROM containment",
     "INSERT INTO containment (id, kind, subject, status, reason, actor, created_ms, was_status, was_reason,"
     " released_ms, released_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
     "nttnttnntnt", nullptr},
};

// PostgreSQL counts on from where it was, whatever ids it is given; SQLite from the largest.
constexpr Sql kCountOn[] = {
    {"SELECT 1", "SELECT setval(pg_get_serial_sequence('sluice.customer', 'id'), max(id)) FROM customer"},
    {"SELECT 1", "SELECT setval(pg_get_serial_sequence('sluice.account', 'id'), max(id)) FROM account"},
    {"SELECT 1", "SELECT setval(pg_get_serial_sequence('sluice.device', 'id'), max(id)) FROM device"},
    {"SELECT 1", "SELECT setval(pg_get_serial_sequence('sluice.containment', 'id'), max(id)) FROM containment"},
};

// A row for the other database, in the order of its values.
StoreResult<> write_row(Database& to, const CopiedTable& table, const Row& row) {
  std::vector<std::string> texts(table.columns.size());
  std::vector<Bound> values;
  values.reserve(table.columns.size());
  for (std::size_t at = 0; at < table.columns.size(); ++at) {
    const int column = static_cast<int>(at);
    const bool number = table.columns[at] == 'n';
    if (!number) texts[at] = row.text(column);
    if (row.is_null(column)) {
      values.push_back(number ? Bound::or_null(std::optional<std::int64_t>())
                              : Bound::or_null(std::optional<std::string_view>()));
    } else {
      values.push_back(number ? Bound(row.integer(column)) : Bound(texts[at]));
    }
  }
  return to.execute(table.write, values, [](const Row&) {});
}

StoreResult<> copy_tables(Database& from, Database& to, const CopyOptions& options, StoreCounts& counts) {
  std::size_t rows = 0;
  for (const CopiedTable& table : kTables) {
    StoreResult<> written;
    StoreResult<> read = from.query(table.read, {}, [&](const Row& row) {
      if (!written) return;
      written = write_row(to, table, row);
      if (table.count != nullptr) ++(counts.*table.count);
      if (options.on_progress) options.on_progress(++rows);
    });
    if (!read) return read;
    if (!written) return written;
  }
  for (const Sql& sql : kCountOn)
    if (StoreResult<> done = to.run(sql); !done) return done;
  return {};
}

StoreResult<> make_room(Database& to, const StoreAddress& address, bool replace) {
  std::int64_t customers = 0;
  StoreResult<> asked =
      to.query("SELECT count(*) FROM customer", {}, [&](const Row& row) { customers = row.integer(0); });
  if (!asked) return asked;
  if (customers > 0 && !replace)
    return store_error(StoreError::Kind::refused,
                       absl::StrCat(address.to_string(), " has ", customers,
                                    " customers already; give --force to remove all that it has before"));
  // All else is theirs.
  StoreResult<> removed = to.run("DELETE FROM containment");
  if (removed) removed = to.run("DELETE FROM customer");
  return removed;
}

// What a server has of private keys is sealed (signing_key_schema.h).
StoreResult<> check_keys(Database& from, const StoreAddress& to) {
  if (to.server == nullptr) return {};
  const auto open = from.number("SELECT count(*) FROM signing_key WHERE sealed = 0 AND private_key <> ''");
  if (!open || *open == 0) return without_value(open);
  return store_error(StoreError::Kind::refused,
                     absl::StrCat(*open, " signing keys are not sealed, as they have to be in ", to.to_string(),
                                  "; set dkim.wrapping_key_file and seal them first with: sluicectl domain rewrap"));
}

bool are_one(const StoreAddress& one, const StoreAddress& other) { return one.to_string() == other.to_string(); }

}  // namespace

StoreResult<StoreCounts> copy_store(const StoreAddress& from, const StoreAddress& to, const CopyOptions& options) {
  if (are_one(from, to)) return store_error(StoreError::Kind::refused, "a store cannot be copied into itself");
  const auto source = open_store(from, IfMissing::fail, kAdminWaits);
  if (!source) return std::unexpected(source.error());
  const auto target = open_store(to, IfMissing::create, kAdminWaits);
  if (!target) return std::unexpected(target.error());
  StoreCounts counts;
  StoreResult<> done;
  {
    auto reading = Transaction::to_read(**source);
    if (!reading) return std::unexpected(reading.error());
    auto writing = Transaction::to_write(**target);
    if (!writing) return std::unexpected(writing.error());
    done = check_keys(**source, to);
    if (done) done = make_room(**target, to, options.replace);
    if (done) done = copy_tables(**source, **target, options, counts);
    if (done) done = (*writing)->commit();
  }
  if (!done) return std::unexpected(done.error());
  static_cast<void>((*target)->settle());
  static_cast<void>((*source)->settle());
  return counts;
}

}  // namespace sluice::auth

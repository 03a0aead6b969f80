#include "bench/trace_sqlite.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

namespace sluice {
namespace {

constexpr const char* kTable =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
    "CREATE TABLE event (at INTEGER, id TEXT, verdict TEXT, client TEXT, customer TEXT, account TEXT, sender TEXT,"
    " recipient TEXT, domain TEXT, message_id TEXT, next_hop TEXT, reply TEXT);"
    "CREATE INDEX by_id ON event (id); CREATE INDEX by_message_id ON event (message_id);"
    "CREATE INDEX by_account ON event (account); CREATE INDEX by_customer ON event (customer);"
    "CREATE INDEX by_sender ON event (sender); CREATE INDEX by_recipient ON event (recipient);"
    "CREATE INDEX by_domain ON event (domain); CREATE INDEX by_next_hop ON event (next_hop);"
    "CREATE INDEX by_client ON event (client); CREATE INDEX by_verdict ON event (verdict); BEGIN";

std::string without_port(const std::string& host) { return host.substr(0, host.find(':')); }

}  // namespace

SqliteTrace::SqliteTrace(const std::string& file) {
  sqlite3_open(file.c_str(), &database_);
  run(kTable);
  sqlite3_prepare_v2(database_, "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", -1, &insert_, nullptr);
}

SqliteTrace::~SqliteTrace() {
  sqlite3_finalize(insert_);
  sqlite3_close(database_);
}

void SqliteTrace::run(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return;
  std::fprintf(stderr, "bench_trace: %s\n", sqlite3_errmsg(database_));
  std::exit(1);
}

// What an event has not is NULL, and in no index that matters.
void SqliteTrace::event(const TracedMail& sent, std::int64_t at, const char* verdict, const std::string& detail,
                        bool accepted) {
  int column = 0;
  const auto put = [&](const std::string& text, bool has) {
    if (has) sqlite3_bind_text(insert_, ++column, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    if (!has) sqlite3_bind_null(insert_, ++column);
  };
  sqlite3_bind_int64(insert_, ++column, at);
  put(sent.id, true);
  put(verdict, true);
  put(sent.client, accepted);
  put(sent.customer, accepted);
  put(sent.account, accepted);
  put(sent.account, accepted);
  put(sent.to, true);
  put(sent.to.substr(sent.to.find('@') + 1), true);
  put(sent.message_id, accepted);
  put(without_port(sent.next_hop), !accepted);
  put(detail, true);
  if (sqlite3_step(insert_) != SQLITE_DONE) run("ROLLBACK; COMMIT");
  sqlite3_reset(insert_);
}

void SqliteTrace::message(const TracedMail& sent, std::int64_t at, int attempts) {
  event(sent, at, "taken", "2.0.0 Ok: queued", true);
  for (int i = 1; i <= attempts; ++i)
    event(sent, at + 300 * i, i < attempts ? "deferred" : "relayed",
          i < attempts ? "4.7.1 Greylisted, see https://d.example/" + sent.queued_as
                       : "2.0.0 Ok: queued as " + sent.queued_as,
          false);
}

void SqliteTrace::commit() { run("COMMIT; BEGIN"); }

int SqliteTrace::find(const std::string& column, const std::string& value) {
  const std::string sql = "SELECT * FROM event WHERE id IN (SELECT DISTINCT id FROM event WHERE " + column +
                          " = ? ORDER BY rowid DESC LIMIT 100)";
  sqlite3_stmt* select = nullptr;
  sqlite3_prepare_v2(database_, sql.c_str(), -1, &select, nullptr);
  sqlite3_bind_text(select, 1, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
  int events = 0;
  while (sqlite3_step(select) == SQLITE_ROW) events += sqlite3_column_bytes(select, 1) > 0 ? 1 : 0;
  sqlite3_finalize(select);
  return events;
}

}  // namespace sluice

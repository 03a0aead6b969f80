// The events of a trace in SQLite instead: a table of events with an index for each thing that they are found by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/traced_mail.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice {

// One thread; ends the program where SQLite fails.
class SqliteTrace {
 public:
  explicit SqliteTrace(const std::string& file);
  ~SqliteTrace();
  SqliteTrace(const SqliteTrace&) = delete;
  SqliteTrace& operator=(const SqliteTrace&) = delete;

  // As the trace's: an acceptance, and the attempts.
  void message(const TracedMail& sent, std::int64_t at, int attempts);
  void commit();
  // How many messages have VALUE in that column, 100 at most, with all their events read.
  int find(const std::string& column, const std::string& value);

 private:
  void run(const char* sql);
  void event(const TracedMail& sent, std::int64_t at, const char* verdict, const std::string& detail, bool accepted);
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace sluice

// The operator's query of a database, and what its answer means for a login.  Pure.
//
// Parameters become bound values of the dialect's own kind and never text of the statement, so that no name, however
// written, becomes SQL.  The query returns no row (the name is unknown) or one, with columns of these names:
//
//   password          a hash of a scheme that we know; not where the query has %{password}: then a row is a right one
//   account           the name's spelling, where that is not what the client wrote: what limits and the log go by
//   customer          whose account it is
//   domains           what it may send from, separated by commas or blanks
//   status, enabled   "active" or "suspended"; true or false
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/login_parameters.h"
#include "auth/backend/threads.h"

namespace sluice::auth {

enum class SqlDialect : std::uint8_t { postgresql, mariadb, sqlite };

struct SqlQuery {
  std::string text;                        // $1, $2 ... for PostgreSQL; a ? each for the others
  std::vector<LoginParameter> parameters;  // of each placeholder, in their order
  [[nodiscard]] bool database_decides() const;
  // The error is a sentence's end.
  [[nodiscard]] static std::expected<SqlQuery, std::string> parse(std::string_view text, SqlDialect dialect);
};

// A value of a row; none: NULL.
struct SqlColumn {
  std::string name;
  std::optional<std::string> value;
};
// The first row, and how many there were: 2 stands for any more.
struct SqlRows {
  std::size_t count = 0;
  std::vector<SqlColumn> first;
};

// Of a value; what is longer is no answer.
inline constexpr std::size_t kSqlValueBytesMax = 16'384;

// Wipes what is not needed any more.
[[nodiscard]] Found found_in(SqlRows rows, bool database_decides);

}  // namespace sluice::auth

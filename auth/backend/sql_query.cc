#include "auth/backend/sql_query.h"

#include <algorithm>
#include <array>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

// Where in a statement a byte stands.  It decides nothing about what is bound: it finds parameters that the database
// would not see, such as '%{user}', and says so at the start instead of refusing every login.
class StatementScanner {
 public:
  explicit StatementScanner(SqlDialect dialect) : dialect_(dialect) {}

  // False where `text` has a placeholder of its own.
  [[nodiscard]] bool scan(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (within_ == 0) {
        if (is_placeholder(text[i], next)) return false;
        open(text[i], next);
      } else if (text[i] == '\\' && dialect_ == SqlDialect::mariadb && (within_ == '\'' || within_ == '"')) {
        ++i;
      } else if (within_ == '*' ? text[i] == '*' && next == '/' : text[i] == within_) {
        if (within_ == '*') ++i;
        within_ = 0;
      }
    }
    return true;
  }
  [[nodiscard]] bool in_comment() const { return within_ == '*' || within_ == '\n'; }
  [[nodiscard]] bool in_quotes() const { return within_ != 0 && !in_comment(); }

 private:
  [[nodiscard]] bool is_placeholder(char c, char next) const {
    if (dialect_ == SqlDialect::postgresql) return c == '$' && next >= '0' && next <= '9';
    return c == '?';
  }
  void open(char c, char next) {
    const bool maria = dialect_ == SqlDialect::mariadb;
    if (c == '\'' || c == '"' || (c == '`' && dialect_ != SqlDialect::postgresql)) within_ = c;
    if (c == '-' && next == '-') within_ = '\n';
    if (c == '#' && maria) within_ = '\n';
    if (c == '/' && next == '*') within_ = '*';
  }
  SqlDialect dialect_;
  char within_ = 0;  // what ends it: a quote, '\n', '*' for "*/"; 0: nothing
};

constexpr std::size_t kNameShownMax = 64;
constexpr std::array<std::string_view, 6> kColumns = {"password", "account", "customer",
                                                      "domains",  "status",  "enabled"};

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view kSeparators = ", \t\r\n;";
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kSeparators), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Found cannot_tell(std::string why) {
  return {.verdict = Verdict::of(Verdict::Kind::unavailable, std::move(why)), .hash = {}};
}

// The columns of a row by their names.
class NamedRow {
 public:
  // The error is a sentence's end.
  static std::expected<NamedRow, std::string> make(std::vector<SqlColumn>& columns) {
    NamedRow row;
    for (SqlColumn& column : columns) {
      const std::string name = ascii_lower(column.name);
      const auto known = std::ranges::find(kColumns, name);
      if (known == kColumns.end())
        return std::unexpected("the query returns a column that means nothing here: " +
                               column.name.substr(0, kNameShownMax));
      auto& place = row.columns_[static_cast<std::size_t>(known - kColumns.begin())];
      if (place != nullptr) return std::unexpected("the query returns two columns " + name);
      if (column.value && column.value->size() > kSqlValueBytesMax) return std::unexpected(name + " is too long");
      place = &column;
    }
    return row;
  }
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // NULL is nothing, too.
  [[nodiscard]] std::string* value(std::string_view name) const {
    SqlColumn* const column = find(name);
    return column != nullptr && column->value ? &*column->value : nullptr;
  }

 private:
  [[nodiscard]] SqlColumn* find(std::string_view name) const {
    return columns_[static_cast<std::size_t>(std::ranges::find(kColumns, name) - kColumns.begin())];
  }
  std::array<SqlColumn*, kColumns.size()> columns_{};
};

// Active or suspended; nothing where the row does not say it in words that we know.
std::optional<Verdict::Kind> kind_of(const NamedRow& row) {
  Kind kind = Kind::granted;
  // A flag that is NULL was not set by anybody: who may log in is said, not left out.
  if (row.has("enabled")) {
    const std::string* const value = row.value("enabled");
    const std::string text = value != nullptr ? ascii_lower(*value) : "0";
    // A BIT(1) of MariaDB is a byte.
    if (is_one_of(text, {"0", "f", "false", "n", "no", "off", std::string_view("\0", 1)})) {
      kind = Kind::suspended;
    } else if (!is_one_of(text, {"1", "t", "true", "y", "yes", "on", "\x01"})) {
      return std::nullopt;
    }
  }
  if (row.has("status")) {
    const std::string* const value = row.value("status");
    const std::string text = value != nullptr ? ascii_lower(*value) : "";
    if (is_one_of(text, {"suspended", "disabled", "locked", "inactive"})) {
      kind = Kind::suspended;
    } else if (!is_one_of(text, {"active", "enabled"})) {
      return std::nullopt;
    }
  }
  return kind;
}

Found found_in_row(const NamedRow& row, bool database_decides) {
  Found found;
  const auto kind = kind_of(row);
  if (!kind) return cannot_tell("the query returns a status or enabled that is neither yes nor no");
  found.verdict.kind = *kind;
  if (std::string* const account = row.value("account")) {
    if (!Name::make(*account)) return cannot_tell("the query returns an account that is no name");
    found.verdict.account = *account;
  }
  if (std::string* const customer = row.value("customer")) {
    if (!is_clean_text(*customer)) return cannot_tell("the query returns a customer that is no clean text");
    found.verdict.customer = *customer;
  }
  if (std::string* const domains = row.value("domains")) {
    found.verdict.domains = words_of(*domains);
    if (!std::ranges::all_of(found.verdict.domains, is_clean_text))
      return cannot_tell("the query returns domains that are no clean text");
  }
  if (database_decides) return found;
  if (!row.has("password")) return cannot_tell("the query has neither a column password nor a parameter %{password}");
  if (std::string* const password = row.value("password"); password != nullptr && !password->empty()) {
    found.hash = *password;
  } else {
    found.verdict = Verdict::of(Verdict::Kind::wrong);  // has none: nothing is right
  }
  return found;
}

}  // namespace

bool SqlQuery::database_decides() const {
  return std::ranges::find(parameters, LoginParameter::password) != parameters.end();
}

std::expected<SqlQuery, std::string> SqlQuery::parse(std::string_view text, SqlDialect dialect) {
  const auto pieces = split_login_text(text);
  if (!pieces) return std::unexpected(pieces.error());
  SqlQuery query;
  StatementScanner scanner(dialect);
  for (const LoginTextPiece& piece : *pieces) {
    if (!scanner.scan(piece.text))
      return std::unexpected("has a placeholder of its own; parameters are %{user} and so on");
    query.text += piece.text;
    if (!piece.has_parameter) continue;
    const std::string name = "%{" + std::string(parameter_name(piece.parameter)) + "}";
    if (scanner.in_quotes()) return std::unexpected("has " + name + " within quotes; it is a value and needs none");
    if (scanner.in_comment()) return std::unexpected("has " + name + " in a comment");
    query.parameters.push_back(piece.parameter);
    query.text += dialect == SqlDialect::postgresql ? "$" + std::to_string(query.parameters.size()) : "?";
  }
  if (scanner.in_quotes()) return std::unexpected("has a quote that does not end");
  if (std::ranges::all_of(query.parameters, [](LoginParameter one) { return one == LoginParameter::password; }))
    return std::unexpected("asks for nobody: it has no %{user}, %{local} or %{domain}");
  return query;
}

Found found_in(SqlRows rows, bool database_decides) {
  // A database that compares the password does not tell which of the two it does not have.
  if (rows.count == 0)
    return {.verdict = Verdict::of(database_decides ? Verdict::Kind::wrong : Verdict::Kind::unknown), .hash = {}};
  if (rows.count > 1) return cannot_tell("the query returns more than one row");
  const auto row = NamedRow::make(rows.first);
  Found found = row ? found_in_row(*row, database_decides) : cannot_tell(row.error());
  // A table may have passwords as they are.
  for (SqlColumn& column : rows.first)
    if (column.value) wipe_bytes(column.value->data(), column.value->size());
  return found;
}

}  // namespace sluice::auth

// Checks that whatever an operator writes with parameters in it, and whatever name logs in:
//   - what is escaped for LDAP has no byte that means something there, and is read back as it was;
//   - a query's text has a placeholder for each parameter, and the operator's text otherwise: nothing of a name;
//   - the pieces of a text are the text.
// Input: a byte for the dialect of SQL, the text, NUL, the name.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/backend/ldap_template.h"
#include "auth/backend/login_parameters.h"
#include "auth/backend/sql_query.h"
#include "engine/base/check.h"

namespace {

using namespace sluice::auth;

std::string placeholder(SqlDialect dialect, std::size_t number) {
  return dialect == SqlDialect::postgresql ? "$" + std::to_string(number) : "?";
}

void check_pieces(std::string_view text) {
  const auto pieces = split_login_text(text);
  if (!pieces) return;
  std::string again;
  for (const LoginTextPiece& piece : *pieces) {
    again += piece.text;
    if (piece.has_parameter) again += "%{" + std::string(parameter_name(piece.parameter)) + "}";
  }
  CHECK(again == text);
}

void check_query(std::string_view text, SqlDialect dialect) {
  const auto query = SqlQuery::parse(text, dialect);
  if (!query) return;
  const auto pieces = split_login_text(text);
  CHECK(pieces.has_value());
  std::string expected;
  std::size_t number = 0;
  for (const LoginTextPiece& piece : *pieces) {
    expected += piece.text;
    if (!piece.has_parameter) continue;
    CHECK(number < query->parameters.size() && query->parameters[number] == piece.parameter);
    expected += placeholder(dialect, ++number);
  }
  CHECK(query->text == expected && query->parameters.size() == number && number > 0);
}

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c - 'A' + 10; }

void check_escape(std::string_view value) {
  const std::string escaped = ldap_escaped(value);
  std::string again;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\') {
      CHECK(std::string_view("*()\0,+\"<>;=# &|!~/", 18).find(escaped[i]) == std::string_view::npos);
      again += escaped[i];
      continue;
    }
    CHECK(i + 2 < escaped.size());
    again += static_cast<char>(digit(escaped[i + 1]) * 16 + digit(escaped[i + 2]));
    i += 2;
  }
  CHECK(again == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto dialect = static_cast<SqlDialect>(data[0] % 3);
  const std::string input(data + 1, data + size);
  const std::string text = input.substr(0, input.find('\0'));
  const std::string name = text.size() < input.size() ? input.substr(text.size() + 1) : "";
  check_pieces(text);
  check_query(text, dialect);
  check_escape(name);
  auto made = Name::make(name);
  auto secret = Secret::make("the secret");
  const auto filter = LdapTemplate::parse(text);
  if (!made || !filter) return 0;
  const Credentials credentials{.name = *made, .secret = *std::move(secret)};
  const auto pieces = split_login_text(text);
  std::string expected;
  for (const LoginTextPiece& piece : *pieces)
    expected += piece.text + (piece.has_parameter ? ldap_escaped(parameter_value(piece.parameter, credentials)) : "");
  CHECK(filter->text_for(credentials) == expected);
  return 0;
}

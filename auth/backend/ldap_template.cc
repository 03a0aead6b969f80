#include "auth/backend/ldap_template.h"

#include <algorithm>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {

std::string ldap_escaped(std::string_view value) { return hex_escaped(value, "-_.@", '\\'); }

std::expected<LdapTemplate, std::string> LdapTemplate::parse(std::string_view text) {
  auto pieces = split_login_text(text);
  if (!pieces) return std::unexpected(std::move(pieces.error()));
  LdapTemplate made;
  for (const LoginTextPiece& piece : *pieces)
    if (piece.has_parameter && piece.parameter == LoginParameter::password)
      return std::unexpected("has %{password}, which a bind compares and no text holds");
  made.pieces_ = *std::move(pieces);
  return made;
}

std::string LdapTemplate::text_for(const Credentials& credentials) const {
  std::string text;
  for (const LoginTextPiece& piece : pieces_) {
    text += piece.text;
    if (piece.has_parameter) text += ldap_escaped(parameter_value(piece.parameter, credentials));
  }
  return text;
}

bool LdapTemplate::has_parameters() const { return std::ranges::any_of(pieces_, &LoginTextPiece::has_parameter); }

}  // namespace sluice::auth

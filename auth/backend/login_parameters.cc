#include "auth/backend/login_parameters.h"

#include <optional>
#include <utility>

namespace sluice::auth {
namespace {

constexpr std::pair<std::string_view, LoginParameter> kParameters[] = {
    {"user", LoginParameter::user},
    {"local", LoginParameter::local},
    {"domain", LoginParameter::domain},
    {"password", LoginParameter::password},
};

std::optional<LoginParameter> find_parameter(std::string_view name) {
  for (const auto& [known, parameter] : kParameters)
    if (name == known) return parameter;
  return std::nullopt;
}

}  // namespace

std::string_view parameter_name(LoginParameter parameter) {
  return kParameters[static_cast<std::size_t>(parameter)].first;
}

std::expected<std::vector<LoginTextPiece>, std::string> split_login_text(std::string_view text) {
  constexpr std::string_view kOpening = "%{";
  std::vector<LoginTextPiece> pieces;
  for (;;) {
    const std::size_t opening = text.find(kOpening);
    if (opening == std::string_view::npos) {
      if (!text.empty()) pieces.push_back({.text = std::string(text)});
      return pieces;
    }
    const std::size_t closing = text.find('}', opening);
    if (closing == std::string_view::npos) return std::unexpected("has a %{ without a }");
    const std::string_view name = text.substr(opening + kOpening.size(), closing - opening - kOpening.size());
    const auto parameter = find_parameter(name);
    if (!parameter)
      return std::unexpected("has a parameter that is unknown: %{" + std::string(name) +
                             "}; there are %{user}, %{local}, %{domain} and %{password}");
    pieces.push_back({.text = std::string(text.substr(0, opening)), .has_parameter = true, .parameter = *parameter});
    text.remove_prefix(closing + 1);
  }
}

std::string_view parameter_value(LoginParameter parameter, const Credentials& credentials) {
  const std::string_view name = credentials.name.text();
  const std::size_t at = name.rfind('@');
  const bool has_domain = at != std::string_view::npos;
  switch (parameter) {
    case LoginParameter::user:
      return name;
    case LoginParameter::local:
      return has_domain ? name.substr(0, at) : name;
    case LoginParameter::domain:
      return has_domain ? name.substr(at + 1) : std::string_view();
    case LoginParameter::password:
      return credentials.secret.reveal();
  }
  return name;
}

}  // namespace sluice::auth

#include "auth/login_names.h"

#include <string_view>

#include "auth/saslprep.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

std::string without_blanks(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(without_blanks_around(text));
  return std::string(without_blanks_around(text.substr(0, at)))
      .append("@")
      .append(without_blanks_around(text.substr(at + 1)));
}

// Most names are as they ought to be.
std::string prepared(const std::string& name) {
  std::string text = saslprep_or_same(name);
  return text.find(' ') == std::string::npos ? text : without_blanks(text);
}

}  // namespace

Name rewritten(const Name& name, const LoginNameRules& rules) {
  std::string text = prepared(name.text());
  if (rules.percent_as_at && text.find('@') == std::string::npos)
    if (const std::size_t percent = text.rfind('%'); percent != std::string::npos) text[percent] = '@';
  if (!rules.default_domain.empty() && text.find('@') == std::string::npos) text += "@" + rules.default_domain;
  if (rules.drop_plus_tags) {
    const std::size_t plus = text.find('+');
    const std::size_t at = text.rfind('@');
    if (plus != std::string::npos && at != std::string::npos && plus < at && plus > 0) text.erase(plus, at - plus);
  }
  if (rules.lower_case) text = ascii_lower(text);
  return Name::make(text).value_or(name);
}

}  // namespace sluice::auth

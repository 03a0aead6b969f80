#include "auth/login_names.h"

#include "auth/text.h"

namespace sluice::auth {

Name rewritten(const Name& name, const LoginNameRules& rules) {
  std::string text = name.text();
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

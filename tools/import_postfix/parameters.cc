#include "tools/import_postfix/parameters.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/smtp/ascii.h"
#include "tools/import_postfix/logical_lines.h"

namespace sluice::import_postfix {
namespace {

struct PostfixDefault {
  std::string_view name;
  std::string_view value;
};
constexpr std::array<PostfixDefault, 19> kDefaults{{
    {"default_transport", "smtp"},
    {"inet_interfaces", "all"},
    {"inet_protocols", "all"},
    {"mail_name", "Postfix"},
    {"mydestination", "$myhostname, localhost.$mydomain, localhost"},
    {"mydomain", "localdomain"},
    {"myhostname", "localhost"},
    {"mynetworks_style", "host"},
    {"myorigin", "$myhostname"},
    {"queue_directory", "/var/spool/postfix"},
    {"relay_transport", "relay"},
    {"smtpd_client_event_limit_exceptions", "$mynetworks"},
    {"smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"},
    {"smtpd_sasl_mechanism_filter", "!external, static:rest"},
    {"smtpd_sasl_path", "smtpd"},
    {"smtpd_sasl_security_options", "noanonymous"},
    {"smtpd_sasl_tls_security_options", "$smtpd_sasl_security_options"},
    {"smtpd_sasl_type", "cyrus"},
    {"anvil_rate_time_unit", "60s"},
}};

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_number(std::string_view text) {
  constexpr std::size_t kDigitsMax = 18;
  return !text.empty() && text.size() <= kDigitsMax &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Expansion {
 public:
  explicit Expansion(const ParameterSource& source) : source_(source) {}

  // Appends to `out`; false: error() says why not.
  bool run(std::string_view text, std::size_t depth, std::string& out) {
    if (depth > kExpansionDepthMax) return fail("refers to itself, or more than 20 deep");
    while (!text.empty()) {
      if (++steps_ > kExpansionStepsMax) return fail("refers to too much");
      const std::size_t dollar = text.find('$');
      out.append(text.substr(0, dollar));
      if (out.size() > kExpansionBytesMax) return fail("is longer than 64 KiB with all that it refers to");
      if (dollar == std::string_view::npos) return true;
      text.remove_prefix(dollar + 1);
      if (!reference(text, depth, out)) return false;
    }
    return true;
  }

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool fail(std::string_view why) {
    error_ = why;
    return false;
  }

  // `text` is behind a "$", and is moved behind what belongs to that.
  bool reference(std::string_view& text, std::size_t depth, std::string& out) {
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
      return true;
    }
    if (text.starts_with('{') || text.starts_with('(')) {
      const auto inside = take_braced(text, text.front(), text.front() == '{' ? '}' : ')');
      return inside ? braced(*inside, depth, out) : fail("has a brace without its end");
    }
    const std::size_t size = name_size(text);
    if (size == 0) return fail("has a \"$\" without a name");
    const std::string_view name = text.substr(0, size);
    text.remove_prefix(size);
    return named(name, depth, out);
  }

  static std::size_t name_size(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_char) - text.begin());
  }

  bool named(std::string_view name, std::size_t depth, std::string& out) {
    const auto value = source_(name);
    return !value || run(*value, depth + 1, out);
  }

  // What is within a pair that begins `text`; text goes on behind it.
  static std::optional<std::string_view> take_braced(std::string_view& text, char open, char close) {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == open) ++depth;
      if (text[i] == close && --depth == 0) {
        const std::string_view inside = text.substr(1, i - 1);
        text.remove_prefix(i + 1);
        return inside;
      }
    }
    return std::nullopt;
  }

  // "name", "name?text", "name:text", "name?{text}:{text}", "{left} == {right}?{text}:{text}"
  bool braced(std::string_view inside, std::size_t depth, std::string& out) {
    inside = trimmed(inside);
    bool holds = false;
    std::string value;
    if (inside.starts_with('{')) {
      if (!comparison(inside, depth, holds)) return false;
    } else {
      const std::size_t size = name_size(inside);
      if (size == 0) return fail("has a \"${\" without a name");
      const std::string_view name = inside.substr(0, size);
      inside = trimmed(inside.substr(size));
      if (inside.empty()) return named(name, depth, out);
      if (!named(name, depth, value)) return false;
      holds = !value.empty();
    }
    return choose(inside, holds, depth, out);
  }

  // `rest` begins with "?" or ":".
  bool choose(std::string_view rest, bool holds, std::size_t depth, std::string& out) {
    if (!rest.starts_with('?') && !rest.starts_with(':')) return fail("has a \"${\" that is not understood");
    const bool wanted = rest.front() == '?';
    rest = trimmed(rest.substr(1));
    if (!rest.starts_with('{')) return holds != wanted || run(rest, depth + 1, out);
    const auto first = take_braced(rest, '{', '}');
    if (!first) return fail("has a brace without its end");
    rest = trimmed(rest);
    std::optional<std::string_view> second = "";
    if (!rest.empty()) {
      if (!wanted || !rest.starts_with(':')) return fail("has a \"${\" that is not understood");
      rest = trimmed(rest.substr(1));
      second = rest.starts_with('{') ? take_braced(rest, '{', '}') : std::optional(std::exchange(rest, {}));
      if (!second || !trimmed(rest).empty()) return fail("has a \"${\" that is not understood");
    }
    return run(trimmed(holds == wanted ? *first : *second), depth + 1, out);
  }

  // Leaves what is behind it.
  bool comparison(std::string_view& inside, std::size_t depth, bool& holds) {
    std::string left;
    std::string right;
    const auto first = take_braced(inside, '{', '}');
    if (!first || !run(trimmed(*first), depth + 1, left)) return error_.empty() ? fail("has a bad comparison") : false;
    inside = trimmed(inside);
    const std::size_t size = std::min(inside.find('{'), inside.size());
    const std::string_view operation = trimmed(inside.substr(0, size));
    inside.remove_prefix(size);
    const auto second = inside.empty() ? std::nullopt : take_braced(inside, '{', '}');
    if (!second || !run(trimmed(*second), depth + 1, right))
      return error_.empty() ? fail("has a bad comparison") : false;
    inside = trimmed(inside);
    int order = left.compare(right);
    if (is_number(left) && is_number(right)) {
      const long long a = std::stoll(left);
      const long long b = std::stoll(right);
      order = a < b ? -1 : a > b ? 1 : 0;
    }
    if (operation == "==") {
      holds = order == 0;
    } else if (operation == "!=") {
      holds = order != 0;
    } else if (operation == "<" || operation == ">") {
      holds = operation == "<" ? order < 0 : order > 0;
    } else if (operation == "<=" || operation == ">=") {
      holds = operation == "<=" ? order <= 0 : order >= 0;
    } else {
      return fail("has a comparison that is not understood");
    }
    return true;
  }

  const ParameterSource& source_;
  std::size_t steps_ = 0;
  std::string error_;
};

}  // namespace

const Parameter* MainCf::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters.rbegin(), parameters.rend(), name, &Parameter::name);
  return found == parameters.rend() ? nullptr : &*found;
}

MainCf parse_main_cf(std::string_view file) {
  MainCf main_cf;
  for (const LogicalLine& line : logical_lines(file)) {
    const std::string place = "main.cf:" + std::to_string(line.number);
    const std::size_t equals = line.text.find('=');
    const std::string_view name = trimmed(std::string_view(line.text).substr(0, equals));
    if (line.continues || equals == std::string::npos || name.empty() || !std::ranges::all_of(name, is_name_char)) {
      main_cf.problems.push_back({.place = place, .what = "is no parameter"});
      continue;
    }
    main_cf.parameters.push_back({.name = std::string(name),
                                  .value = std::string(trimmed(std::string_view(line.text).substr(equals + 1))),
                                  .place = place});
  }
  return main_cf;
}

std::string_view postfix_default(std::string_view name) {
  const auto* const found = std::ranges::find(kDefaults, name, &PostfixDefault::name);
  return found == kDefaults.end() ? std::string_view() : found->value;
}

std::expected<std::string, std::string> expand(std::string_view value, const ParameterSource& source) {
  Expansion expansion(source);
  std::string out;
  if (!expansion.run(value, 0, out)) return std::unexpected(expansion.error());
  return out;
}

const Parameter* Parameters::find(std::string_view name) const {
  if (overrides_ != nullptr) {
    const auto found = std::ranges::find(overrides_->rbegin(), overrides_->rend(), name, &Parameter::name);
    if (found != overrides_->rend()) return &*found;
  }
  return main_cf_->find(name);
}

std::expected<std::string, std::string> Parameters::expanded(std::string_view text) const {
  return expand(text, [this](std::string_view name) -> std::optional<std::string> {
    if (const Parameter* const found = find(name)) return found->value;
    // $mydomain is $myhostname without its first label.
    if (name == "mydomain") {
      const Parameter* const host = find("myhostname");
      const std::size_t dot = host == nullptr ? std::string::npos : host->value.find('.');
      if (dot != std::string::npos && !host->value.contains('$')) return host->value.substr(dot + 1);
    }
    return std::string(postfix_default(name));
  });
}

std::optional<Setting> Parameters::set(std::string_view name) const {
  const Parameter* const found = find(name);
  if (found == nullptr) return std::nullopt;
  Setting setting{.name = found->name, .value = {}, .place = found->place, .raw = found->value, .error = {}};
  if (auto value = expanded(found->value)) {
    setting.value = trimmed(*value);
  } else {
    setting.error = value.error();
  }
  return setting;
}

std::string Parameters::value(std::string_view name) const {
  if (const auto setting = set(name)) return setting->value;
  return expanded(postfix_default(name)).value_or("");
}

bool Parameters::is_yes(std::string_view name) const { return smtp::to_lower(value(name)) == "yes"; }

}  // namespace sluice::import_postfix

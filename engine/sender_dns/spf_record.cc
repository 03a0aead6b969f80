#include "engine/sender_dns/spf_record.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/base/ascii.h"
#include "engine/sender_dns/spf_macro.h"

namespace sluice::sender_dns {
namespace {

constexpr std::string_view kVersion = "v=spf1";

bool equal_folded(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return to_lower(a) == b; });
}

// Which of its parts a mechanism has.
enum class Part : std::uint8_t { none, optional, required };
struct Mechanism {
  std::string_view name;
  SpfMechanism mechanism;
  Part domain_spec;
  bool cidr;  // dual-cidr-length
};
constexpr std::array kMechanisms{
    Mechanism{"all", SpfMechanism::all, Part::none, false},
    Mechanism{"include", SpfMechanism::include, Part::required, false},
    Mechanism{"a", SpfMechanism::a, Part::optional, true},
    Mechanism{"mx", SpfMechanism::mx, Part::optional, true},
    Mechanism{"ptr", SpfMechanism::ptr, Part::optional, false},
    Mechanism{"ip4", SpfMechanism::ip4, Part::none, false},
    Mechanism{"ip6", SpfMechanism::ip6, Part::none, false},
    Mechanism{"exists", SpfMechanism::exists, Part::required, false},
};

std::optional<SpfResult> result_of(char qualifier) {
  switch (qualifier) {
    case '+':
      return SpfResult::pass;
    case '-':
      return SpfResult::fail;
    case '~':
      return SpfResult::softfail;
    case '?':
      return SpfResult::neutral;
    default:
      return std::nullopt;
  }
}

// What stands behind the last slash of `text`, a number without leading zeros, is taken off it with the slash.
// False: it is a number that is too large.
bool take_bits(std::string_view& text, std::string_view slash, unsigned most, unsigned& bits) {
  const std::size_t digits_at = text.find_last_not_of("0123456789") + 1;
  const std::string_view digits = text.substr(digits_at);
  if (digits.empty() || !text.substr(0, digits_at).ends_with(slash)) return true;
  constexpr std::size_t kDigitsMax = 3;
  if (digits.size() > kDigitsMax || (digits.size() > 1 && digits.front() == '0')) return false;
  bits = 0;
  for (const char c : digits) bits = bits * 10 + static_cast<unsigned>(c - '0');
  text = text.substr(0, digits_at - slash.size());
  return bits <= most;
}

std::string quoted(std::string_view term) { return "\"" + std::string(term) + "\""; }

// The argument of ip4: and ip6:.  Says what is wrong, or nothing.
std::string take_network(std::string_view argument, SpfDirective& directive) {
  const bool ip4 = directive.mechanism == SpfMechanism::ip4;
  std::string what = ip4 ? " needs an IPv4 address, with /0 to /32 behind it at most"
                         : " needs an IPv6 address, with /0 to /128 behind it at most";
  if (!argument.starts_with(':')) return what;
  argument.remove_prefix(1);
  if (!(ip4 ? take_bits(argument, "/", 32, directive.ip4_bits) : take_bits(argument, "/", 128, directive.ip6_bits)))
    return what;
  const auto address = parse_ip(argument);
  if (!address) return what;
  if ((argument.find(':') == std::string_view::npos) != ip4) return what;
  directive.address = *address;
  return "";
}

// The argument of the others: [":" domain-spec] [dual-cidr-length].
std::string take_argument(std::string_view argument, const Mechanism& known, SpfDirective& directive) {
  if (known.cidr &&
      (!take_bits(argument, "//", 128, directive.ip6_bits) || !take_bits(argument, "/", 32, directive.ip4_bits)))
    return " has a prefix length that is none: /0 to /32 for IPv4, //0 to //128 for IPv6";
  if (argument.empty()) return known.domain_spec == Part::required ? " needs a domain, behind a colon" : "";
  if (known.domain_spec == Part::none) return " takes nothing behind its name";
  if (!argument.starts_with(':')) return " is not understood behind its name";
  argument.remove_prefix(1);
  if (parse_ip(argument)) return " names an address where a domain belongs; ip4: or ip6: is for addresses";
  if (!is_domain_spec(argument)) return " does not name a domain";
  directive.domain_spec = argument;
  return "";
}

class SpfRecordParser {
 public:
  // Says what is wrong with the term, or nothing.
  std::string take_term(std::string_view term) {
    const std::size_t name_end = term.find_first_of(":/=");
    if (name_end != std::string_view::npos && term[name_end] == '=')
      return take_modifier(term.substr(0, name_end), term.substr(name_end + 1));
    SpfDirective directive{.text = std::string(term)};
    if (const auto result = result_of(term.front())) {
      directive.result = *result;
      term.remove_prefix(1);
    }
    const std::string_view name = term.substr(0, term.find_first_of(":/"));
    const auto* const known =
        std::ranges::find_if(kMechanisms, [&](const Mechanism& each) { return equal_folded(name, each.name); });
    if (known == kMechanisms.end()) return " is no mechanism of SPF";
    directive.mechanism = known->mechanism;
    const std::string_view argument = term.substr(name.size());
    const bool network = known->mechanism == SpfMechanism::ip4 || known->mechanism == SpfMechanism::ip6;
    std::string wrong = network ? take_network(argument, directive) : take_argument(argument, *known, directive);
    if (wrong.empty()) record_.directives.push_back(std::move(directive));
    return wrong;
  }
  SpfRecord take() { return std::move(record_); }

 private:
  std::string take_modifier(std::string_view name, std::string_view value) {
    const bool redirect = equal_folded(name, "redirect");
    if (redirect || equal_folded(name, "exp")) {
      std::string& place = redirect ? record_.redirect : record_.exp;
      if (!place.empty()) return " is there twice";
      if (!is_domain_spec(value)) return " does not name a domain";
      place = value;
      return "";
    }
    const auto letter = [](char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; };
    const auto in_name = [&](char c) {
      return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    if (name.empty() || !letter(name.front()) || !std::ranges::all_of(name, in_name)) return " is no term of SPF";
    // 6: unknown modifiers are ignored, but must be macro-strings.
    return is_macro_string(value, SpfMacroUse::domain) ? "" : " has a macro that is none";
  }

  SpfRecord record_;
};

}  // namespace

std::string_view name(SpfResult result) {
  switch (result) {
    case SpfResult::none:
      return "none";
    case SpfResult::neutral:
      return "neutral";
    case SpfResult::pass:
      return "pass";
    case SpfResult::fail:
      return "fail";
    case SpfResult::softfail:
      return "softfail";
    case SpfResult::temperror:
      return "temperror";
    case SpfResult::permerror:
      break;
  }
  return "permerror";
}

bool is_spf_record(std::string_view text) {
  return equal_folded(text.substr(0, kVersion.size()), kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

std::expected<SpfRecord, std::string> parse_spf_record(std::string_view text) {
  SpfRecordParser parser;
  text.remove_prefix(kVersion.size());
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view term = text.substr(0, blank);
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    if (term.empty()) continue;
    if (const std::string wrong = parser.take_term(term); !wrong.empty()) return std::unexpected(quoted(term) + wrong);
  }
  return parser.take();
}

}  // namespace sluice::sender_dns

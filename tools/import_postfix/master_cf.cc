#include "tools/import_postfix/master_cf.h"

#include <algorithm>
#include <cstddef>

#include "tools/import_postfix/logical_lines.h"

namespace sluice::import_postfix {
namespace {

constexpr std::size_t kCommandField = 7;

// "name=value", or "{ name = value }".
bool take_override(std::string_view text, Service& service) {
  text = without_braces(text);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || trimmed(text.substr(0, equals)).empty()) return false;
  service.overrides.push_back({.name = std::string(trimmed(text.substr(0, equals))),
                               .value = std::string(trimmed(text.substr(equals + 1))),
                               .place = service.place});
  return true;
}

// The command's own arguments: of these only -o says something here.
bool take_arguments(const std::vector<std::string>& words, Service& service) {
  bool good = true;
  for (std::size_t i = kCommandField + 1; i < words.size(); ++i) {
    if (!words[i].starts_with("-o")) continue;
    if (words[i].size() > 2) {
      good = take_override(std::string_view(words[i]).substr(2), service) && good;
    } else if (i + 1 < words.size()) {
      good = take_override(words[++i], service) && good;
    } else {
      good = false;
    }
  }
  return good;
}

}  // namespace

const Service* MasterCf::find(std::string_view name, std::string_view type) const {
  const auto found = std::ranges::find_if(
      services, [&](const Service& service) { return service.name == name && service.type == type; });
  return found == services.end() ? nullptr : &*found;
}

MasterCf parse_master_cf(std::string_view file) {
  MasterCf master_cf;
  for (const LogicalLine& line : logical_lines(file)) {
    const std::string place = "master.cf:" + std::to_string(line.number);
    const std::vector<std::string> words = words_of(line.text, Commas::stay);
    if (line.continues || words.size() <= kCommandField) {
      master_cf.problems.push_back({.place = place, .what = "is no service: it has fewer than eight fields"});
      continue;
    }
    Service service{
        .name = words[0], .type = words[1], .command = words[kCommandField], .overrides = {}, .place = place};
    // Only smtpd's and smtp's options are looked at: those of pipe(8) are another program's.
    const bool smtp = service.command == "smtpd" || service.command == "smtp" || service.command == "postscreen";
    if (smtp && !take_arguments(words, service))
      master_cf.problems.push_back({.place = place, .what = "has an -o that is not NAME=VALUE"});
    master_cf.services.push_back(std::move(service));
  }
  return master_cf;
}

}  // namespace sluice::import_postfix

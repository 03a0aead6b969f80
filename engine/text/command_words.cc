#include "engine/text/command_words.h"

#include <algorithm>
#include <charconv>

#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::text {

Option* find_option(std::span<Option> options, std::string_view word) {
  const auto found = std::ranges::find(options, word.substr(0, word.find('=')), &Option::name);
  return found == options.end() ? nullptr : &*found;
}

std::string take_option(Option& option, const Words& words, std::size_t& at) {
  std::string_view word = words[at++];
  std::optional<std::string_view> value;
  if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
    value = word.substr(equals + 1);
    word = word.substr(0, equals);
  }
  if (option.given) return std::string(word) + " is given twice";
  if (option.value.empty()) {
    if (value) return std::string(word) + " takes no value";
    option.given = "";
    return "";
  }
  if (!value && at < words.size()) value = words[at++];
  if (!value || value->empty()) return std::string(word) + " needs a value: " + std::string(option.value);
  option.given = value;
  return "";
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool is_help(std::string_view word) { return word == "--help" || word == "-h" || word == "help"; }

std::string unknown_command(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty()) return "a command is missing";
  return "there is no command " + in_quotes(word) + or_meant(word, known);
}

std::string unknown_option(std::string_view word, std::span<const Option> options) {
  Words names;
  for (const Option& option : options) names.push_back(option.name);
  word = word.substr(0, word.find('='));
  return "there is no option " + in_quotes(word) + " here" + or_meant(word, names);
}

std::string with_advice(std::string_view program, std::string_view problem, std::string_view page) {
  std::string text(program);
  text.append(": ").append(problem).append("; see: ").append(page.empty() ? program : page);
  return text + " --help\n";
}

}  // namespace sluice::text

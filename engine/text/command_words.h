// What several command lines have in common: options that may stand anywhere, and what is said
// about words that are not understood.  Pure; any thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::text {

// Views of the words that main() was given.
using Words = std::vector<std::string_view>;

struct Option {
  std::string_view name;   // "--config"
  std::string_view value;  // what its value stands for; empty: it takes none
  std::optional<std::string_view> given = std::nullopt;
};

// Decimal digits alone.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text);

// The option that `word` names, "--config" or "--config=x"; null if it is none of them.
[[nodiscard]] Option* find_option(std::span<Option> options, std::string_view word);
// Moves the option at `words[at]` into `option`, and `at` past it.  Says what is wrong, or nothing.
[[nodiscard]] std::string take_option(Option& option, const Words& words, std::size_t& at);

// Reads the value of an option, a whole number within bounds.  Says what is wrong, or nothing.
template <std::unsigned_integral Number>
[[nodiscard]] std::string take_number(std::string_view option, std::string_view value, std::uint64_t least,
                                      std::uint64_t most, Number& number) {
  const std::optional<std::uint64_t> read = whole_number(value);
  if (!read || *read < least || *read > most)
    return std::string(option) + " needs a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  number = static_cast<Number>(*read);
  return "";
}

[[nodiscard]] bool is_help(std::string_view word);

// A word that is not known may be anything, even a password in the wrong place: only the first of a
// line is ever repeated, and of an option its name.
[[nodiscard]] std::string unknown_command(std::string_view word, std::span<const std::string_view> known);
[[nodiscard]] std::string unknown_option(std::string_view word, std::span<const Option> options);

// "sluice: PROBLEM; see: sluice --help"; `page`: what else to call for help, "sluicectl queue".
[[nodiscard]] std::string with_advice(std::string_view program, std::string_view problem, std::string_view page = "");

}  // namespace sluice::text

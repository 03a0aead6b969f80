// main.cf's parameters, and what `$name` in them stands for, as postconf(5) has it.  Values; any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import_postfix {

// Of one value, with all that it refers to.
inline constexpr std::size_t kExpansionDepthMax = 20;
inline constexpr std::size_t kExpansionBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kExpansionStepsMax = 10'000;

struct Parameter {
  std::string name;
  std::string value;  // as it is written
  std::string place;  // "main.cf:12"
};

struct Problem {
  std::string place;
  std::string what;
};

struct MainCf {
  std::vector<Parameter> parameters;  // in the order of the file
  std::vector<Problem> problems;      // lines that are no parameters

  // The last one of that name counts, as in Postfix; null: there is none.
  [[nodiscard]] const Parameter* find(std::string_view name) const;
};
[[nodiscard]] MainCf parse_main_cf(std::string_view file);

// Postfix's own value where nothing is set, for the parameters that are asked for here; empty for all others.
[[nodiscard]] std::string_view postfix_default(std::string_view name);

// What a name stands for, not yet expanded; nothing: it stands for nothing.
using ParameterSource = std::function<std::optional<std::string>(std::string_view name)>;
// $name, $(name), ${name}, ${name?text}, ${name:text}, ${name?{text}:{text}}, ${{left} == {right}?{text}:{text}}, "$$".
// The error says which bound is passed, or what is no such text.
[[nodiscard]] std::expected<std::string, std::string> expand(std::string_view value, const ParameterSource& source);

// A parameter that is set, for one service.
struct Setting {
  std::string name;
  std::string value;  // expanded; empty where that failed
  std::string place;
  std::string raw;    // as it is written
  std::string error;  // why it could not be expanded
};

// The parameters as one service of master.cf sees them.  Views of both, which have to stay.
class Parameters {
 public:
  explicit Parameters(const MainCf& main_cf, const std::vector<Parameter>* overrides = nullptr)
      : main_cf_(&main_cf), overrides_(overrides) {}

  // Nothing: it is not set.
  [[nodiscard]] std::optional<Setting> set(std::string_view name) const;
  // Its value, or Postfix's own.
  [[nodiscard]] std::string value(std::string_view name) const;
  // "yes".
  [[nodiscard]] bool is_yes(std::string_view name) const;

 private:
  [[nodiscard]] const Parameter* find(std::string_view name) const;
  [[nodiscard]] std::expected<std::string, std::string> expanded(std::string_view text) const;
  const MainCf* main_cf_;
  const std::vector<Parameter>* overrides_;
};

}  // namespace sluice::import_postfix

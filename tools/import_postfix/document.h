// The configuration that is written: TOML, each setting beside what it came from.  A value; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/import_postfix/parameters.h"

namespace sluice::import_postfix {

class Document {
 public:
  // "[server]" or "[[listener]]"; a blank line goes before it.
  void section(std::string_view header);
  // Comments: where the next setting comes from, and what has to be said.  Whatever is in them is escaped and cut.
  void from(const Setting& setting);
  void from(std::string_view place, std::string_view what);
  void note(std::string_view text);
  // Likewise, and it is also said at the top and on the terminal: what the operator has to decide or to do.
  void decide(std::string_view text);
  // Settings.
  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, std::uint64_t value);
  void boolean(std::string_view key, bool value);
  void list(std::string_view key, const std::vector<std::string>& values);
  void numbers(std::string_view key, const std::vector<std::uint64_t>& values);
  void raw(std::string_view key, std::string_view toml);

  // Whether from() has shown the line at this place with this parameter's name.
  [[nodiscard]] bool has_shown(const Parameter& parameter) const;
  void mark_shown(std::string_view place, std::string_view name);

  [[nodiscard]] const std::vector<std::string>& decisions() const { return decisions_; }
  [[nodiscard]] const std::string& body() const { return body_; }

 private:
  std::string body_;
  std::vector<std::string> decisions_;
  std::set<std::string, std::less<>> decided_;  // all, beyond what decisions_ may hold
  std::set<std::string, std::less<>> shown_;
};

// Whether `value` can be written as it is: TOML has UTF-8 alone.
[[nodiscard]] bool is_writable(std::string_view value);
// `text` as the lines of a comment, wrapped, escaped and within a bound.
[[nodiscard]] std::string comment(std::string_view text);
// "name = value", without what may be a secret in it.
[[nodiscard]] std::string shown_setting(std::string_view name, std::string_view raw);

}  // namespace sluice::import_postfix

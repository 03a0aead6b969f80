// The options by which every command of sluicectl that lists says how it is to be shown, and what a command has that
// can be listed: one vocabulary, read here for all. Values and pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/cli/moment.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

inline constexpr std::uint32_t kTopMax = 1'000'000;
inline constexpr std::uint32_t kWatchDefaultS = 2;
inline constexpr std::uint32_t kWatchMaxS = 3600;

// A value of a row as text has it.
enum class ViewForm : std::uint8_t {
  text,
  count,
  moment,   // milliseconds since 1970
  age,      // likewise, and how long ago that is, where no --time is given
  wait,     // likewise, and in how long; 0: never
  stamp,    // a moment that JSON has as RFC 3339
  address,  // of an envelope, in <>
  first,    // of a list, and how many there are besides
  host,     // an address with its port, without that
  reason,   // "on hold: " and hold_reason, or `key` where nothing holds it
};

struct ViewColumn {
  std::string_view title;
  std::string_view key;  // of the relay's JSON
  ViewForm form = ViewForm::text;
};

// What --by groups: a value that rows have; a row with a list of them counts for each.
struct ViewGroup {
  std::string_view word;  // "customer"
  std::string_view key;
  ViewForm form = ViewForm::text;
};

// What is shown of rows that are put together.
struct ViewTotal {
  enum class Of : std::uint8_t {
    rows,   // how many there are
    sum,    // of numbers
    most,   // the largest number
    first,  // the smallest that is not 0
    size,   // the sum of how long lists are
    words,  // each text once, with ", " between
    any,    // the first text that is not empty
  };
  std::string_view title;
  std::string_view key;
  Of of = Of::sum;
  ViewForm form = ViewForm::count;
};

// A command that lists.
struct View {
  std::string_view name;  // "queue list"
  std::span<const ViewColumn> columns;
  std::span<const ViewGroup> groups;  // by what its rows can be put together
  std::span<const ViewTotal> totals;  // of such
  bool per_core = false;  // without --cores, rows of all cores are put together by `sum_by`; JSON keeps each core's
  std::span<const ViewGroup> sum_by;
  std::string_view order;    // the title of the column by which rows are sorted as long as they are few
  std::string_view if_none;  // in place of a table without rows; empty: the table's head
  // With --cores: what stands in the first column of a row in front that has the totals, which are in the order of the
  // columns; empty: there is none.
  std::string_view total_row;
};

struct ViewOptions {
  bool json = false;
  bool cores = false;
  std::string sort;                    // a title of a column, or of what --by shows; empty: not given
  bool reversed = false;               // it was given as -KEY
  std::optional<std::uint32_t> top;    // so many at most
  std::string by;                      // a word of one of the groups
  std::optional<std::uint32_t> watch;  // seconds
  std::optional<TimeForm> time;
};

// The options as words: they stand behind a command's own.
class ViewWords {
 public:
  static constexpr std::size_t kCount = 6;
  [[nodiscard]] static std::array<text::Option, kCount> all();
  // --watch may stand without its number: then it is put in.  What is returned views what `words` view.
  [[nodiscard]] static text::Words with_watch(text::Words words);
};

// Of the section OPTIONS of a help page, without the last line's end.
extern const std::string_view kViewOptionsHelp;

// What `given`, which are ViewWords::all() with what was given, say of `view`; options.json is set before.  Says what
// is wrong, or nothing.
[[nodiscard]] std::string read_view_options(const View& view, std::span<const text::Option> given,
                                            ViewOptions& options);
// That a command that is none of those that list got none of them.
[[nodiscard]] std::string no_view_options(std::span<const text::Option> given);

}  // namespace sluice::cli

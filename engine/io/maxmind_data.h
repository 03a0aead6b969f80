// What a file in MaxMind's format may hold (MaxMind DB file format specification 2.0, "Data section"), as libmaxminddb
// relies on it: it goes into maps and arrays by recursion, however deep they are (1.7), so that a file that is nothing
// but nested arrays ends the process.  Reads no more than is counted.  Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::io {

// Of one entry.  One that has all names of city, subdivision, country and continent has some 300 and 8.
inline constexpr std::size_t kMaxMindFieldsMax = 4096;
inline constexpr std::size_t kMaxMindLevelsMax = 16;

// How many fields there are in the one at `offset`, itself included, with those that pointers lead to.  Nothing: one is
// not whole within `section`, is of no known type, or there are more or deeper ones than the above.
[[nodiscard]] std::optional<std::size_t> count_maxmind_fields(std::string_view section, std::size_t offset);

// The metadata at the end of a file, which are one field.  Nothing: the file has none.
[[nodiscard]] std::optional<std::string_view> maxmind_metadata(std::string_view file);

}  // namespace sluice::io

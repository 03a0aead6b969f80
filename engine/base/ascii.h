// ASCII without a locale.  Pure; any thread.
#pragma once

namespace sluice {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace sluice

// Guesses which word was meant by one that is not known.  Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::text {

// The one of `known` that is nearest to `word`, counting letters that are wrong, missing, too many
// or in each other's place, without case; empty if none is near enough to be worth a mention.
[[nodiscard]] std::string_view did_you_mean(std::string_view word, std::span<const std::string_view> known);
// ", did you mean WORD?", to end a sentence about `word`; or nothing.  `known`: words of ours, shown as they are.
[[nodiscard]] std::string or_meant(std::string_view word, std::span<const std::string_view> known);

}  // namespace sluice::text

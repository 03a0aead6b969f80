#include "auth/limit_override.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::auth {
namespace {

constexpr std::array<std::string_view, kQuantities> kQuantityNames{"recipients", "messages", "bytes", "sessions",
                                                                   "first_time_recipients"};
constexpr std::array<std::string_view, kSpans> kSpanNames{"minute", "hour", "day", "month"};
static_assert(kQuantityNames[std::to_underlying(Quantity::first_time_recipients)] == "first_time_recipients");
static_assert(kSpanNames[std::to_underlying(Span::month)] == "month");

bool is_class_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

template <typename Value, std::size_t kSize>
std::optional<Value> value_of(const std::array<std::string_view, kSize>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Value>(found - names.begin());
}

}  // namespace

std::string_view quantity_name(Quantity quantity) { return kQuantityNames[std::to_underlying(quantity)]; }
std::string_view span_name(Span span) { return kSpanNames[std::to_underlying(span)]; }
std::optional<Quantity> parse_quantity(std::string_view name) { return value_of<Quantity>(kQuantityNames, name); }
std::optional<Span> parse_span(std::string_view name) { return value_of<Span>(kSpanNames, name); }

bool is_class_name(std::string_view text) {
  return !text.empty() && text.size() <= kClassNameBytesMax && text.front() != '-' &&
         std::ranges::all_of(text, is_class_letter);
}

}  // namespace sluice::auth

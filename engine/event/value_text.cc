#include "engine/event/value_text.h"

#include <array>
#include <chrono>
#include <string_view>
#include <variant>

#include "engine/text/time_text.h"

namespace sluice::event {
namespace {

struct ValueText {
  MillisText durations;
  std::string operator()(std::monostate /*left out*/) const { return {}; }
  std::string operator()(std::string_view text) const { return std::string(text); }
  std::string operator()(std::uint64_t count) const { return std::to_string(count); }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(Duration span) const {
    if (durations == MillisText::whole) return std::to_string(span / std::chrono::milliseconds(1));
    std::array<char, text::kDurationTextMax> room;
    return std::string(text::duration_text(span, room));
  }
};

}  // namespace

std::string value_text(const Value& value, MillisText durations) {
  return std::visit(ValueText{.durations = durations}, value);
}

}  // namespace sluice::event

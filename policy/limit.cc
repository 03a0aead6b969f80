#include "policy/limit.h"

#include <array>
#include <utility>

namespace sluice::policy {
namespace {

constexpr std::array<std::chrono::seconds, kSpans> kSpanLengths{std::chrono::minutes(1), std::chrono::hours(1),
                                                                std::chrono::days(1), std::chrono::days(30)};
constexpr std::array<std::string_view, 5> kActionNames{"refuse", "defer", "slow", "hold", "tell"};
static_assert(kActionNames[std::to_underlying(Action::tell)] == "tell");

}  // namespace

std::chrono::seconds span_length(Span span) { return kSpanLengths[std::to_underlying(span)]; }

std::string_view action_name(Action action) { return kActionNames[std::to_underlying(action)]; }

Action default_action(Span span) { return span == Span::minute ? Action::defer : Action::refuse; }

}  // namespace sluice::policy

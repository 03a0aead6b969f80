#include "engine/notify/cause.h"

#include <algorithm>

namespace sluice::notify {
namespace {

constexpr CauseWords kCauses[] = {
    {"limit_near", "Limit near"},
    {"limit_reached", "Limit reached"},
    {"noticed", "Noticed for what it sends"},
    {"strike", "Held for what it sends"},
    {"held", "Message on hold"},
    {"contained", "Contained"},
    {"released", "Released"},
    {"refused_as_spam", "Refused as spam"},
    {"queue_order", "Order to the queue"},
    {"shield", "Logins refused by the shield"},
    {"backend", "Back end for logins does not answer"},
    {"limits_not_recorded", "Use of limits cannot be written"},
    {"noticed_not_recorded", "What is noticed of accounts cannot be written"},
    {"spool", "Fault of the spool"},
    {"store", "Accounts cannot be read"},
    {"test", "Test"},
};
static_assert(std::size(kCauses) == static_cast<std::size_t>(Cause::test) + 1);

}  // namespace

std::span<const CauseWords> causes() { return std::span(kCauses).first(static_cast<std::size_t>(Cause::test)); }

const CauseWords& words_of(Cause cause) { return kCauses[static_cast<std::size_t>(cause)]; }

std::optional<Cause> find_cause(std::string_view name) {
  const auto found = std::ranges::find(causes(), name, &CauseWords::name);
  if (found == causes().end()) return std::nullopt;
  return static_cast<Cause>(found - causes().begin());
}

}  // namespace sluice::notify

#include "policy/limit_text.h"

#include <string_view>

#include "engine/base/counted.h"

namespace sluice::policy {
namespace {

std::string amount_text(const Limit& limit) {
  constexpr std::uint64_t kKilobyte = 1000;
  constexpr std::uint64_t kMegabyte = 1000 * kKilobyte;
  if (limit.quantity == Quantity::bytes) {
    const std::uint64_t bytes = limit.amount * kBytesUnit;
    return bytes < kMegabyte ? std::to_string(bytes / kKilobyte) + " KB" : std::to_string(bytes / kMegabyte) + " MB";
  }
  if (limit.quantity == Quantity::first_time_recipients) return counted(limit.amount, "first-time recipient");
  std::string_view one = quantity_name(limit.quantity);  // a plural
  one.remove_suffix(1);
  return counted(limit.amount, one);
}

}  // namespace

std::string window_text(const Limit& limit) {
  const std::string_view one = limit.span == Span::hour ? " an " : " a ";
  return amount_text(limit).append(one).append(span_name(limit.span));
}

std::string limit_text(const LimitReached& limit) {
  return window_text(limit.window.limit) + " of " + std::string(subject_name(limit.subject)) + " " + limit.name;
}

std::string limit_figures(const LimitReached& limit) {
  return limit_text(limit) + ": " + std::to_string(limit.window.used) +
         (limit.window.used == 1 ? " is used" : " are used") +
         (limit.window.limit.quantity == Quantity::bytes ? " (in KiB)" : "") + ", with what is reserved";
}

}  // namespace sluice::policy

#include "policy/meter.h"

#include <algorithm>
#include <limits>

#include "engine/base/check.h"

namespace sluice::policy {

SlidingWindow& Meter::window_for(Span span, WallMillis now) {
  std::unique_ptr<SlidingWindow>& own = windows_[static_cast<std::size_t>(span)];
  if (own != nullptr) return *own;
  own = std::make_unique<SlidingWindow>(span);
  // Of the next longer one the buckets that reach into this window, each as if all of it were from the bucket's end.
  // Where there is none, a shorter one knows a part.
  const SlidingWindow* source = nullptr;
  for (std::size_t i = kSpans; i-- > 0;)
    if (windows_[i] != nullptr && windows_[i] != own && (source == nullptr || i > static_cast<std::size_t>(span)))
      source = windows_[i].get();
  if (source == nullptr) return *own;
  source->for_each([&](WallMillis start, std::uint64_t amount) {
    const WallMillis end = std::min(start + source->bucket_ms(), now);
    if (end > now - span_ms(span) - own->bucket_ms()) own->add(end, amount);
  });
  return *own;
}

std::uint64_t Meter::room(std::span<const Limit> limits, bool refusing, WallMillis now) {
  std::uint64_t least = std::numeric_limits<std::uint32_t>::max();
  for (const Limit& limit : limits) {
    const std::uint64_t used = window_for(limit.span, now).sum(now) + held_;
    if (refuses(limit.action) != refusing) continue;
    least = std::min(least, limit.amount - std::min(limit.amount, used));
  }
  return least;
}

std::optional<FullWindow> Meter::full(std::span<const Limit> limits, bool refusing, std::uint64_t wanted,
                                      WallMillis now) {
  std::optional<FullWindow> last;
  for (const Limit& limit : limits) {
    if (refuses(limit.action) != refusing) continue;
    SlidingWindow& window = window_for(limit.span, now);
    const std::uint64_t used = window.sum(now) + held_;
    if (used + wanted <= limit.amount) continue;
    FullWindow found{.limit = limit, .used = used, .free_in_ms = std::nullopt};
    // What is held may be spent at any time, and be in the window for as long as it is.
    if (wanted <= limit.amount) {
      const std::uint64_t most = limit.amount - wanted;
      found.free_in_ms = held_ > most ? span_ms(limit.span) : window.falls_to(most - held_) - now;
    }
    const auto is_later = [&] {
      if (is_graver(found.limit.action, last->limit.action)) return true;
      if (is_graver(last->limit.action, found.limit.action)) return false;
      return !found.free_in_ms || (last->free_in_ms && *found.free_in_ms > *last->free_in_ms);
    };
    if (!last || is_later()) last = found;
  }
  return last;
}

std::optional<FullWindow> Meter::nears(std::span<const Limit> limits, std::uint64_t percent, std::uint64_t amount,
                                       WallMillis now) {
  for (const Limit& limit : limits) {
    const std::uint64_t used = window_for(limit.span, now).sum(now) + held_;
    const std::uint64_t near = limit.amount / 100 * percent + limit.amount % 100 * percent / 100;
    if (used < near && used + amount >= near)
      return FullWindow{.limit = limit, .used = used + amount, .free_in_ms = std::nullopt};
  }
  return std::nullopt;
}

void Meter::give_back(std::uint64_t amount) {
  CHECK(amount <= held_);
  held_ -= amount;
}

void Meter::spend(std::uint64_t amount, WallMillis now) {
  give_back(amount);
  for (const std::unique_ptr<SlidingWindow>& window : windows_)
    if (window != nullptr) window->add(now, amount);
}

void Meter::restore(Span span, WallMillis at, std::uint64_t amount) {
  std::unique_ptr<SlidingWindow>& window = windows_[static_cast<std::size_t>(span)];
  if (window == nullptr) window = std::make_unique<SlidingWindow>(span);
  window->add(at, amount);
}

std::uint64_t Meter::used(Span span, WallMillis now) {
  SlidingWindow* window = windows_[static_cast<std::size_t>(span)].get();
  return held_ + (window == nullptr ? 0 : window->sum(now));
}

bool Meter::idle(WallMillis now) {
  if (held_ > 0) return false;
  return std::ranges::all_of(windows_, [now](const std::unique_ptr<SlidingWindow>& window) {
    return window == nullptr || window->sum(now) == 0;
  });
}

}  // namespace sluice::policy

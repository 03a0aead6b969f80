#include "engine/session/reservation.h"

#include <string>
#include <utility>

#include "engine/session/sender_refusal.h"
#include "policy/limit_text.h"

namespace sluice::session {
namespace {

using policy::Quantity;

// "2 h 5 min": rounded up, so that who comes back then is let through.
std::string waiting_time(std::int64_t ms) {
  constexpr std::int64_t kSecond = 1000;
  constexpr std::int64_t kMinute = 60 * kSecond;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (ms <= kMinute) return std::to_string((ms + kSecond - 1) / kSecond) + " s";
  if (ms <= kHour) return std::to_string((ms + kMinute - 1) / kMinute) + " min";
  const std::int64_t minutes = (ms + kMinute - 1) / kMinute;
  if (ms <= kDay) return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
  return std::to_string((ms + kDay - 1) / kDay) + " days";
}

}  // namespace

Task<std::optional<policy::LimitReached>> Reservation::take(Quantity quantity, std::uint64_t amount) {
  policy::Reserved reserved = co_await submitter_->reserve(quantity, amount);
  of(quantity) += reserved.amount;
  if (reserved.passed) {
    const policy::Limit& limit = reserved.passed->window.limit;
    if (limit.action == policy::Action::slow) slow_ = true;
    if (limit.action == policy::Action::hold) hold_reason_ = "over " + limit_text(*reserved.passed);
  }
  if (reserved.amount == amount) reserved.refused = std::nullopt;
  co_return std::move(reserved.refused);
}

// The message itself, with its first recipient.  Nothing: it may go on.
Task<std::optional<policy::LimitReached>> Reservation::take_message(std::uint64_t size) {
  if (of(Quantity::messages) > 0) co_return std::nullopt;
  std::optional<policy::LimitReached> refused = co_await take(Quantity::messages, 1);
  if (!refused && size > 0) refused = co_await take(Quantity::bytes, policy::bytes_units(size));
  if (refused) give_back_all();
  co_return refused;
}

Task<Reservation::Room> Reservation::take_recipients(Quantity quantity, std::uint32_t wanted, std::uint64_t size) {
  if (!limited()) co_return Room{.recipients = wanted};
  Room room{.refused = co_await take_message(size)};
  if (room.refused) co_return room;
  const std::uint64_t before = of(quantity);
  room.refused = co_await take(quantity, wanted);
  room.recipients = static_cast<std::uint32_t>(of(quantity) - before);
  co_return room;
}

Task<Reservation::Room> Reservation::first_time_recipients(std::uint32_t wanted, std::uint64_t size) {
  return take_recipients(Quantity::first_time_recipients, wanted, size);
}

Task<Reservation::Room> Reservation::recipients(std::uint32_t wanted, std::uint64_t size) {
  return take_recipients(Quantity::recipients, wanted, size);
}

void Reservation::refused_first_time(std::uint32_t recipients) {
  give_back(Quantity::first_time_recipients, recipients);
}

void Reservation::refused(std::uint32_t recipients) { give_back(Quantity::recipients, recipients); }

Task<std::optional<policy::LimitReached>> Reservation::content(std::uint64_t bytes) {
  if (!limited()) co_return std::nullopt;
  const std::uint64_t had = of(Quantity::bytes);
  const std::uint64_t has = policy::bytes_units(bytes);
  if (has > had) co_return co_await take(Quantity::bytes, has - had);
  of(Quantity::bytes) = has;
  submitter_->give_back(Quantity::bytes, had - has);
  co_return std::nullopt;
}

void Reservation::give_back(Quantity quantity, std::uint64_t amount) {
  if (!limited() || amount == 0) return;
  of(quantity) -= amount;
  submitter_->give_back(quantity, amount);
}

void Reservation::spend(Quantity quantity) {
  if (const std::uint64_t amount = std::exchange(of(quantity), 0); amount > 0) submitter_->spend(quantity, amount);
}

void Reservation::spend() {
  for (std::size_t i = 0; i < reserved_.size(); ++i) spend(static_cast<Quantity>(i));
}

void Reservation::give_back_all() {
  for (std::size_t i = 0; i < reserved_.size(); ++i) give_back(static_cast<Quantity>(i), reserved_[i]);
}

smtp::Reply limit_refusal(const policy::LimitReached& limit, std::string_view policy_url) {
  const policy::FullWindow& window = limit.window;
  std::string text = "The limit of this ";
  text.append(policy::subject_name(limit.subject)).append(" is ").append(window_text(window.limit));
  if (window.local_share) {
    text += ", and what is left of it cannot be asked for at the moment";
  } else {
    text.append(window.free_in_ms ? "; room in " + waiting_time(*window.free_in_ms) : ", and this is more than that");
  }
  text = with_policy_url(std::move(text), policy_url);
  // What no window can ever take is refused for good, whatever the limit's action.
  const bool later = window.limit.action == policy::Action::defer && window.free_in_ms;
  smtp::Reply reply =
      later ? smtp::Reply(451, {4, 7, 1}, std::move(text)) : smtp::Reply(550, {5, 7, 1}, std::move(text));
  reply.set_name("limit_reached");
  return reply;
}

}  // namespace sluice::session

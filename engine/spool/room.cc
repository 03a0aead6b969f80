#include "engine/spool/room.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

// What does not fit at the end of a segment is rarely longer than a piece of a message.
constexpr std::int64_t kTailBytes = kPieceBytesMax + (64U << 10);
// Packed as the cleaner packs them, records take so much more: what opens a batch and what fills its last block.
constexpr std::int64_t packed(std::uint64_t bytes) { return static_cast<std::int64_t>(bytes + bytes / 64); }
// Parts of a segment.
constexpr std::int64_t kSlackShare = 8;
constexpr std::int64_t kMarginShare = 4;
constexpr std::int64_t kGainShare = 4;
// Of everything: cleaning copies at most so many bytes for each that it gives back.
constexpr std::int64_t kCopiedForOne = 16;

std::int64_t writable_of(std::uint32_t file_bytes) { return static_cast<std::int64_t>(file_bytes) - kBlockBytes; }

std::uint64_t lasting_of(std::uint32_t file_bytes) {
  const std::int64_t writable = writable_of(file_bytes);
  return static_cast<std::uint64_t>(writable - std::min(kTailBytes, writable / kSlackShare));
}

}  // namespace

Room::Room(std::uint32_t segment_bytes) : segment_(writable_of(segment_bytes)) { CHECK(segment_ > 0); }

// ------------------------------------------------------------------------------------------ files

void Room::add_file(std::uint32_t bytes, std::uint64_t writable) {
  CHECK(writable <= static_cast<std::uint64_t>(writable_of(bytes)));
  total_ += lasting_of(bytes);
  writable_ += writable;
}

void Room::remove_file(std::uint32_t bytes, std::uint64_t writable) {
  CHECK(total_ >= lasting_of(bytes));
  total_ -= lasting_of(bytes);
  use(writable);
}

void Room::use(std::uint64_t bytes) {
  CHECK(writable_ >= bytes);
  writable_ -= bytes;
}

void Room::refill(std::uint32_t bytes) { writable_ += static_cast<std::uint64_t>(writable_of(bytes)); }

void Room::unqueue(std::uint64_t bytes) {
  CHECK(queued_ >= bytes);
  queued_ -= bytes;
}

// ------------------------------------------------------------------------------------------ figures

std::int64_t Room::spare() const {
  return static_cast<std::int64_t>(writable_) - static_cast<std::int64_t>(queued_ + promised_);
}

std::int64_t Room::cleaner() const { return segment_ + segment_ / kSlackShare + packed(statuses_); }

std::int64_t Room::gain() const {
  return std::max(segment_ / kGainShare, static_cast<std::int64_t>(total_) / kCopiedForOne);
}

// A status record is there twice while the cleaner has taken it into its message and has not come to where it stood.
std::int64_t Room::committed() const { return packed(kept_) + 2 * packed(statuses_); }

// At least so much is dead, what fills the last block of each write included.
std::int64_t Room::dead() const {
  return static_cast<std::int64_t>(total_) - packed(kept_) - packed(statuses_) - static_cast<std::int64_t>(writable_);
}

// What is left, in the long run, beside what is kept and what the cleaner needs.
std::int64_t Room::lasting() const {
  return static_cast<std::int64_t>(total_) - committed() - segment_ - segment_ / kSlackShare;
}

// ------------------------------------------------------------------------------------------ questions

bool Room::takes(Purpose purpose, std::uint64_t bytes) const {
  const std::int64_t kept = purpose == Purpose::mail ? gain() : gain() / 2;
  return lasting() - packed(bytes) >= gain() + kept && spare() - static_cast<std::int64_t>(bytes) >= cleaner() + kept;
}

bool Room::takes_status(std::uint64_t bytes, std::uint64_t before) const {
  const std::int64_t more = 2 * (packed(bytes) - packed(before));
  return lasting() - more >= 2 * gain() && spare() - 2 * packed(bytes) >= cleaner();
}

void Room::release(std::uint64_t bytes) {
  CHECK(kept_ >= bytes);
  kept_ -= bytes;
}

void Room::release_status(std::uint64_t bytes) {
  CHECK(statuses_ >= bytes);
  statuses_ -= bytes;
}

bool Room::promise(std::uint64_t bytes) {
  if (spare() - static_cast<std::int64_t>(bytes) < cleaner()) return false;
  promised_ += bytes;
  return true;
}

void Room::redeem(std::uint64_t bytes) {
  CHECK(promised_ >= bytes);
  promised_ -= bytes;
}

bool Room::needs_file() const {
  const std::int64_t margin = segment_ / kMarginShare;
  return lasting() < 2 * gain() + margin || spare() < cleaner() + gain() + margin;
}

bool Room::can_spare(std::uint32_t bytes) const {
  const std::int64_t margin = segment_ / 2;
  const std::int64_t writable = writable_of(bytes);
  return lasting() - writable >= 2 * gain() + margin && spare() - writable >= cleaner() + gain() + margin;
}

bool Room::gains_by_cleaning() const {
  return spare() < cleaner() + gain() + segment_ / kMarginShare && dead() >= gain();
}

}  // namespace sluice::spool

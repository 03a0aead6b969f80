#include "engine/spool/scan.h"

#include <algorithm>
#include <cstring>

namespace sluice::spool {
namespace {

constexpr std::size_t kWindowBytes = 1U << 20;
// A disk that is dying takes its time for every block: after so many the rest of the segment is left alone.
constexpr std::uint32_t kBlocksUnreadableMax = 64;
// Mail that once lay in a recycled file can be made so that each of its words looks like the header of a long frame.
// Past so many times the segment's size, only places where a batch may begin are checked.
constexpr std::uint64_t kCheckedInVainMax = 4;

std::uint32_t next_block(std::uint32_t offset) { return (offset / kBlockBytes + 1) * kBlockBytes; }

// By the fast routine of the C library: most of what a start reads is zeros.
bool all_zero(std::string_view bytes) {
  return bytes.empty() || (bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// How far it is to the next place in `bytes` that says of itself that a frame is there; or to where there is too little
// left to see.
std::size_t skip_to_claim(std::string_view bytes, std::uint32_t offset) {
  std::size_t at = 0;
  while (at + kFrameHeaderBytes <= bytes.size()) {
    // A header that begins before the last of so many zeros ends there, and is none.
    if (all_zero(bytes.substr(at, kBlockBytes)) && at + kBlockBytes <= bytes.size()) {
      at += kBlockBytes - kFrameHeaderBytes;
      continue;
    }
    const std::size_t end = std::min(at + kBlockBytes, bytes.size());
    for (; at < end && at + kFrameHeaderBytes <= bytes.size(); at += kFrameAlign)
      if (claims_to_be_at(bytes.data() + at, offset + static_cast<std::uint32_t>(at))) return at;
  }
  return at;
}

}  // namespace

// At least `wanted` bytes from `offset` on, fewer only at the end of the file.
std::string_view SegmentScan::view(std::uint32_t offset, std::size_t wanted) {
  if (offset >= bytes_) return {};
  wanted = std::min<std::size_t>(wanted, bytes_ - offset);
  if (offset < window_at_ || offset + wanted > window_at_ + window_.size()) {
    const std::uint32_t from = offset / kBlockBytes * kBlockBytes;
    load(from, offset - from + wanted);
  }
  const std::size_t skipped = offset - window_at_;
  return skipped < window_.size() ? std::string_view(window_).substr(skipped) : std::string_view();
}

void SegmentScan::load(std::uint32_t from, std::size_t wanted) {
  wanted = (std::max(wanted, kWindowBytes) + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  wanted = std::min<std::size_t>(wanted, bytes_ - from);
  window_at_ = from;
  auto read = disk_.read(file_, from, wanted);
  if (!read) {
    load_blocks(from, wanted);
    return;
  }
  window_ = *std::move(read);
  if (window_.size() < wanted) bytes_ = from + static_cast<std::uint32_t>(window_.size());  // the file is shorter
}

// What cannot be read counts as zeros.
void SegmentScan::load_blocks(std::uint32_t from, std::size_t wanted) {
  window_.clear();
  while (window_.size() < wanted) {
    const auto at = from + static_cast<std::uint32_t>(window_.size());
    const std::size_t size = std::min<std::size_t>(kBlockBytes, from + wanted - at);
    if (blocks_unreadable_ < kBlocksUnreadableMax) {
      if (auto read = disk_.read(file_, at, size); read && read->size() == size) {
        window_ += *read;
        continue;
      }
    }
    window_.append(size, '\0');
    const bool known = !unreadable_.empty() && at < unreadable_.back().offset + unreadable_.back().bytes;
    if (known) continue;
    ++blocks_unreadable_;
    if (!unreadable_.empty() && at == unreadable_.back().offset + unreadable_.back().bytes) {
      unreadable_.back().bytes += static_cast<std::uint32_t>(size);
    } else {
      unreadable_.push_back({.offset = at, .bytes = static_cast<std::uint32_t>(size), .unreadable = true});
    }
  }
}

void SegmentScan::run(ScanVisitor& visitor) {
  while (at_ < bytes_ && step(visitor)) {
  }
  end_batch(visitor, /*last=*/true);
  for (const Damage& place : unreadable_) visitor.damaged(place);
}

// One frame, or the zeros behind the last one of a batch, or damage.  False at the end.
bool SegmentScan::step(ScanVisitor& visitor) {
  std::string_view here = view(at_, kFrameHeaderBytes);
  if (const std::uint32_t claimed = claimed_bytes(here); claimed > here.size()) here = view(at_, claimed);
  if (const auto frame = read_frame(here, at_, salt_)) {
    take(*frame, visitor);
    return true;
  }
  const std::uint32_t block_end = std::min(next_block(at_ - 1), bytes_);
  if (batch_missing_ == 0 && at_ % kBlockBytes != 0 && all_zero(here.substr(0, block_end - at_))) {
    at_ = block_end;
    return true;
  }
  return step_over();
}

void SegmentScan::take(const Frame& frame, ScanVisitor& visitor) {
  if (frame.type == RecordType::batch) {
    const auto head = read_batch_head(frame.payload);
    end_batch(visitor, /*last=*/head && head->resumed);
    if (head) {
      batch_end_ = at_ + head->bytes;
      batch_missing_ = head->records;
    }
  } else if (batch_missing_ > 0) {
    --batch_missing_;
  }
  visitor.record(frame);
  at_ += frame.bytes();
}

// Something here does not check: goes on where a frame does.
bool SegmentScan::step_over() {
  const std::uint32_t found = next_frame(at_ + kFrameAlign);
  if (found == 0) return false;
  damage_.push_back({.offset = at_, .bytes = found - at_});
  batch_missing_ = 0;
  at_ = found;
  return true;
}

// Where the next frame that checks is, 0 if there is none.
std::uint32_t SegmentScan::next_frame(std::uint32_t from) {
  for (std::uint32_t at = from;;) {
    const std::string_view here = view(at, kFrameHeaderBytes);
    if (here.size() < kFrameHeaderBytes) return 0;
    const std::size_t skipped = skip_to_claim(here, at);
    at += static_cast<std::uint32_t>(skipped);
    if (skipped + kFrameHeaderBytes > here.size()) continue;
    if (worth_checking(here.substr(skipped), at) &&
        read_frame(view(at, claimed_bytes(here.substr(skipped))), at, salt_))
      return at;
    at += kFrameAlign;
  }
}

bool SegmentScan::worth_checking(std::string_view bytes, std::uint32_t at) {
  const std::uint32_t claimed = claimed_bytes(bytes);
  if (at % kBlockBytes == 0 && claimed == frame_bytes(kBatchHeadBytes)) return true;
  checked_in_vain_ += claimed;
  return checked_in_vain_ <= kCheckedInVainMax * bytes_;
}

// Tells what did not check, and what is missing of its records: a write that was cut short, or damage.
void SegmentScan::end_batch(ScanVisitor& visitor, bool last) {
  if (batch_missing_ > 0 && batch_end_ > at_)
    damage_.push_back({.offset = at_, .bytes = std::min(batch_end_, bytes_) - at_});
  for (Damage& place : damage_) {
    place.at_end = last;
    visitor.damaged(place);
  }
  damage_.clear();
  batch_end_ = 0;
  batch_missing_ = 0;
}

bool has_records(io::Disk& disk, int file, std::uint32_t bytes, std::uint64_t salt) {
  class Any final : public ScanVisitor {
   public:
    void record(const Frame& /*frame*/) override { found = true; }
    void damaged(const Damage& /*damage*/) override {}
    bool found = false;
  };
  Any any;
  SegmentScan(disk, file, bytes, salt).run(any);
  return any.found;
}

}  // namespace sluice::spool

#include "engine/spool/scan.h"

#include <algorithm>
#include <cstring>

namespace sluice::spool {
namespace {

constexpr std::size_t kWindowBytes = 2 * kBatchBytesMax;

std::uint32_t next_block(std::uint32_t offset) { return (offset / kBlockBytes + 1) * kBlockBytes; }

bool all_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

// A frame that says of itself that it is here: all but the checksum.
bool may_be_frame(std::string_view bytes, std::uint32_t offset) {
  std::uint32_t said = 0;
  std::memcpy(&said, bytes.data() + 12, sizeof said);
  return said == offset && claimed_bytes(bytes) != 0;
}

}  // namespace

// At least `wanted` octets from `offset` on, fewer only at the end of the file.
io::DiskResult<std::string_view> SegmentScan::view(std::uint32_t offset, std::size_t wanted) {
  wanted = std::min<std::size_t>(wanted, bytes_ - offset);
  const bool inside = offset >= window_at_ && offset + wanted <= window_at_ + window_.size();
  if (!inside) {
    const std::uint32_t from = offset / kBlockBytes * kBlockBytes;
    auto read = disk_.read(file_, from, std::min<std::size_t>(kWindowBytes, bytes_ - from));
    if (!read) return std::unexpected(read.error());
    window_ = *std::move(read);
    window_at_ = from;
    if (window_.size() < offset - from + wanted) bytes_ = window_at_ + static_cast<std::uint32_t>(window_.size());
  }
  const std::size_t skipped = offset - window_at_;
  if (skipped >= window_.size()) return std::string_view();
  return std::string_view(window_).substr(skipped);
}

io::DiskResult<void> SegmentScan::run(ScanVisitor& visitor) {
  while (at_ < bytes_) {
    const auto going = step(visitor);
    if (!going) return std::unexpected(going.error());
    if (!*going) break;
  }
  end_batch(visitor);
  return {};
}

// One frame, or the zeros behind the last one of a batch, or damage.  False at the end.
io::DiskResult<bool> SegmentScan::step(ScanVisitor& visitor) {
  auto here = view(at_, kFrameHeaderBytes);
  if (!here) return std::unexpected(here.error());
  if (const std::uint32_t claimed = claimed_bytes(*here); claimed > here->size()) {
    here = view(at_, claimed);
    if (!here) return std::unexpected(here.error());
  }
  if (const auto frame = read_frame(*here, at_, salt_)) {
    if (frame->type == RecordType::batch) {
      end_batch(visitor);
      if (const auto head = read_batch_head(frame->payload)) {
        batch_end_ = at_ + head->bytes;
        batch_missing_ = head->records;
      }
    } else {
      if (batch_missing_ > 0) --batch_missing_;
      visitor.record(*frame);
    }
    at_ += frame->bytes();
    return true;
  }
  const std::uint32_t block_end = std::min(next_block(at_ - 1), bytes_);
  if (at_ % kBlockBytes != 0 && all_zero(here->substr(0, block_end - at_))) {
    at_ = block_end;
    return true;
  }
  return step_over(visitor);
}

// Something here does not check: goes on where a frame does.
io::DiskResult<bool> SegmentScan::step_over(ScanVisitor& visitor) {
  const auto found = next_frame(at_ + kFrameAlign);
  if (!found) return std::unexpected(found.error());
  if (*found == 0) return false;
  visitor.damaged({.offset = at_, .bytes = *found - at_, .at_end = false});
  batch_missing_ = 0;
  at_ = *found;
  return true;
}

// Where the next frame that checks is, 0 if there is none.
io::DiskResult<std::uint32_t> SegmentScan::next_frame(std::uint32_t from) {
  for (std::uint32_t at = from; at + kFrameHeaderBytes <= bytes_; at += kFrameAlign) {
    const auto head = view(at, kFrameHeaderBytes);
    if (!head) return std::unexpected(head.error());
    if (head->size() < kFrameHeaderBytes) break;
    if (!may_be_frame(*head, at)) continue;
    const auto whole = view(at, claimed_bytes(*head));
    if (!whole) return std::unexpected(whole.error());
    if (read_frame(*whole, at, salt_)) return at;
  }
  return 0;
}

// A batch whose records are not all there: a write that was cut short, or damage at the end.
void SegmentScan::end_batch(ScanVisitor& visitor) {
  if (batch_missing_ > 0 && batch_end_ > at_)
    visitor.damaged({.offset = at_, .bytes = std::min(batch_end_, bytes_) - at_, .at_end = true});
  batch_end_ = 0;
  batch_missing_ = 0;
}

}  // namespace sluice::spool

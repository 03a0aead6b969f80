#include "engine/smtp/scan.h"

#include <algorithm>
#include <bit>

#include "engine/base/check.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/scan_block.h"

namespace sluice::smtp {
namespace {

using scan_detail::BlockMasks;
using scan_detail::kBlockBytes;
using scan_detail::Place;
using scan_detail::State;

// A dot at a line's start is judged by the two bytes behind it.
constexpr std::size_t kLookahead = 2;
constexpr std::string_view kHeldMost = ".\r";

void note_bare(State& state, std::uint64_t offset, bool is_cr) {
  if (!state.flags.bare()) state.flags.bare_offset = offset;
  (is_cr ? state.flags.bare_cr : state.flags.bare_lf) = true;
}

// `end` is where the line's text ends as far as it is known, without a CR that may belong to its
// CRLF.
void note_line_bytes(State& state, std::uint64_t end) {
  if (end > state.line_start && end - state.line_start > kTextLineBytesMax) state.flags.long_line = true;
}

// One byte.  True when it is the last one of the end sequence.
template <bool kDots>
bool take_byte(State& state, char c) {
  const Place before = state.place;
  const std::uint64_t at = state.offset++;
  state.place = Place::inside;
  if (kDots && before == Place::line_start && c == '.') {
    state.place = Place::dot;
    // RFC 5321 4.5.3.1.6: the limit of a text line does not count "the leading dot duplicated for
    // transparency".
    ++state.line_start;
    return false;
  }
  if (c == '\n') {
    if (before == Place::dot_cr) return true;
    if (before == Place::after_cr) {
      state.place = Place::line_start;
      state.line_start = at + 1;
    } else {
      note_bare(state, at, false);
      ++state.flags.bare_lfs;
      note_line_bytes(state, state.lf_ends_line ? at : at + 1);
      if (state.lf_ends_line) state.line_start = at + 1;
    }
    return false;
  }
  if (before == Place::after_cr || before == Place::dot_cr) {
    note_bare(state, at - 1, true);
    note_line_bytes(state, at);
  }
  if (c == '\r') {
    state.place = before == Place::dot ? Place::dot_cr : Place::after_cr;
    return false;
  }
  state.flags.nul |= c == '\0';
  state.flags.eight_bit |= is_eight_bit(c);
  note_line_bytes(state, at + 1);
  return false;
}

// True if one of the dots that stand at a line's start (`candidates`) begins the end sequence.
bool any_end(std::uint64_t candidates, const char* block) {
  for (; candidates != 0; candidates &= candidates - 1) {
    const char* dot = block + std::countr_zero(candidates);
    if (dot[1] == '\r' && dot[2] == '\n') return true;
  }
  return false;
}

void take_block(State& state, const BlockMasks& masks, std::uint64_t after_cr, bool dots) {
  const std::uint64_t line_ends = masks.lf & after_cr;
  const std::uint64_t bare_lf = masks.lf & ~after_cr;
  const std::uint64_t bare_cr = after_cr & ~masks.lf;  // the bit behind the CR
  if ((bare_lf | bare_cr) != 0) [[unlikely]] {
    const std::uint64_t lf_at = static_cast<std::uint64_t>(std::countr_zero(bare_lf));
    const std::uint64_t cr_behind = static_cast<std::uint64_t>(std::countr_zero(bare_cr));
    if (bare_lf != 0 && lf_at < cr_behind) note_bare(state, state.offset + lf_at, false);
    if (bare_cr != 0) note_bare(state, state.offset + cr_behind - 1, true);
    if (bare_lf != 0) note_bare(state, state.offset + lf_at, false);
    state.flags.bare_lfs += static_cast<std::uint64_t>(std::popcount(bare_lf));
  }
  const std::uint64_t ends = state.lf_ends_line ? masks.lf : line_ends;
  state.flags.nul |= masks.nul;
  state.flags.eight_bit |= masks.eight_bit;
  if (dots && state.place == Place::line_start && (masks.dot & 1U) != 0) ++state.line_start;
  if (ends != 0) {
    const auto first = static_cast<std::uint64_t>(std::countr_zero(ends));
    note_line_bytes(state, state.offset + first - ((line_ends >> first) & 1U));
    const unsigned last = 63U - static_cast<unsigned>(std::countl_zero(ends));
    const bool dot_first = dots && last < 63 && ((masks.dot >> (last + 1)) & 1U) != 0;
    state.line_start = state.offset + last + 1 + (dot_first ? 1 : 0);
  }
  state.offset += kBlockBytes;
  const bool cr_last = (masks.cr >> 63U) != 0;
  note_line_bytes(state, state.offset - (cr_last ? 1 : 0));
  state.place = cr_last ? Place::after_cr : (line_ends >> 63U) != 0 ? Place::line_start : Place::inside;
  // A dot at a line's start near the block's end needs no place of its own: any_end() has looked
  // past the block.
}

// Whole blocks from the start of `input`, as long as no end sequence begins in one.  The bytes
// gone over.
template <bool kDots>
std::size_t take_blocks(State& state, std::string_view input) {
  std::size_t taken = 0;
  while (input.size() - taken >= kBlockBytes + kLookahead) {
    const char* block = input.data() + taken;
    const BlockMasks masks = scan_detail::load_block(block);
    const std::uint64_t after_cr = (masks.cr << 1U) | (state.place == Place::after_cr ? 1U : 0U);
    if constexpr (kDots) {
      const std::uint64_t starts = ((masks.lf & after_cr) << 1U) | (state.place == Place::line_start ? 1U : 0U);
      if (any_end(starts & masks.dot, block)) return taken;
    }
    take_block(state, masks, after_cr, kDots);
    taken += kBlockBytes;
  }
  return taken;
}

// All of `input`, or up to the end sequence's last byte.  The bytes gone over.
template <bool kDots>
std::size_t take(State& state, std::string_view input, bool& ended) {
  std::size_t at = 0;
  while (at < input.size()) {
    if (state.place != Place::dot && state.place != Place::dot_cr) {
      at += take_blocks<kDots>(state, input.substr(at));
    }
    // A tail too short for a block, a block with the end in it, or a dot that was held back.
    const std::size_t stop = at + std::min(input.size() - at, kBlockBytes + kLookahead);
    while (at < stop) {
      if (take_byte<kDots>(state, input[at++])) {
        ended = true;
        return at;
      }
    }
  }
  return at;
}

std::size_t held(Place place) { return place == Place::dot ? 1 : place == Place::dot_cr ? 2 : 0; }

}  // namespace

DataScan DataScanner::scan(std::string_view input) {
  CHECK(!ended_);
  const std::size_t held_before = held(state_.place);
  DataScan result;
  result.consumed = take<true>(state_, input, ended_);
  result.ended = ended_;
  // Everything gone over is content, but for what is held back or was the end: ".\r\n".
  const std::uint64_t content_now = state_.offset - (ended_ ? 3 : held(state_.place));
  CHECK(content_now >= content_bytes_);
  const auto fresh = static_cast<std::size_t>(content_now - content_bytes_);
  result.carried = kHeldMost.substr(0, std::min(held_before, fresh));
  result.content = fresh - result.carried.size();
  content_bytes_ = content_now;
  return result;
}

void TextChecker::check(std::string_view input) {
  bool ended = false;
  take<false>(state_, input, ended);
}

void TextChecker::finish() {
  if (state_.place != Place::after_cr) return;
  note_bare(state_, state_.offset - 1, true);
  note_line_bytes(state_, state_.offset);
  state_.place = Place::inside;
}

}  // namespace sluice::smtp

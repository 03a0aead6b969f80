#include "engine/dkim/body_canonical.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/dkim/white_space.h"
#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kSpace = " ";

constexpr std::size_t kLineEndsAtOnce = 64;
constexpr auto kLineEnds = [] {
  std::array<char, 2 * kLineEndsAtOnce> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = kLineEnd[i % 2];
  return bytes;
}();

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

void BodyCanonicalizer::feed(std::string_view bytes) {
  const char* const end = bytes.data() + bytes.size();
  const char* at = resume(bytes.data(), end);
  if (at == end) return;
  if (form_ == Canonicalization::relaxed) {
    relaxed(at, end);
    return;
  }
  cr_ = end[-1] == '\r';
  text(between(at, cr_ ? end - 1 : end));
}

// What the piece before has left open is decided by the first bytes of this one.  Where the rest begins.
const char* BodyCanonicalizer::resume(const char* at, const char* end) {
  if (at != end && blank_ && !cr_) {
    while (at != end && smtp::is_blank(*at)) ++at;
    if (at != end && *at == '\r') {
      cr_ = true;
      ++at;
    } else if (at != end) {
      blank_ = false;
      text(kSpace);
    }
  }
  if (at == end || !cr_) return at;
  const bool ends_line = *at == '\n';
  // RFC 6376 3.4.4: "Ignore all whitespace at the end of lines."
  if (blank_ && !ends_line) text(kSpace);
  blank_ = cr_ = false;
  text(ends_line ? kLineEnd : kLineEnd.substr(0, 1));
  return ends_line ? at + 1 : at;
}

// RFC 6376 3.4.4: "Reduce all sequences of WSP within a line to a single SP character."
void BodyCanonicalizer::relaxed(const char* at, const char* end) {
  for (;;) {
    const char* const run = find_change<false>(at, end);
    if (run == end) break;
    text(between(at, run));
    if (squeeze_ != nullptr && static_cast<std::size_t>(end - run) >= kSqueezeBytesMin) {
      at = squeezed(run, end);
      continue;
    }
    at = past_blanks(run, end);
    const bool at_cr = at != end && *at == '\r';
    if (at == end || (at_cr && end - at == 1)) {
      blank_ = true;
      cr_ = at_cr;
      return;
    }
    if (!at_cr || at[1] != '\n') text(kSpace);
  }
  cr_ = at != end && end[-1] == '\r';
  text(between(at, cr_ ? end - 1 : end));
}

// Where one change is, others are near: some two thousand bytes are written anew.
const char* BodyCanonicalizer::squeezed(const char* at, const char* end) {
  SqueezeBuffer out;
  const Squeezed done = squeeze_(at, end, out);
  text({out.data(), done.size});
  return done.at;
}

// RFC 6376 3.4.3: "ignores all empty lines at the end of the message body", and so does 3.4.4: line ends wait for what
// follows them.  A CRLF is never divided between two calls.
void BodyCanonicalizer::text(std::string_view bytes) {
  std::size_t size = bytes.size();
  while (size >= 2 && bytes[size - 1] == '\n' && bytes[size - 2] == '\r') size -= 2;
  if (size > 0) {
    release_line_ends();
    ahead_ = false;
    write(bytes.substr(0, size));
    any_ = true;
  }
  line_ends_ += (bytes.size() - size) / 2;
  if (line_ends_ > kLineEndsHeld) write_ahead();
}

// There may be as many as the message has room for.
void BodyCanonicalizer::write_ahead() {
  if (!ahead_) {
    flush();
    out_.mark();
    ahead_ = true;
  }
  release_line_ends();
}

void BodyCanonicalizer::release_line_ends() {
  while (line_ends_ > 0) {
    const std::size_t count = std::min(line_ends_, kLineEndsAtOnce);
    write({kLineEnds.data(), 2 * count});
    line_ends_ -= count;
  }
}

// RFC 6376 3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added."  3.4.4 adds one only
// to a body that is not empty.
void BodyCanonicalizer::finish() {
  if (cr_) {
    if (blank_) text(kSpace);
    text(kLineEnd.substr(0, 1));
  }
  if (ahead_) {
    gathered_size_ = 0;
    out_.rewind();
  }
  if (any_ || form_ == Canonicalization::simple) write(kLineEnd);
  flush();
}

void BodyCanonicalizer::write(std::string_view bytes) {
  if (bytes.size() > kGatheredBytes - gathered_size_ || bytes.size() >= kLongBytes) flush();
  if (bytes.size() >= kLongBytes) {
    out_.write(bytes);
    return;
  }
  std::memcpy(gathered_.data() + gathered_size_, bytes.data(), bytes.size());
  gathered_size_ += bytes.size();
}

void BodyCanonicalizer::flush() {
  if (gathered_size_ > 0) out_.write({gathered_.data(), gathered_size_});
  gathered_size_ = 0;
}

}  // namespace sluice::dkim

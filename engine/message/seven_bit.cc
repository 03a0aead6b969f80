#include "engine/message/seven_bit.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

// Longer than a boundary's line with its dashes and blanks.
constexpr std::size_t kLineBytesHeld = 1024;
// More of them, and a text is shorter in base64.
constexpr std::size_t kQuotedShareMax = 6;

std::size_t count_eight_bit(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, smtp::is_eight_bit));
}

// 8-bit bytes as quoted-printable has them.
void append_readable(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (smtp::is_eight_bit(c)) {
      append_escaped_byte(c, out);
    } else {
      out += c;
    }
  }
}

// RFC 2046 5.1.1: boundary delimiter = "--" boundary [ "--" ] transport-padding.
enum class Delimiter : std::uint8_t { none, next, last };
Delimiter delimiter(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return Delimiter::none;
  line.remove_prefix(2 + boundary.size());
  const bool last = line.starts_with("--");
  if (last) line.remove_prefix(2);
  if (line.find_first_not_of(" \t") != std::string_view::npos) return Delimiter::none;
  return last ? Delimiter::last : Delimiter::next;
}

}  // namespace

void SevenBit::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty() && !failed_) {
    const std::size_t lf = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, lf == std::string_view::npos ? bytes.size() : lf + 1);
    bytes.remove_prefix(piece.size());
    line_ += piece;
    const bool ends = line_.ends_with("\r\n");
    if (!ends && line_.size() <= kLineBytesHeld) continue;
    // A CR that may belong to the line's end waits for it.
    const bool cr_waits = !ends && line_.ends_with('\r');
    line_.resize(line_.size() - (ends ? 2 : cr_waits ? 1 : 0));
    line(line_, !in_long_line_, ends, out);
    in_long_line_ = !ends;
    line_.assign(cr_waits ? "\r" : "");
  }
}

void SevenBit::finish(std::string& out) {
  if (!line_.empty()) line(std::exchange(line_, {}), !in_long_line_, /*ends=*/false, out);
  if (state_ == State::header && !header_.empty()) {
    write_header({.encode_eight_bit = encodes_header()}, out);
    return;
  }
  release_line_end(out);
  end_leaf(out);
  if (state_ == State::base64) out += "\r\n";
}

// A line without its end, or a piece of a long one.
void SevenBit::line(std::string_view text, bool begins, bool ends, std::string& out) {
  if (begins && ends && boundary_line(text, out)) return;
  if (state_ == State::header) {
    header_line(text, ends, out);
    return;
  }
  release_line_end(out);
  body_text(text, out);
  if (ends) body_line_end(out);
}

// RFC 2046 5.1.2: a delimiter of any multipart that is open ends what is in it.
bool SevenBit::boundary_line(std::string_view text, std::string& out) {
  if (!text.starts_with("--")) return false;
  for (std::size_t i = open_.size(); i > 0; --i) {
    const Delimiter found = delimiter(text, open_[i - 1].boundary);
    if (found == Delimiter::none) continue;
    if (state_ == State::header) {
      write_header({.encode_eight_bit = encodes_header()}, out);  // a part without a body
    } else {
      end_leaf(out);
      if (std::exchange(line_end_pending_, false)) out += "\r\n";
    }
    out.append(text).append("\r\n");
    depth_ = open_[i - 1].depth;
    open_.resize(found == Delimiter::last ? i - 1 : i);
    if (found == Delimiter::last) {
      state_ = State::skip;
    } else {
      begin_entity(/*is_message=*/false, open_.back().digest);
    }
    return true;
  }
  return false;
}

void SevenBit::begin_entity(bool is_message, bool in_digest) {
  is_top_ = false;
  is_message_ = is_message;
  in_digest_ = in_digest;
  header_.clear();
  state_ = State::header;
}

// ------------------------------------------------------------------------------------------ headers

void SevenBit::header_line(std::string_view text, bool ends, std::string& out) {
  const bool empty_line = text.empty() && ends && (header_.empty() || header_.ends_with("\r\n"));
  header_.append(text).append(ends ? "\r\n" : "");
  failed_ = failed_ || header_.size() > kHeaderBytesMax;
  if (empty_line) end_header(out);
}

void SevenBit::end_header(std::string& out) {
  mime_ = read_mime_header(header_, in_digest_);
  const bool encoded =
      mime_.encoding == TransferEncoding::quoted_printable || mime_.encoding == TransferEncoding::base64;
  const bool contains = !encoded && (mime_.kind == MimeKind::multipart || mime_.kind == MimeKind::message);
  const bool container = contains && ++depth_ <= kDepthMax;
  held_.clear();
  held_eight_bit_ = 0;
  if (!container) {
    if (encoded) write_header({.encode_eight_bit = encodes_header()}, out);
    state_ = encoded ? State::plain : State::hold;
    return;
  }
  // Nothing in it is 8-bit any more.
  const std::string_view relabel = mime_.encoding == TransferEncoding::eight_bit ? "7bit" : "";
  write_header(
      {.encoding = relabel, .add_version = is_message_ && !mime_.has_version, .encode_eight_bit = encodes_header()},
      out);
  if (mime_.kind == MimeKind::message) {
    begin_entity(/*is_message=*/true, /*in_digest=*/false);
    return;
  }
  open_.push_back({.boundary = mime_.boundary, .digest = mime_.is_digest, .depth = depth_});
  state_ = State::skip;
}

void SevenBit::write_header(MimeHeaderChange change, std::string& out) {
  append_mime_header(header_, change, out);
  header_.clear();
}

// ------------------------------------------------------------------------------------------ bodies

void SevenBit::body_text(std::string_view text, std::string& out) {
  switch (state_) {
    case State::header:
      break;
    case State::skip:  // shown by no reader, unless the parts never come
      append_readable(text, out);
      break;
    case State::hold:
      held_ += text;
      held_eight_bit_ += count_eight_bit(text);
      if (held_.size() > kLeafBytesHeld) decide_leaf(out);
      break;
    case State::plain:
      // RFC 2045 6.7 and 6.8: what is 8-bit there is a mistake, which readers of quoted-printable take as it is, and
      // those of base64 pass over.
      if (mime_.encoding == TransferEncoding::quoted_printable) {
        append_readable(text, out);
      } else {
        std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return !smtp::is_eight_bit(c); });
      }
      break;
    case State::quoted:
      quoted_.text(text, out);
      break;
    case State::base64:
      base64_.add(text, out);
      break;
  }
}

void SevenBit::body_line_end(std::string& out) {
  line_end_pending_ = true;
  // Between parts, line ends are no content.
  if (state_ == State::skip) release_line_end(out);
}

// What the line end before was: content.
void SevenBit::release_line_end(std::string& out) {
  if (!std::exchange(line_end_pending_, false)) return;
  switch (state_) {
    case State::hold:
      held_ += "\r\n";
      break;
    case State::quoted:
      quoted_.line_end(out);
      break;
    case State::base64:
      base64_.add("\r\n", out);
      break;
    case State::header:
    case State::skip:
    case State::plain:
      out += "\r\n";
      break;
  }
}

// What becomes of a leaf that is held: from here on it is encoded, or it is all here and stays as it is.
void SevenBit::decide_leaf(std::string& out) {
  const bool all_here = held_.size() <= kLeafBytesHeld;
  if (all_here && held_eight_bit_ == 0) {
    write_header({.encode_eight_bit = encodes_header()}, out);
    out += std::exchange(held_, {});
    return;
  }
  const bool quoted = mime_.kind == MimeKind::text && held_eight_bit_ * kQuotedShareMax <= held_.size();
  write_header({.encoding = quoted ? "quoted-printable" : "base64",
                .add_type = mime_.has_type ? "" : "text/plain; charset=unknown-8bit",
                .add_version = is_message_ && !mime_.has_version,
                .encode_eight_bit = encodes_header()},
               out);
  state_ = quoted ? State::quoted : State::base64;
  quoted_ = {};
  base64_ = {};
  const std::string held = std::exchange(held_, {});
  if (!quoted) {
    base64_.add(held, out);
    return;
  }
  for (std::string_view rest = held; !rest.empty();) {
    const std::size_t end = rest.find("\r\n");
    quoted_.text(rest.substr(0, end), out);
    if (end == std::string_view::npos) break;
    quoted_.line_end(out);
    rest.remove_prefix(end + 2);
  }
}

// Its bytes are all here; a line end that waits is not among them.
void SevenBit::end_leaf(std::string& out) {
  if (state_ == State::hold) decide_leaf(out);
  if (state_ == State::quoted) quoted_.finish(out);
  if (state_ == State::base64) base64_.finish(out);
}

}  // namespace sluice::message

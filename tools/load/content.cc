#include "tools/load/content.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr std::uint64_t kBodyBytesMax = std::uint64_t{1} << 30;

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t unit = 1;
  if (text.ends_with('K')) unit = 1024;
  if (text.ends_with('M')) unit = std::uint64_t{1024} * 1024;
  if (unit > 1) text.remove_suffix(1);
  const auto number = parse_number(text);
  if (!number || *number > kBodyBytesMax / unit) return std::nullopt;
  return *number * unit;
}

std::optional<Sizes> Sizes::parse(std::string_view text) {
  Sizes sizes;
  sizes.range_ = text.find('-') != std::string_view::npos;
  while (!text.empty()) {
    const auto value = parse_bytes(take_until(text, sizes.range_ ? '-' : ','));
    if (!value) return std::nullopt;
    sizes.values_.push_back(*value);
  }
  if (sizes.values_.empty()) return std::nullopt;
  if (sizes.range_ && (sizes.values_.size() != 2 || sizes.values_[0] > sizes.values_[1])) return std::nullopt;
  return sizes;
}

std::uint64_t Sizes::of(std::uint64_t number) const {
  if (!range_) return values_[number % values_.size()];
  return values_[0] + mix(number) % (values_[1] - values_[0] + 1);
}

// ------------------------------------------------------------------------------------------ the body

struct Content::Body {
  const Content* content = nullptr;
  std::string_view head;      // what stands between the stamp and the body
  std::size_t first = 0;      // its first line
  std::size_t whole = 0;      // whole lines
  std::size_t parts[2] = {};  // the bytes of each of the last lines, CRLF included; 0: there is none
  std::uint64_t bytes = 0;    // all of it
};

Content::Body Content::body_of(const MessageSpec& spec) {
  Body body{.first = static_cast<std::size_t>(mix(spec.id.number) % kLines)};
  std::uint64_t bytes = spec.body_bytes == 1 ? 2 : spec.body_bytes;
  body.bytes = bytes;
  body.whole = static_cast<std::size_t>(bytes / kLineBytes);
  const auto rest = static_cast<std::size_t>(bytes % kLineBytes);
  if (rest == 1) {
    // A line has two bytes at least: one line less, and two that are cut.
    --body.whole;
    body.parts[0] = kLineBytes - 1;
    body.parts[1] = 2;
  } else {
    body.parts[0] = rest;
  }
  return body;
}

Content::Content(std::string date, std::uint32_t boot) : date_(std::move(date)), boot_(boot) {
  plain_.reserve(kLines * kLineBytes);
  for (std::size_t i = 0; i < kLines; ++i) {
    const bool dotted = i % kDottedEach == 0;
    std::string line(dotted ? "." : "");
    for (std::uint64_t n = 0; line.size() < kLineBytes - 2; ++n)
      line.push_back(static_cast<char>('0' + mix(i * kLineBytes + n) % 75));
    line.append("\r\n");
    plain_.append(line);
    if (dotted) stuffed_.push_back('.');
    stuffed_.append(line);
  }
}

std::string_view Content::line(std::size_t number) const {
  return std::string_view(plain_).substr(number % kLines * kLineBytes, kLineBytes);
}

void Content::append_lines(std::size_t first, std::size_t count, bool dot_stuffed, Chain& out) const {
  first %= kLines;
  while (count > 0) {
    const std::size_t now = std::min(count, kLines - first);
    if (dot_stuffed) {
      const auto at = [](std::size_t number) { return number * kLineBytes + (number + kDottedEach - 1) / kDottedEach; };
      out.append_copy(std::string_view(stuffed_).substr(at(first), at(first + now) - at(first)));
    } else {
      out.append_copy(std::string_view(plain_).substr(first * kLineBytes, now * kLineBytes));
    }
    count -= now;
    first = 0;
  }
}

void Content::append_part(std::size_t number, std::size_t bytes, bool dot_stuffed, Chain& out) const {
  const std::string_view text = line(number).substr(0, bytes - 2);
  if (dot_stuffed && text.starts_with('.')) out.append_copy(".");
  out.append_copy(text);
  out.append_copy("\r\n");
}

std::uint32_t Content::checksum(std::uint32_t crc, const void* what) {
  const Body& body = *static_cast<const Body*>(what);
  const Content& content = *body.content;
  crc = crc32c(crc, body.head);
  std::size_t first = body.first % kLines;
  for (std::size_t left = body.whole; left > 0; first = 0) {
    const std::size_t now = std::min(left, kLines - first);
    crc = crc32c(crc, std::string_view(content.plain_).substr(first * kLineBytes, now * kLineBytes));
    left -= now;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (body.parts[i] == 0) continue;
    crc = crc32c(crc, content.line(body.first + body.whole + i).substr(0, body.parts[i] - 2));
    crc = crc32c(crc, "\r\n");
  }
  return crc;
}

std::uint64_t Content::append(const MessageSpec& spec, bool dot_stuffed, Chain& out) const {
  std::string head;
  head.reserve(256);
  head.append("From: ").append(spec.from.empty() ? "postmaster@sluice-load.invalid" : spec.from);
  head.append("\r\nTo: ").append(spec.to);
  head.append("\r\nSubject: Message ").append(std::to_string(spec.id.number));
  head.append(" of sluice-load\r\nDate: ").append(date_).append("\r\nMessage-ID: <");
  head.append(identity_text(spec.id, 0)).append("@sluice-load.invalid>\r\n\r\n");
  Body body = body_of(spec);
  body.content = this;
  body.head = head;
  const Stamp stamp{.id = spec.id, .bytes = head.size() + body.bytes, .due = spec.due, .boot = boot_};
  const std::string line = stamp_line(stamp, &Content::checksum, &body) + "\r\n";
  out.append_copy(line);
  out.append_copy(head);
  append_lines(body.first, body.whole, dot_stuffed, out);
  for (std::size_t i = 0; i < 2; ++i)
    if (body.parts[i] != 0) append_part(body.first + body.whole + i, body.parts[i], dot_stuffed, out);
  return line.size() + stamp.bytes;
}

}  // namespace sluice::load

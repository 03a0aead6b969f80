// Checks that HeaderScan sees the same however the bytes are cut, that it agrees with a plain
// reading line by line, that what it mends is a header that every reader reads alike, and that its work is linear.
// Input: a byte of options, a byte that seeds the cuts, then the message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/message/header_scan.h"

namespace {

using sluice::message::HeaderScan;
using sluice::message::HeaderState;

// The same question answered slowly: split at CRLF, join continuations, count.  Of what is mended already.
struct Reference {
  bool complete = true;
  std::size_t size = 0;
  std::uint32_t fields = 0;
  std::uint32_t from = 0;
  std::uint32_t received = 0;
  std::string from_value;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 32 && c < 127 && c != ':'; });
}

// A line without its CRLF and its stuffed dot.  False if the header cannot have it.
bool read_line(std::string_view line, Reference& out, bool& in_from) {
  if (line.front() == ' ' || line.front() == '\t') {
    if (in_from) out.from_value.append("\r\n").append(line);
    return out.fields > 0;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view name = line.substr(0, colon);
  name = name.substr(0, name.find_last_not_of(" \t") + 1);
  if (!is_name(name)) return false;
  ++out.fields;
  if (lower(name) == "received") ++out.received;
  in_from = lower(name) == "from" && ++out.from == 1;
  if (in_from) out.from_value = line.substr(colon + 1);
  return true;
}

Reference read_slowly(std::string_view text, bool dot_stuffed) {
  Reference out;
  bool in_from = false;
  while (out.size < text.size()) {
    const std::string_view rest = text.substr(out.size);
    const std::size_t line_feed = rest.find('\n');
    std::string_view line = rest.substr(0, line_feed);
    const bool ended = line_feed != std::string_view::npos;
    out.size += line.size() + (ended ? 1 : 0);
    if (ended != line.ends_with('\r')) return {.complete = false};
    if (ended) line.remove_suffix(1);
    if (dot_stuffed && line.starts_with('.')) {
      line.remove_prefix(1);
      if (line.empty()) return {.complete = false};
    }
    if (line.empty()) break;
    if (!read_line(line, out, in_from)) return {.complete = false};
  }
  return out;
}

std::string mend(std::string_view text, const HeaderScan& scan) {
  sluice::Chain bytes;
  bytes.append_copy(text);
  sluice::Chain out;
  sluice::message::append_edited(std::move(bytes), {scan.edits().begin(), scan.edits().end()}, out);
  return out.to_string();
}

HeaderScan scan_in_pieces(std::string_view text, const HeaderScan::Options& options, std::uint32_t seed) {
  HeaderScan scan(options);
  while (!text.empty()) {
    seed = seed * 1'103'515'245 + 12'345;
    const std::size_t size = std::min<std::size_t>(text.size(), 1 + (seed >> 16) % 7);
    scan.feed(text.substr(0, size));
    text.remove_prefix(size);
  }
  scan.finish();
  return scan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  HeaderScan::Options options{.dot_stuffed = (data[0] & 1) != 0};
  if ((data[0] & 2) != 0) options.header_bytes_max = data[0] >> 2;
  if ((data[0] & 4) != 0) options.from_bytes_max = 8;
  if ((data[1] & 1) != 0) options.authserv_id = "relay.example";

  HeaderScan whole(options);
  whole.feed(text);
  whole.finish();
  const HeaderScan pieces = scan_in_pieces(text, options, data[1]);
  CHECK(whole.state() == pieces.state() && whole.fault() == pieces.fault());
  CHECK(whole.counts() == pieces.counts());
  CHECK(whole.from_value() == pieces.from_value() && whole.from_cut() == pieces.from_cut());
  CHECK(std::ranges::equal(whole.author_fields(), pieces.author_fields()));
  CHECK(std::ranges::equal(whole.edits(), pieces.edits()));
  CHECK(whole.header_size() == pieces.header_size() || whole.state() != HeaderState::complete);
  CHECK(whole.state() != HeaderState::need_more);
  CHECK(whole.steps() <= 3 * text.size() + 3);
  CHECK(whole.from_value().size() <= options.from_bytes_max);
  if (whole.state() == HeaderState::too_large) return 0;

  if (whole.state() != HeaderState::complete) {
    // Not for nothing: the plain reading finds fault, too, there is too much to mend, or a bare CR.
    using sluice::message::HeaderFault;
    CHECK(whole.fault() == HeaderFault::blank_lines || whole.fault() == HeaderFault::bare_line_end ||
          !read_slowly(text, options.dot_stuffed).complete);
    return 0;
  }
  const std::string mended = mend(text, whole);
  if (!options.authserv_id.empty()) {
    // No Authentication-Results field of that name is left.
    HeaderScan again({.dot_stuffed = options.dot_stuffed, .authserv_id = options.authserv_id});
    again.feed(mended);
    again.finish();
    CHECK(again.state() == HeaderState::complete && again.edits().empty());
    return 0;
  }
  const Reference slow = read_slowly(mended, options.dot_stuffed);
  CHECK(slow.complete);
  // What is read of it once more is as it is.
  HeaderScan again({.header_bytes_max = options.header_bytes_max + 2,
                    .from_bytes_max = options.from_bytes_max,
                    .dot_stuffed = options.dot_stuffed});
  again.feed(mended);
  again.finish();
  CHECK(again.state() == HeaderState::complete && again.edits().empty());
  CHECK(again.from_value() == whole.from_value() && again.counts() == whole.counts());
  CHECK(mended.size() - slow.size == text.size() - whole.header_size());
  CHECK(slow.fields == whole.counts().fields);
  CHECK(slow.from == whole.counts().from && slow.received == whole.counts().received);
  if (!whole.from_cut()) CHECK(slow.from_value == whole.from_value());
  return 0;
}

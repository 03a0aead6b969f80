#include "tools/load/stamp.h"

#include <array>

#include "engine/base/crc32c.h"
#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr unsigned kRunDigits = 16;
constexpr std::string_view kChecksumKey = " crc=";
constexpr std::uint32_t kCopiesMax = 10'000;

// The part of `text` behind its last hyphen, which goes with it.
std::string_view take_last_part(std::string_view& text) {
  const std::size_t hyphen = text.rfind('-');
  if (hyphen == std::string_view::npos) return std::exchange(text, {});
  const std::string_view part = text.substr(hyphen + 1);
  text = text.substr(0, hyphen);
  return part;
}

// "; NAME=VALUE" or, at the beginning, " NAME=VALUE".
std::optional<std::uint64_t> take_value(std::string_view& text, std::string_view name, int base = 10) {
  std::string_view pair = take_until(text, ';');
  if (!pair.starts_with(' ')) return std::nullopt;
  pair.remove_prefix(1);
  if (take_until(pair, '=') != name) return std::nullopt;
  return parse_number(pair, base);
}

bool plausible(const MessageId& id) { return id.number > 0 && id.copies > 0 && id.copies <= kCopiesMax; }

// `line` without its CRLF.
std::optional<Stamp> parse_stamp(std::string_view line) {
  line.remove_prefix(Stamp::kField.size());
  const auto run = take_value(line, "run", 16);
  const auto number = take_value(line, "n");
  const auto copies = take_value(line, "copies");
  const auto bytes = take_value(line, "bytes");
  const auto due = take_value(line, "due");
  const auto boot = take_value(line, "boot", 16);
  const auto checksum = take_value(line, "crc", 16);
  if (!run || !number || !copies || !bytes || !due || !boot || !checksum || *copies > kCopiesMax) return std::nullopt;
  Stamp stamp{.id = {.run = *run, .number = *number, .copies = static_cast<std::uint32_t>(*copies)},
              .bytes = *bytes,
              .due = Instant(Duration(static_cast<Duration::rep>(*due))),
              .boot = static_cast<std::uint32_t>(*boot),
              .checksum = static_cast<std::uint32_t>(*checksum)};
  return plausible(stamp.id) ? std::optional(stamp) : std::nullopt;
}

}  // namespace

std::string run_digits(std::uint64_t run) {
  std::string text;
  append_hex(run, kRunDigits, text);
  return text;
}

std::string identity_text(const MessageId& id, std::uint32_t copy) {
  std::string text;
  append_hex(id.run, kRunDigits, text);
  text.append("-").append(std::to_string(id.number));
  text.append("-").append(std::to_string(copy));
  return text.append("-").append(std::to_string(id.copies));
}

std::optional<Identity> find_identity(std::string_view local_part) {
  const auto copies = parse_number(take_last_part(local_part));
  const auto copy = parse_number(take_last_part(local_part));
  const auto number = parse_number(take_last_part(local_part));
  const std::string_view run_text = take_last_part(local_part);
  const auto run = parse_number(run_text, 16);
  if (!copies || !copy || !number || !run || run_text.size() != kRunDigits) return std::nullopt;
  if (*copies > kCopiesMax || *copy > *copies) return std::nullopt;
  const MessageId id{.run = *run, .number = *number, .copies = static_cast<std::uint32_t>(*copies)};
  if (!plausible(id)) return std::nullopt;
  return Identity{.id = id, .copy = static_cast<std::uint32_t>(*copy)};
}

std::string stamp_line(Stamp stamp, std::uint32_t (*checksum_behind)(std::uint32_t crc, const void* what),
                       const void* what) {
  std::string line(Stamp::kField);
  line.append(" run=");
  append_hex(stamp.id.run, kRunDigits, line);
  line.append("; n=").append(std::to_string(stamp.id.number));
  line.append("; copies=").append(std::to_string(stamp.id.copies));
  line.append("; bytes=").append(std::to_string(stamp.bytes));
  line.append("; due=").append(std::to_string(stamp.due.time_since_epoch().count())).append("; boot=");
  append_hex(stamp.boot, 8, line);
  line.append(";");
  const std::uint32_t checksum = checksum_behind(crc32c(0, line), what);
  line.append(kChecksumKey);
  append_hex(checksum, 8, line);
  return line;
}

std::uint32_t boot_number(std::string_view boot_id) { return crc32c(0, boot_id); }

// ------------------------------------------------------------------------------------------ at the sink

void StampCheck::feed(std::string_view content) {
  if (!dot_stuffed_) return take(content);
  while (!content.empty()) {
    const smtp::DotUnstuffer::Step step = unstuffer_.step(content);
    take(content.substr(0, step.copy));
    content.remove_prefix(step.copy + step.skip);
  }
}

void StampCheck::take(std::string_view plain) {
  if (given_up_ || plain.empty()) return;
  if (!found_) {
    const std::size_t before = header_.size();
    header_.append(plain);
    const std::size_t end = look_for_stamp();
    if (!found_) return;
    plain.remove_prefix(end - before);
    header_.clear();
  }
  crc_ = crc32c(crc_, plain);
  bytes_ += plain.size();
}

// Goes over the lines of the header that have ended. Returns where the line of the stamp ends.
std::size_t StampCheck::look_for_stamp() {
  for (;;) {
    const std::size_t end = header_.find("\r\n", line_);
    if (end == std::string::npos) {
      given_up_ = header_.size() > kHeaderBytesMax;
      return 0;
    }
    const std::string_view line = std::string_view(header_).substr(line_, end - line_);
    line_ = end + 2;
    if (line.empty()) {
      given_up_ = true;  // the header is over
      return 0;
    }
    if (!line.starts_with(Stamp::kField)) continue;
    const auto stamp = parse_stamp(line);
    given_up_ = !stamp;
    if (!stamp) return 0;
    found_ = true;
    stamp_ = *stamp;
    crc_ = crc32c(0, line.substr(0, line.rfind(kChecksumKey)));
    return line_;
  }
}

StampCheck::Verdict StampCheck::verdict() const {
  if (!found_) return Verdict::no_stamp;
  return crc_ == stamp_.checksum && bytes_ == stamp_.bytes ? Verdict::intact : Verdict::changed;
}

}  // namespace sluice::load

// Checks that a report is mail whatever it tells of: whole lines of at most 998 bytes that end in
// CRLF, no NUL, no bare CR or LF, 8-bit bytes only where its envelope says so; three parts at
// most, none of which holds the boundary; every recipient in the machine's part; and all of the
// original unchanged, where it comes back whole.  Input: bytes of options, then values with a 0xFE
// byte after each.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/dsn/dsn.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/scan.h"

namespace {

using sluice::dsn::Report;
using sluice::dsn::ReportInput;
using sluice::dsn::ReportKind;
using sluice::message::BodyForm;

// Takes values off the input.
class Source {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const char c = bytes_[0];
    bytes_.remove_prefix(1);
    return static_cast<std::uint8_t>(c);
  }
  std::string value() {
    const std::string_view value = bytes_.substr(0, bytes_.find('\xfe'));
    bytes_.remove_prefix(std::min(value.size() + 1, bytes_.size()));
    return std::string(value);
  }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

void add_recipient(Source& source, sluice::message::Envelope& envelope, sluice::message::DeliveryStatus& status) {
  const std::uint8_t bits = source.byte();
  const std::uint8_t more = source.byte();
  sluice::message::RecipientStatus one;
  one.fate = static_cast<sluice::message::Fate>(bits % 6);
  one.code = static_cast<std::uint16_t>(more % 2 == 0 ? 0 : 200 + more * 399 / 255);
  one.enhanced = {static_cast<std::uint8_t>((bits >> 3) % 6), static_cast<std::uint16_t>(more * 3), bits};
  one.at = bits % 7 == 0 ? 0 : more * 1'000'000'000LL;
  sluice::message::Recipient recipient;
  recipient.notify = {.never = bits % 11 == 0, .success = bits % 2 == 0, .failure = bits % 3 == 0};
  recipient.forward_path = source.value();
  recipient.orcpt = source.value();
  one.text = source.value();
  one.next_hop = source.value();
  envelope.recipients.push_back(std::move(recipient));
  status.recipients.push_back(std::move(one));
}

void check_bytes(const Report& report) {
  sluice::smtp::TextChecker checker;
  checker.check(report.content);
  checker.finish();
  const sluice::smtp::ContentFlags& flags = checker.flags();
  CHECK(!flags.bare() && !flags.nul && !flags.long_line);
  CHECK(report.content.ends_with("\r\n"));
  CHECK(!flags.eight_bit || report.envelope.body == sluice::smtp::Body::eight_bit_mime);
  CHECK(report.envelope.reverse_path.empty() && report.envelope.recipients.size() == 1);
  CHECK(report.envelope.size == report.content.size());
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; ++at) ++found;
  return found;
}

// The parts, after the header.
std::vector<std::string_view> parts_of(std::string_view content) {
  const std::size_t name = content.find("boundary=\"") + 10;
  const std::string line = "\r\n--" + std::string(content.substr(name, content.find('"', name) - name));
  const std::size_t header = content.find("\r\n\r\n");
  CHECK(header != std::string_view::npos && name < header);
  CHECK(content.substr(header + 2).starts_with(line + "\r\n"));
  CHECK(content.ends_with(line + "--\r\n"));
  std::vector<std::string_view> parts;
  std::size_t at = header + 2;
  for (;;) {
    at += line.size();
    const std::size_t next = content.find(line, at);
    if (next == std::string_view::npos) break;
    parts.push_back(content.substr(at, next - at));
    at = next;
  }
  CHECK(at + 4 == content.size());
  // The report's own header may have it in an address: no reader looks for parts there.
  CHECK(count(content.substr(header), line.substr(2)) == parts.size() + 1);
  return parts;
}

void check_parts(const ReportInput& input, const Report& report) {
  const std::vector<std::string_view> parts = parts_of(report.content);
  CHECK(parts.size() == 2 || parts.size() == 3);
  CHECK(parts[0].starts_with("\r\nContent-Type: text/plain; charset="));
  CHECK(parts[1].starts_with("\r\nContent-Type: message/"));
  CHECK(count(parts[1], "\r\nFinal-Recipient: ") == input.recipients.size());
  CHECK(count(parts[1], "\r\nAction: ") == input.recipients.size());
  const char* status = input.kind == ReportKind::failure ? "\r\nStatus: 5."
                       : input.kind == ReportKind::delay ? "\r\nStatus: 4."
                                                         : "\r\nStatus: 2.";
  CHECK(count(parts[1], status) == input.recipients.size());
  if (parts.size() < 3) return;
  const std::string_view part = parts[2];
  if (part.starts_with("\r\nContent-Type: message/rfc822\r\n") && input.form == BodyForm::literal)
    CHECK(part.substr(part.find("\r\n\r\n") + 4) == input.header_or_content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Source source(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::uint8_t bits = source.byte();
  const std::uint8_t more = source.byte();
  sluice::message::Envelope envelope;
  envelope.smtputf8 = bits % 2 != 0;
  envelope.ret = static_cast<sluice::smtp::Ret>(bits / 2 % 3);
  envelope.reverse_path = more % 4 == 0 ? source.value() : "alice@example.com";
  envelope.id = source.value();
  envelope.envid = source.value();
  const std::string content = source.value();
  const std::string reporting_mta = more % 8 == 0 ? source.value() : "relay.test";
  const std::string postmaster = source.value();
  const std::string policy_url = source.value();
  sluice::message::DeliveryStatus status;
  while (!source.empty() && status.recipients.size() < 300) add_recipient(source, envelope, status);
  std::vector<std::size_t> all(envelope.recipients.size());
  std::iota(all.begin(), all.end(), std::size_t{0});

  const ReportInput input{.envelope = envelope,
                          .status = status,
                          .kind = static_cast<ReportKind>(bits / 6 % 3),
                          .recipients = all,
                          .header_or_content = content,
                          .content_is_whole = more % 3 != 0,
                          .form = bits >= 128 ? BodyForm::dot_stuffed : BodyForm::literal,
                          .eight_bit = more < 200,
                          .reporting_mta = reporting_mta,
                          .queue_id = "0REPORT",
                          .arrived = bits * 1'000'000'000'000LL,
                          .now = more * 1'000'000'000'000LL,
                          .retry_until = bits * 1'000'000'000LL,
                          .random = std::uint64_t{more} % 36,
                          .postmaster = postmaster,
                          .policy_url = policy_url};
  const auto report = build_report(input);
  if (report) {
    check_bytes(*report);
    check_parts(input, *report);
  }
  const auto due = sluice::dsn::reports_due(envelope, status, more % 2 == 0);
  CHECK(!envelope.reverse_path.empty() || !due.any());
  CHECK(due.failed.size() + due.delayed.size() + due.succeeded.size() <= all.size());
  return 0;
}

// Checks of what is made of a domain's records, for any records in a DNS that answers as it likes: nothing crashes,
// each check ends within its bound of questions and comes to the same again, what is called right has nothing to mend,
// and a check of SPF names at most one look-up too many.  The input is lines of a zone: a type, a number of a name, a
// text.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/tag_list.h"
#include "engine/sender_dns/dkim_key_record.h"
#include "engine/sender_dns/dmarc.h"
#include "engine/sender_dns/domain_check.h"
#include "engine/sender_dns/spf.h"
#include "engine/sender_dns/spf_macro.h"

namespace {

using namespace sluice::sender_dns;
using sluice::io::DnsReply;
using sluice::io::DnsStatus;
using sluice::io::DnsType;

// What stands in the input goes round: the answer to each question is the next line.
class HostileDns final : public DnsSource {
 public:
  explicit HostileDns(std::string_view input) {
    while (!input.empty()) {
      const std::size_t end = input.find('\n');
      lines_.push_back(input.substr(0, end));
      input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    }
  }
  DnsReply ask(const std::string& name, DnsType type) override {
    ++asked_;
    CHECK(name.size() <= 4 * 255);
    if (lines_.empty()) return sluice::io::dns_failure("nothing");
    DnsReply reply;
    // The same name gets the same answer, so that a check comes to the same again.
    const std::size_t at = std::hash<std::string>()(name) % lines_.size();
    std::string_view line = lines_[at];
    const char kind = line.empty() ? 'n' : line.front();
    if (kind == 'f') return sluice::io::dns_failure("failed");
    reply.status = kind == 'x' ? DnsStatus::no_such_name : kind == 'n' ? DnsStatus::no_data : DnsStatus::ok;
    if (reply.status != DnsStatus::ok) return reply;
    line.remove_prefix(1);
    const std::size_t count = kind == '2' ? 2 : kind == 'm' ? 12 : 1;
    for (std::size_t i = 0; i < count; ++i) reply.records.push_back(record_of(type, line, i));
    if (kind == 'c') reply.aliases.emplace_back(line.substr(0, 200));
    return reply;
  }
  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  static sluice::io::DnsRecord record_of(DnsType type, std::string_view line, std::size_t number) {
    sluice::io::DnsRecord record;
    if (type == DnsType::txt) record.text = line;
    if (type == DnsType::mx || type == DnsType::ptr)
      record.name = line.empty() ? "." : sluice::io::fold_dns_name(line.substr(0, 250)) + std::to_string(number);
    const std::array<std::uint8_t, 16> bytes{192, 0, 2, static_cast<std::uint8_t>(number)};
    if (type == DnsType::a) record.address = sluice::io::Address::from_bytes(std::span(bytes).first(4), 0);
    if (type == DnsType::aaaa) record.address = sluice::io::Address::from_bytes(bytes, 0);
    return record;
  }
  std::vector<std::string_view> lines_;
  std::size_t asked_ = 0;
};

SendingFacts sending_facts() {
  SendingFacts facts{.addresses = {*sluice::parse_ip("192.0.2.1"), *sluice::parse_ip("2001:db8::1")}};
  facts.keys = {{.selector = "s1", .key = PublicKey{.type = KeyType::ed25519, .bytes = std::string(32, 'k')}},
                {.selector = "s2", .key = std::nullopt}};
  facts.mail_from_domain = "bounces.example.com";
  return facts;
}

void check_parsers(std::string_view text) {
  if (is_spf_record(text))
    if (const auto record = parse_spf_record(text); !record) CHECK(!record.error().empty());
  (void)is_macro_string(text, SpfMacroUse::explanation);
  if (is_domain_spec(text)) {
    CHECK(is_macro_string(text, SpfMacroUse::domain));
    const std::string name =
        expand_domain_spec(text, {.local_part = "l", .sender_domain = "o.example", .domain = "d.example"});
    CHECK(name.size() <= kSpfExpandedBytesMax);
  }
  const sluice::TagList tags(text);
  CHECK(tags.all().size() <= sluice::kTagsMax);
  for (const sluice::Tag& tag : tags.all()) CHECK(tags.find(tag.name) == &tag);
  const PublicKey key{.type = KeyType::ed25519, .bytes = std::string(32, 'k')};
  const DkimKeyFault fault = judge_dkim_key(text, &key);
  CHECK(fault.what.empty() == fault.remedy.empty());
  (void)judge_dkim_key(text, nullptr);
  if (is_dmarc_record(text)) (void)parse_dmarc_record(text);
}

void check_spf_of(std::string_view input) {
  HostileDns dns(input);
  RememberedDns remembered(dns);
  const SpfOutcome outcome = check_spf(
      {.address = *sluice::parse_ip("192.0.2.1"), .domain = "example.com", .sender = "l@example.com"}, remembered);
  CHECK(outcome.asked.size() <= kSpfLookUpsMax + 1);
  CHECK(outcome.asked.size() <= kSpfLookUpsMax || outcome.result == SpfResult::permerror);
  CHECK(dns.asked() <= kQuestionsMax);
}

void check_domain_of(std::string_view input) {
  const SendingFacts facts = sending_facts();
  std::vector<DomainReport> reports;
  for (int time = 0; time < 2; ++time) {
    HostileDns dns(input);
    RememberedDns remembered(dns);
    reports.push_back(check_domain("example.com", facts, remembered));
    CHECK(dns.asked() <= kQuestionsMax);
  }
  CHECK(reports[0].findings.size() == 5 && reports[1].findings.size() == 5);
  for (std::size_t at = 0; at < reports[0].findings.size(); ++at) {
    const Finding& finding = reports[0].findings[at];
    CHECK(finding.verdict == reports[1].findings[at].verdict && finding.what == reports[1].findings[at].what);
    CHECK(!finding.what.empty());
    if (finding.verdict == Verdict::right) CHECK(finding.remedy.empty() && finding.should_be.empty());
    if (finding.verdict == Verdict::wrong || finding.verdict == Verdict::missing) CHECK(!finding.remedy.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_parsers(input.substr(0, input.find('\n')));
  check_spf_of(input);
  check_domain_of(input);
  return 0;
}

#include <algorithm>

#include "engine/sender_dns/asked_record.h"
#include "engine/sender_dns/domain_check.h"

namespace sluice::sender_dns {
namespace {

// Blanks at the ends are a slip of the one who pasted it.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace

std::string proof_name(std::string_view domain, std::string_view label) {
  return std::string(label).append(1, '.').append(domain);
}

std::string proof_text(std::string_view token) { return std::string("token=").append(token); }

Finding check_proof_record(const std::string& domain, const std::string& label, const std::string& token,
                           DnsSource& dns) {
  Finding finding{.record = "proof", .name = proof_name(domain, label)};
  const io::DnsReply reply = ask_for(finding, io::DnsType::txt, dns);
  if (reply.status == io::DnsStatus::failed) return finding;
  for (const io::DnsRecord& record : reply.records) finding.there.push_back(record.text);
  const std::string wanted = proof_text(token);
  const bool there =
      std::ranges::any_of(finding.there, [&wanted](const std::string& text) { return trimmed(text) == wanted; });
  // A CNAME may be a wildcard's, and lead to a host that anybody can rent: who has that has not the domain.
  if (there && reply.aliases.empty()) {
    finding.what = "the domain is proven to be the customer's";
    return finding;
  }
  finding.should_be = wanted;
  finding.verdict = finding.there.empty() ? Verdict::missing : Verdict::wrong;
  if (!reply.aliases.empty()) {
    finding.verdict = Verdict::wrong;
    finding.what = "a CNAME leads to " + reply.aliases.back() + ", where a proof does not count";
    finding.remedy = "publish the TXT record at the name itself";
  } else if (finding.there.empty()) {
    finding.what = "there is no TXT record";
    finding.remedy = "publish the record, and leave it there";
  } else {
    finding.what = "the TXT record has another token than the customer's";
    finding.remedy = "publish the record beside it, or in its place, and leave it there";
  }
  return finding;
}

}  // namespace sluice::sender_dns

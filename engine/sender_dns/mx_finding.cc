#include <algorithm>

#include "engine/sender_dns/asked_record.h"
#include "engine/sender_dns/domain_check.h"

namespace sluice::sender_dns {
namespace {

// Of more MX hosts no addresses are asked for.
constexpr std::size_t kMxHostsAsked = 10;

// yes: it has an address.
Answer has_address(const std::string& host, DnsSource& dns) {
  bool failed = false;
  for (const io::DnsType type : {io::DnsType::a, io::DnsType::aaaa}) {
    const io::DnsReply reply = dns.ask(host, type);
    if (reply.status == io::DnsStatus::ok) return Answer::yes;
    failed = failed || reply.status == io::DnsStatus::failed;
  }
  return failed ? Answer::unknown : Answer::no;
}

// RFC 5321 5.1: a domain without MX records is its own MX host.
void judge_without_records(Finding& finding, DnsSource& dns) {
  const Answer address = has_address(finding.name, dns);
  if (address == Answer::yes) {
    finding.what = "there is no MX record; mail for the domain goes to its address";
  } else if (address == Answer::unknown) {
    finding.verdict = Verdict::not_asked;
    finding.what = "there is no MX record, and the DNS did not answer for an address";
  } else {
    finding.verdict = Verdict::missing;
    finding.what = "the domain has neither MX record nor address: nobody can reply, and receivers refuse such senders";
    finding.remedy = "publish an MX record";
  }
}

void judge_hosts(Finding& finding, const std::vector<io::DnsRecord>& records, DnsSource& dns) {
  std::size_t good = 0;
  std::string bad;
  bool failed = false;
  for (std::size_t at = 0; at < records.size() && at < kMxHostsAsked; ++at) {
    const std::string& host = records[at].name;
    const Answer address = host == "." ? Answer::no : has_address(host, dns);
    if (address == Answer::yes) ++good;
    if (address == Answer::unknown) failed = true;
    if (address == Answer::no) bad += (bad.empty() ? "" : ", ") + host;
  }
  if (!bad.empty()) {
    finding.verdict = Verdict::wrong;
    finding.what = "no address has " + bad;
    finding.remedy = "have each MX record name a host that has an address";
  } else if (failed) {
    finding.verdict = Verdict::not_asked;
    finding.what = "the DNS did not answer for the addresses of the MX hosts";
  } else {
    finding.what = std::to_string(good) + (good == 1 ? " MX host has an address" : " MX hosts have addresses");
  }
}

}  // namespace

Finding check_mx_records(const std::string& domain, DnsSource& dns) {
  Finding finding{.record = "MX", .name = domain};
  const io::DnsReply reply = ask_for(finding, io::DnsType::mx, dns);
  if (reply.status == io::DnsStatus::failed) return finding;
  for (const io::DnsRecord& record : reply.records)
    finding.there.push_back(std::to_string(record.preference) + " " + record.name);
  if (reply.records.empty()) {
    judge_without_records(finding, dns);
  } else if (reply.records.size() == 1 && reply.records.front().name == ".") {
    // RFC 7505 4.2: such a domain is not to be used for senders.
    finding.verdict = Verdict::wrong;
    finding.what = "a null MX says that the domain takes no mail: receivers refuse senders of it (550 5.7.27)";
    finding.remedy = "publish an MX record that names a host";
  } else {
    judge_hosts(finding, reply.records, dns);
  }
  return finding;
}

}  // namespace sluice::sender_dns

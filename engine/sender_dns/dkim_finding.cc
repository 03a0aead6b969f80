#include "engine/sender_dns/asked_record.h"
#include "engine/sender_dns/dkim_key_record.h"
#include "engine/sender_dns/domain_check.h"

namespace sluice::sender_dns {

Checked check_dkim_record(const std::string& domain, const ExpectedKey& key, DnsSource& dns) {
  Checked checked{.finding = {.record = "DKIM " + key.selector, .name = key.selector + "._domainkey." + domain}};
  Finding& finding = checked.finding;
  if (key.key) finding.should_be = dkim_key_record(*key.key);
  const io::DnsReply reply = ask_for(finding, io::DnsType::txt, dns);
  if (reply.status == io::DnsStatus::failed) return checked;
  checked.passes = Answer::no;
  for (const io::DnsRecord& record : reply.records) finding.there.push_back(record.text);
  if (finding.there.empty()) {
    finding.verdict = Verdict::missing;
    finding.what = reply.aliases.empty() ? "there is no record, neither TXT nor CNAME"
                                         : "the CNAME leads to " + reply.aliases.back() + ", which has no TXT record";
    finding.remedy = reply.aliases.empty() ? "publish the record, or the CNAME that leads to it"
                                           : "publish the record there, or have the CNAME lead to where it is";
    return checked;
  }
  if (finding.there.size() > 1) {
    finding.verdict = Verdict::wrong;
    finding.what = "there are " + std::to_string(finding.there.size()) +
                   " TXT records, of which a verifier may take any (RFC 6376 3.6.2.2)";
    finding.remedy = "leave one record there; a long key is several strings of one record, not several records";
    return checked;
  }
  const DkimKeyFault fault = judge_dkim_key(finding.there.front(), key.key ? &*key.key : nullptr);
  if (!fault.what.empty()) {
    finding.verdict = Verdict::wrong;
    finding.what = fault.what;
    finding.remedy = fault.remedy;
    return checked;
  }
  finding.should_be.clear();
  finding.what = key.key ? "it is the key that mail is signed with"
                         : "it is a sound key; which one mail is signed with is not known (--public-key-file)";
  if (!fault.note.empty()) finding.what += "; but " + fault.note;
  checked.passes = key.key ? Answer::yes : Answer::unknown;
  return checked;
}

}  // namespace sluice::sender_dns

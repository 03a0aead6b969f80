#include <algorithm>

#include "engine/io/address.h"
#include "engine/sender_dns/asked_record.h"
#include "engine/sender_dns/domain_check.h"
#include "engine/sender_dns/spf.h"

namespace sluice::sender_dns {
namespace {

std::string ip_text(const IpBytes& address) { return io::Address::from_bytes(address.span(), 0).ip(); }

// The terms for `addresses`, with a blank in front of each.
std::string terms_for(const std::vector<IpBytes>& addresses) {
  std::string terms;
  for (const IpBytes& address : addresses) {
    const std::string ip = ip_text(address);
    terms += (ip.find(':') == std::string::npos ? " ip4:" : " ip6:") + ip;
  }
  return terms;
}

std::string record_with(const std::string& record, const std::vector<IpBytes>& addresses) {
  constexpr std::size_t kVersionBytes = 6;  // "v=spf1"
  return record.substr(0, kVersionBytes) + terms_for(addresses) + record.substr(kVersionBytes);
}

SpfQuery query_for(const IpBytes& address, const std::string& domain, const SendingFacts& facts) {
  return {.address = address,
          .domain = domain,
          .sender = "postmaster@" + domain,
          .helo = facts.helo.empty() ? domain : facts.helo,
          .now_s = facts.now_s};
}

// How many look-ups the whole record takes, for an address that nobody has.
SpfOutcome evaluate_whole(const std::string& domain, const SendingFacts& facts, DnsSource& dns) {
  constexpr unsigned kLookUpsCounted = 50;
  SpfQuery query = query_for({.size = 4}, domain, facts);
  query.look_ups_max = kLookUpsCounted;
  return check_spf(query, dns);
}

std::string terms_of(const std::vector<SpfAsking>& asked) {
  constexpr std::size_t kTermsShown = 16;
  std::string list;
  for (std::size_t at = 0; at < asked.size() && at < kTermsShown; ++at)
    list += (at == 0 ? "" : ", ") + asked[at].term + " of " + asked[at].domain;
  return list + (asked.size() > kTermsShown ? ", and more" : "");
}

std::string look_ups_words(const SpfOutcome& whole) {
  return "it needs " + std::to_string(whole.asked.size()) + " look-ups, and receivers make " +
         std::to_string(kSpfLookUpsMax) + ": " + terms_of(whole.asked);
}

// What came of one address.
std::string address_words(const IpBytes& address, const SpfOutcome& outcome) {
  std::string words = ip_text(address) + ": " + std::string(name(outcome.result));
  if (!outcome.reason.empty() && outcome.decided_by.term.empty()) return words + ", as " + outcome.reason;
  if (outcome.decided_by.term.empty()) return words + ", as no term matches";
  return words + ", by \"" + outcome.decided_by.term + "\" of " + outcome.decided_by.domain;
}

void judge_whole(Checked& checked, const SpfOutcome& whole) {
  Finding& finding = checked.finding;
  const bool too_many = whole.asked.size() > kSpfLookUpsMax;
  if (too_many || whole.result == SpfResult::permerror) {
    finding.verdict = Verdict::wrong;
    finding.what = too_many ? look_ups_words(whole) : whole.reason;
    finding.remedy = too_many ? "take out what does not send, or put addresses (ip4:, ip6:) in the place of names"
                              : "mend the record: until then it counts for nobody (permerror)";
    checked.passes = Answer::no;
  } else if (whole.result == SpfResult::temperror) {
    finding.verdict = Verdict::not_asked;
    finding.what = whole.reason;
  } else {
    finding.what = "the record is well formed; no sending address is known to try it with (--address)";
  }
}

void judge_addresses(Checked& checked, const std::string& domain, const SpfOutcome& whole, const SendingFacts& facts,
                     DnsSource& dns) {
  Finding& finding = checked.finding;
  std::vector<IpBytes> refused;
  bool broken = false;
  bool failed = false;
  for (const IpBytes& address : facts.addresses) {
    const SpfOutcome outcome = check_spf(query_for(address, domain, facts), dns);
    if (outcome.result == SpfResult::temperror) failed = true;
    if (outcome.result == SpfResult::permerror) broken = true;
    if (outcome.result != SpfResult::pass && outcome.result != SpfResult::temperror) refused.push_back(address);
    if (outcome.result != SpfResult::pass || facts.addresses.size() == 1 || finding.what.empty())
      finding.what += (finding.what.empty() ? "" : "; ") + address_words(address, outcome);
  }
  if (broken)
    return judge_whole(checked, whole.result == SpfResult::permerror || whole.asked.size() > kSpfLookUpsMax
                                    ? whole
                                    : SpfOutcome{.result = SpfResult::permerror, .reason = finding.what});
  if (!refused.empty()) {
    finding.verdict = Verdict::wrong;
    finding.should_be = record_with(finding.there.front(), refused);
    finding.remedy = "let the record name the sending addresses, or include one that does";
    checked.passes = Answer::no;
  } else if (failed) {
    finding.verdict = Verdict::not_asked;
  } else {
    checked.passes = Answer::yes;
    if (whole.asked.size() > kSpfLookUpsMax)
      finding.what += "; but for addresses that match late the record counts for nothing: " + look_ups_words(whole);
    if (whole.result == SpfResult::pass) finding.what += "; but the record lets every address send";
  }
}

}  // namespace

Checked check_spf_record(const std::string& domain, const SendingFacts& facts, DnsSource& dns) {
  Checked checked{.finding = {.record = "SPF", .name = domain}};
  Finding& finding = checked.finding;
  const io::DnsReply reply = ask_for(finding, io::DnsType::txt, dns);
  if (reply.status == io::DnsStatus::failed) return checked;
  for (const io::DnsRecord& record : reply.records)
    if (is_spf_record(record.text)) finding.there.push_back(record.text);
  if (finding.there.empty()) {
    finding.verdict = Verdict::missing;
    finding.what = reply.status == io::DnsStatus::no_such_name ? "the name does not exist" : "there is no SPF record";
    finding.should_be = "v=spf1" + terms_for(facts.addresses) + " -all";
    finding.remedy = "publish such a record, with all that send mail of the domain in it";
    checked.passes = Answer::no;
    return checked;
  }
  if (finding.there.size() > 1) {
    finding.verdict = Verdict::wrong;
    finding.what = "there are " + std::to_string(finding.there.size()) + " SPF records, and so none counts (permerror)";
    finding.remedy = "make one record of them";
    checked.passes = Answer::no;
    return checked;
  }
  const SpfOutcome whole = evaluate_whole(domain, facts, dns);
  if (facts.addresses.empty())
    judge_whole(checked, whole);
  else
    judge_addresses(checked, domain, whole, facts, dns);
  return checked;
}

}  // namespace sluice::sender_dns

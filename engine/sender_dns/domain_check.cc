#include "engine/sender_dns/domain_check.h"

#include <algorithm>

#include "engine/sender_dns/address_names.h"
#include "engine/sender_dns/dmarc.h"

namespace sluice::sender_dns {
namespace {

class DomainCheck {
 public:
  DomainCheck(const std::string& domain, const SendingFacts& facts, DnsSource& dns)
      : domain_(domain),
        mail_from_(facts.mail_from_domain.empty() ? domain : facts.mail_from_domain),
        signing_(facts.signing_domain.empty() ? domain : facts.signing_domain),
        facts_(facts),
        dns_(dns) {
    report_.domain = domain;
  }

  DomainReport run() {
    Checked spf = check_spf_record(mail_from_, facts_, dns_);
    authentication_.spf = spf.passes;
    report_.findings.push_back(std::move(spf.finding));
    check_keys();
    check_dmarc();
    report_.findings.push_back(check_mx_records(domain_, dns_));
    authentication_.names = check_address_names(facts_.addresses, dns_);
    report_.receivers = receiver_opinions(authentication_);
    return std::move(report_);
  }

 private:
  void check_keys();
  void check_dmarc();
  void judge_record(Finding& finding, const DmarcWalk& walk);
  void judge_alignment(Finding& finding, const DmarcWalk& walk, const DmarcRecord& record);

  const std::string& domain_;
  const std::string mail_from_;
  const std::string signing_;
  const SendingFacts& facts_;
  DnsSource& dns_;
  AuthenticationFacts authentication_;
  DomainReport report_;
};

// One right key of RSA is enough for receivers.
void DomainCheck::check_keys() {
  bool unknown = facts_.keys.empty();
  bool passes = false;
  for (const ExpectedKey& key : facts_.keys) {
    Checked checked = check_dkim_record(signing_, key, dns_);
    const bool rsa = !key.key || key.key->type == KeyType::rsa;
    if (rsa && checked.passes == Answer::yes) passes = true;
    if (rsa && checked.passes == Answer::unknown) unknown = true;
    report_.findings.push_back(std::move(checked.finding));
  }
  authentication_.dkim = passes ? Answer::yes : unknown ? Answer::unknown : Answer::no;
}

Answer answer_of(const std::expected<bool, std::string>& is) {
  if (!is) return Answer::unknown;
  return *is ? Answer::yes : Answer::no;
}

std::string_view words_for(Answer aligned) {
  switch (aligned) {
    case Answer::yes:
      return "aligned";
    case Answer::no:
      return "not aligned";
    case Answer::unknown:
      break;
  }
  return "not known whether aligned";
}

void DomainCheck::judge_alignment(Finding& finding, const DmarcWalk& walk, const DmarcRecord& record) {
  authentication_.spf_aligned = answer_of(is_aligned(mail_from_, domain_, record.strict_spf, walk, dns_));
  authentication_.dkim_aligned = answer_of(is_aligned(signing_, domain_, record.strict_dkim, walk, dns_));
  finding.what += "; SPF (" + mail_from_ + ") is " + std::string(words_for(authentication_.spf_aligned)) +
                  ", DKIM (d=" + signing_ + ") is " + std::string(words_for(authentication_.dkim_aligned));
  if (authentication_.spf_aligned == Answer::no && authentication_.dkim_aligned == Answer::no) {
    finding.verdict = Verdict::wrong;
    finding.remedy = "sign with d=" + domain_ + ", or send with addresses of the domain in MAIL FROM";
    if (record.strict_spf || record.strict_dkim) finding.remedy += ", or leave adkim= and aspf= at r";
  }
}

void DomainCheck::judge_record(Finding& finding, const DmarcWalk& walk) {
  const bool exists = dns_.ask(domain_, io::DnsType::txt).status != io::DnsStatus::no_such_name;
  const DmarcApplied applied = applied_record(domain_, walk, exists);
  const auto own = std::ranges::find(walk.steps, domain_, &DmarcStep::domain);
  const bool own_is_bad = own != walk.steps.end() && !own->record;
  const DmarcStep* const shown = own_is_bad ? &*own : applied.step;
  if (shown != nullptr) {
    finding.name = "_dmarc." + shown->domain;
    finding.there = shown->texts;
    finding.aliases = shown->aliases;
    finding.authenticated = shown->authenticated;
  }
  authentication_.dmarc = applied.step == nullptr ? Answer::no : Answer::yes;
  authentication_.policy = applied.policy;
  if (own_is_bad) {
    finding.verdict = Verdict::wrong;
    finding.what = own->fault;
    finding.should_be = "v=DMARC1; p=none; rua=mailto:postmaster@" + domain_;
    finding.remedy = "leave one record there that is well formed";
  } else if (applied.step == nullptr) {
    finding.verdict = Verdict::missing;
    finding.what = "there is no DMARC record, neither of the domain nor of one above";
    finding.should_be = "v=DMARC1; p=none; rua=mailto:postmaster@" + domain_;
    finding.remedy = "publish one: p=none asks for reports, and has nothing refused";
  }
  if (applied.step == nullptr) {
    // Without a record both count as relaxed.
    authentication_.spf_aligned = answer_of(is_aligned(mail_from_, domain_, false, walk, dns_));
    authentication_.dkim_aligned = answer_of(is_aligned(signing_, domain_, false, walk, dns_));
    return;
  }
  const DmarcRecord& record = *applied.step->record;
  if (!own_is_bad) {
    finding.what =
        "the policy is " + std::string(name(applied.policy)) + ", the organizational domain " + walk.organizational;
    for (const std::string& ignored : record.ignored) finding.what += "; " + ignored + " is ignored";
    if (record.psd == DmarcPsd::yes && applied.step->domain == domain_)
      finding.what += "; psd=y says that the domain is a public suffix";
  }
  judge_alignment(finding, walk, record);
}

void DomainCheck::check_dmarc() {
  Finding finding{.record = "DMARC", .name = "_dmarc." + domain_};
  const DmarcWalk walk = walk_dmarc_tree(domain_, dns_);
  if (walk.error.empty()) {
    judge_record(finding, walk);
  } else {
    finding.verdict = Verdict::not_asked;
    finding.what = walk.error;
  }
  report_.findings.push_back(std::move(finding));
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::right:
      return "right";
    case Verdict::wrong:
      return "wrong";
    case Verdict::missing:
      return "missing";
    case Verdict::not_asked:
      break;
  }
  return "could not be asked";
}

Verdict DomainReport::verdict() const {
  const auto has = [this](Verdict verdict) {
    return std::ranges::find(findings, verdict, &Finding::verdict) != findings.end();
  };
  if (has(Verdict::wrong) || has(Verdict::missing)) return Verdict::wrong;
  return has(Verdict::not_asked) ? Verdict::not_asked : Verdict::right;
}

DomainReport check_domain(const std::string& domain, const SendingFacts& facts, DnsSource& dns) {
  return DomainCheck(domain, facts, dns).run();
}

}  // namespace sluice::sender_dns

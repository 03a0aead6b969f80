#include "engine/sender_dns/spf.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/sender_dns/spf_macro.h"

namespace sluice::sender_dns {
namespace {

using io::DnsReply;
using io::DnsStatus;
using io::DnsType;

// Whether a mechanism matches; or the error that ends all of check_host().
enum class Match : std::uint8_t { no, yes, temperror, permerror };

bool is_void(const DnsReply& reply) {
  return reply.status == DnsStatus::no_data || reply.status == DnsStatus::no_such_name;
}

bool same_prefix(std::span<const std::uint8_t> one, std::span<const std::uint8_t> other, unsigned bits) {
  if (one.size() != other.size()) return false;
  constexpr unsigned kByteBits = 8;
  const std::size_t whole = std::min<std::size_t>(bits / kByteBits, one.size());
  if (!std::ranges::equal(one.first(whole), other.first(whole))) return false;
  const unsigned rest = whole == one.size() ? 0 : bits % kByteBits;
  if (rest == 0) return true;
  const unsigned mask = 0xFFU << (kByteBits - rest);
  return ((one[whole] ^ other[whole]) & mask & 0xFFU) == 0;
}

// An IPv4 address mapped into IPv6 is that one (5: "MUST still be considered an IPv4 address").
IpBytes unmapped(const IpBytes& address) {
  const auto bytes = io::Address::from_bytes(address.span(), 0);
  IpBytes plain{.size = static_cast<std::uint8_t>(bytes.ip_bytes().size())};
  std::ranges::copy(bytes.ip_bytes(), plain.bytes.begin());
  return plain;
}

class SpfEvaluation {
 public:
  SpfEvaluation(const SpfQuery& query, DnsSource& dns) : query_(query), dns_(dns), address_(unmapped(query.address)) {
    const std::size_t at = query.sender.rfind('@');
    local_part_ = at == std::string::npos ? "" : query.sender.substr(0, at);
    if (local_part_.empty()) local_part_ = "postmaster";  // 4.3
    sender_domain_ = at == std::string::npos ? query.domain : query.sender.substr(at + 1);
  }

  SpfOutcome run() {
    outcome_.result = check_host(query_.domain, Frame::outermost);
    if (outcome_.result != SpfResult::fail) outcome_.explanation.clear();
    return std::move(outcome_);
  }

 private:
  // Whose check_host() it is: of an include, exp= is not looked at.
  enum class Frame : std::uint8_t { outermost, included };

  SpfResult check_host(const std::string& domain, Frame frame);
  std::optional<SpfRecord> find_record(const std::string& domain, SpfResult& error);
  SpfResult error(SpfResult result, std::string reason);
  bool count_look_up(const std::string& domain, const std::string& term);
  DnsReply look_up(const std::string& name, DnsType type);

  Match match(const SpfDirective& directive, const std::string& domain);
  Match match_include(const SpfDirective& directive, const std::string& domain, const std::string& target);
  Match match_addresses(const SpfDirective& directive, const std::string& target);
  Match match_mx(const SpfDirective& directive, const std::string& target);
  Match match_ptr(const std::string& target);
  Match match_exists(const std::string& target);

  std::vector<std::string> validated_names();
  std::string validated_name_for(const std::string& domain);
  SpfMacroValues macro_values(const std::string& domain);
  std::string explain(const SpfRecord& record, const std::string& domain);
  Match failed(const DnsReply& reply, const std::string& name);
  Match too_many_voids();

  [[nodiscard]] DnsType address_type() const { return address_.size == 4 ? DnsType::a : DnsType::aaaa; }
  [[nodiscard]] bool within(const DnsReply& reply, const SpfDirective& directive) const {
    const unsigned bits = address_.size == 4 ? directive.ip4_bits : directive.ip6_bits;
    return std::ranges::any_of(reply.records, [&](const io::DnsRecord& record) {
      return same_prefix(record.address.ip_bytes(), address_.span(), bits);
    });
  }

  const SpfQuery& query_;
  DnsSource& dns_;
  IpBytes address_;
  std::string local_part_;
  std::string sender_domain_;
  SpfOutcome outcome_;
};

SpfResult SpfEvaluation::error(SpfResult result, std::string reason) {
  outcome_.reason = std::move(reason);
  return result;
}

// 4.6.4.  False, with the reason, at the one too many.
bool SpfEvaluation::count_look_up(const std::string& domain, const std::string& term) {
  outcome_.asked.push_back({.domain = domain, .term = term});
  if (outcome_.asked.size() <= query_.look_ups_max) return true;
  outcome_.reason = "more than " + std::to_string(query_.look_ups_max) + " terms ask the DNS; \"" + term + "\" of " +
                    domain + " is the one too many";
  return false;
}

// A name that no question can be made of does not exist (4.3, 4.8).
DnsReply SpfEvaluation::look_up(const std::string& name, DnsType type) {
  DnsReply reply;
  if (can_be_asked(name)) {
    reply = dns_.ask(name, type);
  } else {
    reply.status = DnsStatus::no_such_name;
  }
  if (is_void(reply)) ++outcome_.void_look_ups;
  return reply;
}

Match SpfEvaluation::failed(const DnsReply& reply, const std::string& name) {
  outcome_.reason = name + ": " + reply.error;
  return Match::temperror;
}

Match SpfEvaluation::too_many_voids() {
  outcome_.reason = "more than " + std::to_string(kSpfVoidLookUpsMax) + " look-ups find nothing";
  return Match::permerror;
}

// 4.4, 4.5, 4.6.
std::optional<SpfRecord> SpfEvaluation::find_record(const std::string& domain, SpfResult& result) {
  const bool dotted = domain.find('.') != std::string::npos && domain.find('.') + 1 != domain.size();
  if (!can_be_asked(domain) || !dotted || domain.starts_with('[')) {
    result = error(SpfResult::none, "\"" + domain + "\" is no domain");
    return std::nullopt;
  }
  const DnsReply reply = dns_.ask(domain, DnsType::txt);
  if (reply.status == DnsStatus::failed) {
    result = error(SpfResult::temperror, domain + ": " + reply.error);
    return std::nullopt;
  }
  const io::DnsRecord* found = nullptr;
  for (const io::DnsRecord& record : reply.records) {
    if (!is_spf_record(record.text)) continue;
    if (found != nullptr) {
      result = error(SpfResult::permerror, domain + " has more than one SPF record");
      return std::nullopt;
    }
    found = &record;
  }
  if (found == nullptr) {
    result = error(SpfResult::none, domain + " has no SPF record");
    return std::nullopt;
  }
  auto parsed = parse_spf_record(found->text);
  if (!parsed) {
    result = error(SpfResult::permerror, domain + ": " + parsed.error());
    return std::nullopt;
  }
  return *std::move(parsed);
}

// Calls itself for include and redirect, each of which counts as a look-up first.
SpfResult SpfEvaluation::check_host(const std::string& domain, Frame frame) {
  SpfResult result = SpfResult::none;
  const auto record = find_record(domain, result);
  if (!record) return result;
  for (const SpfDirective& directive : record->directives) {
    switch (match(directive, domain)) {
      case Match::no:
        continue;
      case Match::temperror:
        return SpfResult::temperror;
      case Match::permerror:
        return SpfResult::permerror;
      case Match::yes:
        break;
    }
    // Of an include that matches, the term in the record that includes.
    outcome_.decided_by = {.domain = domain, .term = directive.text};
    if (directive.result == SpfResult::fail && frame == Frame::outermost)
      outcome_.explanation = explain(*record, domain);
    return directive.result;
  }
  if (record->redirect.empty()) return SpfResult::neutral;  // 4.7
  if (!count_look_up(domain, "redirect=" + record->redirect)) return SpfResult::permerror;
  const std::string target = expand_domain_spec(record->redirect, macro_values(domain));
  // 6.1: that of the record that is redirected to, exp= and all.
  const SpfResult redirected = check_host(target, frame);
  return redirected == SpfResult::none ? SpfResult::permerror : redirected;
}

Match SpfEvaluation::match(const SpfDirective& directive, const std::string& domain) {
  using enum SpfMechanism;
  if (directive.mechanism == all) return Match::yes;
  if (directive.mechanism == ip4 || directive.mechanism == ip6) {
    const bool same_family = (directive.mechanism == ip4) == (address_.size == 4);
    const unsigned bits = directive.mechanism == ip4 ? directive.ip4_bits : directive.ip6_bits;
    return same_family && same_prefix(directive.address.span(), address_.span(), bits) ? Match::yes : Match::no;
  }
  if (!count_look_up(domain, directive.text)) return Match::permerror;
  const std::string target =
      directive.domain_spec.empty() ? domain : expand_domain_spec(directive.domain_spec, macro_values(domain));
  switch (directive.mechanism) {
    case include:
      return match_include(directive, domain, target);
    case a:
      return match_addresses(directive, target);
    case mx:
      return match_mx(directive, target);
    case ptr:
      return match_ptr(target);
    case exists:
      return match_exists(target);
    case all:
    case ip4:
    case ip6:
      break;
  }
  CHECK(false);
  return Match::no;
}

// 5.2.
Match SpfEvaluation::match_include(const SpfDirective& directive, const std::string& domain,
                                   const std::string& target) {
  switch (check_host(target, Frame::included)) {
    case SpfResult::pass:
      return Match::yes;
    case SpfResult::fail:
    case SpfResult::softfail:
    case SpfResult::neutral:
      outcome_.decided_by = {};
      return Match::no;
    case SpfResult::temperror:
      return Match::temperror;
    case SpfResult::none:
      outcome_.reason = "\"" + directive.text + "\" of " + domain + ": " + outcome_.reason;
      return Match::permerror;
    case SpfResult::permerror:
      break;
  }
  return Match::permerror;
}

// 5.3.
Match SpfEvaluation::match_addresses(const SpfDirective& directive, const std::string& target) {
  const DnsReply reply = look_up(target, address_type());
  if (reply.status == DnsStatus::failed) return failed(reply, target);
  if (outcome_.void_look_ups > kSpfVoidLookUpsMax) return too_many_voids();
  return within(reply, directive) ? Match::yes : Match::no;
}

// 5.4; 4.6.4: more MX hosts than ten are an error.
Match SpfEvaluation::match_mx(const SpfDirective& directive, const std::string& target) {
  const DnsReply hosts = look_up(target, DnsType::mx);
  if (hosts.status == DnsStatus::failed) return failed(hosts, target);
  if (outcome_.void_look_ups > kSpfVoidLookUpsMax) return too_many_voids();
  if (hosts.records.size() > kSpfNamesMax) {
    outcome_.reason = target + " has more than " + std::to_string(kSpfNamesMax) + " MX hosts";
    return Match::permerror;
  }
  for (const io::DnsRecord& host : hosts.records) {
    if (host.name == ".") continue;  // null MX (RFC 7505)
    if (const Match matches = match_addresses(directive, host.name); matches != Match::no) return matches;
  }
  return Match::no;
}

// 5.5: the names of the address, of which an address look-up gives the address again; of ten at most.  A name whose
// look-up fails is passed over.
std::vector<std::string> SpfEvaluation::validated_names() {
  std::vector<std::string> names;
  const DnsReply reply = look_up(reverse_name(address_), DnsType::ptr);
  std::size_t tried = 0;
  for (const io::DnsRecord& record : reply.records) {
    if (tried++ == kSpfNamesMax) break;
    const DnsReply addresses = look_up(record.name, address_type());
    const auto same = [&](const io::DnsRecord& each) {
      return std::ranges::equal(each.address.ip_bytes(), address_.span());
    };
    if (std::ranges::any_of(addresses.records, same)) names.push_back(io::fold_dns_name(record.name));
  }
  return names;
}

Match SpfEvaluation::match_ptr(const std::string& target) {
  const std::vector<std::string> names = validated_names();
  const std::string folded = io::fold_dns_name(target);
  if (std::ranges::any_of(names, [&](const std::string& each) { return is_at_or_below(each, folded); }))
    return Match::yes;
  return outcome_.void_look_ups > kSpfVoidLookUpsMax ? too_many_voids() : Match::no;
}

// 5.7: always A.
Match SpfEvaluation::match_exists(const std::string& target) {
  const DnsReply reply = look_up(target, DnsType::a);
  if (reply.status == DnsStatus::failed) return failed(reply, target);
  if (outcome_.void_look_ups > kSpfVoidLookUpsMax) return too_many_voids();
  return reply.status == DnsStatus::ok ? Match::yes : Match::no;
}

// 7.3, of p: the domain itself, else a name below it, else any.
std::string SpfEvaluation::validated_name_for(const std::string& domain) {
  const std::vector<std::string> names = validated_names();
  if (names.empty()) return "unknown";
  std::string folded = io::fold_dns_name(domain);
  if (std::ranges::find(names, folded) != names.end()) return folded;
  const auto below = std::ranges::find_if(names, [&](const std::string& each) { return is_at_or_below(each, folded); });
  return below == names.end() ? names.front() : *below;
}

SpfMacroValues SpfEvaluation::macro_values(const std::string& domain) {
  return {.local_part = local_part_,
          .sender_domain = sender_domain_,
          .domain = domain,
          .ip = address_,
          .helo = query_.helo,
          .receiver = query_.receiver.empty() ? "unknown" : query_.receiver,
          .now_s = query_.now_s,
          .validated = [this, domain] { return validated_name_for(domain); }};
}

// 6.2: whatever goes wrong, there is none.  What is asked here does not count.
std::string SpfEvaluation::explain(const SpfRecord& record, const std::string& domain) {
  if (record.exp.empty()) return "";
  const unsigned voids = outcome_.void_look_ups;
  const SpfMacroValues values = macro_values(domain);
  std::string text;
  if (const std::string target = expand_domain_spec(record.exp, values); can_be_asked(target)) {
    const DnsReply reply = dns_.ask(target, DnsType::txt);
    if (reply.records.size() == 1 && is_macro_string(reply.records[0].text, SpfMacroUse::explanation))
      text = expand_macros(reply.records[0].text, values).value_or("");
  }
  outcome_.void_look_ups = voids;
  return text;
}

}  // namespace

SpfOutcome check_spf(const SpfQuery& query, DnsSource& dns) { return SpfEvaluation(query, dns).run(); }

}  // namespace sluice::sender_dns

// DMARC (RFC 9989): a domain's record, found by the walk up the tree, its organizational domain, and what is aligned
// with it.  Pure but for its questions, eight a walk at most.  One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sender_dns/dns_source.h"

namespace sluice::sender_dns {

inline constexpr std::size_t kTreeWalkQuestionsMax = 8;  // RFC 9989 4.10

enum class DmarcPolicy : std::uint8_t { none, quarantine, reject };
[[nodiscard]] std::string_view name(DmarcPolicy policy);

// psd=: whether the domain is a public suffix.
enum class DmarcPsd : std::uint8_t { unknown, yes, no };

struct DmarcRecord {
  std::optional<DmarcPolicy> policy;     // p=; none where rua= alone makes it a record
  std::optional<DmarcPolicy> subdomain;  // sp=
  std::optional<DmarcPolicy> missing;    // np=: of names that do not exist
  DmarcPsd psd = DmarcPsd::unknown;
  bool testing = false;              // t=y: one step less than the policy says
  bool strict_spf = false;           // aspf=s
  bool strict_dkim = false;          // adkim=s
  bool reports = false;              // rua=
  std::vector<std::string> ignored;  // tags whose value means nothing, and those that RFC 9989 has removed
};

// Of TXT records, those that are of this version (4.7: v=DMARC1 first, in capitals).
[[nodiscard]] bool is_dmarc_record(std::string_view text);
// The error is a sentence: receivers act as if there were no record.
[[nodiscard]] std::expected<DmarcRecord, std::string> parse_dmarc_record(std::string_view text);

// One name of a walk that has a record, or something in its place.
struct DmarcStep {
  std::string domain;
  std::vector<std::string> texts;     // the records of this version there, good or not
  std::optional<DmarcRecord> record;  // where there is one, and it is good
  std::string fault;                  // else why not
  std::vector<std::string> aliases;
  bool authenticated = false;
};

struct DmarcWalk {
  std::vector<DmarcStep> steps;  // those that have something, the longest name first
  std::string organizational;    // 4.10.2; the domain itself where no record says more
  std::string error;             // not empty: a question failed, and nothing is known
};

// From `domain` up.  `domain`: as io::fold_dns_name() gives it.
[[nodiscard]] DmarcWalk walk_dmarc_tree(const std::string& domain, DnsSource& dns);

// What holds for mail whose author is of the domain that was walked from (4.10.1).
struct DmarcApplied {
  const DmarcStep* step = nullptr;  // of the walk; null: no record
  DmarcPolicy policy = DmarcPolicy::none;
};
// `exists`: the domain itself does, which decides between sp= and np=.
[[nodiscard]] DmarcApplied applied_record(const std::string& domain, const DmarcWalk& walk, bool exists);

// 4.4: `identifier` is what SPF or DKIM has shown.  Both as io::fold_dns_name() gives them.  The error: a question
// failed.
[[nodiscard]] std::expected<bool, std::string> is_aligned(const std::string& identifier, const std::string& author,
                                                          bool strict, const DmarcWalk& author_walk, DnsSource& dns);

}  // namespace sluice::sender_dns

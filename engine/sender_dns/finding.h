// What the check of a domain's records finds, record by record.  Values.  Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sender_dns {

enum class Verdict : std::uint8_t {
  right,
  wrong,
  missing,
  not_asked,  // the DNS did not answer: nothing is known
};
[[nodiscard]] std::string_view name(Verdict verdict);

struct Finding {
  std::string record;  // "SPF", "DKIM sl1r", "DMARC", "MX", "proof"
  std::string name;    // that was asked for
  Verdict verdict = Verdict::right;
  std::vector<std::string> there;    // the records, as they are
  std::vector<std::string> aliases;  // where the name's CNAME records lead, one after another
  std::string what;                  // a sentence
  std::string should_be;             // what should be there; empty where that is, or cannot be said
  std::string remedy;                // a sentence; empty where none is needed
  bool authenticated = false;        // by DNSSEC, as the name server says
};

// Where it is not known, nothing is claimed.
enum class Answer : std::uint8_t { no, yes, unknown };

// A record, and whether mail that goes by it passes.
struct Checked {
  Finding finding;
  Answer passes = Answer::unknown;
};

}  // namespace sluice::sender_dns

#include "engine/sender_dns/receivers.h"

#include <array>

namespace sluice::sender_dns {
namespace {

Answer both(Answer one, Answer other) {
  if (one == Answer::no || other == Answer::no) return Answer::no;
  return one == Answer::yes && other == Answer::yes ? Answer::yes : Answer::unknown;
}

Answer either(Answer one, Answer other) {
  if (one == Answer::yes || other == Answer::yes) return Answer::yes;
  return one == Answer::no && other == Answer::no ? Answer::no : Answer::unknown;
}

struct Receiver {
  std::string_view name;
  bool small_needs_one;         // of SPF and DKIM, from senders of few messages, too
  bool needs_names;             // of the addresses that mail comes from
  std::string_view small_code;  // of its refusal
  std::string_view bulk_code;
  std::string_view names_code;
};
constexpr std::array kReceivers{
    Receiver{"Gmail", true, true, "550 5.7.26", "550 5.7.26", "550 5.7.25"},
    Receiver{"Outlook", false, false, "", "550 5.7.515", ""},
    Receiver{"Yahoo", true, true, "", "", ""},
};

// What bulk senders lack, or what is not known of them.
std::string list_of(const Receiver& receiver, const AuthenticationFacts& facts, Answer aligned, Answer wanted) {
  std::string list;
  const auto add = [&](Answer is, std::string_view words) {
    if (is == wanted) list += (list.empty() ? "" : ", ") + std::string(words);
  };
  const bool lacking = wanted == Answer::no;
  add(facts.spf, lacking ? "SPF does not pass" : "SPF");
  add(facts.dkim, lacking ? "no RSA signature of DKIM passes" : "DKIM");
  add(facts.dmarc, lacking ? "there is no DMARC record" : "DMARC");
  add(aligned, lacking ? "nothing that passes is aligned with the author's domain" : "alignment");
  // Where it lacks them, that alone is told.
  if (receiver.needs_names && !lacking) add(facts.names.all, "the names of the sending addresses");
  return list;
}

std::string with_code(std::string_view code) { return code.empty() ? "" : " (" + std::string(code) + ")"; }

ReceiverOpinion opinion_of(const Receiver& receiver, const AuthenticationFacts& facts) {
  const Answer aligned = either(both(facts.spf, facts.spf_aligned), both(facts.dkim, facts.dkim_aligned));
  ReceiverOpinion opinion{.receiver = receiver.name};
  opinion.takes = receiver.small_needs_one ? either(facts.spf, facts.dkim) : Answer::yes;
  const Answer named = receiver.needs_names ? facts.names.all : Answer::yes;
  const bool own_policy = facts.dmarc == Answer::yes && facts.policy != DmarcPolicy::none;
  if (own_policy && facts.policy == DmarcPolicy::reject) opinion.takes = both(opinion.takes, aligned);
  opinion.takes_bulk = both(both(facts.spf, facts.dkim), both(facts.dmarc, aligned));
  opinion.takes = both(opinion.takes, named);
  opinion.takes_bulk = both(opinion.takes_bulk, opinion.takes);
  if (named == Answer::no) {
    opinion.sentence = "refuses all mail" + with_code(receiver.names_code) + ": " + facts.names.without +
                       " has no name in the DNS (PTR) that leads back to it";
  } else if (own_policy && aligned == Answer::no) {
    opinion.sentence =
        facts.policy == DmarcPolicy::reject
            ? "refuses all mail: nothing that passes is aligned, and the domain's own DMARC policy is reject"
            : "puts all mail among the spam: nothing that passes is aligned, and the domain's own DMARC "
              "policy is quarantine";
  } else if (opinion.takes == Answer::no) {
    opinion.sentence =
        "refuses all mail" + with_code(receiver.small_code) + ": neither SPF nor an RSA signature passes";
  } else if (opinion.takes_bulk == Answer::yes) {
    opinion.sentence = "takes mail, from bulk senders, too";
  } else if (opinion.takes_bulk == Answer::no) {
    opinion.sentence = std::string(opinion.takes == Answer::yes ? "takes mail" : "may take mail") +
                       " of few messages; from 5,000 a day on it is refused" + with_code(receiver.bulk_code) + ": " +
                       list_of(receiver, facts, aligned, Answer::no);
  } else {
    opinion.sentence = "cannot be told: not known is " + list_of(receiver, facts, aligned, Answer::unknown);
  }
  return opinion;
}

}  // namespace

std::vector<ReceiverOpinion> receiver_opinions(const AuthenticationFacts& facts) {
  std::vector<ReceiverOpinion> opinions;
  for (const Receiver& receiver : kReceivers) opinions.push_back(opinion_of(receiver, facts));
  return opinions;
}

}  // namespace sluice::sender_dns

#include "engine/relay/reply_meaning.h"

#include <algorithm>
#include <iterator>

namespace sluice::relay {
namespace {

using smtp::Expect;

struct Row {
  std::uint16_t code;
  Expect command;
  Meaning meaning;
};

// RFC 5321 4.2.2 and 4.3.2.  What is not here is the command's own answer; 4xx but 421 always is.  500 to the end of a
// DATA is: some say so of a line that is too long.
constexpr Row kRows[] = {
    // "Syntax error, command unrecognized", "Command not implemented", "Bad sequence of commands"
    {500, Expect::mail, Meaning::session},
    {502, Expect::mail, Meaning::session},
    {503, Expect::mail, Meaning::session},
    {500, Expect::recipient, Meaning::session},
    {502, Expect::recipient, Meaning::session},
    {503, Expect::recipient, Meaning::session},
    {500, Expect::data, Meaning::session},
    {502, Expect::data, Meaning::session},
    {503, Expect::data, Meaning::session},
    {503, Expect::message, Meaning::session},
    {503, Expect::chunk, Meaning::session},
    // RFC 4954 6, RFC 3207 4: "Authentication required", "Authentication mechanism is too weak", "Authentication
    // credentials
    // invalid", "Encryption required", "Must issue a STARTTLS command first": the route is not what this next hop
    // wants.  To RCPT
    // it is about a recipient too often, who takes mail of colleagues only.
    {530, Expect::mail, Meaning::session},
    {534, Expect::mail, Meaning::session},
    {535, Expect::mail, Meaning::session},
    {538, Expect::mail, Meaning::session},
    // "Syntax error in parameters or arguments", "Command parameter not implemented", "MAIL FROM/RCPT TO parameters not
    // recognized or not implemented".  501 to RCPT is about the address too often.
    {501, Expect::mail, Meaning::parameter},
    {504, Expect::mail, Meaning::parameter},
    {555, Expect::mail, Meaning::parameter},
    {504, Expect::recipient, Meaning::parameter},
    {555, Expect::recipient, Meaning::parameter},
    // RFC 3030: a server that offers CHUNKING knows BDAT and its arguments.
    {500, Expect::chunk, Meaning::extension},
    {501, Expect::chunk, Meaning::extension},
    {502, Expect::chunk, Meaning::extension},
    {504, Expect::chunk, Meaning::extension},
};

}  // namespace

Meaning meaning_of(Expect command, const smtp::ParsedReply& reply) {
  if (reply.code == 421) return Meaning::session;
  const auto* const row =
      std::ranges::find_if(kRows, [&](const Row& each) { return each.code == reply.code && each.command == command; });
  if (row == std::end(kRows)) return Meaning::answer;
  // RFC 3463 3.2: it says itself that the address is what is wrong.
  constexpr std::uint16_t kAddressStatus = 1;
  if (row->meaning == Meaning::parameter && reply.enhanced.present() && reply.enhanced.subject == kAddressStatus)
    return Meaning::answer;
  return row->meaning;
}

bool is_of_recipient(Expect command, const smtp::ParsedReply& reply) {
  if (reply.reply_class() != smtp::ReplyClass::transient || reply.code == 421 || command == Expect::mail) return false;
  // RFC 3463 3.2 and 3.3: X.1.x is about an address, X.2.x about a mailbox.  X.1.7 and X.1.8 are about the sender's.
  // RFC 5321 4.2.2: "450 Requested mail action not taken: mailbox unavailable".
  if (!reply.enhanced.present()) return reply.code == 450 && command == Expect::recipient;
  const bool of_sender = reply.enhanced.subject == 1 && (reply.enhanced.detail == 7 || reply.enhanced.detail == 8);
  return (reply.enhanced.subject == 1 || reply.enhanced.subject == 2) && !of_sender;
}

}  // namespace sluice::relay

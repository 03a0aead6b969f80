// Whether the fields that readers show as the author of a message are the submitter's: From, and besides it Sender,
// Resent-From and Resent-Sender.  Reply-To is free: no reader shows it as the author.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/message/author.h"
#include "engine/message/header_scan.h"
#include "policy/sender.h"

namespace sluice::session {

struct AuthorRules {
  policy::ForeignSender foreign_sender = policy::ForeignSender::refuse;
  policy::ForeignName foreign_name = policy::ForeignName::refuse;
  bool smtputf8 = false;  // RFC 6531: the client asked for it in MAIL
};

// What was found besides the one author of From, which policy::check_authors judges.
struct AuthorFinding {
  policy::SenderDecision decision;         // whether it may go on
  std::vector<message::HeaderEdit> drops;  // fields to leave out
  bool mark = false;                       // the name in From is to be marked
};

// The mark: a whole line.
inline constexpr std::string_view kForeignNameField =
    "X-Sluice-Foreign-Name: the name in From shows an address of another domain\r\n";

// `verdict` is of `header`, which is complete, and names one author.
[[nodiscard]] AuthorFinding check_shown_authors(const message::HeaderScan& header,
                                                const message::AuthorVerdict& verdict,
                                                const policy::SenderRights& rights, const AuthorRules& rules);

}  // namespace sluice::session

// The three parts of a report.  Pure functions, for report.cc alone.  Any thread.
#pragma once

#include <string>
#include <string_view>

#include "engine/dsn/dsn.h"
#include "engine/dsn/lines.h"

namespace sluice::dsn::detail {

// What the whole report goes by.
struct Manner {
  bool eight_bit = false;                   // 8-bit content may go back
  Charset status_charset = Charset::ascii;  // of the machine's part
};

// What of the original goes back.
struct Original {
  Part part;                // without text: there is nothing
  std::string message_id;   // "<...>" of the original, if it has one that can be used
  std::string_view remark;  // what is missing, and why; empty: nothing that was asked for
};
Original original_part(const ReportInput& input, const Manner& manner);

// What a program reads (RFC 3464 2).
Part status_part(const ReportInput& input, const Manner& manner);
// RFC 3463: the code of one recipient, with the class that the kind of report has.
smtp::EnhancedCode status_code(const message::RecipientStatus& recipient, ReportKind kind);
// "550 5.1.1 No such user"; without a reply, what went wrong.
std::string last_response(const message::RecipientStatus& recipient, Charset charset);

// What people read.
Part words_part(const ReportInput& input, std::string_view remark);

}  // namespace sluice::dsn::detail

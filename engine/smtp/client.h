// The client's side of the SMTP dialog as a pure machine: it writes commands and tracks which
// command each reply answers.
// Owned by one connection to a next hop.  Thread: that connection's core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/smtp/parameters.h"
#include "engine/smtp/path.h"
#include "engine/smtp/reply_parser.h"

namespace sluice::smtp {

// Attributes of XCLIENT (Postfix, XCLIENT_README) as a set: which a next hop takes, which were sent.
struct XclientAttributes {
  bool login = false;
  bool addr = false;
  bool name = false;
  bool reverse_name = false;
  bool port = false;
  bool proto = false;
  bool helo = false;

  [[nodiscard]] bool any() const { return login || addr || name || reverse_name || port || proto || helo; }
};

// The client behind a transaction.  What is empty is not known.
struct XclientValues {
  std::string_view login;
  std::string_view addr;   // as Address::ip() gives it
  std::string_view proto;  // "SMTP" or "ESMTP"
  std::string_view helo;
};

// The NAME=value pairs for append_xclient(): what is known, of what the next hop takes.  What is not known
// but was sent for another client before is sent as [UNAVAILABLE], so that no client inherits it; so are, with what is
// known, the client's names and port, lest they be taken to be ours.  `sent` is
// brought up to date.  Empty when there is nothing to say.
std::string xclient_pairs(const XclientAttributes& taken, const XclientValues& client, XclientAttributes& sent);

// What a next hop said that it can do, in its answer to EHLO.
struct Capabilities {
  bool pipelining = false;
  bool size = false;
  std::uint64_t size_max = 0;  // 0: no limit stated
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool chunking = false;
  bool binary_mime = false;
  bool starttls = false;
  bool dsn = false;
  bool enhanced_codes = false;
  bool xclient = false;
  XclientAttributes xclient_takes;
  bool auth = false;  // with whatever mechanisms
  bool auth_plain = false;
  bool auth_login = false;
  std::uint32_t rcpt_max = 0;  // LIMITS, 0: not stated
  std::uint32_t mail_max = 0;

  // `text` is the reply's, lines parted by '\n'; the first line is the host's name.
  static Capabilities parse(std::string_view text);
};

// Which command a reply answers.
enum class Expect : std::uint8_t {
  greeting,
  ehlo,
  helo,
  starttls,
  xclient,
  auth,
  mail,
  recipient,
  data,
  message,
  chunk,
  rset,
  quit,
  hello_again,  // EHLO behind a transaction: see ClientMachine::append_hello_again()
  unasked,      // a 421 that answers nothing: the next hop closes
};

enum class ClientEvent : std::uint8_t {
  need_more,
  reply,           // see reply(): it answers `expect`
  protocol_error,  // see fault(): close, trust nothing
};

// Why the dialog broke.
enum class ClientFault : std::uint8_t {
  none,
  garbage,          // no reply at all
  surplus,          // a reply that no command is waiting for
  misplaced,        // a reply that cannot be the answer to the command whose turn it is
  behind_starttls,  // bytes behind STARTTLS's 220
};

struct ClientStep {
  std::size_t consumed = 0;
  ClientEvent event = ClientEvent::need_more;
  Expect expect = Expect::greeting;
};

// What MAIL carries on to the next hop.  Views are copied into the command.  Only what the next hop
// offers is sent, but for SMTPUTF8: the caller must not ask for it where it is not offered.
struct MailOptions {
  std::optional<std::uint64_t> size;
  Body body = Body::unstated;
  bool smtputf8 = false;
  Ret ret = Ret::unstated;
  std::string_view envid;                // xtext
  std::optional<std::string_view> auth;  // xtext or "<>"
};
struct RcptOptions {
  Notify notify;
  std::string_view orcpt;
};

// The writers CHECK that no argument can end a line or begin another: no control character gets
// through.  Their callers have parsed the addresses before.
class ClientMachine {
 public:
  // Waits for the greeting.
  ClientMachine();

  // The next whole reply in `input`.  Any split will do: what is consumed is kept inside, bounded.
  // To be called until it needs more before another command is written, so that a reply that came
  // unasked is seen as one.
  ClientStep next_reply(std::string_view input);
  [[nodiscard]] const ParsedReply& reply() const { return parser_.reply(); }
  [[nodiscard]] ClientFault fault() const { return fault_; }
  // What no reply could be made of, cleaned.
  [[nodiscard]] const std::string& garbage() const { return parser_.garbage(); }

  // RFC 5321 3.2; its reply sets capabilities().
  void append_ehlo(std::string_view hostname, std::string& out);
  // After a 5xx to EHLO: see should_fall_back().
  void append_helo(std::string_view hostname, std::string& out);
  void append_starttls(std::string& out);
  // The handshake is done: everything known is forgotten, EHLO is due (RFC 3207 4.2).
  void tls_started();
  // NAME=value pairs, the values as xtext.  After its 220 the dialog starts again: EHLO is due.
  void append_xclient(std::string_view name_values, std::string& out);
  void append_auth_plain(std::string_view name, std::string_view secret, std::string& out);
  void append_auth_login(std::string& out);
  void append_auth_response(std::string_view bytes, std::string& out);  // after a 334

  // `mailbox` is empty for <>, else what Mailbox::text() gives.
  void append_mail(std::string_view mailbox, const MailOptions& options, std::string& out);
  void append_recipient(std::string_view mailbox, const RcptOptions& options, std::string& out);
  void append_data(std::string& out);
  // The content and its end (DotStuffer::end()) are the caller's to send; their reply is expected
  // from here on.
  void content_ended();
  // Followed by exactly `size` bytes, the caller's to send.
  void append_bdat(std::uint64_t size, bool last, std::string& out);
  void append_rset(std::string& out);
  // EHLO once more, to learn whether the next hop's replies are in step with our commands.  Its answer is the one
  // positive reply that no other command has: the next hop said it before on this connection, it begins with the
  // next hop's name, and has as many lines or the same last one.  Only where says_hello_plainly(); RFC 5321 4.1.4: EHLO
  // may come at any time and resets the transaction as RSET does.  What the next hop offers stays what its first answer
  // said.
  void append_hello_again(std::string_view hostname, std::string& out);
  void append_quit(std::string& out);
  // One reply more is to come than there were commands, where the caller has found that one was too many.
  void expect_one_more() { expect(Expect::hello_again); }

  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }
  // The answer to EHLO can be distinguished from every other reply.
  [[nodiscard]] bool says_hello_plainly() const { return !hello_word_.empty(); }
  // The last reply is that answer.
  [[nodiscard]] bool is_hello() const;
  // Takes away what the next hop was seen not to do, whatever it offers.
  void set_capabilities(const Capabilities& capabilities) { capabilities_ = capabilities; }
  // Replies still to come.
  [[nodiscard]] std::size_t outstanding() const { return queue_.size() - head_; }
  [[nodiscard]] bool idle() const { return outstanding() == 0 && !parser_.inside(); }
  // 421 was seen (RFC 5321 3.8), or QUIT was answered, or the dialog broke: only closing is left.
  [[nodiscard]] bool closing() const { return closing_; }
  // The answer to EHLO was 5xx: RFC 5321 3.2: "the client SHOULD be able to fall back and send
  // HELO".
  [[nodiscard]] bool should_fall_back() const { return should_fall_back_; }

 private:
  void expect(Expect kind);
  void end_line(Expect kind, std::size_t start, std::string& out);
  void command(Expect kind, std::string_view line, std::string& out);
  void on_reply(Expect kind);
  void on_hello();
  [[nodiscard]] bool misplaced(Expect kind) const;
  ClientStep broken(std::size_t consumed, ClientFault fault);

  ReplyParser parser_;
  Capabilities capabilities_;
  std::vector<Expect> queue_;
  std::size_t head_ = 0;
  bool closing_ = false;
  std::string hello_word_;  // the first word of the answer to EHLO, if that is unmistakable
  std::string hello_end_;   // its last line
  std::size_t hello_lines_ = 0;
  bool should_fall_back_ = false;
  ClientFault fault_ = ClientFault::none;
  bool tls_due_ = false;
};

}  // namespace sluice::smtp

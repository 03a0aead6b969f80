// The server's side of the SMTP dialog as a pure machine: bytes and answers in, events and replies
// out.  No I/O, no clock.
// Owned by one session.  Thread: the session's core.
//
// The driver's part, in a loop:
//   1. give step() the bytes it has, from the first one not consumed; drop `consumed` of them;
//   2. do what the event says (see Event);
//   3. send what the ReplyWriter's string holds before waiting for more bytes.
// Views in commands point into the bytes given to step() and hold until the driver drops or moves
// those bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/smtp/command.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/reply.h"
#include "engine/smtp/scan.h"

namespace sluice::smtp {

// What a listener is.  Shared by its sessions and outlives them; never changed once they run.
struct ServerProfile {
  std::string hostname;
  std::string banner = "ESMTP";  // after the host name in the greeting
  std::string policy_url;        // ends refusals for a limit, if there is one
  Extensions extensions;
  std::vector<std::string> mechanisms;  // upper case, as advertised
  bool implicit_tls = false;            // port 465 (RFC 8314): TLS is there before the greeting
  bool require_tls = true;              // RFC 3207 4: 530 before STARTTLS
  bool require_auth = true;             // RFC 6409 4.3: 530 before AUTH
  bool auth_without_tls = false;        // for tests and private links only

  std::uint64_t message_bytes_max = kMessageBytesMaxDefault;
  std::uint32_t recipients_max = kRecipientsMaxDefault;  // accepted ones, per message; see set_recipients_max()
  std::uint32_t recipients_outstanding_max = kRecipientsMaxDefault;      // events not answered yet
  std::uint32_t recipients_refused_max = 1000;                           // per message, for whatever reason, then 421
  std::uint32_t errors_max = 20;                                         // since the last message taken, then 421
  std::uint32_t idle_commands_max = 100;                                 // NOOP, RSET, EHLO, ...: likewise
  std::uint32_t auth_failures_max = 5;                                   // per session, then 421
  std::uint64_t chunk_discard_bytes_max = kChunkDiscardBytesMaxDefault;  // a bigger one closes
};

// Null if the profile can be used; else what is wrong with it.
const char* profile_fault(const ServerProfile& profile);

// What the driver has to do.  "Asks" means: one of the answer functions named is called before the
// next step() (for recipients: see there).
enum class Event : std::uint8_t {
  // No whole line: receive, and give the same bytes again with more behind them.
  need_more,
  // Dealt with; go on.
  replied,
  // EHLO or HELO was answered; see hello_name().  A transaction, if any, is gone.
  hello,
  // RSET was answered.  Likewise.
  reset,
  // Asks: answer_mail().
  mail,
  // Asks: answer_recipient(), in order; step() may give more recipients first.
  recipient,
  // Recipients are outstanding and the next thing is not one more: answer all of them.
  need_answers,
  // Asks: answer_data(), with 354 or a refusal.  After 354 the driver reads content with a
  // DataScanner,
  // then answer_message().
  data,
  // Read exactly chunk().size bytes that follow; then answer_message() if last, else
  // answer_chunk().
  // With chunk().discard, throw them away, then chunk_discarded().
  chunk,
  // 220 is written, and all of the input is consumed: dropped.  Send, drop whatever else came in
  // plain,
  // shake hands, then tls_started().  A transaction, if any, is gone.
  start_tls,
  // Asks: answer_auth_challenge() or answer_auth().
  auth,
  auth_response,
  // The exchange ended by "*", bad base64 or a line too long; answered.
  auth_cancelled,
  // Answered, and all of the input is consumed.  Send and close.
  quit,
  // 421 is written, or nothing.  Likewise.
  close,
};

struct Step {
  std::size_t consumed = 0;
  Event event = Event::need_more;
};

// Hears of every refusal that the machine gives of its own accord, before it is written.
class RefusalObserver {
 public:
  // The id that replies show, for the client to ask the operator about; empty: none.
  virtual std::string refused(const StandardReply& reply) = 0;

 protected:
  ~RefusalObserver() = default;
};

class ServerMachine {
 public:
  // `tls`: the connection is encrypted already (implicit TLS).  `observer`, which may be null, outlives the machine.
  explicit ServerMachine(const ServerProfile& profile, bool tls = false, RefusalObserver* observer = nullptr);
  ~ServerMachine();
  ServerMachine(ServerMachine&&) noexcept = default;
  ServerMachine& operator=(ServerMachine&&) = delete;
  ServerMachine(const ServerMachine&) = delete;
  ServerMachine& operator=(const ServerMachine&) = delete;

  // First, one of the two.  RFC 5321 3.1: 220, or 554 / 421 instead.
  void greet(ReplyWriter& out);
  void refuse(const Reply& reply, ReplyWriter& out);

  // Takes at most one line, never a part of one (but for the rest of a line that was too long).
  Step step(std::string_view input, ReplyWriter& out);

  void answer_mail(const Reply& reply, ReplyWriter& out);
  // The oldest one outstanding, by one of three.
  void answer_recipient(const Reply& reply, ReplyWriter& out);
  // It is one of those that were asked for before, whose reply this is; it is not counted again.
  void answer_duplicate_recipient(const Reply& reply, ReplyWriter& out);
  // recipient().surplus, and none of those: 452.
  void answer_surplus_recipient(ReplyWriter& out);
  void answer_data(const Reply& reply, ReplyWriter& out);
  void answer_chunk(const Reply& reply, ReplyWriter& out);
  void chunk_discarded(ReplyWriter& out);
  // After the end of DATA, or BDAT LAST: ends the transaction.
  void answer_message(const Reply& reply, ReplyWriter& out);
  // 334; `challenge` is plain bytes.
  void answer_auth_challenge(std::string_view challenge, ReplyWriter& out);
  // 2xx authenticates; 5xx counts as a failure.
  void answer_auth(const Reply& reply, ReplyWriter& out);
  // RFC 3207 4.2: "the server MUST discard any knowledge obtained from the client".
  void tls_started();
  // The client has reached us under a host name of its own: greeting and EHLO say that name, and the machine's refusals
  // name `policy_url`, where it is not empty.  A host name; both outlive the machine.
  void set_host(std::string_view hostname, std::string_view policy_url);
  [[nodiscard]] std::string_view hostname() const { return hostname_; }
  // Of the profile's mechanisms, these are neither offered nor taken from now on: bit n is the nth.
  void withhold_mechanisms(std::uint32_t which) { withheld_ = which; }
  // Of the client that has logged in, in place of the profile's: enforced at once, stated at the next EHLO, and
  // forgotten at STARTTLS.  Not in a transaction; 1 to kRecipientsMaxCeiling.
  void set_recipients_max(std::uint32_t recipients_max);
  // The driver closes: time-out, shutdown, a limit of its own.  At any time; answers that come
  // later are ignored.
  void close(const StandardReply& reply, ReplyWriter& out);

  // The command of the last event.
  [[nodiscard]] const MailCommand& mail() const { return std::get<MailCommand>(command_); }
  [[nodiscard]] const RecipientCommand& recipient() const { return std::get<RecipientCommand>(command_); }
  [[nodiscard]] const ChunkCommand& chunk() const { return std::get<ChunkCommand>(command_); }
  // auth: the mechanism as the profile spells it; and what the client sent with it, decoded.
  [[nodiscard]] std::string_view auth_mechanism() const;
  [[nodiscard]] bool has_auth_initial() const { return auth_initial_; }
  // auth (with an initial response) and auth_response: decoded bytes, wiped by the answer.
  [[nodiscard]] std::string_view auth_response() const { return auth_response_; }
  // hello: the name given, as safe_hello_name() writes it; holds until the next EHLO, HELO or TLS.
  [[nodiscard]] std::string_view hello_name() const { return hello_name_; }

  // The page that refusals name: the host's own, or the profile's; may be empty.
  [[nodiscard]] std::string_view policy_url() const { return policy_url_; }

  [[nodiscard]] ServerState state() const { return state_; }
  [[nodiscard]] bool esmtp() const { return esmtp_; }
  [[nodiscard]] bool tls() const { return tls_; }
  [[nodiscard]] bool authenticated() const { return authenticated_; }
  [[nodiscard]] bool closing() const { return state_ == ServerState::closed; }
  // What close() has said; null before, and after QUIT.
  [[nodiscard]] const StandardReply* closed_with() const { return closed_with_; }
  // The rest of a line that was too long is being thrown away: the line goes on.
  [[nodiscard]] bool swallowing() const { return swallowing_; }
  // Of the transaction: whether it has SMTPUTF8, recipients accepted and not answered, bytes of
  // all chunks taken.
  [[nodiscard]] bool smtputf8() const { return smtputf8_; }
  [[nodiscard]] std::uint32_t recipients() const { return recipients_; }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  [[nodiscard]] std::uint64_t content_bytes() const { return content_bytes_; }
  // For tests.  data: content came without waiting for 354 (RFC 2920 3.1 forbids it).
  [[nodiscard]] bool early_content() const { return early_content_; }
  // Bytes that came in plain behind STARTTLS and were dropped: an injection.
  [[nodiscard]] std::uint32_t dropped_at_starttls() const { return dropped_at_starttls_; }

 private:
  enum class Asked : std::uint8_t { nothing, mail, data, chunk, message, discard, auth };

  struct Input {
    std::string_view bytes;
    std::size_t line_end = 0;
    [[nodiscard]] bool more_behind() const { return bytes.size() > line_end; }
  };

  Step swallow(std::string_view input, ReplyWriter& out);
  Step too_long(std::string_view bytes, std::size_t line_max, ReplyWriter& out);
  Step on_command(const Command& command, const Input& input, ReplyWriter& out);
  Step on_unwanted_bytes(LineStatus status, const Input& input, ReplyWriter& out);
  Step on_auth_line(std::string_view line, const Input& input, ReplyWriter& out);
  Step on_hello(const Command& command, const Input& input, ReplyWriter& out);
  Step on_starttls(const Input& input, ReplyWriter& out);
  Step on_auth(const Command& command, const Input& input, ReplyWriter& out);
  Step on_mail(const Command& command, const Input& input, ReplyWriter& out);
  Step on_rcpt(const Command& command, const Input& input, ReplyWriter& out);
  Step on_data(const Command& command, const Input& input, ReplyWriter& out);
  Step on_bdat(const Command& command, const Input& input, ReplyWriter& out);
  Step on_simple(const Command& command, const Input& input, ReplyWriter& out);

  const StandardReply* refusal(const CommandSpec& spec, const Command& command) const;
  Step refuse_command(const StandardReply& reply, const Input& input, ReplyWriter& out);
  Step close_after(const StandardReply& reply, const StandardReply& last, const Input& input, ReplyWriter& out);
  Step discard_chunk(const StandardReply& reply, const Input& input, ReplyWriter& out);
  void write_capabilities(ReplyWriter& out);
  void write_refusal(const StandardReply& reply, ReplyWriter& out);
  bool auth_offered() const;
  bool withheld(std::size_t mechanism) const { return mechanism < 32 && (withheld_ >> mechanism & 1U) != 0; }
  std::uint32_t recipients_max() const {
    return own_recipients_max_ != 0 ? own_recipients_max_ : profile_->recipients_max;
  }
  // What replies in this transaction may be written in.
  Charset charset() const { return smtputf8_ ? Charset::utf8 : Charset::ascii; }
  const StandardReply* no_recipients() const;
  bool count_error(ReplyWriter& out);
  void count_refused_recipient(ReplyWriter& out);
  void end_transaction();

  const ServerProfile* profile_;
  RefusalObserver* observer_;
  std::string_view hostname_;    // the profile's, or of the host that the client has reached
  std::string_view policy_url_;  // likewise
  const StandardReply* closed_with_ = nullptr;
  std::variant<std::monostate, MailCommand, RecipientCommand, ChunkCommand> command_;
  std::string hello_name_;
  std::string auth_response_;
  const StandardReply* discard_reply_ = nullptr;
  std::uint64_t content_bytes_ = 0;
  std::uint32_t own_recipients_max_ = 0;  // of the client that has logged in; 0: the profile's
  std::uint32_t recipients_ = 0;
  std::uint32_t outstanding_ = 0;
  std::uint32_t recipients_tried_ = 0;
  std::uint32_t recipients_refused_ = 0;
  std::uint32_t errors_ = 0;
  std::uint32_t idle_commands_ = 0;
  std::uint32_t auth_failures_ = 0;
  std::uint32_t swallowed_ = 0;
  std::uint32_t dropped_at_starttls_ = 0;
  std::uint32_t withheld_ = 0;
  std::uint16_t mechanism_ = 0;
  ServerState state_ = ServerState::fresh;
  Asked asked_ = Asked::nothing;
  bool swallowing_ = false;
  bool early_content_ = false;
  bool auth_initial_ = false;
  bool esmtp_ = false;
  bool tls_ = false;
  bool authenticated_ = false;
  bool smtputf8_ = false;
};

}  // namespace sluice::smtp
